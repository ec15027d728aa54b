//! The first promise: the same bits for any number of ranks and threads, any shard size, instruction set and C library,
//! and for a trait alone or among a thousand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use support::bits;
use support::need;
use support::places::dataset;
use support::simulate::{self, Grid};
use support::study::Study;
use support::table::Table;
use support::tools::{self, Need};

const N_TRAITS: usize = 1000;

/// A study and the bits of its plain run: one process, one thread, default shards.
struct Reference {
    study: Study,
    results: PathBuf,
    bits: BTreeMap<String, String>,
}

fn reference(mut study: Study) -> Reference {
    study.bgzip();
    study.flags.extend(["--p-threshold", "1e-3"].map(str::to_owned));
    let results = study.assoc("reference.h5", &["--threads", "1"]);
    let bits = bits::everything(&results);
    Reference { study, results, bits }
}

/// 400 people, 3,000 variants with missing calls, 1,000 traits of which every twentieth has its own missing values.
fn calls() -> &'static Reference {
    static STUDY: OnceLock<Reference> = OnceLock::new();
    STUDY.get_or_init(|| {
        let genotypes = simulate::calls(401, 400, 3000, 0.05);
        let covariates = simulate::covariates(402, &genotypes.samples, 6);
        let rate = |k: usize| if k.is_multiple_of(20) { 0.05 } else { 0.0 };
        let traits = simulate::traits(403, &genotypes, &covariates, N_TRAITS, rate);
        reference(Study::write(&genotypes, &traits, Some(&covariates)))
    })
}

/// 300 people, 1,500 variants as dosages with missing values, 40 traits, a quarter with their own missing values.
fn dosages() -> &'static Reference {
    static STUDY: OnceLock<Reference> = OnceLock::new();
    STUDY.get_or_init(|| {
        let genotypes = simulate::dosages(411, 300, 1500, Grid::Thousandths, 0.05);
        let covariates = simulate::covariates(412, &genotypes.samples, 5);
        let rate = |k: usize| if k.is_multiple_of(4) { 0.05 } else { 0.0 };
        let traits = simulate::traits(413, &genotypes, &covariates, 40, rate);
        reference(Study::write(&genotypes, &traits, Some(&covariates)))
    })
}

/// A shard size that cuts the study's file into about `n` shards.
fn shard_bytes(study: &Study, n: u64) -> String {
    (std::fs::metadata(&study.vcf).unwrap().len() / n).max(1).to_string()
}

#[test]
fn ranks_1_2_3_5_give_equal_results() {
    need!(Need::H5py, Need::Bgzip, Need::Mpirun);
    let Reference { study, bits: expected, .. } = calls();
    for ranks in [1, 2, 3, 5] {
        let size = shard_bytes(study, 60);
        let results =
            study.assoc_ranks(ranks, &format!("ranks{ranks}.h5"), &["--shard-bytes", &size, "--threads", "1"]);
        bits::assert_equal(&format!("{ranks} ranks"), expected, &bits::everything(&results));
        let shards = bits::rank_shards(&results);
        assert_eq!(shards.len(), ranks, "{shards:?}");
        assert!(shards.iter().all(|&n| n > 0), "a rank computed nothing: {shards:?}");
        assert!(shards.iter().sum::<u64>() >= 8 * ranks as u64, "fewer than 8 shards a rank: {shards:?}");
        std::fs::remove_file(results).unwrap();
    }
}

/// 150 people, 9,000 variants with few missing calls, 70 traits: matrices of several bands, full rows among the scores.
#[test]
fn ranks_1_2_3_5_and_threads_give_equal_results_for_every_store() {
    need!(Need::H5py, Need::Bgzip, Need::Mpirun);
    let genotypes = simulate::calls(421, 150, 9000, 0.01);
    let covariates = simulate::covariates(422, &genotypes.samples, 3);
    let rate = |k: usize| if k.is_multiple_of(10) { 0.05 } else { 0.0 };
    let traits = simulate::traits(423, &genotypes, &covariates, 70, rate);
    let mut study = Study::write(&genotypes, &traits, Some(&covariates));
    study.bgzip();
    study.flags.extend(["--p-threshold", "1e-3"].map(str::to_owned));
    let size = shard_bytes(&study, 60);
    for store in ["full", "compact", "hits"] {
        let flags = ["--store", store, "--shard-bytes", &size, "--force", "--threads"];
        let run = |ranks: usize, threads: &str| {
            let flags: Vec<&str> = flags.iter().copied().chain([threads]).collect();
            bits::everything(&match ranks {
                0 => study.assoc("alone.h5", &flags),
                ranks => study.assoc_ranks(ranks, "ranks.h5", &flags),
            })
        };
        let expected = run(0, "1");
        bits::assert_equal(&format!("{store}, 3 threads"), &expected, &run(0, "3"));
        for (ranks, threads) in [(1, "1"), (2, "2"), (3, "1"), (5, "1")] {
            bits::assert_equal(&format!("{store}, {ranks} ranks"), &expected, &run(ranks, threads));
        }
    }
}

#[test]
fn ranks_give_equal_results_on_dosages() {
    need!(Need::H5py, Need::Bgzip, Need::Mpirun);
    let Reference { study, bits: expected, .. } = dosages();
    let size = shard_bytes(study, 24);
    let results = study.assoc_ranks(3, "ranks3.h5", &["--shard-bytes", &size, "--threads", "2"]);
    bits::assert_equal("3 ranks of 2 threads", expected, &bits::everything(&results));
}

