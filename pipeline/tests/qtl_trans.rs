//! Distant effects: every pair but those near the protein's gene, as hits and histograms, and what the hits' variants do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use norna::store::{ResultsReader, StoredHit};
use support::bed;
use support::bits;
use support::need;
use support::oracle;
use support::places::shared_file;
use support::study::Study;
use support::table::{Table, number, read_text};
use support::tools::{self, Need};

/// Genes of the slice lie all over its stretch of 22.
fn tss(k: usize) -> u32 {
    17_000_000 + 40_000 * k as u32
}

fn slice() -> (Study, PathBuf) {
    let study = Study::geuvadis_slice();
    let bed = study.path("proteins.bed");
    bed::write_bed(&bed, &Table::read(&study.pheno), tss);
    (study, bed)
}

const FLAGS: [&str; 4] = ["--store", "hits", "--p-threshold", "1e-3"];

fn flags<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    FLAGS.iter().chain(extra).copied().collect()
}

fn hits(results: &Path) -> (ResultsReader, Vec<StoredHit>) {
    let reader = ResultsReader::open(results).unwrap();
    let hits = reader.hits(0..reader.n_hits()).unwrap();
    (reader, hits)
}

#[test]
fn pairs_in_the_window_are_left_out_of_hits_and_histograms() {
    const WINDOW: u32 = 100_000;
    let (study, bed) = slice();
    let (all, all_hits) = hits(&bed::run(&study, &bed, "all.h5", &flags(&[])));
    let (trans, trans_hits) = hits(&bed::run(&study, &bed, "trans.h5", &flags(&["--trans-window", "100000"])));
    let positions: Vec<u32> = all.variants(0..all.n_variants()).unwrap().iter().map(|variant| variant.pos).collect();
    let is_near = |pos: u32, k: usize| pos.abs_diff(tss(k)) <= WINDOW;
    let far: Vec<StoredHit> = all_hits
        .iter()
        .copied()
        .filter(|hit| !is_near(positions[hit.variant as usize], hit.trait_idx as usize))
        .collect();
    assert!(far.len() > 20 && far.len() + 5 < all_hits.len(), "{} of {}", far.len(), all_hits.len());
    assert_eq!(far, trans_hits);
    let n_near = |k: usize| positions.iter().filter(|&&pos| is_near(pos, k)).count() as u64;
    let n_traits = all.header().traits.len();
    assert_eq!(trans.n_left_out().unwrap(), Some((0..n_traits).map(n_near).sum()));
    assert_eq!((all.n_left_out().unwrap(), trans.header().left_out_window), (None, Some(WINDOW)));
    let counted = |reader: &ResultsReader, k: usize| reader.qc().unwrap().p_histogram[k].iter().sum::<u64>();
    for k in 0..n_traits {
        assert_eq!(counted(&trans, k) + n_near(k), counted(&all, k), "trait {k}");
        assert_eq!(trans.chi2_histogram(k).unwrap().iter().sum::<u64>(), counted(&trans, k));
    }
    // Both ends of the window belong to it.
    let one = positions[positions.len() / 2];
    let bed = study.path("edge.bed");
    bed::write_bed(&bed, &Table::read(&study.pheno), |_| one - 5000);
    let (edge, _) =
        hits(&bed::run(&study, &bed, "edge.h5", &flags(&["--trans-window", "5000", "--pheno-name", "*0*"])));
    let inside = positions.iter().filter(|&&pos| (one - 10_000..=one).contains(&pos)).count();
    assert_eq!(edge.n_left_out().unwrap(), Some((inside * edge.header().traits.len()) as u64));
}

