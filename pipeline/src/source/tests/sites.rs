//! Sites for reads, out of files with genotypes and without.

use std::sync::Arc;

use super::*;
use crate::format::fasta::Fasta;
use crate::source::reads::{SiteInput, SkippedSite};

const SITES: &str = concat!(
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n",
    "1\t1\trs1\tA\tG\t.\tPASS\t.\n",
    "1\t2\trs2\tC\tT,A\t.\tPASS\t.\n",
    "1\t3\t.\tg\tc,<*>\t.\t.\t.\n",
    "1\t4\trs4\tTA\tT\t.\tPASS\t.\n",
    "1\t5\trs5\tA\t<DEL>\t.\tPASS\t.\n",
    "1\t5\trs6\tA\t*\t.\tPASS\t.\n",
    "1\t6\trs7\tN\tA\t.\tPASS\t.\n",
    "1\t7\trs8\tC\tCT\t.\tPASS\t.\n",
    "1\t8\trs9\tC\t.\t.\tPASS\t.\n",
    "1\t9\trs10\tA\tT\t.\tq10\t.\n",
    "X\t2\trs11\tT\tC\t.\tPASS\t.\n",
);

fn read_sites(input: &SiteInput, target: u64) -> Result<(Vec<String>, crate::source::reads::SiteLedger), SourceError> {
    let mut sites = Vec::new();
    let mut ledger = crate::source::reads::SiteLedger::default();
    let plan = input.plan(target)?;
    assert!(plan.streams.is_empty());
    for shard in &plan.shards {
        ledger.merge(&input.read(shard, &mut sites)?);
    }
    let text = |s: &crate::source::reads::Site| {
        format!("{}:{}:{}:{} {}", s.chrom, s.pos, char::from(s.reference), char::from(s.alternate), s.id)
    };
    Ok((sites.iter().map(text).collect(), ledger))
}

#[test]
fn snps_are_taken_and_the_rest_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "sites.vcf", &format!("{HEAD}{SITES}"));
    let input = SiteInput::open(&options(&path)).unwrap();
    let (sites, ledger) = read_sites(&input, 1 << 20).unwrap();
    assert_eq!(sites, ["1:1:A:G rs1", "1:3:G:C .", "1:9:A:T rs10", "X:2:T:C rs11"]);
    let skipped = SkippedSite::ALL.map(|reason| ledger.skipped(reason));
    assert_eq!(skipped, [2, 2, 2, 1]);
    assert_eq!((ledger.variants.records, ledger.variants.kept, ledger.rows()), (11, 4, 13));
    assert_eq!(ledger.variants.dropped(DropReason::NoAlternate), 2);
    assert_eq!(crate::source::reads::SiteLedger::from_slice(&ledger.to_vec()), Some(ledger));
    for target in [1, 40, 100] {
        assert_eq!(read_sites(&input, target).unwrap(), (sites.clone(), ledger), "{target}");
    }
    let filtered = InputOptions { pass_only: true, regions: vec!["1:1-5".into(), "X".into()], ..options(&path) };
    assert_eq!(read_sites(&SiteInput::open(&filtered).unwrap(), 99).unwrap().0, [&sites[0][..], &sites[1], &sites[3]]);
    let list = write(dir.path(), "ids", "rs1\nrs11\n");
    let extracted = InputOptions { extract: Some(list), ..options(&path) };
    assert_eq!(read_sites(&SiteInput::open(&extracted).unwrap(), 99).unwrap().0, [&sites[0][..], &sites[3]]);
}

#[test]
fn every_container_gives_the_same_sites() {
    if Command::new("bcftools").arg("--version").output().is_err() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let text = records(3000);
    let path = write(dir.path(), "x.vcf", &text);
    let want = read_sites(&SiteInput::open(&options(&path)).unwrap(), 1 << 14).unwrap();
    assert_eq!(want.0.len(), 3000);
    let out = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let vcf = path.to_str().unwrap();
    tool(&["bcftools", "view", "-Oz", "-o", &out("x.vcf.gz"), vcf]);
    tool(&["bcftools", "view", "-Ob", "-o", &out("stream.bcf"), vcf]);
    tool(&["bcftools", "view", "-Ou", "-o", &out("plain.bcf"), vcf]);
    tool(&["bcftools", "view", "-G", "-Ob", "-o", &out("sites.bcf"), vcf]);
    tool(&["bcftools", "index", &out("sites.bcf")]);
    let gzip = out("gzip.vcf.gz");
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&gzip).unwrap(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap();
    for name in ["x.vcf.gz", "stream.bcf", "plain.bcf", "sites.bcf", "gzip.vcf.gz"] {
        let input = SiteInput::open(&options(Path::new(&out(name)))).unwrap();
        assert_eq!(read_sites(&input, 1 << 14).unwrap(), want, "{name}");
    }
}

#[test]
fn references_are_compared_with_the_fasta() {
    let dir = tempfile::tempdir().unwrap();
    let path = write(dir.path(), "sites.vcf", &format!("{HEAD}{SITES}"));
    let open = |bases: &str| {
        let fasta = write(dir.path(), "ref.fa", &format!(">1\n{bases}\n>X\nGT\n"));
        let x = 4 + bases.len() + 3;
        write(
            dir.path(),
            "ref.fa.fai",
            &format!("1\t{0}\t3\t{0}\t{1}\nX\t2\t{x}\t2\t3\n", bases.len(), bases.len() + 1),
        );
        SiteInput::open(&options(&path)).unwrap().with_fasta(Arc::new(Fasta::open(&fasta).unwrap()))
    };
    assert_eq!(read_sites(&open("acgtacccA"), 99).unwrap().0.len(), 4);
    let error = read_sites(&open("accccccca"), 1 << 20).unwrap_err().to_string();
    assert!(error.contains("line 12 (1:3): REF: G where ") && error.contains("ref.fa has C"), "{error}");
    let error = read_sites(&open("acgta"), 1 << 20).unwrap_err().to_string();
    assert!(error.contains("(1:9): REF: ") && error.contains("beyond"), "{error}");
}

#[test]
fn options_that_need_genotypes_are_refused() {
    let path = PathBuf::from("x.vcf");
    let error = SiteInput::open(&InputOptions { maf: Some(0.1), ..options(&path) }).unwrap_err();
    assert!(error.is_usage() && error.to_string().starts_with("--maf: "), "{error}");
    let error = SiteInput::open(&options(Path::new("-"))).unwrap_err().to_string();
    assert!(error.starts_with("--sites: sites cannot come from standard input"), "{error}");
    let error = SiteInput::open(&InputOptions::default()).unwrap_err().to_string();
    assert!(error.starts_with("--sites: "), "{error}");
}
