//! `norna simulate`: the same bytes from a seed, files that others read, traits whose planted effects `norna assoc` finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::need;
use support::oracle;
use support::study::Study;
use support::table::{Table, number};
use support::tools::{self, Need, Run};

/// A folder and cohorts in it.
struct Made(tempfile::TempDir);

impl Made {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn try_simulate(&self, out: &str, flags: &str) -> Run {
        let mut command = tools::norna(["simulate", "--out"]);
        command.arg(self.path(out)).args(flags.split_whitespace());
        tools::run(&mut command)
    }

    #[track_caller]
    fn simulate(&self, out: &str, flags: &str) -> PathBuf {
        self.try_simulate(out, flags).ok();
        self.path(out)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const SMALL: &str = "--n-samples 70 --n-variants 900 --contig 1,chr2";

/// A table below its line of parameters.
fn read_marked(path: &Path) -> Table {
    let text = std::fs::read_to_string(path).unwrap();
    let cells = |line: &str| line.trim_start_matches('#').split('\t').map(str::to_owned).collect();
    let mut lines = text.lines().filter(|line| !line.starts_with("##")).map(cells);
    Table { header: lines.next().unwrap(), rows: lines.collect() }
}

/// Records as bcftools prints them.
fn view(path: &Path, args: &[&str]) -> String {
    tools::run(tools::command("bcftools").arg("view").args(args).arg(path)).ok().stdout
}

#[test]
fn bytes_depend_on_the_seed_and_not_on_threads() {
    let flags = "--n-samples 1100 --n-variants 700 --format-fields GT:DS:GP --missing-genotypes 0.02 --n-traits 3 \
                 --n-binary-traits 1 --missing-traits 0.1";
    for end in ["vcf.gz", "bcf"] {
        let (one, three, other) = (Made::new(), Made::new(), Made::new());
        one.simulate(&format!("c.{end}"), &format!("{flags} --threads 1"));
        three.simulate(&format!("c.{end}"), &format!("{flags} --threads 3"));
        other.simulate(&format!("c.{end}"), &format!("{flags} --seed 2"));
        assert_eq!(one.names().len(), 5, "{:?}", one.names());
        for name in one.names() {
            assert!(one.bytes(&name) == three.bytes(&name), "{name}: other bytes with other threads");
            assert!(one.bytes(&name) != other.bytes(&name) || name.ends_with("i"), "{name}: the seed says nothing");
        }
    }
}

/// What a seed means is kept: change these digests only where the model changes, and say so in docs/simulate.md.
#[test]
fn a_seed_means_the_same_on_every_machine_and_in_every_version() {
    use sha2::{Digest, Sha256};
    let made = Made::new();
    let flags = "--n-samples 50 --n-variants 200 --format-fields GT:DS:GP --missing-genotypes 0.02 --n-traits 3 \
                 --n-binary-traits 1 --n-covariates 3";
    made.simulate("c.vcf", flags);
    for (name, digest) in [
        ("c.vcf", "befea36bdbe0212e"),
        ("c.pheno.tsv", "634eb85d7eaa49c8"),
        ("c.covar.tsv", "252ebd1e1ffe0a53"),
        ("c.truth.tsv", "917df2b3d4de5c4e"),
    ] {
        let text = String::from_utf8(made.bytes(name)).unwrap();
        let body: String =
            text.lines().filter(|line| !line.starts_with("##")).map(|line| format!("{line}\n")).collect();
        let found: String = Sha256::digest(body.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, digest, "{name}");
    }
}

#[test]
fn bcftools_reads_the_same_from_every_format() {
    need!(Need::Bcftools, Need::Bgzip);
    for fields in ["GT", "GT:DS", "DS", "GT:DS:GP", "GP"] {
        let made = Made::new();
        let flags = format!("{SMALL} --missing-genotypes 0.05 --format-fields {fields}");
        let files = ["a.vcf", "b.vcf.gz", "c.bcf"].map(|name| made.simulate(name, &flags));
        let texts = files.each_ref().map(|path| view(path, &["-H"]));
        assert_eq!(texts[0].lines().count(), 900);
        assert!(texts[0] == texts[1] && texts[0] == texts[2], "{fields}: not the same records");
        let plain = std::fs::read_to_string(&files[0]).unwrap();
        let body: String =
            plain.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        if fields == "GT" {
            assert_eq!(body, texts[0], "bcftools would write it otherwise");
        }
        for path in &files[1..] {
            let pos = body.lines().nth(700).unwrap().split('\t').nth(1).unwrap();
            let region = format!("chr2:{pos}-{pos}");
            assert_eq!(view(path, &["-H", "-r", &region]).lines().count(), 1);
            let all = view(path, &["-H", "-r", "1:1-536870912"]);
            assert_eq!(all.lines().count(), 450);
            let counted = tools::run(tools::command("bcftools").args(["index", "-n"]).arg(path)).ok();
            assert_eq!(counted.stdout.trim(), "900");
        }
        let listed = tools::run(tools::command("tabix").arg("-l").arg(&files[1])).ok();
        assert_eq!(listed.stdout, "1\nchr2\n");
    }
}

#[test]
fn plink2_reads_genotypes_and_tables() {
    need!(Need::Plink2);
    let made = Made::new();
    let vcf = made.simulate("c.vcf.gz", &format!("{SMALL} --n-binary-traits 1 --n-covariates 3 --prevalence 0.4"));
    let mut plink = tools::command("plink2");
    plink
        .arg("--vcf")
        .arg(&vcf)
        .arg("--pheno")
        .arg(made.path("c.pheno.tsv"))
        .arg("--covar")
        .arg(made.path("c.covar.tsv"));
    plink.args(["--glm", "allow-no-covars", "hide-covar", "--out"]).arg(made.path("plink"));
    let run = tools::run(&mut plink).ok();
    assert!(
        run.stdout.contains("1 binary phenotype loaded") || run.stdout.contains("phenotypes loaded"),
        "{}",
        run.stdout
    );
    assert!(made.path("plink.T1.glm.linear").exists() && made.path("plink.B1.glm.logistic.hybrid").exists());
}

#[test]
fn outputs_are_private_marked_and_not_replaced_by_accident() {
    let made = Made::new();
    made.simulate("c.vcf.gz", SMALL);
    let names = made.names();
    assert_eq!(names, ["c.covar.tsv", "c.pheno.tsv", "c.truth.tsv", "c.vcf.gz", "c.vcf.gz.tbi"]);
    for name in &names {
        assert_eq!(std::fs::metadata(made.path(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        if name.ends_with(".tsv") {
            assert!(made.bytes(name).starts_with(b"##source=norna simulate"), "{name}");
        }
    }
    let again = made.try_simulate("c.vcf.gz", SMALL);
    assert!(again.code == 1 && again.stderr.contains("--force"), "{}", again.stderr);
    made.simulate("c.vcf.gz", &format!("{SMALL} --force"));
    for foreign in ["c.vcf.gz", "c.pheno.tsv"] {
        std::fs::write(made.path(foreign), "##fileformat=VCFv4.2\n").unwrap();
        let run = made.try_simulate("c.vcf.gz", &format!("{SMALL} --force"));
        assert!(run.code == 1 && run.stderr.contains("not made by norna simulate"), "{}", run.stderr);
        assert_eq!(made.bytes(foreign), b"##fileformat=VCFv4.2\n");
        std::fs::remove_file(made.path(foreign)).unwrap();
    }
    assert!(made.names().iter().all(|name| !name.starts_with('.')), "{:?}", made.names());
}

#[test]
fn flags_that_cannot_be_meant_are_refused_in_one_line() {
    let made = Made::new();
    for (flags, word) in [
        ("--n-samples 0 --n-variants 5", "--n-samples"),
        ("--n-samples 5 --n-variants 0", "--n-variants"),
        ("--n-samples 5 --n-variants 5 --missing-genotypes 1.5", "--missing-genotypes"),
        ("--n-samples 5 --n-variants 5 --heritability 0.95", "--heritability"),
        ("--n-samples 5 --n-variants 5 --heritability nan", "--heritability"),
        ("--n-samples 5 --n-variants 5 --contig X", "autosomes"),
        ("--n-samples 5 --n-variants 5 --contig 1,1", "twice"),
        ("--n-samples 5 --n-variants 5 --contig 1:3", "do not fit"),
        ("--n-samples 5 --n-variants 5 --contig 1:9,2", "--contig"),
        ("--n-samples 5 --n-variants 5 --contig 1,chr1", "1 and chr1 are one chromosome"),
        ("--n-samples 5 --n-variants 5 --contig 22,", "an empty name"),
        ("--n-samples 5 --n-variants 5 --contig=", "an empty name"),
        ("--n-samples 5 --n-variants 5 --contig chr22:", "a length is missing"),
        ("--n-samples 5 --n-variants 5 --contig 22:1000,000", "must be a number"),
        ("--n-samples 5 --n-variants 5 --contig 22:1e6", "must be a number"),
        ("--n-samples 5 --n-variants 5 --contig 0", "autosomes"),
        ("--n-samples 5 --n-variants 5 --contig=-", "autosomes"),
        ("--n-samples 5 --n-variants 5 --contig PAR1", "autosomes"),
        ("--n-samples 5 --n-variants 5 --population-size 1e300", "--population-size 1e300: must lie between 1 and"),
        ("--n-samples 5 --n-variants 5 --mutation-rate 1", "between 1e-15 and 0.01"),
        ("--n-samples 5 --n-variants 900000000", "name more contigs"),
        ("--n-samples 5 --n-variants 5 --format-fields GT:PL", "--format-fields"),
        ("--n-samples 5 --n-variants 5 --threads 0", "--threads"),
        ("--n-samples 5 --n-variants 5 --n-traits 0", "--n-traits"),
    ] {
        let run = made.try_simulate("c.bcf", flags);
        assert_eq!(run.code, 2, "{flags}: {}", run.stderr);
        assert!(run.stderr.contains(word) && run.stderr.trim_end().lines().count() == 1, "{flags}: {}", run.stderr);
    }
    let run = made.try_simulate("c.txt", "--n-samples 5 --n-variants 5");
    assert!(run.code == 2 && run.stderr.contains(".vcf.gz"), "{}", run.stderr);
    assert!(made.names().is_empty());
}

#[test]
fn lengths_may_have_commas_between_thousands() {
    let made = Made::new();
    made.simulate("c.vcf", "--n-samples 5 --n-variants 40 --contig 21:1,000,000,chr22:2000 --recombination-rate 0");
    let text = std::fs::read_to_string(made.path("c.vcf")).unwrap();
    assert!(text.contains("##contig=<ID=21,length=1000000>\n##contig=<ID=chr22,length=2000>\n"));
    made.simulate("d.vcf", SMALL);
    assert!(std::fs::read_to_string(made.path("d.vcf")).unwrap().contains("--recombination-rate 1e-8 "));
}

/// A cohort that takes long enough to be met while it is made.
const LONG: &str = "--n-samples 2000 --n-variants 100000000 --contig 1:500000000 --threads 1";

/// A run in the background, once its temporary is there.
fn begin(made: &Made, out: &str, flags: &str) -> std::process::Child {
    let mut command = tools::norna(["simulate", "--out"]);
    command.arg(made.path(out)).args(flags.split_whitespace()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    for _ in 0..600 {
        if made.path(&format!(".{out}.simulate.tmp")).exists() {
            return child;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("{out} was not begun");
}

fn signal(child: &std::process::Child, name: &str) {
    tools::run(tools::command("kill").args([name, &child.id().to_string()])).ok();
}

#[test]
fn one_run_at_a_time_makes_a_cohort_and_a_signal_leaves_nothing() {
    let made = Made::new();
    let child = begin(&made, "c.vcf.gz", LONG);
    for (out, flags) in [("c.vcf.gz", SMALL.to_owned()), ("c.bcf", format!("{SMALL} --force"))] {
        let second = made.try_simulate(out, &flags);
        assert_eq!(second.code, 1, "{}", second.stderr);
        let error = second.stderr.lines().last().unwrap();
        assert!(error.starts_with("error: ") && error.contains("another run is writing"), "{}", second.stderr);
    }
    assert_eq!(made.names(), [".c.simulate.lock", ".c.vcf.gz.simulate.tmp"]);
    signal(&child, "-TERM");
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!((ended.status.code(), stderr.lines().last()), (Some(1), Some("error: interrupted; nothing was left")));
    assert!(made.names().is_empty(), "{:?}", made.names());
}

#[test]
fn what_a_killed_run_left_goes_with_the_next_of_its_name() {
    let made = Made::new();
    let mut child = begin(&made, "c.vcf.gz", LONG);
    signal(&child, "-KILL");
    child.wait().unwrap();
    assert_eq!(made.names(), [".c.simulate.lock", ".c.vcf.gz.simulate.tmp"]);
    made.simulate("c.bcf", SMALL);
    assert_eq!(made.names(), ["c.bcf", "c.bcf.csi", "c.covar.tsv", "c.pheno.tsv", "c.truth.tsv"]);
}

#[test]
fn runs_begun_together_give_one_cohort() {
    let made = Made::new();
    let children: Vec<_> = (1..=4)
        .map(|seed| {
            let mut command = tools::norna(["simulate", "--quiet", "--out"]);
            command.arg(made.path("c.vcf.gz")).args(SMALL.split_whitespace()).args(["--seed", &seed.to_string()]);
            command.stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let ended: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let won: Vec<usize> = (0..4).filter(|&i| ended[i].status.success()).collect();
    assert_eq!(won.len(), 1, "{ended:?}");
    assert!(ended.iter().all(|end| end.stderr.iter().filter(|&&b| b == b'\n').count() <= 1), "{ended:?}");
    let alone = Made::new();
    alone.simulate("c.vcf.gz", &format!("{SMALL} --seed {}", won[0] + 1));
    assert_eq!(made.names(), alone.names());
    assert!(alone.names().iter().all(|name| made.bytes(name) == alone.bytes(name)));
}

#[test]
fn several_ranks_are_refused() {
    let made = Made::new();
    let mut command = tools::norna(["simulate", "--n-samples", "5", "--n-variants", "5", "--out"]);
    let run = tools::run(command.arg(made.path("c.vcf")).env("OMPI_COMM_WORLD_SIZE", "2"));
    assert!(run.code == 2 && run.stderr.contains("without mpirun"), "{}", run.stderr);
    assert!(made.names().is_empty());
}

#[test]
fn an_index_is_never_older_than_its_file() {
    let made = Made::new();
    for i in 0..6 {
        for (end, index) in [("vcf.gz", "tbi"), ("bcf", "csi")] {
            let path = made.simulate(&format!("c{i}{end}.{end}"), &format!("{SMALL} --seed {i}"));
            let changed = |path: &Path| std::fs::metadata(path).unwrap().modified().unwrap();
            assert!(changed(&PathBuf::from(format!("{}.{index}", path.display()))) >= changed(&path), "{i} {end}");
        }
    }
}

#[test]
fn force_leaves_nothing_of_the_earlier_cohort() {
    let made = Made::new();
    made.simulate("c.vcf.gz", SMALL);
    std::fs::write(made.path("c.vcf"), "##fileformat=VCFv4.2\n").unwrap();
    let run = made.try_simulate("c.bcf", &format!("{SMALL} --force --n-covariates 0")).ok();
    for name in ["c.vcf.gz", "c.vcf.gz.tbi", "c.covar.tsv"] {
        assert!(run.stderr.contains(&format!("removed: {}", made.path(name).display())), "{name}: {}", run.stderr);
    }
    assert_eq!(made.names(), ["c.bcf", "c.bcf.csi", "c.pheno.tsv", "c.truth.tsv", "c.vcf"]);
    for name in ["c.pheno.tsv", "c.truth.tsv"] {
        std::fs::remove_file(made.path(name)).unwrap();
    }
    let run = made.try_simulate("c.vcf.gz", SMALL);
    assert!(run.code == 1 && run.stderr.contains("c.bcf") && run.stderr.contains("--force"), "{}", run.stderr);
}

#[test]
fn what_the_system_refuses_is_said_once() {
    let made = Made::new();
    let norna = tools::norna(["simulate"]);
    let limited = |limit: &str, flags: &str| {
        let script = format!("ulimit {limit}; exec \"$0\" simulate -q --threads 2 --out \"$1\" {flags}");
        tools::run(tools::command("sh").args(["-c", &script]).arg(norna.get_program()).arg(made.path("c.vcf")))
    };
    let full = limited("-f 8", "--n-samples 500 --n-variants 2000");
    assert!(full.code == 1 && full.stderr.matches("os error").count() == 1, "{}", full.stderr);
    let large = limited("-v 4000000", "--n-samples 500000000 --n-variants 2");
    assert!(large.code == 1 && large.stderr.contains("of memory"), "{}", large.stderr);
    assert_eq!((full.stderr.lines().count(), large.stderr.lines().count()), (1, 1), "{}", large.stderr);
    assert!(made.names().is_empty());
}

#[test]
fn a_binary_trait_of_one_value_is_warned_of() {
    let made = Made::new();
    let run =
        made.try_simulate("c.vcf", "--n-samples 3 --n-variants 50 --n-binary-traits 1 --prevalence 0.000001").ok();
    assert!(run.stderr.contains("one value only") && run.stderr.contains("B1"), "{}", run.stderr);
}

#[test]
fn the_smallest_cohorts_work() {
    need!(Need::Bcftools);
    let made = Made::new();
    for (name, flags) in [
        ("one.bcf", "--n-samples 1 --n-variants 1 --min-causal-maf 0"),
        ("two.vcf.gz", "--n-samples 1 --n-variants 40 --contig 1,2,3 --n-traits 2 --recombination-rate 0"),
        ("full.vcf.gz", "--n-samples 3 --n-variants 100 --contig 7:100 --format-fields GP --n-covariates 0"),
    ] {
        let path = made.simulate(name, flags);
        let n_variants: usize = flags.split_whitespace().nth(3).unwrap().parse().unwrap();
        assert_eq!(view(&path, &["-H"]).lines().count(), n_variants, "{name}");
    }
}

#[test]
fn a_trait_is_the_same_among_any_others() {
    let (few, many) = (Made::new(), Made::new());
    few.simulate("c.vcf", &format!("{SMALL} --n-traits 1 --n-binary-traits 1 --missing-traits 0.2"));
    many.simulate("c.vcf", &format!("{SMALL} --n-traits 5 --n-null-traits 2 --n-binary-traits 3 --missing-traits 0.2"));
    let few = read_marked(&few.path("c.pheno.tsv"));
    let many = read_marked(&many.path("c.pheno.tsv"));
    assert_eq!(many.header.len(), 11);
    assert_eq!(few, many.select(|name| name == "T1" || name == "B1"));
    let n_missing = |name: &str| many.rows.iter().filter(|row| row[many.column(name)] == "NA").count();
    assert!((2..=28).contains(&n_missing("T1")) && many.rows.iter().any(|row| (row[1] == "NA") != (row[2] == "NA")));
    let shared = Made::new();
    shared.simulate("c.vcf", &format!("{SMALL} --n-traits 3 --missing-traits 0.2 --missing-pattern shared"));
    let shared = read_marked(&shared.path("c.pheno.tsv"));
    assert!(shared.rows.iter().all(|row| (row[1] == "NA") == (row[2] == "NA") && (row[1] == "NA") == (row[3] == "NA")));
    assert!(shared.rows.iter().any(|row| row[1] == "NA"));
}

/// One causal variant a trait, so that its marginal effect is the planted one.
#[test]
fn assoc_finds_planted_effects_and_null_traits_are_calibrated() {
    for (end, fields) in [("vcf.gz", "GT"), ("bcf", "GT:DS:GP")] {
        let made = Made::new();
        let flags = "--n-samples 900 --n-variants 3000 --n-traits 12 --n-null-traits 40 --n-causal 1 --heritability 0.1 \
                     --n-covariates 3 --min-causal-maf 0.05 --recombination-rate 1e-7 --missing-traits 0.05";
        let vcf = made.simulate(&format!("c.{end}"), &format!("{flags} --format-fields {fields}"));
        let study = Study::of_files(&vcf, &made.path("c.pheno.tsv"), Some(&made.path("c.covar.tsv")));
        let results = study.assoc("out.h5", &["--maf", "0.01"]);
        let truth = read_marked(&made.path("c.truth.tsv"));
        assert_eq!(truth.rows.len(), 12);
        for effect in &truth.rows {
            let rows = oracle::rows(&study.export(&results, &effect[truth.column("TRAIT")]));
            let found = rows.iter().find(|row| row.id == effect[truth.column("ID")]).unwrap();
            let beta = number(&effect[truth.column("BETA")]);
            assert!((found.beta - beta).abs() < 5.0 * found.se, "{fields} {effect:?}: {} {}", found.beta, found.se);
            assert!(found.log10p > 6.0, "{fields} {effect:?}: {}", found.log10p);
        }
        let info = tools::run(tools::norna(["info", "--json"]).arg(&results)).ok();
        let info: serde_json::Value = serde_json::from_str(&info.stdout).unwrap();
        let lambdas: HashMap<&str, f64> = info["trait_list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["name"].as_str().unwrap(), one["genomic_control"].as_f64().unwrap()))
            .collect();
        let null: Vec<f64> =
            lambdas.iter().filter(|(name, _)| name.starts_with('N')).map(|(_, &lambda)| lambda).collect();
        let mean = null.iter().sum::<f64>() / null.len() as f64;
        assert!(null.len() == 40 && (0.85..1.15).contains(&mean), "{fields}: mean λ {mean}");
    }
}
