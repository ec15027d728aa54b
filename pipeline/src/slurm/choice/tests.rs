//! Choices from made-up needs, so that each rule is seen alone.

use super::*;
use crate::plan::Range;
use crate::slurm::profiles;

const GB: f64 = 1024.0 * MIB;

/// A study of so many core-seconds, and so many bytes a rank and a thread of it.
#[derive(Clone, Copy)]
struct Needs {
    core_seconds: f64,
    rank_bytes: f64,
    thread_bytes: f64,
}

const SMALL: Needs = Needs { core_seconds: 60.0, rank_bytes: 0.1 * GB, thread_bytes: 0.01 * GB };

fn exactly(value: f64) -> Range {
    Range { expected: value, least: value, most: value }
}

fn chosen(profile: &str, needs: Needs, wishes: Wishes) -> Result<Choice, String> {
    let (profile, _) = profiles::find(profile).unwrap();
    let predict = |layout: &NodeLayout| {
        let ranks = f64::from(layout.nodes * layout.ranks_per_node);
        let threads = f64::from(layout.threads_per_rank);
        Prediction {
            cpu_seconds: exactly(needs.core_seconds),
            wall_seconds: exactly(needs.core_seconds / (ranks * threads)),
            memory_per_rank_bytes: exactly(needs.rank_bytes + threads * needs.thread_bytes),
            input_bytes: exactly(0.0),
            output_bytes: exactly(0.0),
            spool_bytes: exactly(0.0),
            files: 1,
        }
    };
    choose(&profile, &wishes, &predict).map_err(|refusal| refusal.to_string())
}

fn wishes() -> Wishes {
    Wishes { has_launcher: true, size_known: true, ..Wishes::default() }
}

fn in_partition(name: &str) -> Wishes {
    Wishes { partition: Some(name.into()), ..wishes() }
}

fn hours(h: u64) -> Option<SlurmTime> {
    Some(SlurmTime(h * 3600))
}

#[test]
fn a_small_study_gets_a_core_of_a_shared_node() {
    for (profile, partition) in [("lumi-c", "small"), ("dardel", "shared"), ("pelle", "pelle"), ("bianca", "core")] {
        let choice = chosen(profile, SMALL, wishes()).unwrap();
        let shape = (choice.nodes, choice.ranks_per_node, choice.threads, choice.time.0);
        assert_eq!((choice.partition.as_str(), shape), (partition, (1, 1, 1, 600)), "{profile}");
        assert!(choice.meets_wish && choice.requeues_expected == 0);
    }
}

#[test]
fn threads_grow_until_the_wish_is_met_then_ranks_by_socket_then_nodes() {
    let within = |core_hours: f64, within| {
        let needs = Needs { core_seconds: core_hours * 3600.0, ..SMALL };
        let choice = chosen("lumi-c", needs, Wishes { within, ..in_partition("standard") }).unwrap();
        (choice.nodes, choice.ranks_per_node, choice.threads)
    };
    assert_eq!(within(1.0, None), (1, 2, 64), "a whole node comes anyway");
    assert_eq!(within(1000.0, None), (1, 2, 64), "no more than a node without a word");
    assert_eq!(within(1000.0, hours(1)), (8, 2, 64), "the fewest that meet the wish");
    assert_eq!(within(1e7, hours(1)), (64, 2, 64), "the most that are tried");
    let shared = |core_hours: f64| {
        let needs = Needs { core_seconds: core_hours * 3600.0, ..SMALL };
        let choice = chosen("lumi-c", needs, in_partition("small")).unwrap();
        (choice.nodes, choice.ranks_per_node, choice.threads)
    };
    assert_eq!([shared(1.0), shared(3.0), shared(64.0), shared(65.0)], [(1, 1, 1), (1, 1, 4), (1, 1, 64), (1, 2, 64)]);
}

