//! Names that are no names of files, folders that must not be lost, flags that do not fit.

use crate::support::refusal;
use crate::support::table::Table;
use crate::support::tools;
use crate::{export, names, read, shared};

#[test]
fn strange_names_of_traits_become_names_of_files() {
    let (genotypes, covariates, traits) = refusal::small();
    let mut header = traits.header.clone();
    header[1] = "../b".to_owned();
    header[2] = "..|b".to_owned();
    let traits = Table { header, ..traits };
    let study = crate::support::study::Study::write(&genotypes, &traits, Some(&covariates));
    let results = study.assoc("odd.h5", &["--linear-on-binary"]);
    let (folder, run) = export(&results, "odd", &["--format", "regenie"]);
    run.ok();
    assert_eq!(names(&folder), ["_norna_export.json", "odd_.._b-2.regenie", "odd_.._b.regenie"]);
    let manifest: serde_json::Value = serde_json::from_str(&read(&folder.join("_norna_export.json"))).unwrap();
    assert_eq!(manifest["traits"][0]["trait"], "../b");
    assert_eq!(manifest["traits"][0]["file"], "odd_.._b.regenie");
    assert_eq!(manifest["traits"][1]["file"], "odd_.._b-2.regenie");
}

#[test]
fn folders_are_whole_and_nothing_else_is_lost() {
    let shared = shared();
    let plink = ["--format", "plink", "--chr", "22"];
    let again = |more: &[&'static str]| {
        let args: Vec<&str> = plink.iter().copied().chain(more.iter().copied()).collect();
        export(&shared.full, "kept", &args)
    };
    let (folder, run) = again(&[]);
    run.ok();
    let (_, run) = again(&[]);
    assert!(run.code != 0 && run.stderr.contains("exists") && run.stderr.contains("--force"), "{}", run.stderr);
    let before = names(&folder);
    again(&["--force"]).1.ok();
    assert_eq!(names(&folder), before);
    std::fs::write(folder.join("notes.txt"), "mine").unwrap();
    let (_, run) = again(&["--force"]);
    assert!(run.code != 0 && run.stderr.contains("notes.txt"), "{}", run.stderr);
    assert_eq!(read(&folder.join("notes.txt")), "mine");
    let siblings = names(folder.parent().unwrap());
    assert!(!siblings.iter().any(|name| name.contains(".tmp") || name.contains(".old")), "{siblings:?}");
    let other = shared.full.with_file_name("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("thesis.tex"), "mine").unwrap();
    let (_, run) = export(&shared.full, "other", &["--format", "parquet", "--force"]);
    assert!(run.code != 0 && run.stderr.contains("did not write"), "{}", run.stderr);
    assert_eq!(names(&other), ["thesis.tex"]);
    let (_, run) = export(&shared.full, "full.h5", &["--format", "parquet", "--force"]);
    assert!(run.code != 0 && shared.full.is_file(), "{}", run.stderr);
}

#[test]
fn force_replaces_only_what_norna_wrote() {
    let shared = shared();
    let at = |name: &str| shared.study.path(name);
    let vcf = std::fs::read(&shared.study.vcf).unwrap();
    let traits = std::fs::read(&shared.study.pheno).unwrap();
    let policy = tools::run(&mut tools::norna(["disclose", "--print-policy"])).ok().stdout.into_bytes();
    let results = std::fs::read(&shared.hits).unwrap();
    let plink = b"#CHROM\tPOS\tID\tREF\tALT\tA1\tTEST\tOBS_CT\n".to_vec();
    let svg = b"<svg role=\"img\"></svg>\n".to_vec();
    for (name, bytes) in [
        ("mine.vcf.gz", vcf),
        ("mine.tsv", traits),
        ("mine.toml", policy),
        ("mine.h5", results),
        ("mine.glm", plink),
        ("mine.svg", svg),
        ("broken.gz", b"\x1f\x8b\x08broken".to_vec()),
    ] {
        std::fs::write(at(name), &bytes).unwrap();
        std::fs::write(at(&format!("{name}.tbi")), "mine").unwrap();
        let out = at(name);
        let more: &[&str] = if name == "mine.toml" { &["--policy", out.to_str().unwrap()] } else { &[] };
        let (_, run) = export(&shared.full, name, &[&["--force"], more].concat());
        assert_eq!((run.code, run.stderr.lines().count()), (1, 1), "{name}: {}", run.stderr);
        let word = if name == "mine.toml" { "that the command reads" } else { "is not a table that norna wrote" };
        assert!(run.stderr.contains(word), "{name}: {}", run.stderr);
        assert_eq!(std::fs::read(&out).unwrap(), bytes, "{name}");
        let plotted = ["plot", shared.full.to_str().unwrap(), "--trait", "ENSG00000131100", "--force", "-o"];
        let run = tools::run(tools::norna(plotted).arg(&out));
        assert!(run.code == 1 && run.stderr.contains("is not a chart that norna wrote"), "{name}: {}", run.stderr);
        assert_eq!(std::fs::read(&out).unwrap(), bytes, "{name}");
        assert_eq!(read(&at(&format!("{name}.tbi"))), "mine");
    }
    let (_, run) = export(&shared.full, "new.tsv.gz", &[]);
    run.ok();
    std::fs::write(at("new.tsv.gz.tbi"), "mine").unwrap();
    let (_, run) = export(&shared.full, "new.tsv.gz", &["--force"]);
    assert!(run.code == 1 && run.stderr.contains("is not an index that norna wrote"), "{}", run.stderr);
}

#[test]
fn force_replaces_what_norna_wrote() {
    let shared = shared();
    let full = shared.full.to_str().unwrap();
    std::fs::write(shared.study.path("again.tsv"), "").unwrap();
    for (name, args) in [
        ("again.tsv", &["export", full, "--trait", "*"][..]),
        ("again.tsv", &["export", full, "--trait", "ENSG00000131100"]),
        ("again.tsv.gz", &["export", full, "--trait", "*"]),
        ("again.tsv", &["clump", full]),
        ("again.tsv", &["clump", full, "--json"]),
        ("again.svg", &["plot", full, "--trait", "ENSG00000131100"]),
    ] {
        let run = || tools::run(tools::norna(args).args(["--force", "-o"]).arg(shared.study.path(name))).ok();
        run();
        let before = std::fs::read(shared.study.path(name)).unwrap();
        run();
        assert_eq!(std::fs::read(shared.study.path(name)).unwrap(), before, "{args:?}");
    }
}

#[test]
fn flags_that_do_not_fit_are_refused() {
    let shared = shared();
    let study = shared.study.path("bad.toml");
    std::fs::write(&study, "genome_assembly = \"GRCh37\"\nsexx = \"M\"\n").unwrap();
    let unknown = shared.study.path("unknown.toml");
    std::fs::write(&unknown, "genome_assembly = \"GRCh37\"\n[traits.NOBODY]\ntrait_description = \"x\"\n").unwrap();
    let written = |name: &str, text: &str| {
        std::fs::write(shared.study.path(name), text).unwrap();
        shared.study.path(name).to_str().unwrap().to_owned()
    };
    let genome = written("genome.toml", "genome_assembly = \"hg99\"\n");
    let limit = written("limit.toml", "genome_assembly = \"GRCh37\"\nminor_allele_freq_lower_limit = 7\n");
    let cases: [(&[&str], &str); 8] = [
        (&["--format", "gwas-ssf", "--study", &genome], "hg99"),
        (&["--format", "gwas-ssf", "--study", &limit], "0 to 0.5"),
        (&["--format", "gwas-ssf"], "--genome-assembly"),
        (&["--format", "gwas-ssf", "--study", study.to_str().unwrap()], "line 2"),
        (&["--format", "gwas-ssf", "--study", unknown.to_str().unwrap()], "NOBODY"),
        (&["--format", "plink", "--genome-assembly", "GRCh37"], "--genome-assembly"),
        (&["--format", "regenie", "--a1-freq"], "--a1-freq"),
        (&["--policy", "no-such-policy"], "no-such-policy"),
    ];
    for (args, word) in cases {
        let (out, run) = export(&shared.full, "refused", args);
        assert!(run.code != 0 && run.stderr.contains(word), "{args:?}: {}", run.stderr);
        assert_eq!(run.stderr.trim_end().lines().count(), 1, "{}", run.stderr);
        assert!(!out.exists());
        let is_of_flags = !args.contains(&"--study") && !args.contains(&"--policy");
        assert_eq!(run.code == 2, is_of_flags, "{args:?}: {}", run.code);
    }
    let (_, run) = export(&shared.full, "refused", &["--format", "gwas-ssf", "--genome-assembly", "GR ch<>"]);
    assert!(run.code == 2 && run.stderr.contains("GRCh38"), "{}", run.stderr);
    let run = tools::run(tools::norna(["export"]).arg(&shared.full).args(["--trait", "*", "--format", "plink"]));
    assert!(run.code == 2 && run.stderr.contains("-o"), "{}", run.stderr);
}
