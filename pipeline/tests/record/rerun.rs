//! The record of every command, and files made again from it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::tools::{self, Need, Run};
use crate::support::{need, places};
use crate::{digest, info, results, text};

fn rerun(args: &[&str]) -> Run {
    tools::run(&mut tools::norna(["rerun"].iter().chain(args)))
}

/// Runs a printed command in a folder by a shell that finds norna.
fn shell(line: &str, folder: &Path) -> Run {
    let bin = Path::new(env!("CARGO_BIN_EXE_norna")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    tools::run(tools::command("sh").args(["-c", line]).env("PATH", path).current_dir(folder))
}

fn geuvadis() -> String {
    places::dataset("geuvadis").display().to_string()
}

#[test]
fn a_printed_command_makes_the_same_content() {
    let (_, path) = results();
    let folder = tempfile::tempdir().unwrap();
    let printed = rerun(&[text(path), "--dry-run", "--dir", &geuvadis()]).ok();
    assert_eq!(printed.stdout.lines().count(), 1);
    assert_eq!(printed.stderr.matches(": the same").count(), 3, "{}", printed.stderr);
    assert!(printed.stderr.contains("keeps no folders"), "{}", printed.stderr);
    shell(&printed.stdout, folder.path()).ok();
    assert_eq!(digest(&folder.path().join("results.h5")), digest(path));
    let words = tools::run(&mut tools::norna(["info", text(path)])).ok().stdout;
    assert!(words.contains("\n  norna assoc --vcf chr22.vcf.gz --maf 0.1 "), "{words}");
    // Without --dir names alone, and files that are not found are said.
    let printed = rerun(&[text(path), "--dry-run"]).ok();
    assert!(printed.stdout.starts_with("norna assoc --vcf chr22.vcf.gz "), "{}", printed.stdout);
    assert_eq!(printed.stderr.matches(": not found").count(), 3, "{}", printed.stderr);
    assert_eq!(rerun(&[text(path)]).code, 1);
}

#[test]
fn no_folder_user_or_host_is_kept_unless_asked() {
    let (study, path) = results();
    let kept = info(path)["provenance"].to_string();
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert!(!kept.contains("\"/") && !kept.contains(host.trim()), "{kept}");
    for key in ["paths", "hosts", "user"] {
        assert!(info(path)["provenance"].get(key).is_none(), "{key}");
    }
    let whole = study.assoc("whole.h5", &["--maf", "0.1", "--provenance-paths", "--full-checksums"]);
    let provenance = info(&whole)["provenance"].clone();
    assert_eq!(provenance["hosts"][0].as_str(), Some(host.trim()));
    assert_eq!(provenance["inputs"][1]["sha256"], provenance["inputs"][1]["sha256_head"]);
    assert_eq!(digest(&whole), digest(path));
    // It works as it stands, from anywhere.
    let printed = rerun(&[text(&whole), "--dry-run", "--out", text(&study.path("again.h5"))]).ok();
    shell(&printed.stdout, Path::new("/")).ok();
    assert_eq!(digest(&study.path("again.h5")), digest(path));
}

#[test]
fn flags_of_a_configuration_are_in_the_command() {
    let (study, _) = results();
    let lines = format!(
        "vcf = \"{}\"\npheno = [\"{}\"]\npheno-name = \"{}\"\ncovar = \"{}\"\ncovar-name = [\"C1\", \"C2\"]\nrint = true\n\
         chr = 22\nstore = \"compact\"\nmaf = 0.2\n",
        text(&study.vcf),
        text(&study.pheno),
        fs::read_to_string(&study.pheno).unwrap().lines().next().unwrap().split('\t').nth(3).unwrap(),
        text(study.covar.as_ref().unwrap()),
    );
    fs::write(study.path("study.toml"), lines).unwrap();
    let (config, out) = (study.path("study.toml"), study.path("config.h5"));
    let mut command = tools::norna(["assoc", "-q", "--maf", "0.3", "--config", text(&config), "--out", text(&out)]);
    tools::run(&mut command).ok();
    let folder = tempfile::tempdir().unwrap();
    let printed = rerun(&[text(&out), "--dry-run", "--dir", &geuvadis()]).ok();
    assert!(printed.stdout.contains("--maf 0.3") && printed.stdout.contains("C1,C2"), "{}", printed.stdout);
    assert!(!printed.stdout.contains("--config"), "{}", printed.stdout);
    shell(&printed.stdout, folder.path()).ok();
    assert_eq!(digest(&folder.path().join("config.h5")), digest(&out));
}

#[test]
fn changed_inputs_are_told_and_nothing_is_run() {
    let (study, path) = results();
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put("chr22.vcf.gz", &fs::read(&study.vcf).unwrap());
    let traits = fs::read(&study.pheno).unwrap();
    put("covars.tsv", &fs::read(study.covar.as_ref().unwrap()).unwrap()[1..]);
    let mut other = traits.clone();
    *other.last_mut().unwrap() ^= 1;
    put("traits.tsv", &other);
    let said = rerun(&[text(path), "--dir", text(folder.path()), "--json", "--dry-run"]).ok();
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    let found: Vec<&str> = json["inputs"].as_array().unwrap().iter().map(|i| i["found"].as_str().unwrap()).collect();
    assert_eq!(found, ["same", "other_content", "other_size"]);
    let out = folder.path().join("out.h5");
    let said = rerun(&[text(path), "--dir", text(folder.path()), "--out", text(&out)]);
    assert!(said.code == 1 && !out.exists() && said.stderr.contains("--changed-inputs"), "{}", said.stderr);
    // A folder that has the right one goes before.
    let said = rerun(&[text(path), "--dir", text(folder.path()), "--dir", &geuvadis(), "--out", text(&out)]).ok();
    assert!(said.stdout.starts_with("equal: "), "{}", said.stdout);
    // Other values, another content.
    put("covars.tsv", &fs::read(study.covar.as_ref().unwrap()).unwrap());
    let words = String::from_utf8(traits).unwrap();
    put("traits.tsv", words.replacen('3', "4", 40).as_bytes());
    let changed = folder.path().join("changed.h5");
    let flags = ["--dir", text(folder.path()), "--changed-inputs", "--out", text(&changed)];
    let said = rerun(&[&[text(path)], &flags[..]].concat());
    assert!(said.code == 4 && said.stdout.starts_with("different: "), "{}{}", said.stdout, said.stderr);
}

#[test]
fn qtl_and_proteins_are_made_again() {
    let (study, _) = results();
    let out = |name: &str| study.path(name);
    let proteins = out("r.proteins.h5");
    let bed = places::dataset("geuvadis/genes.bed.gz");
    let mut command = tools::norna(["proteins", "-q", "--transform", "rint", "--pcs", "2", "--format", "bed"]);
    tools::run(command.arg(&bed).arg("--out").arg(&proteins)).ok();
    let runs: [(&str, &[&str]); 3] = [
        ("r.cis.h5", &["--permute", "30", "--seed", "7", "--conditional", "--fdr", "0.2"]),
        ("r.nominal.h5", &["--nominal", "--cis-window", "200000"]),
        ("r.trans.h5", &["--trans", "--p-threshold", "1e-4"]),
    ];
    for (name, flags) in runs {
        let mut command = tools::norna(["qtl", "-q", "--vcf"]);
        command.arg(&study.vcf).arg("--proteins").arg(&proteins).args(flags).arg("--out").arg(out(name));
        tools::run(&mut command).ok();
    }
    let folder = proteins.parent().unwrap();
    for name in ["r.proteins.h5", "r.cis.h5", "r.nominal.h5", "r.trans.h5"] {
        let again = out(&format!("again.{name}"));
        let flags = ["--dir", text(folder), "--dir", &geuvadis(), "--out", text(&again)];
        let said = rerun(&[&[text(&out(name))], &flags[..]].concat()).ok();
        assert!(said.stdout.starts_with("equal: "), "{name}: {}", said.stdout);
    }
    assert_eq!(info(&out("r.cis.h5"))["provenance"]["seed"], 7);
}

#[test]
fn depth_is_made_again() {
    need!(Need::Samtools);
    let (study, _) = results();
    let (genotypes, bams, out) = (study.path("s.vcf.gz"), study.path("bams"), study.path("depth.h5"));
    let flags = "--n-samples 3 --n-variants 30 --contig 22:20000 --depth 2 --seed 3 -q";
    let mut command = tools::norna(["simulate"]);
    command.args(flags.split(' ')).arg("--out").arg(&genotypes).arg("--reads").arg(&bams);
    tools::run(&mut command).ok();
    let mut command = tools::norna(["depth", "-q", "--by", "1000", "-T", "1,5", "--bam-list"]);
    tools::run(command.arg(bams.join("bams.txt")).arg("--out").arg(&out)).ok();
    let again = study.path("depth.again.h5");
    let said = rerun(&[text(&out), "--dir", text(&bams), "--out", text(&again), "--json"]).ok();
    let json: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((json["equal"].as_bool(), json["content_digest"]["now"].as_str()), (Some(true), Some(&*digest(&out))));
}

#[test]
fn what_a_terminal_does_not_show_is_quoted() {
    let (study, _) = results();
    let name = "a\u{1b}[31m'b\\\u{202e}c.h5";
    let path = study.assoc(name, &["--maf", "0.4"]);
    let printed = rerun(&[text(&path), "--dry-run", "--dir", &geuvadis()]).ok();
    let line = printed.stdout.strip_suffix('\n').unwrap();
    assert!(line.contains(r"$'a\x1b[31m\'b\\\xe2\x80\xaec.h5'"), "{line}");
    assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    let words = line.replacen("norna ", "printf '%s\n' ", 1);
    let said = tools::run(tools::command("bash").args(["-c", &words])).ok().stdout;
    assert!(said.lines().any(|word| word == name), "{said:?}");
}

#[test]
fn what_the_run_says_is_the_one_error() {
    let (study, path) = results();
    let taken = study.path("taken.h5");
    fs::write(&taken, "mine").unwrap();
    let said = rerun(&[text(path), "--dir", &geuvadis(), "--out", text(&taken)]);
    assert_eq!((said.code, said.stderr.matches("error: ").count()), (1, 1), "{}", said.stderr);
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
    let said = rerun(&[text(path), "--dir", &geuvadis(), "--threads", "0"]);
    assert!(said.code == 2 && said.stderr.contains("--threads"), "{}", said.stderr);
}