#[test]
fn beyond_the_limit_the_job_is_requeued_and_that_is_said() {
    let needs = Needs { core_seconds: 128.0 * 100.0 * 3600.0, ..SMALL };
    let choice = chosen("lumi-c", needs, in_partition("standard")).unwrap();
    assert_eq!((choice.time, choice.requeues_expected), (SlurmTime(48 * 3600), 2));
    assert!(choice.reasons.iter().any(|why| why.contains("about 2 times")), "{:?}", choice.reasons);
    let price = choice.charge.unwrap();
    assert_eq!((price.expected, price.at_most), (12_800.0, 128.0 * 48.0 * 3.0));
    // Asked for less than it needs: the same.
    let choice =
        chosen("local", Needs { core_seconds: 7000.0, ..SMALL }, Wishes { time: hours(1), ..wishes() }).unwrap();
    assert_eq!((choice.threads, choice.requeues_expected), (2, 1));
}

#[test]
fn memory_that_is_paid_as_cores_brings_those_cores() {
    // 40 GB on LUMI's small are 20 cores' worth at 2 GB each.
    let needs = Needs { rank_bytes: 40.0 * GB, thread_bytes: 0.0, ..SMALL };
    let choice = chosen("lumi-c", needs, wishes()).unwrap();
    assert_eq!(choice.partition, "small");
    let gigabytes = choice.memory_per_node_mb as f64 / 1024.0;
    assert_eq!(choice.threads, (gigabytes / 2.0).ceil() as u32);
    let price = choice.charge.unwrap();
    let hours = choice.prediction.wall_seconds.expected / 3600.0;
    assert_eq!(price.expected, f64::from(choice.threads) * hours, "max(cores, ceil(GB/2)) are equal then");
    // With threads fixed, memory is what counts.
    let fixed = chosen("lumi-c", needs, Wishes { threads: Some(4), ..wishes() }).unwrap();
    assert_eq!((fixed.threads, fixed.memory_flag.as_deref()), (4, Some("--mem=45400M")));
    let per_hour = fixed.charge.unwrap().expected / (fixed.prediction.wall_seconds.expected / 3600.0);
    assert!((per_hour - 23.0).abs() < 1e-9, "{per_hour}: ceil(44.3 / 2)");
}

#[test]
fn where_memory_comes_with_cores_none_is_asked_for() {
    let needs = Needs { rank_bytes: 30.0 * GB, thread_bytes: 0.0, ..SMALL };
    let choice = chosen("bianca", needs, wishes()).unwrap();
    assert_eq!((choice.partition.as_str(), choice.memory_flag.as_deref()), ("core", None));
    assert_eq!(u64::from(choice.cpus_per_task), choice.memory_per_node_mb.div_ceil(8000));
    let why = chosen("bianca", needs, Wishes { threads: Some(1), ..in_partition("core") }).unwrap_err();
    assert!(why.contains("come with 5 cores"), "{why}");
}

#[test]
fn larger_nodes_are_taken_where_smaller_ones_cannot_hold_it() {
    let needs = |gigabytes: f64| Needs { rank_bytes: gigabytes * GB, thread_bytes: 0.0, core_seconds: 600.0 };
    let choice = chosen("bianca", needs(180.0), wishes()).unwrap();
    assert_eq!((choice.partition.as_str(), choice.constraint.as_deref()), ("node", Some("mem256GB")));
    let choice = chosen("dardel", needs(300.0), wishes()).unwrap();
    // Two ranks would need a huge node; both are charged alike, and the smaller comes first.
    assert_eq!((choice.node.as_str(), choice.ranks_per_node, choice.threads), ("large", 1, 128));
    let why = chosen("dardel", needs(300.0), in_partition("main")).unwrap_err();
    assert!(why.contains("would need") && why.contains("memory (large) can"), "{why}");
    let why = chosen("dardel", needs(5000.0), wishes()).unwrap_err();
    assert!(why.contains("no other partition of the profile can; fewer traits"), "{why}");
}

