//! Names of mass-spectrometry runs, which programs write as paths of the machine's computer.

/// `D:\Raw\x.wiff.dia` and `/data/x.raw` are the run `x`.
pub(super) fn run_name(path: &str) -> &str {
    const EXTENSIONS: [&str; 12] =
        [".raw", ".wiff", ".wiff2", ".mzml", ".d", ".dia", ".htrms", ".tdf", ".gz", ".mgf", ".bruker", ".parquet"];
    let mut name = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or(path);
    loop {
        let lower = name.to_ascii_lowercase();
        let extension =
            EXTENSIONS.iter().find(|extension| lower.ends_with(**extension) && lower.len() > extension.len());
        match extension {
            Some(extension) => name = &name[..name.len() - extension.len()],
            None => return name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::run_name;

    #[test]
    fn paths_and_extensions_go() {
        for (path, name) in [
            (r"D:\Raw\YQC\pre_qc_1.wiff.dia", "pre_qc_1"),
            ("/data/S1.raw", "S1"),
            ("S1", "S1"),
            (r"E:\x\S1.d\", "S1"),
            ("a/b.mzML.gz", "b"),
            (".raw", ".raw"),
            ("É.RAW", "É"),
        ] {
            assert_eq!(run_name(path), name);
        }
    }
}
