//! Each kind of bad input has its own one-line answer, without anybody's ID in it.

use super::*;

fn refused(dir: &Path, name: &str, bytes: &[u8]) -> String {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    let message = match Input::open(&options(&path)) {
        Err(e) => e.to_string(),
        Ok(input) => read(&input, input.samples().len(), 1 << 30).unwrap_err().to_string(),
    };
    assert!(message.contains(name) && !message.contains('\n'), "{message}");
    assert!(!message.contains("NA12878"), "an ID is printed: {message}");
    message
}

#[test]
fn containers_and_headers() {
    let dir = tempfile::tempdir().unwrap();
    let text = records(50).replace("\ta\t", "\tNA12878\t");
    let whole = bgzip(text.as_bytes(), 1000);
    let twice = text.replace("\tNA12878\tb\t", "\tNA12878\tNA12878\t");
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let mut bcf1 = b"BCF\x04".to_vec();
    bcf1.extend([0; 40]);
    let mut huge = b"BCF\x02\x02".to_vec();
    huge.extend(u32::MAX.to_le_bytes());
    let no_samples: String =
        text.lines().map(|l| l.split('\t').take(8).collect::<Vec<_>>().join("\t") + "\n").collect();
    for (name, bytes, want) in [
        ("empty.vcf", &b""[..], "the file is empty"),
        ("empty.vcf.gz", &bgzip(b"", 1), "the file is empty"),
        ("cut.vcf.gz", &whole[..whole.len() - 28], "truncated: the BGZF end-of-file block is missing"),
        ("cut2.vcf.gz", &whole[..whole.len() / 2], "truncated: the BGZF end-of-file block is missing"),
        ("flipped.vcf.gz", &flipped, "a damaged bgzip block; copy the file again"),
        ("table.tsv", b"IID\tx\nNA12878\t1\n", "not a VCF or BCF"),
        ("old.vcf", b"##fileformat=VCFv3.3\n", "VCFv3.3"),
        ("x.bcf", &bcf1, "BCF1 is not read"),
        ("y.bcf", &huge, "header of more than"),
        ("header.vcf", text.split("#CHROM").next().unwrap().as_bytes(), "no #CHROM line"),
        ("sites.vcf", no_samples.as_bytes(), "no samples"),
        ("twice.vcf", twice.as_bytes(), "samples 1 and 2 (counted from 1) have the same ID"),
        ("blanks.vcf", text.replace("POS\tID", "POS ID").as_bytes(), "separated by blanks"),
    ] {
        let message = refused(dir.path(), name, bytes);
        assert!(message.contains(want), "{message}");
    }
    let header_only: String = text.lines().filter(|l| l.starts_with('#')).map(|l| format!("{l}\n")).collect();
    let input = Input::open(&options(&write(dir.path(), "h.vcf", &header_only))).unwrap();
    assert_eq!(read(&input, 4, 10).unwrap(), (vec![], VariantLedger::default()));
    assert!(Input::open(&options(Path::new("/nonexistent/a.vcf"))).is_err());
    assert!(Input::open(&options(dir.path())).err().unwrap().to_string().contains("directory"));
}

