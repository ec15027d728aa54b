//! Genotype files as they come: every odd kind is either read for what it means, or refused with one line that says where
//! and what, never with a sample ID in it and never by a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use support::need;
use support::oracle::{self, Row};
use support::refusal::{
    assert_quiet_about_people, assert_refused, edit_records, exports, small, small_study, with_vcf,
};
use support::simulate::{self, Genotypes};
use support::study::Study;
use support::tools::{self, Need, Run};

#[test]
fn chromosome_names_match_however_written() {
    let study = small_study();
    let expected = study.export(&study.assoc("out.h5", &["--region", "1:10000-100000"]), "t0");
    assert!(!expected.rows.is_empty() && expected.rows.len() < 40);
    let by_chr = study.export(&study.assoc("out.h5", &["--region", "chr1:10000-100000", "--force"]), "t0");
    assert_eq!(by_chr, expected);
    let (mut genotypes, covariates, traits) = small();
    genotypes.records.iter_mut().for_each(|record| record.chrom = format!("chr{}", record.chrom));
    let renamed = Study::write(&genotypes, &traits, Some(&covariates));
    let found = renamed.export(&renamed.assoc("out.h5", &["--region", "1:10000-100000"]), "t0");
    assert_eq!(found.rows.len(), expected.rows.len());
    let chroms: Vec<&str> = found.rows.iter().map(|row| row[0].as_str()).collect();
    assert!(chroms.iter().all(|chrom| *chrom == "chr1"), "chromosomes stand as written in the file: {chroms:?}");
    // X and 23 are one.
    genotypes.records.iter_mut().for_each(|record| record.chrom = "X".to_owned());
    genotypes.records.sort_by_key(|record| record.pos);
    let on_x = Study::write(&genotypes, &traits, Some(&covariates));
    let rows = |chr: &str| on_x.export(&on_x.assoc("out.h5", &["--chr", chr, "--force"]), "t0").rows;
    assert_eq!(rows("X").len(), 80);
    assert_eq!(rows("23"), rows("chrX"));
}

#[test]
fn plain_gzip_is_read_with_a_word_on_bgzip() {
    let study = small_study();
    let expected = exports(&study);
    let packed = tools::command("gzip").arg("-c").arg(&study.vcf).output().unwrap().stdout;
    let gzip = Study::of_files(&study.path("gzip.vcf.gz"), &study.pheno, study.covar.as_deref());
    std::fs::write(&gzip.vcf, packed).unwrap();
    let run = gzip.try_assoc("out.h5", &[]).ok();
    assert!(run.stderr.contains("bgzip"), "{}", run.stderr);
    assert!(["t0", "t1"].map(|name| gzip.export(&gzip.path("out.h5"), name)).to_vec() == expected);
}

/// A bgzip copy of the study's VCF of which `cut` makes another file.
fn cut_bgzip(cut: impl Fn(&[u8]) -> Vec<u8>) -> (Study, Run) {
    let mut study = small_study();
    let packed = tools::bgzip(&study.vcf);
    let bytes = std::fs::read(&packed).unwrap();
    std::fs::write(&packed, cut(&bytes)).unwrap();
    study.vcf = packed;
    let run = study.try_assoc("out.h5", &[]);
    (study, run)
}

#[test]
fn a_truncated_bgzip_file_is_refused() {
    need!(Need::Bgzip);
    // The last 28 bytes are the end-of-file block.
    let (study, run) = cut_bgzip(|bytes| bytes[..bytes.len() - 28].to_vec());
    assert_refused(&study, &run, &["cohort.vcf.gz", "truncated"]);
    let (study, run) = cut_bgzip(|bytes| bytes[..bytes.len() / 2].to_vec());
    assert_refused(&study, &run, &["cohort.vcf.gz", "truncated|cut short"]);
}

#[test]
fn a_damaged_bgzip_block_is_refused() {
    need!(Need::Bgzip);
    let (study, run) = cut_bgzip(|bytes| {
        let mut bytes = bytes.to_vec();
        let middle = bytes.len() * 3 / 4;
        bytes[middle..middle + 16].fill(0xa5);
        bytes
    });
    assert_refused(&study, &run, &["cohort.vcf.gz"]);
}

