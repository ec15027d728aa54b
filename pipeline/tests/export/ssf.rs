//! GWAS-SSF as the GWAS Catalog's own program sees it, on a cohort of all autosomes.

use crate::support::need;
use crate::support::tools::{self, Need, command, python_env};
use crate::{export, read};

#[test]
fn the_catalog_s_validator_takes_a_whole_cohort() {
    need!(Need::GwasSsf);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let contigs: Vec<String> = (1..=22).map(|n| n.to_string()).collect();
    let mut simulate = tools::norna(["simulate", "--n-samples", "40", "--n-variants", "101000", "--n-traits", "1"]);
    simulate.args(["--contig", &contigs.join(","), "--seed", "5", "--quiet", "--out"]).arg(at("people.bcf"));
    tools::run(&mut simulate).ok();
    let mut assoc = tools::norna(["assoc", "--quiet", "--vcf"]);
    assoc.arg(at("people.bcf")).arg("--pheno").arg(at("people.pheno.tsv")).arg("--out").arg(at("all.h5"));
    tools::run(&mut assoc).ok();
    let study = at("study.toml");
    let facts = "genotyping_technology = [\"Whole genome sequencing\"]\nsex = \"combined\"\n\
                 [samples]\nsample_ancestry_category = [\"European\"]\n";
    std::fs::write(&study, facts).unwrap();
    let args = ["--format", "gwas-ssf", "--genome-assembly", "GRCh38", "--study", study.to_str().unwrap()];
    let (out, run) = export(&at("all.h5"), "ssf", &args);
    let said = run.ok().stderr;
    assert!(!said.contains("validate wants"), "{said}");
    let files = crate::names(&out);
    let data = out.join(files.iter().find(|name| name.ends_with(".tsv.gz")).unwrap());
    let meta = out.join(files.iter().find(|name| name.ends_with("-meta.yaml")).unwrap());
    let ssf = python_env("ssf").join("gwas-ssf");
    let validated = tools::run(command(&ssf).arg("validate").arg(&data)).ok();
    assert!(validated.stdout.contains("Validation status: True"), "{}", validated.stdout);
    let shown = tools::run(command(&ssf).arg("read").arg(&data).arg("-M")).ok().stdout;
    let md5 = tools::run(command("md5sum").arg(&data)).ok().stdout;
    let md5 = md5.split(' ').next().unwrap();
    for line in [format!("data_file_md5sum: {md5}"), "genome_assembly: GRCh38".into(), "is_sorted: true".into()] {
        assert!(shown.contains(&line), "{line} in {shown}");
    }
    let yaml = read(&meta);
    for line in
        ["sex: \"combined\"", "  - \"Whole genome sequencing\"", "sample_size: 40", "coordinate_system: \"1-based\""]
    {
        assert!(yaml.contains(line), "{line} in {yaml}");
    }
    let (_, run) = export(&at("all.h5"), "few", &["--format", "gwas-ssf", "--genome-assembly", "GRCh38", "--chr", "2"]);
    let said = run.ok().stderr;
    assert!(said.contains("wants 100000 rows") && said.contains("no row on 1, 3, 4"), "{said}");
}

#[test]
fn cases_and_controls_stand_in_the_metadata() {
    let (genotypes, covariates, mut traits) = crate::support::refusal::small();
    for (i, row) in traits.rows.iter_mut().enumerate() {
        row[1] = if i % 3 == 0 { "1" } else { "0" }.to_owned();
        row[2] = if i % 4 == 0 { "2" } else { "1" }.to_owned();
    }
    let n = traits.rows.len();
    let study = crate::support::study::Study::write(&genotypes, &traits, Some(&covariates));
    let results = study.assoc("made.h5", &["--linear-on-binary"]);
    let (out, run) = export(&results, "cases", &["--format", "gwas-ssf", "--genome-assembly", "GRCh37"]);
    run.ok();
    for (name, cases) in [("t0", n.div_ceil(3)), ("t1", n.div_ceil(4))] {
        let yaml = read(&out.join(format!("made.{name}.tsv.gz-meta.yaml")));
        for line in [
            "case_control_study: true".to_owned(),
            format!("case_count: {cases}"),
            format!("control_count: {}", n - cases),
        ] {
            assert!(yaml.contains(&line), "no {line} in {yaml}");
        }
    }
}
