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
    let gate_of = |list: &str, out: &str| {
        let line = format!("norna identity -q --bam-list {at}/{list} --vcf {at}/p.vcf --out {at}/{out}.identity.tsv");
        let Command::Identity(args) = parse(&line) else { panic!("another command") };
        let config = args.validate().unwrap();
        let outer = RunOptions {
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
        let mut refusal = None;
        session::run(&outer, |session, _| {
            let reads = ReadInput::open(&config.reads)?;
            refusal = gate(session, &config.run, &reads, &config.options)?;
            Ok(())
        })
        .unwrap();
        let table = std::fs::read_to_string(dir.path().join(format!("{out}.identity.tsv"))).unwrap();
        assert!(!dir.path().join(format!("{out}.identity.tsv.norna")).exists());
        (refusal, table)
    };
    let (refusal, table) = gate_of("reads/bams.txt", "all.h5");
    let refusal = refusal.unwrap();
    assert!(refusal.contains("the reads of 2 samples are not those of the person named: swap 2"), "{refusal}");
    let (right, wrong): (Vec<&str>, Vec<&str>) = table.lines().skip(1).partition(|line| line.contains("\tmatch\t"));
    assert_eq!((right.len(), wrong.len()), (4, 2), "{table}");
    let of_right: String = right
        .iter()
        .map(|line| line.split('\t').next().unwrap())
        .map(|id| format!("{id}\t{at}/reads/{id}.bam\n"))
        .collect();
    std::fs::write(dir.path().join("right.txt"), of_right).unwrap();
    assert_eq!(gate_of("right.txt", "right.h5").0, None);
}