#[test]
fn an_empty_file_is_refused() {
    let (study, run) = with_vcf(|_| String::new());
    assert_refused(&study, &run, &["cohort.vcf", "empty"]);
}

#[test]
fn what_is_no_vcf_is_refused() {
    let (study, run) = with_vcf(|_| "IID\theight\nSOMEBODY\t180\n".to_owned());
    assert_refused(&study, &run, &["cohort.vcf", "VCF"]);
    assert!(!run.stderr.contains("SOMEBODY"), "{}", run.stderr);
}

#[test]
fn a_header_without_records_gives_no_rows() {
    let (study, run) =
        with_vcf(|text| text.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect());
    if run.code == 0 {
        assert!(study.export(&study.path("out.h5"), "t0").rows.is_empty());
    } else {
        assert_refused(&study, &run, &["no variant|no record|nothing"]);
    }
}

#[test]
fn a_file_without_samples_is_refused() {
    let (study, run) = with_vcf(|text| {
        let first_eight = |line: &str| line.split('\t').take(8).collect::<Vec<_>>().join("\t");
        text.lines()
            .map(|line| if line.starts_with("##") { line.to_owned() } else { first_eight(line) } + "\n")
            .collect()
    });
    assert_refused(&study, &run, &["cohort.vcf", "no samples"]);
}

#[test]
fn a_sample_twice_in_the_header_is_refused() {
    let (study, run) = with_vcf(|text| text.replacen("SUBJ00007", "SUBJ00006", 1));
    assert_refused(&study, &run, &["cohort.vcf|genotypes", "same ID|twice|duplicate"]);
}

#[test]
fn a_record_of_too_few_columns_is_refused_by_place() {
    let (study, run) = with_vcf(|text| {
        edit_records(text, |i, fields| {
            if i == 20 {
                fields.pop();
            }
        })
    });
    assert_refused(&study, &run, &["cohort.vcf", "110060", "sample|column|field"]);
}

#[test]
fn a_position_that_is_no_number_is_refused() {
    let (study, run) = with_vcf(|text| {
        edit_records(text, |i, fields| {
            if i == 20 {
                fields[1] = "ten".to_owned();
            }
        })
    });
    assert_refused(&study, &run, &["cohort.vcf", "POS"]);
}

/// The first trait's rows after `edit` on every record of index 20.
fn rows_with_record_20(edit: impl Fn(&mut Vec<String>)) -> (Vec<Row>, Vec<Row>) {
    let study = small_study();
    let before = oracle::rows(&study.export(&study.assoc("out.h5", &[]), "t0"));
    let (study, run) = with_vcf(|text| {
        edit_records(text, |i, fields| {
            if i == 20 {
                edit(fields);
            }
        })
    });
    run.ok();
    (before, oracle::rows(&study.export(&study.path("out.h5"), "t0")))
}

#[test]
fn reference_n_and_a_megabyte_of_info_change_nothing() {
    let (before, after) = rows_with_record_20(|fields| {
        fields[3] = "N".to_owned();
        fields[7] = format!("NOTE={}", "x".repeat(1 << 20));
    });
    assert_eq!(after.len(), before.len());
    assert_eq!(after[20].reference, "N");
    let numbers = |rows: &[Row]| rows.iter().map(|row| (row.beta, row.se, row.obs_ct)).collect::<Vec<_>>();
    assert_eq!(format!("{:?}", numbers(&after)), format!("{:?}", numbers(&before)));
}

#[test]
fn a_multi_allelic_record_gives_a_row_per_alt() {
    let (before, after) = rows_with_record_20(|fields| {
        fields[4] = "AC,*".to_owned();
        fields[9] = "1/2".to_owned();
        fields[10] = "2/2".to_owned();
        fields[11] = "0/1".to_owned();
    });
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!((after[20].alternate.as_str(), after[21].alternate.as_str()), ("AC", "*"));
    assert_eq!(after[20].pos, after[21].pos);
}

#[test]
fn an_allele_that_is_not_there_is_refused_by_place() {
    let (study, run) = with_vcf(|text| {
        edit_records(text, |i, fields| {
            if i == 20 {
                fields[12] = "0/2".to_owned();
            }
        })
    });
    assert_refused(&study, &run, &["cohort.vcf", "110060", "GT|allele", "2"]);
}

