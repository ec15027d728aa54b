use clap::Parser as _;

use super::super::workdir::OutputKind;
use super::*;
use crate::cli::{Cli, Command};

fn parse(line: &str) -> Command {
    Cli::try_parse_from(line.split_whitespace()).unwrap().command
}

#[test]
fn the_gate_stops_on_a_swap_and_leaves_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path().display();
    let made = format!(
        "norna simulate --out {at}/p.vcf --n-samples 6 --n-variants 300 --contig 22:60000 --seed 1 --reads {at}/reads --swap 1"
    );
    let Command::Simulate(args) = parse(&made) else { panic!("another command") };
    crate::cli::simulate::run(&args).unwrap();
    let gate_of = |list: &str, out: &str, only: Option<&HashSet<String>>| {
        let line = format!("norna identity -q --bam-list {at}/{list} --vcf {at}/p.vcf --out {at}/{out}.identity.tsv");
        let Command::Identity(args) = parse(&line) else { panic!("another command") };
        let config = args.validate().unwrap();
        let outer = RunOptions {
            recorded: crate::provenance::Recorded::default(),
            out: dir.path().join(out),
            kind: OutputKind::Hdf5,
            manner: config.run.manner,
            threads: Some(2),
            time_limit: None,
            dry_run: false,
            log_level: log::LevelFilter::Off,
            files: Vec::new(),
            resolved: serde_json::Value::Null,
            command: serde_json::Value::Null,
        };
        let mut verdict = Verdict::default();
        session::run(&outer, |session, _| {
            let reads = ReadInput::open(&config.reads)?;
            verdict = gate(session, &config.run, &reads, &config.options, only)?;
            Ok(())
        })
        .unwrap();
        let table = std::fs::read_to_string(dir.path().join(format!("{out}.identity.tsv"))).unwrap();
        assert!(!dir.path().join(format!("{out}.identity.tsv.norna")).exists());
        (verdict, table)
    };
    let (verdict, table) = gate_of("reads/bams.txt", "all.h5", None);
    assert_eq!(Verdict::from_bytes(&verdict.to_bytes()).unwrap(), verdict);
    let refusal = verdict.refusal.unwrap();
    assert!(refusal.contains("the reads of 2 samples are not those of the person named: swap 2"), "{refusal}");
    let (right, wrong): (Vec<&str>, Vec<&str>) = table.lines().skip(1).partition(|line| line.contains("\tmatch\t"));
    assert_eq!((right.len(), wrong.len()), (4, 2), "{table}");
    let of_right: String = right
        .iter()
        .map(|line| line.split('\t').next().unwrap())
        .map(|id| format!("{id}\t{at}/reads/{id}.bam\n"))
        .collect();
    std::fs::write(dir.path().join("right.txt"), of_right).unwrap();
    let passed = Verdict { n_samples: 4, vcf_without_reads: 2, ..Verdict::default() };
    assert_eq!(gate_of("right.txt", "right.h5", None).0, passed);
    // Swaps of samples that are not asked about are in the table and stop nothing.
    let only = right[..3].iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
    let (verdict, table) = gate_of("reads/bams.txt", "some.h5", Some(&only));
    assert_eq!(verdict, Verdict { n_samples: 3, ..Verdict::default() });
    assert_eq!(table.matches("\tswap\t").count(), 2);
    let (verdict, _) = gate_of(
        "right.txt",
        "few.h5",
        Some(&wrong.iter().map(|line| line.split('\t').next().unwrap().to_owned()).collect()),
    );
    assert_eq!(verdict, Verdict { vcf_without_reads: 2, ..Verdict::default() });
}
