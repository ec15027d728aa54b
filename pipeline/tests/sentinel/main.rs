//! Every command on people whose names are known by a word: it may stand in individual-level outputs, which are named here, and
//! nowhere else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod cohort;
mod search;

use std::collections::BTreeSet;
use std::path::Path;

use cohort::Cohort;
use support::need;
use support::tools::{self, Need, Run};

/// Outputs that hold people by their nature: marked so, and for their owner alone.
const INDIVIDUAL_LEVEL: [&str; 7] =
    ["gl.bcf", "gl.bcf.csi", "identity.tsv", "depth.h5", "proteins.h5", "proteins.plain.h5", "simulated-reads"];

/// Commands that work, in this order: the exit code that is meant, and the words.
const SOUND: &[(i32, &str)] = &[
    (0, "simulate --out out/simulated.vcf.gz --n-samples 8 --n-variants 50 --contig 22:100000"),
    (0, "simulate --genotypes in/people.vcf.gz --reads out/simulated-reads --depth 2"),
    (
        0,
        "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --covar in/covars.tsv --pheno-name T1,T2 --out out/full.h5",
    ),
    (
        0,
        "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --covar in/covars.tsv --pheno-name T1,T2 --out out/full.h5 --force",
    ),
    (0, "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --linear-on-binary --store compact --out out/compact.h5"),
    (
        0,
        "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --keep in/some.txt --store hits --p-threshold 0.05 \
         --out out/hits.h5",
    ),
    (
        0,
        "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --remove in/some.txt --dry-run --out out/none.h5",
    ),
    (0, "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --out out/joined.h5 --join"),
    (0, "status out/joined.h5"),
    (0, "merge out/joined.h5"),
    (
        0,
        "assoc --bam-list in/bams.txt --fasta in/reads/reference.fa --sites in/reads/sites.vcf.gz --pheno in/traits.tsv \
         --pheno-name T1 --out out/from-reads.h5",
    ),
    (0, "reads --bam-list in/bams.txt --fasta in/reads/reference.fa --sites in/reads/sites.vcf.gz --out out/gl.bcf"),
    (0, "identity --bam-list in/bams.txt --fasta in/reads/reference.fa --vcf in/people.vcf.gz --out out/identity.tsv"),
    (0, "depth --bam-list in/bams.txt --by 1000 --out out/depth.h5"),
    (0, "proteins in/traits.tsv --format wide --annotation in/genes.gtf --out out/proteins.h5"),
    (0, "proteins in/traits.tsv --format wide --out out/proteins.plain.h5 --json"),
    (
        0,
        "qtl --vcf in/people.vcf.gz --proteins out/proteins.h5 --permute 100 --nominal --conditional --fdr 0.9 --out out/cis.h5",
    ),
    (
        0,
        "qtl --vcf in/people.vcf.gz --proteins out/proteins.h5 --trans --cis-window 1000 --p-threshold 0.05 --out out/trans.h5",
    ),
    (0, "assoc --vcf in/people.vcf.gz --proteins out/proteins.h5 --out out/proteins-assoc.h5"),
    (0, "info out/full.h5 --json"),
    (0, "info out/cis.h5"),
    (0, "info out/proteins.h5 --json"),
    (0, "info out/depth.h5 --json"),
    (0, "top out/full.h5"),
    (0, "top out/cis.h5 --json"),
    (1, "top out/proteins.h5"),
    (0, "export out/full.h5 --trait * -o out/full.tsv.gz"),
    (0, "export out/cis.h5 -o out/cis.tsv"),
    (1, "export out/proteins.h5 -o out/none.tsv"),
    (0, "export out/full.h5 --trait * --format plink -o out/plink"),
    (0, "export out/full.h5 --trait * --format regenie -o out/regenie"),
    (0, "export out/compact.h5 --trait * --format gwas-ssf --genome-assembly GRCh37 -o out/ssf"),
    (0, "export out/full.h5 --trait * --format parquet -o out/parquet"),
    (0, "export out/full.h5 --trait * --policy default -o out/let-out.tsv"),
    (5, "disclose out/full.h5"),
    (5, "disclose out/proteins.h5 --json"),
    (5, "disclose out/gl.bcf"),
    (0, "clump out/full.h5 --vcf in/people.vcf.gz --p 0.01 --out out/clumps.tsv"),
    (0, "plot out/full.h5 --trait T1 --kind manhattan -o out/manhattan.svg"),
    (0, "plot out/full.h5 --trait T1 --kind qq -o out/qq.svg"),
    (
        0,
        "plot out/full.h5 --trait T1 --kind regional --vcf in/people.vcf.gz --annotation in/genes.gtf -o out/regional.svg",
    ),
    (0, "report out/full.h5 --vcf in/people.vcf.gz -o out/report"),
    (0, "report out/trans.h5 -o out/report-of-proteins"),
    (0, "rerun out/full.h5 --dry-run --dir in"),
    (0, "rerun out/hits.h5 --dir in --out out/again.h5"),
    (1, "diff out/full.h5 out/hits.h5"),
    (1, "diff out/proteins.h5 out/proteins.plain.h5 --json"),
    (0, "verify out/full.h5"),
    (0, "verify out/proteins.h5"),
    (0, "verify out/depth.h5"),
    (0, "verify out/cis.h5 --json"),
    (0, "status out/full.h5 --json"),
    (
        0,
        "plan --cores-per-node 4 -- assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --out out/planned.h5",
    ),
    (
        0,
        "submit --profile generic --dry-run -- assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --out out/job.h5",
    ),
    (0, "profile list"),
    (2, "bench compare"),
];

