//! Prints the tables of docs/scaling.md: shards of real timings dealt to simulated ranks.
#![allow(clippy::print_stdout, reason = "tables are what it is for")]

use std::path::PathBuf;

use clap::Parser;
use norna_benches::claims::dealing::{RankShape, Wire, deal};
use norna_benches::claims::joining::{Grouping, Idle, JobShape, jobs, join};
use norna_benches::claims::random::Random;
use norna_benches::claims::serial::{Cluster, Measured, Serial, Telling};
use norna_benches::claims::study::{Rule, Study, seconds};
use norna_benches::claims::timings::Timings;

/// Simulates the claiming of shards, up to thousands of ranks.
#[derive(Debug, Parser)]
struct Args {
    /// Lines "shard N: R variants in S s, B bytes" of a real run
    #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/record/2026-11-22-shards.txt"))]
    timings: PathBuf,
    /// Seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Seconds that a shard takes whatever its size: what more and smaller shards cost in the record.
const PER_SHARD: f64 = 0.030;
/// Variants of the study; the other is a hundred times as large.
const N_VARIANTS: f64 = 20e6;
const N_TRAITS: f64 = 3000.0;
const MIB: u64 = 1 << 20;

const MEASURED: Measured = Measured {
    open_seconds: 6.7,
    table_bytes: 1.43e9,
    variant_seconds: 0.4e-6,
    matrix_rate: 0.7e9,
    tally_bytes: 3.2e6,
    tally_rate: 300e6,
    part_bytes: 28.0,
    part_variants: 167.0,
};
const CLUSTER: Cluster = Cluster { ranks_per_node: 8.0, node_rate: 10e9, disk_rate: 100e9, opens: 20e3 };
const WIRE: Wire =
    Wire { service: 8e-6, latency: 10e-6, pause: 110e-6, patience: 1e-3, glance: 110e-6, held: 1, twice: false };
/// Jobs claim groups of shards; a dead one's comes back after so many seconds.
const LEASE: f64 = 120.0;

const RULES: [(&str, Rule); 6] = [
    ("8 MiB", Rule::Even { parts: 512, least: MIB / 2, most: 8 * MIB }),
    ("2 MiB", Rule::Even { parts: 512, least: MIB / 2, most: 2 * MIB }),
    ("1/2048, 0.25 to 8", Rule::Even { parts: 2048, least: MIB / 4, most: 8 * MIB }),
    ("8 MiB, 1 of 16 in 16", Rule::Tapered { parts: 512, least: MIB / 4, most: 8 * MIB, by: 16, levels: 1 }),
    ("8 MiB, 1 of 8 in 8", Rule::Tapered { parts: 512, least: MIB / 4, most: 8 * MIB, by: 8, levels: 1 }),
    ("8 MiB, 1 of 4 in 4, twice", Rule::Tapered { parts: 512, least: MIB / 4, most: 8 * MIB, by: 4, levels: 2 }),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let text = std::fs::read_to_string(&args.timings).map_err(|e| format!("{}: {e}", args.timings.display()))?;
    let timings = Timings::parse(&text, PER_SHARD)?;
    println!(
        "{:.2} core-hours and {:.0} GB of input for {:.0} million variants, shards not counted",
        N_VARIANTS * timings.bytes_per_variant() * timings.seconds_per_byte() / 3600.0,
        N_VARIANTS * timings.bytes_per_variant() / 1e9,
        N_VARIANTS / 1e6
    );
    for scale in [0.02, 1.0, 100.0] {
        let study = Study::new(N_VARIANTS * scale, &timings);
        dealing(&study, scale, &timings, args.seed);
    }
    let study = Study::new(N_VARIANTS, &timings);
    serial(timings.seconds_per_byte() * timings.bytes_per_variant());
    joining(&study, &timings, args.seed);
    failing(&study, &timings, args.seed);
    Ok(())
}

/// A share of ranks that are slower.
const SLOW: [(&str, f64, f64); 4] = [
    ("all alike", 0.0, 1.0),
    ("10 % at half speed", 0.1, 0.5),
    ("1 % at a tenth", 0.01, 0.1),
    ("one at a tenth", 0.0, 0.1),
];

/// Efficiency of the shards alone: what the cores could do, less what shards cost by being small, against what they did.
fn dealing(study: &Study, scale: f64, timings: &Timings, seed: u64) {
    println!("\n## Shards: {} million variants, {:.0} GB", N_VARIANTS * scale / 1e6, study.bytes() as f64 / 1e9);
    let ideal = study.bytes() as f64 * timings.seconds_per_byte();
    let threads = if scale > 10.0 { 16 } else { 1 };
    let counts: &[usize] = if scale < 1.0 { &[1, 16, 128, 512] } else { &[1, 16, 128, 512, 1024, 4096] };
    for (name, share, speed) in SLOW {
        println!("\n{name}, {threads} threads a rank\n");
        print!("| rule | shards |");
        counts.iter().for_each(|n| print!(" {n} |"));
        println!("\n|---|---|{}", "---|".repeat(counts.len()));
        for (rule_name, rule) in RULES {
            let ways = [
                ("", WIRE),
                (", claimed ahead", Wire { held: 2, ..WIRE }),
                (", the last ones twice", Wire { twice: true, ..WIRE }),
            ];
            let n_ways = if rule_name == "8 MiB" { 3 } else { 1 };
            for (way, wire) in &ways[..n_ways] {
                let shards = study.shards(rule);
                print!("| {rule_name}{} | {} |", way, shards.len());
                for &n in counts {
                    let mut random = Random::new(seed);
                    let costs = seconds(&shards, timings, &mut random);
                    let one = |rank: usize| share == 0.0 && speed < 1.0 && rank == n / 2;
                    let shape = |rank| {
                        let slow = random.uniform() < share || one(rank);
                        RankShape { threads, speed: if slow { speed } else { 1.0 }, ready: 0.0 }
                    };
                    let ranks: Vec<RankShape> = (0..n).map(shape).collect();
                    let power: f64 = ranks.iter().map(|rank| f64::from(rank.threads) * rank.speed).sum();
                    let outcome = deal(&costs, &ranks, wire, &mut random);
                    print!(" {:.1} |", 100.0 * ideal / (power * outcome.end));
                }
                println!();
            }
        }
    }
}

/// What rank 0 and the file system do while everybody waits.
fn serial(seconds_per_variant: f64) {
    for (scale, threads) in [(1.0, 1.0), (1.0, 16.0), (100.0, 16.0)] {
        let (n_variants, core_seconds) = (N_VARIANTS * scale, N_VARIANTS * scale * seconds_per_variant);
        println!(
            "\n## Serial parts, seconds: {} million variants, --store full, {threads} threads a rank\n",
            n_variants / 1e6
        );
        println!("| ranks | how | shards | open | accounts | opening spools | variants | matrices | rank 0 holds GB |");
        println!("|---|---|---|---|---|---|---|---|---|");
        for ranks in [1, 16, 128, 512, 1024, 4096] {
            for telling in [Telling::Before, Telling::Now, Telling::Tree] {
                let s = Serial::new((ranks, telling), (n_variants, 8.0 * n_variants * N_TRAITS), &MEASURED, &CLUSTER);
                println!(
                    "| {ranks} | {telling:?} | {:.1} | {:.1} | {:.2} | {:.2} | {:.1} | {:.1} | {:.2} |",
                    core_seconds / (ranks as f64 * threads),
                    s.open,
                    s.tell,
                    s.spools,
                    s.variants,
                    s.matrices,
                    s.root_bytes / 1e9
                );
            }
        }
    }
}

const GROUPINGS: [(&str, Grouping, Idle); 6] = [
    ("128 equal groups", Grouping::Equal(128), Idle::Waits),
    ("256 equal groups", Grouping::Equal(256), Idle::Waits),
    ("1,024 equal groups", Grouping::Equal(1024), Idle::Waits),
    ("128 falling groups", Grouping::Falling(128), Idle::Waits),
    ("128 equal groups, idle jobs help", Grouping::Equal(128), Idle::Helps),
    ("128 falling groups, idle jobs help", Grouping::Falling(128), Idle::Helps),
];

/// Jobs that claim groups: efficiency from the first job's start.
fn joining(study: &Study, timings: &Timings, seed: u64) {
    println!("\n## Jobs that join, 16 threads each");
    let shards = study.shards(RULES[0].1);
    let ideal = study.bytes() as f64 * timings.seconds_per_byte();
    for (name, slow, spread) in [
        ("all alike", (0.0, 1.0), 0.0),
        ("10 % at half speed, one at a tenth", (0.1, 0.5), 0.0),
        ("start within 300 s", (0.0, 1.0), 300.0),
    ] {
        println!("\n{name}\n\n| groups | 2 | 8 | 16 | 32 | 64 | 100 |\n|---|---|---|---|---|---|---|");
        for (grouping_name, grouping, idle) in GROUPINGS {
            print!("| {grouping_name} |");
            for n in [2, 8, 16, 32, 64, 100] {
                let mut random = Random::new(seed);
                let costs = seconds(&shards, timings, &mut random);
                let mut all = jobs(n, 16, slow, spread, 0.0, &mut random);
                if slow.0 > 0.0 {
                    all[0].speed = 0.1;
                }
                let end = join(&costs, (grouping, idle), &all, LEASE);
                let could: f64 = all.iter().map(|job| 16.0 * job.speed * (end - job.ready).max(0.0)).sum();
                print!(" {:.1} |", 100.0 * ideal / could);
            }
            println!();
        }
    }
}

/// A job that dies in the middle: MPI, where all start again; and jobs that join.
fn failing(study: &Study, timings: &Timings, seed: u64) {
    println!("\n## One node dies half-way: seconds until all is computed\n");
    println!(
        "| nodes of 128 cores | nothing happens | MPI, restarted after 60 s | jobs that join |\n|---|---|---|---|"
    );
    let shards = study.shards(RULES[0].1);
    for nodes in [2, 4, 16] {
        let mut random = Random::new(seed);
        let costs = seconds(&shards, timings, &mut random);
        let shape = RankShape { threads: 16, speed: 1.0, ready: MEASURED.open_seconds };
        let ranks = vec![shape; nodes * 8];
        let whole = deal(&costs, &ranks, &WIRE, &mut random).end;
        let half = whole / 2.0;
        // All that was in hand is lost; what was finished is not.
        let n_done = (costs.len() as f64 * (half - shape.ready) / (whole - shape.ready)) as usize;
        let n_done = n_done.saturating_sub(nodes * 128);
        let again = half + 60.0 + deal(&costs[n_done..], &ranks, &WIRE, &mut random).end;
        let mut all = vec![JobShape { threads: 128, speed: 1.0, ready: shape.ready, dies: None }; nodes];
        all[0].dies = Some(half);
        let joined = join(&costs, (Grouping::Equal(128), Idle::Waits), &all, LEASE);
        println!("| {nodes} | {whole:.0} | {again:.0} | {joined:.0} |");
    }
}