#[test]
fn records_are_refused_by_line_and_place() {
    let dir = tempfile::tempdir().unwrap();
    for (line, want) in [
        (
            "1 5 a A G . . . GT 0/2 0/0 0/0 0/0",
            "line 11 (1:5): GT: sample 1: allele number 2, but the record's alleles end at 1",
        ),
        (
            "1 5 a A G . . . GT 0/0 0/0 0/x 0/0",
            "line 11 (1:5): GT: sample 3: a value of the shape '9/a' is not a genotype",
        ),
        ("1 5 a A G . . . GT 0/0 0/0 0/0", "line 11 (1:5): columns: 3 samples, where the header has 4"),
        ("1 5 a A G . . . GT 0/0 0/0 0/0 0/0 0/0", "5 samples, where the header has 4"),
        ("1 5 a A G . . .", "no genotypes, where the header has 4 samples"),
        ("1 5 a A", "4 columns, not 8 or more"),
        ("1 5 a A G . . . GT 0/0 NA12878 0/0 0/0", "GT: sample 2: a value of the shape 'aa99999' is not a genotype"),
        ("1 x a A G . . . GT 0/0 0/0 0/0 0/0", "POS: 'x' is not a position"),
        ("1 -5 a A G . . . GT 0/0 0/0 0/0 0/0", "POS: '-5' is not a position"),
        ("1 99999999999 a A G . . . GT 0/0 0/0 0/0 0/0", "POS: '99999999999'"),
        ("1 5 a A G,,T . . . GT 0/0 0/0 0/0 0/0", "ALT: 'G,,T' is no list of alleles"),
        ("1 5 a A G . . . LGT 0/0 0/0 0/0 0/0", "LGT: local alleles"),
        ("#CHROM x", "a header line among the records"),
    ] {
        let text = format!("{}{}\n", records(1), line.replace(' ', "\t"));
        let message = refused(dir.path(), "a.vcf", text.as_bytes());
        assert!(message.contains(want), "{message}");
        // The line is found from within a shard too, where nobody counted.
        let path = dir.path().join("b.vcf.gz");
        fs::write(&path, bgzip(text.as_bytes(), 50)).unwrap();
        let input = Input::open(&options(&path)).unwrap();
        let found = read(&input, 4, 200).unwrap_err().to_string();
        assert!(found.contains("line 11 "), "{found}");
        assert_eq!(found.rsplit(": ").next(), message.rsplit(": ").next());
    }
}

#[test]
fn files_of_one_run_have_the_same_samples() {
    let dir = tempfile::tempdir().unwrap();
    let a = write(dir.path(), "a.vcf", &records(2));
    for (columns, want) in [
        ("b\ta\tc\td", "b.vcf: its samples are not those of"),
        ("b\ta\tc\td", "the same samples in another order"),
        ("a\tb\tc\tNA12878", "4 samples against 4, 3 in both"),
    ] {
        let b = write(dir.path(), "b.vcf", &records(2).replace("a\tb\tc\td", columns));
        let both = InputOptions { paths: vec![a.clone(), b], ..Default::default() };
        let message = Input::open(&both).err().unwrap().to_string();
        assert!(message.contains(want) && !message.contains("NA12878"), "{message}");
    }
}

#[test]
fn indices_of_other_files_are_refused() {
    if Command::new("bcftools").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no bcftools");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let big = dir.path().join("big.vcf.gz");
    fs::write(&big, bgzip(records(500).as_bytes(), 500)).unwrap();
    tool(&["bcftools", "index", &big.display().to_string()]);
    let small = dir.path().join("small.vcf.gz");
    fs::write(&small, bgzip(records(3).as_bytes(), 500)).unwrap();
    fs::copy(dir.path().join("big.vcf.gz.csi"), dir.path().join("small.vcf.gz.csi")).unwrap();
    let region = |path: &Path| InputOptions { regions: vec!["chr1:110-120".into()], ..options(path) };
    let message = Input::open(&region(&small)).err().unwrap().to_string();
    assert!(message.contains("small.vcf.gz.csi: the index points beyond the end of the file"), "{message}");
    let input = Input::open(&region(&big)).unwrap();
    assert_eq!(read(&input, 4, 100).unwrap().0.len(), 11);
    fs::write(dir.path().join("big.vcf.gz.csi"), b"nonsense").unwrap();
    assert!(Input::open(&region(&big)).err().unwrap().to_string().contains("damaged index"));
    let unknown = InputOptions { regions: vec!["7:1-2".into()], ..options(&big) };
    fs::remove_file(dir.path().join("big.vcf.gz.csi")).unwrap();
    tool(&["bcftools", "index", "-t", &big.display().to_string()]);
    let input = Input::open(&unknown).unwrap();
    assert!(input.warnings().iter().any(|m| m.contains("chromosomes (by its index or header): 7")));
    assert!(read(&input, 4, 100).unwrap().0.is_empty());
}

