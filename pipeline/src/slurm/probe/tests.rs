//! Clusters that do not exist, in the forms that Slurm prints.

use super::*;

const BIRCH: &str = include_str!("fixtures/birch_22.05.txt");
const FJORD: &str = include_str!("fixtures/fjord_25.05.txt");
const TODAY: i64 = 20_777;

#[test]
fn a_cluster_of_two_kinds_of_node_is_drafted() {
    let Draft { profile, .. } = draft(BIRCH, TODAY).unwrap();
    assert_eq!((profile.name.as_str(), profile.source_date.as_str()), ("birch", "2026-11"));
    assert_eq!(profile.cpu_unit, Some(CpuUnit::Core));
    assert_eq!((profile.launcher, &profile.launcher_args[..]), (Some(Launcher::Srun), &["--mpi=pmix".to_owned()][..]));
    assert_eq!((profile.requeue, &profile.scratch.node_local[..]), (Some(true), &["/tmp".to_owned()][..]));
    assert!(profile.assumed.iter().any(|text| text.contains("MpiDefault")));

    // Two thin nodes of nearly the same memory are one kind, with the lesser, less what Slurm keeps.
    let kinds: Vec<_> = profile.nodes.iter().map(|k| (k.cores_per_node, k.sockets, k.mem_per_node_mb)).collect();
    assert_eq!(kinds, [(Some(64), Some(2), Some(255_500)), (Some(80), Some(2), Some(1_031_000))]);
    let constraints: Vec<_> = profile.nodes.iter().map(|kind| kind.constraint.as_deref()).collect();
    assert_eq!(constraints, [Some("thin"), Some("fat")]);

    let main = &profile.partitions[0];
    assert_eq!((main.name.as_str(), main.max_time, main.max_nodes), ("main", Some(SlurmTime(172_800)), Some(8)));
    assert_eq!((main.nodes.len(), main.exclusive, main.only_by_name), (2, false, false));
    assert_eq!(main.mem_rule, Some(MemRule::Coupled));
    assert_eq!(main.charge.as_ref().unwrap().formula(), "max(cores, ceil(0.25 × GB)) × hours");
    let long = &profile.partitions[1];
    assert_eq!((long.max_time, long.max_nodes, long.exclusive), (None, None, true));
    assert!(long.only_by_name, "it is down");
    let notes = profile.notes.join("\n");
    for word in ["accounts are enforced", "long: AllowAccounts", "long: QoS longq", "long: was not up"] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
    assert!(!notes.contains("memory is not counted"));
}

#[test]
fn one_line_records_threads_and_gpus_are_understood() {
    let Draft { profile, unknown, .. } = draft(FJORD, TODAY).unwrap();
    assert_eq!(profile.name, "probed");
    // x86 nodes count threads, aarch64 nodes have one a core: no single unit.
    assert_eq!(profile.cpu_unit, None);
    let shapes: Vec<_> = profile.nodes.iter().map(|k| (k.cores_per_node, k.threads_per_core)).collect();
    assert_eq!(shapes, [(Some(256), Some(2)), (Some(288), Some(1))]);
    assert!(profile.nodes.iter().all(|kind| kind.constraint.is_none()));
    let by_name = |name: &str| profile.partitions.iter().find(|part| part.name == name).unwrap();
    assert!(by_name("cpu").exclusive && !by_name("cpu").only_by_name);
    assert_eq!(by_name("cpu").charge.as_ref().unwrap().formula(), "128 × nodes × hours");
    assert!(by_name("gpu").only_by_name);
    // Weights are added without MAX_TRES; 2 a MB are 2048 a GB.
    let odd = by_name("odd");
    assert_eq!((odd.nodes.len(), odd.mem_rule), (0, None));
    assert_eq!(odd.charge.as_ref().unwrap().formula(), "(cores + ceil(2048 × GB)) × hours");
    assert!(profile.notes.iter().any(|note| note.contains("aarch64")), "{:?}", profile.notes);
    assert!(profile.launcher.is_none() && profile.requeue.is_none());
    for word in ["launcher", "modules", "cpu_unit", "account_pattern"] {
        assert!(unknown.iter().any(|text| text.starts_with(word)), "{word}: {unknown:?}");
    }
}