#[test]
fn ranks_threads_and_shards_give_equal_bits() {
    need!(Need::H5py, Need::Mpirun);
    let (study, bed) = slice();
    let with = |extra: &[&'static str]| flags(&[extra, &["--trans-window", "200000", "--force"]].concat());
    let expected = bits::everything(&bed::run(&study, &bed, "one.h5", &with(&["--threads", "1"])));
    let found = bed::run(&study, &bed, "three.h5", &with(&["--threads", "3", "--shard-bytes", "20000"]));
    bits::assert_equal("threads and shards", &expected, &bits::everything(&found));
    for ranks in [2, 3] {
        let extra = with(&["--threads", "1", "--shard-bytes", "30000"]);
        let found = bed::run_ranks(&study, ranks, &bed, "ranks.h5", &extra);
        bits::assert_equal(&format!("{ranks} ranks"), &expected, &bits::everything(&found));
    }
}

#[test]
fn a_protein_alone_equals_the_protein_among_all() {
    let (study, bed) = slice();
    let (all, all_hits) = hits(&bed::run(&study, &bed, "all.h5", &flags(&["--trans-window", "100000"])));
    let names: Vec<String> = all.header().traits.iter().map(|info| info.name.clone()).collect();
    for k in [0, 7, 19] {
        let extra = flags(&["--trans-window", "100000", "--pheno-name", &names[k], "--force"]);
        let (alone, mut alone_hits) = hits(&bed::run(&study, &bed, "alone.h5", &extra));
        alone_hits.iter_mut().for_each(|hit| hit.trait_idx = k as u32);
        let of_all: Vec<StoredHit> = all_hits.iter().copied().filter(|hit| hit.trait_idx == k as u32).collect();
        assert_eq!(of_all, alone_hits, "trait {k}");
        assert_eq!(all.chi2_histogram(k).unwrap(), alone.chi2_histogram(0).unwrap());
        let lambda = |reader: &ResultsReader, k: usize| reader.qc().unwrap().genomic_control[k].to_bits();
        assert_eq!(lambda(&all, k), lambda(&alone, 0));
    }
}

#[test]
fn proteins_without_a_gene_leave_nothing_out_and_are_counted() {
    let (study, bed) = slice();
    let mut matrix = norna::proteins::open(&bed).unwrap();
    matrix.proteins.iter_mut().skip(3).for_each(|protein| protein.gene = None);
    matrix.proteins[1].gene.as_mut().unwrap().chrom = "7".into();
    let h5 = study.path("proteins.h5");
    let writer = norna::store::ProteinsWriter::create(&h5, &matrix).unwrap();
    writer.seal(&serde_json::json!([]), &serde_json::json!({})).unwrap();
    let run = bed::try_run(&study, &h5, "some.h5", &flags(&["--trans-window", "100000"])).ok();
    assert!(
        run.stderr.contains("17 of 20 proteins have no known gene: nothing is left out for them"),
        "{}",
        run.stderr
    );
    let (some, _) = hits(&study.path("some.h5"));
    let counted = |k: usize| some.qc().unwrap().p_histogram[k].iter().sum::<u64>();
    let n_variants = some.n_variants() as u64;
    assert!(counted(0) < n_variants && counted(2) < n_variants);
    assert!([1, 3, 19].into_iter().all(|k| counted(k) == n_variants));
}

/// Some genes of GEUVADIS from all of chr22, with the places of their BED.
fn geuvadis(genes: usize) -> (Study, PathBuf, Vec<(String, u32)>) {
    let vcf = shared_file("geuvadis/genotypes.chr22.vcf.gz");
    let covar = support::places::dataset("geuvadis/covars.tsv");
    let mut study = Study::of_files(&vcf, Path::new(""), Some(&covar));
    let text = read_text(&shared_file("geuvadis/genes.50percent.chr22.bed.gz"));
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    let rows: Vec<&str> = lines.step_by(608 / genes).take(genes).collect();
    let bed = study.path("genes.bed");
    std::fs::write(&bed, [&[header], &rows[..]].concat().join("\n") + "\n").unwrap();
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.split('\t').collect()).collect();
    let places: Vec<(String, u32)> = cells.iter().map(|row| (row[3].to_owned(), row[2].parse().unwrap())).collect();
    let samples: Vec<&str> = header.split('\t').skip(6).collect();
    let mut table = format!("IID\t{}\n", places.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join("\t"));
    for (i, sample) in samples.iter().enumerate() {
        let values: Vec<&str> = cells.iter().map(|row| row[6 + i]).collect();
        writeln!(table, "{sample}\t{}", values.join("\t")).unwrap();
    }
    study.pheno = study.path("traits.tsv");
    std::fs::write(&study.pheno, table).unwrap();
    (study, bed, places)
}