#[test]
fn reasons_say_what_was_asked_for_and_nothing_else() {
    let reasons = |wishes| chosen("lumi-c", SMALL, wishes).unwrap().reasons.join("\n");
    let asked = Wishes {
        nodes: Some(2),
        ranks_per_node: Some(4),
        threads: Some(3),
        mem_mb: Some(5000),
        time: hours(2),
        ..in_partition("standard")
    };
    let text = reasons(asked);
    for line in
        ["nodes: 2,", "ranks: 4 a node,", "threads: 3 a rank,", "memory: 5000 MB a node,", "time limit: 02:00:00,"]
    {
        assert!(text.contains(&format!("{line} as asked for")), "{line} {text}");
    }
    assert!(!text.contains("a socket") && !text.contains("wish"), "{text}");
    let text = reasons(wishes());
    assert!(!text.contains("as asked for") && !text.contains("wish"), "{text}");
    assert!(reasons(Wishes { within: hours(1), ..wishes() }).contains("(wish: 01:00:00)"));
}

#[test]
fn refusals_hint_at_what_helps() {
    let why = |profile, wishes| chosen(profile, SMALL, wishes).unwrap_err();
    let many = why("lumi-c", Wishes { nodes: Some(4000), ..wishes() });
    assert!(
        !many.contains("fewer traits") && many.contains("largemem may: its memory and limit of nodes are"),
        "{many}"
    );
    let long = why("dardel", Wishes { time: hours(24 * 30), ..wishes() });
    assert!(!long.contains("fewer traits") && long.contains("no other partition of the profile can"), "{long}");
    let large = why("dardel", Wishes { mem_mb: Some(9_000_000), ..wishes() });
    assert!(!large.contains("fewer traits"), "{large}");
}

#[test]
fn memory_below_the_need_is_seen() {
    let needs = Needs { rank_bytes: 2.0 * GB, thread_bytes: 0.0, ..SMALL };
    let beyond = |mem_mb| chosen("pelle", needs, Wishes { mem_mb, ..wishes() }).unwrap().memory_beyond();
    assert_eq!([beyond(None), beyond(Some(2048)), beyond(Some(2047))], [None, None, Some(2048)]);
}

#[test]
fn without_a_known_size_the_time_is_the_users_or_the_limit() {
    let unsized_study = Wishes { size_known: false, ..wishes() };
    let choice = chosen("lumi-c", SMALL, unsized_study.clone()).unwrap();
    assert_eq!(choice.time, SlurmTime(72 * 3600));
    let why = chosen("generic", SMALL, unsized_study.clone()).unwrap_err();
    assert!(why.contains("give --time"), "{why}");
    assert!(chosen("generic", SMALL, Wishes { time: hours(2), ..unsized_study }).is_ok());
}

#[test]
fn features_and_partitions_that_the_profile_does_not_know() {
    let choice = chosen("kebnekaise", SMALL, Wishes { constraint: Some("zen4".into()), ..wishes() }).unwrap();
    assert_eq!((choice.node.as_str(), choice.partition_flag), ("zen4", None));
    let choice = chosen("kebnekaise", SMALL, Wishes { constraint: Some("zen3".into()), ..wishes() }).unwrap();
    assert!(!choice.cores_known && choice.constraint.as_deref() == Some("zen3"));
    let choice = chosen("generic", SMALL, in_partition("batch")).unwrap();
    assert_eq!(choice.partition_flag.as_deref(), Some("batch"));
    let why = chosen("lumi-c", SMALL, in_partition("smal")).unwrap_err();
    assert!(why.contains("knows small, standard, debug, largemem"), "{why}");
}

#[test]
fn an_array_is_of_single_processes_that_share_the_work() {
    let needs = Needs { core_seconds: 16.0 * 3600.0, ..SMALL };
    let choice = chosen("lumi-c", needs, Wishes { array: Some(8), ..wishes() }).unwrap();
    assert_eq!((choice.nodes, choice.ranks_per_node, choice.threads), (1, 1, 2));
    assert_eq!(choice.charge.unwrap().expected, 16.0);
}