#[test]
fn a_draft_is_a_profile_that_reads_back() {
    for text in [BIRCH, FJORD] {
        let draft = draft(text, TODAY).unwrap();
        let written = draft.to_toml().unwrap();
        assert_eq!(Profile::parse("draft.toml", &written).unwrap(), draft.profile);
        assert!(written.contains("#   modules:"), "{written}");
    }
}

#[test]
fn values_with_blanks_and_equals_signs_stay_with_their_key() {
    let shown = scontrol::parse(BIRCH);
    assert_eq!((shown.partitions.len(), shown.nodes.len()), (2, 3));
    assert_eq!(shown.nodes[1]["Reason"], "Not responding, Partitions lost [root@2026-10-02T11:00:00]");
    assert_eq!(shown.nodes[1]["Partitions"], "main,long");
    assert_eq!(shown.nodes[0]["AllocTRES"], "");
    assert!(shown.nodes[0]["OS"].starts_with("Linux 4.18"));
    assert_eq!(shown.config["SelectTypeParameters"], "CR_CORE_MEMORY");
}

#[test]
fn what_is_no_output_of_scontrol_is_refused_in_a_line() {
    for text in ["", "slurm_load_partitions: Unable to contact slurm controller", "NodeName=a CPUTot=4"] {
        let why = draft(text, TODAY).unwrap_err();
        assert!(why.contains("scontrol show partition") && !why.contains('\n'), "{why}");
    }
}

#[test]
fn numbers_beyond_reason_stay_unknown() {
    let text = "PartitionName=p MaxTime=99999999999999999999 MaxNodes=0 TRESBillingWeights=CPU=-1,Mem=nan\n\
                NodeName=a Sockets=4000000000 CoresPerSocket=4000000000 CPUTot=0 RealMemory=1 ThreadsPerCore=0 Partitions=p\n";
    let draft = draft(text, TODAY).unwrap();
    let (part, kind) = (&draft.profile.partitions[0], &draft.profile.nodes[0]);
    assert_eq!((part.max_time, part.max_nodes, part.charge.clone()), (None, None, None));
    assert_eq!((kind.cores_per_node, kind.mem_per_node_mb, kind.threads_per_core), (None, None, None));
    let written = draft.to_toml().unwrap();
    assert!(written.contains("#   partition p: MaxTime=99999999999999999999\n"), "{written}");
    assert!(written.contains("#   partition p: TRESBillingWeights=CPU=-1\n"), "{written}");
}

#[test]
fn what_is_not_understood_is_named() {
    let text = "PartitionName=p MaxTime=soon MaxNodes=few TRESBillingWeights=CPU=1,Mem=0.25X\n\
                NodeName=a Sockets=2 CoresPerSocket=8 CPUTot=16 RealMemory=abc\u{1b} ThreadsPerCore=1 Partitions=p\n";
    let draft = draft(text, TODAY).unwrap();
    assert_eq!(
        draft.unread,
        [
            "node a: RealMemory=abc\\u{1b}",
            "partition p: MaxNodes=few",
            "partition p: MaxTime=soon",
            "partition p: TRESBillingWeights=Mem=0.25X",
        ]
    );
    assert_eq!(draft.profile.partitions[0].charge, None, "half a rule is none");
    assert!(draft.to_toml().unwrap().contains("not understood, and left out:\n#   node a: RealMemory=abc"));
    let nodes: String = (0..100).map(|i| format!("NodeName=n{i} RealMemory=?\n")).collect();
    let many = super::draft(&format!("PartitionName=p\n{nodes}"), TODAY).unwrap().unread;
    assert_eq!((many.len(), many[20].as_str()), (21, "and 80 more"));
    for text in [BIRCH, FJORD] {
        assert_eq!(super::draft(text, TODAY).unwrap().unread, [""; 0]);
    }
}