#[test]
fn golden_trans_hits_are_those_of_plink2() {
    need!(Need::SharedData, Need::Plink2);
    const WINDOW: u32 = 1_000_000;
    let (study, bed, places) = geuvadis(32);
    let extra = ["--store", "hits", "--p-threshold", "1e-6", "--missing-genotype", "mean", "--trans-window", "1000000"];
    let (reader, found) = hits(&bed::run(&study, &bed, "trans.h5", &extra));
    let variants = reader.variants(0..reader.n_variants()).unwrap();
    let prefix = oracle::plink2(&study, "plink2", &[], &["--pfilter", "1e-5"]);
    let mut n_compared = 0;
    for (k, (gene, tss)) in places.iter().enumerate() {
        let ours: BTreeMap<(u32, String), StoredHit> = found
            .iter()
            .filter(|hit| hit.trait_idx as usize == k)
            .map(|hit| (&variants[hit.variant as usize], *hit))
            .map(|(variant, hit)| ((variant.pos, variant.id.clone()), hit))
            .collect();
        let mut theirs: BTreeSet<(u32, String)> = BTreeSet::new();
        for row in oracle::plink2_rows(&prefix, gene) {
            let pos: u32 = row.pos.parse().unwrap();
            if row.log10p < 6.0 || pos.abs_diff(*tss) <= WINDOW {
                continue;
            }
            let key = (pos, row.id.clone());
            let Some(hit) = ours.get(&key) else {
                assert!(row.log10p < 6.0001, "{gene}: norna lacks {row:?}");
                continue;
            };
            let sign = if row.a1 == row.alternate { 1.0 } else { -1.0 };
            assert!((hit.beta - sign * row.beta).abs() <= 1e-5 * row.beta.abs().max(row.se), "{gene} {row:?} {hit:?}");
            assert!((hit.se - row.se).abs() <= 1e-5 * row.se, "{gene} {row:?} {hit:?}");
            assert!((hit.log10p - row.log10p).abs() <= 1e-4 * row.log10p, "{gene} {row:?} {hit:?}");
            theirs.insert(key);
            n_compared += 1;
        }
        let only_ours = ours.iter().filter(|(key, hit)| !theirs.contains(*key) && hit.log10p > 6.0001).count();
        assert_eq!(only_ours, 0, "{gene}: hits that plink2 has not");
    }
    tools::say(&format!("plink2, trans hits at p <= 1e-6 of {} genes: {n_compared} compared", places.len()));
    assert!(n_compared > 10, "only {n_compared} hits compared");
}

/// Residuals of `y` on the columns and an intercept, by Gram and Schmidt, twice.
fn residual(y: &[f64], columns: &[Vec<f64>]) -> Vec<f64> {
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let project = |v: &mut Vec<f64>, basis: &[Vec<f64>]| {
        for b in basis.iter().chain(basis) {
            let dot: f64 = v.iter().zip(b).map(|(a, b)| a * b).sum();
            v.iter_mut().zip(b).for_each(|(a, b)| *a -= dot * b);
        }
    };
    for column in std::iter::once(&vec![1.0; y.len()]).chain(columns) {
        let mut v = column.clone();
        let scale = v.iter().map(|a| a * a).sum::<f64>().sqrt();
        project(&mut v, &basis);
        let norm = v.iter().map(|a| a * a).sum::<f64>().sqrt();
        if norm > 1e-10 * scale {
            basis.push(v.into_iter().map(|a| a / norm).collect());
        }
    }
    let mut y = y.to_vec();
    project(&mut y, &basis);
    y
}

/// Normal quantiles of (rank − 1/2)/n, as QTLtools --normal; no value comes twice.
fn rank_normal(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    for (rank, i) in order.into_iter().enumerate() {
        out[i] = norna::cohort::transform::normal_quantile((rank as f64 + 0.5) / values.len() as f64);
    }
    out
}

