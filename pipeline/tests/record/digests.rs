//! Content digests: equal for equal runs, the same by the program in docs/formats.md.

use std::fs;

use crate::support::bits::python_run;
use crate::support::tools::{self, Need};
use crate::support::{need, places};
use crate::{digest, info, results, text};

/// The program of docs/formats.md, as it stands there.
fn program() -> String {
    let page = fs::read_to_string(places::workspace().join("docs/formats.md")).unwrap();
    let (_, after) = page.split_once("### Content digest").expect("a section of docs/formats.md");
    let (_, code) = after.split_once("```python\n").unwrap();
    format!("{}\nimport sys\nprint(content_digest(sys.argv[1]))\n", code.split_once("```").unwrap().0)
}

#[test]
fn ranks_and_stages_change_no_digest_and_content_does() {
    need!(Need::Mpirun);
    let (study, path) = results();
    let ranks = study.assoc_ranks(3, "ranks.h5", &["--maf", "0.1", "--shard-bytes", "40000", "--threads", "1"]);
    assert_eq!(digest(&ranks), digest(path));
    let said = info(&ranks);
    assert_eq!((said["provenance"]["n_ranks"].as_u64(), said["provenance"]["nodes"].as_u64()), (Some(3), Some(1)));
    assert_ne!(said["provenance"]["mpi"], "none");
    assert_eq!(info(path)["provenance"]["mpi"], "none");
    let other = study.assoc("other.h5", &["--maf", "0.1", "--p-threshold", "0.1"]);
    assert_ne!(digest(&other), digest(path));
    let words = tools::run(&mut tools::norna(["info", text(path), "--digest"])).ok().stdout;
    assert!(words.contains(&digest(path)), "{words}");
}

#[test]
fn ten_lines_of_python_give_every_digest() {
    need!(Need::H5py);
    let (study, path) = results();
    let program = program();
    let bed = places::dataset("geuvadis/genes.bed.gz");
    let (proteins, cis) = (study.path("d.proteins.h5"), study.path("d.cis.h5"));
    tools::run(tools::norna(["proteins", "-q"]).arg(&bed).arg("-o").arg(&proteins)).ok();
    let mut qtl = tools::norna(["qtl", "-q", "--nominal", "--permute", "10", "--vcf"]);
    tools::run(qtl.arg(&study.vcf).arg("--proteins").arg(&proteins).arg("--out").arg(&cis)).ok();
    let stores = ["compact", "hits"].map(|store| study.assoc(&format!("d.{store}.h5"), &["--store", store]));
    for path in [path, &proteins, &cis, &stores[0], &stores[1]] {
        assert_eq!(python_run(&program, &[text(path)]).trim(), digest(path), "{}", path.display());
    }
}