#[test]
fn ranks_give_equal_results_on_files_without_an_index() {
    need!(Need::H5py, Need::Bgzip, Need::Bcftools, Need::Mpirun);
    let Reference { study, bits: expected, .. } = dosages();
    let same_content = |name: &str| {
        let mut other = Study::of_files(&study.vcf, &study.pheno, study.covar.as_deref());
        other.flags.clone_from(&study.flags);
        other.vcf = other.path(name);
        other
    };
    let unindexed = same_content("unindexed.vcf.gz");
    std::fs::copy(&study.vcf, &unindexed.vcf).unwrap();
    let size = shard_bytes(&unindexed, 24);
    let results = unindexed.assoc_ranks(2, "unindexed.h5", &["--shard-bytes", &size]);
    bits::assert_equal("bgzip without an index", expected, &bits::everything(&results));

    let plain = same_content("plain.vcf");
    std::fs::write(&plain.vcf, support::table::read_text(&study.vcf)).unwrap();
    let results = plain.assoc_ranks(2, "plain.h5", &["--shard-bytes", "100000"]);
    bits::assert_equal("plain VCF", expected, &bits::everything(&results));

    let gzip = same_content("gzip.vcf.gz");
    let packed = tools::command("gzip").arg("-c").arg(&plain.vcf).output().unwrap().stdout;
    std::fs::write(&gzip.vcf, packed).unwrap();
    let results = gzip.assoc_ranks(2, "gzip.h5", &["--shard-bytes", "100000"]);
    bits::assert_equal("plain gzip", expected, &bits::everything(&results));
}

#[test]
fn threads_and_shard_sizes_give_equal_results() {
    need!(Need::H5py, Need::Bgzip);
    for Reference { study, bits: expected, .. } in [calls(), dosages()] {
        for (threads, n_shards) in [("1", 13), ("2", 13), ("2", 37)] {
            let size = shard_bytes(study, n_shards);
            let results = study.assoc("threads.h5", &["--threads", threads, "--shard-bytes", &size, "--force"]);
            let label = format!("{threads} threads, about {n_shards} shards");
            bits::assert_equal(&label, expected, &bits::everything(&results));
        }
    }
}

/// The instruction sets that this machine can be asked for.
fn instruction_sets() -> Vec<&'static str> {
    let mut sets = vec!["scalar"];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            sets.push("avx2");
        }
        if is_x86_feature_detected!("avx512f") {
            sets.push("avx512");
        }
    }
    sets
}

#[test]
fn instruction_sets_give_equal_results() {
    need!(Need::H5py, Need::Bgzip);
    for Reference { study, bits: expected, .. } in [calls(), dosages()] {
        for isa in instruction_sets() {
            let mut command = tools::norna(study.assoc_args("isa.h5", &["--force"]));
            tools::run(command.env("NORNA_ISA", isa)).ok();
            bits::assert_equal(&format!("NORNA_ISA={isa}"), expected, &bits::everything(&study.path("isa.h5")));
        }
    }
}

#[test]
fn an_instruction_set_that_is_none_is_refused() {
    let study = Study::geuvadis_slice();
    let mut command = tools::norna(study.assoc_args("isa.h5", &[]));
    let run = tools::run(command.env("NORNA_ISA", "mmx"));
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("NORNA_ISA") && run.stderr.contains("mmx"), "{}", run.stderr);
}

#[test]
fn a_c_library_without_fma_and_avx2_gives_equal_results() {
    need!(Need::H5py, Need::Bgzip);
    let hidden = "glibc.cpu.hwcaps=-FMA,-AVX2_Usable,-AVX2,-FMA_Usable";
    for Reference { study, bits: expected, .. } in [calls(), dosages()] {
        let mut command = tools::norna(study.assoc_args("glibc.h5", &["--force"]));
        tools::run(command.env("GLIBC_TUNABLES", hidden)).ok();
        bits::assert_equal(hidden, expected, &bits::everything(&study.path("glibc.h5")));
    }
}

#[test]
fn a_trait_alone_equals_itself_among_1000() {
    need!(Need::H5py, Need::Bgzip);
    let Reference { study, results, .. } = calls();
    for name in ["t0", "t7", "t999"] {
        // Both by choosing a column and by a table of its own, and with a neighbour of another mask.
        let chosen = study.assoc("alone.h5", &["--pheno-name", name, "--force"]);
        let expected = bits::one_trait(results, name);
        bits::assert_equal(&format!("{name} chosen"), &expected, &bits::one_trait(&chosen, name));
        let pair = format!("{name},t20");
        let chosen = study.assoc("alone.h5", &["--pheno-name", &pair, "--force"]);
        bits::assert_equal(&format!("{name} beside t20"), &expected, &bits::one_trait(&chosen, name));
    }
    let mut alone = Study::of_files(&study.vcf, &study.pheno, study.covar.as_deref());
    alone.flags.clone_from(&study.flags);
    alone.pheno = alone.path("t40.tsv");
    Table::read(&study.pheno).select(|name| name == "t40").write(&alone.pheno);
    let own = alone.assoc("alone.h5", &[]);
    bits::assert_equal("t40 in its own file", &bits::one_trait(results, "t40"), &bits::one_trait(&own, "t40"));
}

#[test]
fn bcf_equals_vcf_bit_for_bit() {
    need!(Need::H5py);
    let mut study = Study::geuvadis_slice();
    let vcf = bits::everything(&study.assoc("vcf.h5", &[]));
    study.vcf = dataset("geuvadis/chr22.bcf");
    bits::assert_equal("BCF", &vcf, &bits::everything(&study.assoc("bcf.h5", &[])));
}