/// QTLtools residualises the phenotype alone (then --normal) and has n − 2 degrees of freedom: norna without covariates on such
/// residuals.
#[test]
fn golden_trans_hits_are_those_of_qtltools_on_residuals() {
    need!(Need::SharedData);
    let text = read_text(&shared_file("geuvadis/genes.50percent.chr22.bed.gz"));
    let covariates = read_text(&shared_file("geuvadis/genes.covariates.pc50.txt.gz"));
    let mut lines = covariates.lines();
    let samples: Vec<&str> = lines.next().unwrap().split_whitespace().skip(1).collect();
    let columns: Vec<Vec<f64>> =
        lines.map(|line| line.split_whitespace().skip(1).map(|cell| cell.parse().unwrap()).collect()).collect();
    let vcf = shared_file("geuvadis/genotypes.chr22.vcf.gz");
    let study = Study::of_files(&vcf, Path::new(""), None);
    let mut bed_text = String::new();
    for (i, line) in text.lines().enumerate() {
        let cells: Vec<&str> = line.split('\t').collect();
        if i == 0 {
            assert_eq!(samples, cells[6..]);
            writeln!(bed_text, "{line}").unwrap();
            continue;
        }
        let y: Vec<f64> = cells[6..].iter().map(|cell| number(cell)).collect();
        let values: Vec<String> = rank_normal(&residual(&y, &columns)).iter().map(f64::to_string).collect();
        writeln!(bed_text, "{}\t{}", cells[..6].join("\t"), values.join("\t")).unwrap();
    }
    let bed = study.path("residuals.bed");
    std::fs::write(&bed, bed_text).unwrap();
    let extra = ["--store", "hits", "--p-threshold", "1e-5", "--missing-genotype", "mean", "--trans-window", "5000000"];
    let (reader, found) = hits(&bed::run(&study, &bed, "trans.h5", &extra));
    let variants = reader.variants(0..reader.n_variants()).unwrap();
    let names: Vec<&str> = reader.header().traits.iter().map(|info| info.name.as_str()).collect();
    let ours: BTreeMap<(String, String), f64> = found
        .iter()
        .map(|hit| ((names[hit.trait_idx as usize].to_owned(), variants[hit.variant as usize].id.clone()), hit.log10p))
        .collect();
    let (mut n_same, mut n_lacking, mut worst) = (0, 0, 0.0_f64);
    let expected = read_text(&shared_file("geuvadis/expected/trans_nominal.chr22.hits.txt.gz"));
    for line in expected.lines() {
        let cells: Vec<&str> = line.split_whitespace().collect();
        let log10p = -number(cells[6]).log10();
        match ours.get(&(cells[0].to_owned(), cells[3].to_owned())) {
            Some(found) => {
                n_same += 1;
                worst = worst.max((found - log10p).abs() / log10p);
            }
            None => n_lacking += 1,
        }
    }
    let n = expected.lines().count();
    tools::say(&format!(
        "QTLtools trans: {n} hits, {n_same} of them among norna's {}, {n_lacking} not, worst log10 p {worst:.1e}",
        ours.len()
    ));
    assert!(n_lacking == 0 && ours.len() == n && worst < 1e-3);
}

/// A copy of the slice's VCF whose INFO tells consequences; bgzip and indexed.
fn with_info(study: &Study, name: &str, declared: &str, info: impl Fn(usize, &[&str]) -> String) -> PathBuf {
    let text = read_text(&study.vcf);
    let mut out = String::with_capacity(text.len());
    let mut n = 0;
    for line in text.lines() {
        if line.starts_with("#CHROM") {
            writeln!(out, "{declared}").unwrap();
        }
        if line.starts_with('#') {
            writeln!(out, "{line}").unwrap();
            continue;
        }
        let mut cells: Vec<&str> = line.split('\t').collect();
        let of_record = info(n, &cells);
        cells[7] = &of_record;
        writeln!(out, "{}", cells.join("\t")).unwrap();
        n += 1;
    }
    let path = study.path(name);
    std::fs::write(&path, out).unwrap();
    tools::bgzip_indexed(&path)
}

const CSQ: &str = "##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Consequence annotations from Ensembl VEP. \
                   Format: Allele|Consequence|IMPACT|SYMBOL|Gene|Feature\">";
const ANN: &str = "##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: 'Allele | Annotation | \
                   Annotation_Impact | Gene_Name | Gene_ID | Feature_Type'\">";