#[test]
fn a_record_without_gt_is_counted_and_dropped() {
    let (before, after) = rows_with_record_20(|fields| {
        fields[8] = "DP".to_owned();
        fields[9..].iter_mut().for_each(|field| *field = "12".to_owned());
    });
    let without_20 = before.iter().enumerate().filter(|(i, _)| *i != 20).map(|(_, row)| row);
    assert_eq!(after.len(), before.len() - 1);
    assert!(
        after.iter().zip(without_20).all(|(after, before)| after.pos == before.pos && after.obs_ct == before.obs_ct)
    );
}

#[test]
fn mixed_ploidy_is_read_by_the_stated_policy() {
    let (_, after) = rows_with_record_20(|fields| {
        fields[9..].iter_mut().for_each(|field| *field = "0/0".to_owned());
        // Haploid on an autosome counts twice; three alleles and half a call are missing.
        for (i, call) in ["1", "0", "0/1/1", "./1", "1/.", ".", "1|1", "0|1"].into_iter().enumerate() {
            fields[9 + i] = call.to_owned();
        }
    });
    assert_eq!(after[20].obs_ct, 56);
    // 2 + 0 + 2 + 1 copies among 112 alleles.
    assert!((after[20].a1_freq - 5.0 / 112.0).abs() < 1e-6, "{:?}", after[20]);
}

#[test]
fn half_calls_follow_the_flag() {
    let halve = |text: &str| edit_records(text, |_, fields| fields[9] = "./1".to_owned());
    let (study, run) = with_vcf(halve);
    run.ok();
    for (flag, expected_n) in [("missing", 59), ("haploid", 60), ("reference", 60)] {
        let results = study.assoc("half.h5", &["--vcf-half-call", flag, "--force"]);
        let rows = oracle::rows(&study.export(&results, "t0"));
        assert!(rows.iter().map(|row| row.obs_ct).max() == Some(expected_n), "{flag}");
    }
    let run = study.try_assoc("error.h5", &["--vcf-half-call", "error"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("half"), "{}", run.stderr);
    assert_quiet_about_people(&run.stderr);
}

#[test]
fn files_of_other_samples_are_refused() {
    let study = small_study();
    let (mut genotypes, _, _) = small();
    genotypes.samples.swap(3, 4);
    let second = study.path("second.vcf");
    genotypes.write_vcf(&second);
    let mut args = study.assoc_args("out.h5", &[]);
    args.insert(3, second.into());
    let run = tools::run(&mut tools::norna(args));
    assert_refused(&study, &run, &["second.vcf", "sample", "order"]);
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn specification_files_are_read_or_refused_and_never_panic() {
    need!(Need::SharedData);
    let is_vcf = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "vcf");
    let files: Vec<PathBuf> =
        files_below(&support::places::shared_file("hts-specs/vcf")).into_iter().filter(is_vcf).collect();
    assert!(files.len() > 100);
    let mut refused = Vec::new();
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        let header = text.lines().find(|line| line.starts_with("#CHROM")).unwrap_or_default();
        let samples: Vec<String> = header.split('\t').skip(9).map(|id| id.trim().to_owned()).collect();
        let nobody = Genotypes { samples: samples.clone(), records: Vec::new() };
        let covariates = simulate::covariates(1, &samples, 1);
        let mut study = Study::write(&nobody, &simulate::traits(2, &nobody, &covariates, 1, |_| 0.0), None);
        study.vcf.clone_from(&file);
        let run = tools::run_within(
            &mut tools::norna(study.assoc_args("out.h5", &["--linear-on-binary"])),
            std::time::Duration::from_secs(20),
        );
        let name = file.to_string_lossy().into_owned();
        assert!(matches!(run.code, 0..=2) && !run.stderr.contains("panicked"), "{name}: {}", run.stderr);
        let about_samples = samples.is_empty() || run.stderr.contains("sample") || run.stderr.contains("two values");
        if run.code != 0 && name.contains("/passed/") && !about_samples {
            refused.push(format!("{name}: {}", run.stderr.trim()));
        }
    }
    assert!(refused.is_empty(), "of passed/: {refused:#?}");
}