#[test]
fn what_is_asked_for_in_vain_is_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let contigs = "##contig=<ID=chr1>\n##contig=<ID=chrX>\n";
    let path = write(dir.path(), "a.vcf", &records(3).replacen("#CHROM", &format!("{contigs}#CHROM"), 1));
    let warnings = |chroms: &str, regions: &[&str]| {
        let regions = regions.iter().map(|&r| r.to_owned()).collect();
        let chroms = Some(chroms.to_owned()).filter(|c| !c.is_empty()).into_iter().collect();
        Input::open(&InputOptions { chroms, regions, ..options(&path) }).unwrap().warnings().join("\n")
    };
    assert!(warnings("foo", &[]).contains("header): foo"));
    assert!(warnings("1,foo", &["9:1-5"]).contains("header): 9, foo"));
    assert!(warnings("5-6", &[]).contains("header): 5, 6"));
    assert_eq!(warnings("1-22", &["chr1:1-5"]), "");
    assert!(warnings("1,X", &[]).contains("--build"));
    let empty = write(dir.path(), "none.txt", "\n");
    let input = Input::open(&InputOptions { extract: Some(empty), ..options(&path) }).unwrap();
    assert!(input.warnings()[0].contains("lists no variant"));
}

#[test]
fn one_file_twice_and_pipes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let a = write(dir.path(), "a.vcf", &records(3));
    let link = dir.path().join("b.vcf");
    std::os::unix::fs::symlink(&a, &link).unwrap();
    for (second, want) in [(a.clone(), "a.vcf is given twice"), (link, "b.vcf are one file")] {
        let error = Input::open(&InputOptions { paths: vec![a.clone(), second], ..Default::default() }).err().unwrap();
        assert!(error.is_usage() && error.to_string().contains(want), "{error}");
    }
    let fifo = dir.path().join("fifo");
    tool(&["mkfifo", &fifo.display().to_string()]);
    let message = Input::open(&options(&fifo)).err().unwrap().to_string();
    assert!(message.ends_with("not a regular file: it cannot be read twice; give - and pipe it in"), "{message}");
}

#[test]
fn an_index_of_another_file_is_named_where_its_offsets_do_not_fit() {
    if Command::new("bcftools").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no bcftools");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let spread = |n| {
        (0..n).fold(records(n), |text, i| {
            text.replacen(&format!("1\t{}\t", 100 + i), &format!("1\t{}\t", 100_000 * (i + 1)), 1)
        })
    };
    let other = dir.path().join("other.vcf.gz");
    fs::write(&other, bgzip(spread(90).as_bytes(), 700)).unwrap();
    tool(&["bcftools", "index", &other.display().to_string()]);
    let path = dir.path().join("a.vcf.gz");
    fs::write(&path, bgzip(spread(99).as_bytes(), 500)).unwrap();
    fs::rename(dir.path().join("other.vcf.gz.csi"), dir.path().join("a.vcf.gz.csi")).unwrap();
    let far = InputOptions { regions: vec!["1:6000000-7000000".into()], ..options(&path) };
    let message = read(&Input::open(&far).unwrap(), 4, 100).unwrap_err().to_string();
    assert!(
        message.contains("a.vcf.gz: ") && message.contains("the index ") && message.contains("a.vcf.gz.csi"),
        "{message}"
    );
}

#[test]
fn a_first_record_of_other_samples_is_refused_at_opening() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "a.vcf", &records(5).replace("\ta\tb", "\tNA12878\ta2\ta\tb"));
    let message = Input::open(&options(&path)).err().unwrap().to_string();
    assert!(message.ends_with("line 10 (1:100): columns: 4 samples, where the header has 6"), "{message}");
}