/// Variant, trait, and the term of the consequence with whether it changes the protein.
type Told = (u64, u32, Option<(&'static str, bool)>);

fn consequences(results: &Path) -> Vec<Told> {
    let (reader, hits) = hits(results);
    assert!(reader.has_consequences() && hits.len() > 50);
    hits.iter()
        .map(|hit| (hit.variant, hit.trait_idx, hit.consequence.map(|found| (found.term(), found.changes_protein))))
        .collect()
}

/// Hits enough to fall on every kind of record.
const MANY: [&str; 4] = ["--store", "hits", "--p-threshold", "1e-2"];

#[test]
fn hits_tell_what_csq_and_ann_say_of_the_proteins_gene() {
    need!(Need::Bgzip, Need::Bcftools);
    let (mut study, bed) = slice();
    let genes = Table::read(&study.pheno).header[1..].to_vec();
    // Of gene k every record with n % 20 = k says missense, and one of another allele stop_gained.
    let value = |n: usize, cells: &[&str], with_feature: bool| {
        let (gene, alt) = (&genes[n % 20], cells[4]);
        let other = if alt == "T" { "A" } else { "T" };
        let rest = if with_feature { "|t1" } else { "|transcript|t1|protein_coding" };
        format!(
            "{alt}|intron_variant|MODIFIER|X|{gene}.4{rest},{alt}|missense_variant&splice_region_variant|MODERATE|X|{gene}.4{rest},\
             {other}|stop_gained|HIGH|X|{gene}{rest},{alt}|synonymous_variant|LOW|X|ENSG99{rest}"
        )
    };
    let plain = hits(&bed::run(&study, &bed, "plain.h5", &MANY));
    assert!(!plain.0.has_consequences() && plain.1.iter().all(|hit| hit.consequence.is_none()));
    let check = |results: &Path| {
        let found = consequences(results);
        for &(variant, trait_idx, consequence) in &found {
            let expected = (variant % 20 == u64::from(trait_idx)).then_some(("missense_variant", true));
            let row = &hits(results).0.variants(variant as usize..variant as usize + 1).unwrap()[0];
            assert_eq!(consequence, expected, "variant {variant}, trait {trait_idx}, {row:?}");
        }
        assert!(found.iter().filter(|(.., consequence)| consequence.is_some()).count() > 2);
    };
    let csq = with_info(&study, "csq.vcf", CSQ, |n, cells| format!("AC=1;CSQ={}", value(n, cells, true)));
    let ann = with_info(&study, "ann.vcf", ANN, |n, cells| format!("ANN={};DP=7", value(n, cells, false)));
    let bcf = study.path("csq.bcf");
    tools::run(tools::command("bcftools").args(["view", "-Ob", "-o"]).arg(&bcf).arg(&csq)).ok();
    tools::run(tools::command("bcftools").args(["index", "-f"]).arg(&bcf)).ok();
    for (vcf, out) in [(csq, "csq.h5"), (ann, "ann.h5"), (bcf, "bcf.h5")] {
        study.vcf = vcf;
        let run = bed::try_run(&study, &bed, out, &MANY).ok();
        assert!(run.stderr.contains("looked up"), "{}", run.stderr);
        tools::run(tools::norna(["verify"]).arg(study.path(out))).ok();
        check(&study.path(out));
        let top = tools::run(tools::norna(["top", "-n", "5000"]).arg(study.path(out))).ok().stdout;
        assert!(top.lines().next().unwrap().ends_with("BELOW_LOD\tCONSEQUENCE\tCHANGES_PROTEIN"), "{top}");
        assert!(top.contains("\tmissense_variant\t1"));
    }
}

#[test]
fn broken_and_huge_consequences_are_survived_and_told() {
    need!(Need::Bgzip);
    let (mut study, bed) = slice();
    let genes = Table::read(&study.pheno).header[1..].to_vec();
    let huge = "A|intergenic_variant|MODIFIER|X|Y|".to_owned() + &"x".repeat(1 << 20);
    let value = |n: usize, cells: &[&str]| match n % 3 {
        0 => format!("CSQ={}|stop_gained|HIGH|X|{}|t", cells[4], genes[n % 20]),
        1 => "CSQ=nonsense,,|".to_owned(),
        _ if n == 2 => format!("CSQ={huge}"),
        _ => "CSQ".to_owned(),
    };
    study.vcf = with_info(&study, "broken.vcf", CSQ, value);
    let run = bed::try_run(&study, &bed, "broken.h5", &MANY).ok();
    assert!(run.stderr.contains("could not be taken apart"), "{}", run.stderr);
    let found = consequences(&study.path("broken.h5"));
    assert!(found.iter().any(|(.., consequence)| *consequence == Some(("stop_gained", true))));
    // Without an index there is nothing to look them up by, and that is said.
    for end in ["tbi", "csi"] {
        let _ = std::fs::remove_file(format!("{}.{end}", study.vcf.display()));
    }
    let run = bed::try_run(&study, &bed, "unindexed.h5", &MANY).ok();
    assert!(run.stderr.contains("looked up by an index, and there is none"), "{}", run.stderr);
    assert!(!hits(&study.path("unindexed.h5")).0.has_consequences());
}