/// Commands on tables and files that are wrong where a name stands; none of them may tell it.
const UNSOUND: &[&str] = &[
    "assoc --vcf in/people.vcf.gz --pheno bad/repeated.tsv --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno bad/not-a-number.tsv --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno bad/short-row.tsv --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno bad/no-header.tsv --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno bad/strangers.tsv --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --covar bad/not-a-number.tsv --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --covar bad/repeated.tsv --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --sex bad/sex.txt --out out/bad.h5",
    "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --pred bad/pred.list --out out/bad.h5",
    "assoc --vcf bad/repeated.vcf --pheno in/traits.tsv --pheno-name T1 --out out/bad.h5",
    "assoc --vcf bad/genotype.vcf --pheno in/traits.tsv --pheno-name T1 --out out/bad.h5",
    "assoc --vcf bad/cut.vcf --pheno in/traits.tsv --pheno-name T1 --out out/bad.h5",
    "reads --bam-list bad/bams-missing.txt --fasta in/reads/reference.fa --sites in/reads/sites.vcf.gz --out out/bad.bcf",
    "reads --bam-list bad/bams-cut.txt --fasta in/reads/reference.fa --sites in/reads/sites.vcf.gz --out out/bad.bcf",
    "reads --bam-list bad/bams-repeated.txt --fasta in/reads/reference.fa --sites in/reads/sites.vcf.gz --out out/bad.bcf",
    "identity --bam-list bad/bams-cut.txt --fasta in/reads/reference.fa --vcf in/people.vcf.gz --out out/bad.tsv",
    "identity --bam-list in/bams.txt --fasta in/reads/reference.fa --vcf in/people.vcf.gz --pairs bad/pairs.txt --out out/bad.tsv",
    "depth --bam-list bad/bams-no-index.txt --by 1000 --out out/bad-depth.h5",
    "proteins bad/repeated.tsv --format wide --out out/bad-proteins.h5",
    "proteins bad/not-a-number.tsv --format wide --out out/bad-proteins.h5",
    "proteins bad/short-row.tsv --format wide --out out/bad-proteins.h5",
    "proteins in/traits.tsv --format wide --sample-map bad/map.txt --out out/bad-proteins.h5",
    "clump out/full.h5 --vcf bad/repeated.vcf --p 0.01 --out out/bad.tsv",
    "plot out/full.h5 --trait T1 --kind regional --vcf bad/repeated.vcf -o out/bad.svg",
    "report out/full.h5 --vcf bad/repeated.vcf -o out/bad-report",
    "qtl --vcf bad/repeated.vcf --proteins out/proteins.h5 --out out/bad-cis.h5",
    "qtl --vcf in/people.vcf.gz --proteins out/proteins.h5 --covar bad/not-a-number.tsv --out out/bad-cis.h5",
];

fn run(cohort: &Cohort, words: &str) -> Run {
    let mut command = tools::norna(words.split_whitespace());
    tools::run(command.current_dir(cohort.path("")))
}

#[track_caller]
fn assert_silent(words: &str, run: &Run) {
    for (stream, text) in [("standard output", &run.stdout), ("standard error", &run.stderr)] {
        assert!(!search::holds(text.as_bytes()), "a sample ID in the {stream} of norna {words}: {text}");
    }
}

/// The subcommands that `norna --help` lists.
fn subcommands() -> BTreeSet<String> {
    let help = tools::run(&mut tools::norna(["--help"])).ok().stdout;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn no_command_of_the_suite_is_left_out() {
    let run: BTreeSet<String> = SOUND.iter().map(|(_, words)| words.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(subcommands(), run, "what norna can do, and what is run here");
}

#[test]
fn names_of_people_stay_in_individual_level_outputs() {
    need!(Need::Bgzip, Need::Recipes);
    let cohort = Cohort::new();
    for (code, words) in SOUND {
        let run = run(&cohort, words);
        assert_eq!(run.code, *code, "norna {words}\n{}{}", run.stdout, run.stderr);
        assert_silent(words, &run);
    }
    if tools::have(Need::Mpirun) {
        let words = "assoc --vcf in/people.vcf.gz --pheno in/traits.tsv --pheno-name T1 --out out/ranks.h5";
        let run = tools::run(tools::mpirun(2, words.split_whitespace()).current_dir(cohort.path(""))).ok();
        assert_silent(words, &run);
    }
    for words in UNSOUND {
        let run = run(&cohort, words);
        assert!(run.code == 1 && !run.stderr.is_empty(), "norna {words}: {} {}", run.code, run.stderr);
        assert_silent(words, &run);
    }
    let found = search::files_with_names(&cohort.path("out"));
    let of = |path: &Path| INDIVIDUAL_LEVEL.contains(&path.components().next().unwrap().as_os_str().to_str().unwrap());
    let elsewhere: Vec<_> = found.iter().filter(|path| !of(path)).collect();
    assert!(elsewhere.is_empty(), "sample IDs in {elsewhere:?}");
    // What is exempt has to be so: it holds names, and nobody else may read it.
    for name in ["gl.bcf", "identity.tsv", "depth.h5", "proteins.h5"] {
        assert!(found.iter().any(|path| path == Path::new(name)), "no sample ID in {name}: {found:?}");
        assert_eq!(search::mode(&cohort.path("out").join(name)), 0o600, "{name}");
    }
}
