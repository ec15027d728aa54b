//! What a profile may say, and what is refused.

use super::*;
use crate::slurm::profiles;

const LEAST: &str = "name = \"x\"\ntitle = \"X\"\nsource_date = \"2026-11\"\nverified = false\n";

fn refused(more: &str) -> String {
    let error = Profile::parse("x.toml", &format!("{LEAST}{more}")).unwrap_err().to_string();
    assert!(!error.contains('\n') && error.starts_with("x.toml: "), "{error}");
    error
}

#[test]
fn every_built_in_profile_is_sound() {
    for profile in profiles::all().unwrap() {
        let name = &profile.name;
        assert!(profiles::BUILT_IN.iter().any(|(built_in, _)| built_in == name));
        assert_eq!(profile.source_date, "2026-11", "{name}");
        assert!(!profile.verified || name == "local", "{name}: nobody has run there");
        assert!(!profile.partitions.is_empty(), "{name}");
        assert!(profile.account_example.is_some() == profile.account_pattern.is_some(), "{name}");
        let example = profile.account_example.as_deref();
        profile.check_account(example).unwrap();
        assert_eq!(profile.check_account(None).is_err(), profile.account_required, "{name}");
        for kind in &profile.nodes {
            let held = profile.partitions.iter().any(|partition| partition.nodes.contains(&kind.name));
            assert!(held, "{name}: no partition has {}", kind.name);
        }
        assert!(profile.partitions.iter().any(|partition| !partition.only_by_name), "{name}");
    }
}

#[test]
fn built_in_profiles_say_what_the_sources_say() {
    let find = |name: &str| profiles::find(name).unwrap().0;
    for name in ["dardel", "bianca"] {
        assert_eq!(find(name).valid_until.as_deref(), Some("2026-12-31"));
    }
    assert_eq!(find("bianca").offline, Offline::Yes);
    assert_eq!(find("lumi-c").offline, Offline::Unknown);
    assert_eq!((find("arrhenius").launcher, find("mn5-gpp").launcher), (None, None), "not in the sources");
    assert!(find("dardel").counts_threads() && find("pelle").counts_threads());
    assert_eq!(find("mn5-gpp").nodes[0].mem_per_node_mb, None);
}

#[test]
fn unknown_fields_are_named_with_the_nearest() {
    assert!(refused("cpu_units = \"core\"\n").contains("line 5: unknown field `cpu_units`; the nearest is `cpu_unit`"));
    assert!(
        refused("[[nodes]]\nname = \"a\"\ncores = 4\n")
            .contains("line 7: unknown field `cores`; the nearest is `cores_per_node`")
    );
    assert!(refused("[scratch]\nknd = \"ram\"\n").contains("the nearest is `kind`"));
    assert!(refused("charge = { unit = \"h\", per_cpu = 1 }\n").contains("the nearest is `per_core`"));
}

#[test]
fn no_text_holds_a_line_break() {
    let title = LEAST.replace("\"X\"", "\"X\\ntouch pwned\"");
    let error = Profile::parse("x.toml", &title).unwrap_err().to_string();
    assert!(error.contains("title \"X\\ntouch pwned\"") && error.lines().count() == 1, "{error}");
    for (more, field) in [
        ("notes = [\"a\", \"b\\rc\"]\n", "notes"),
        ("modules = [\"a\\u001b\"]\n", "modules"),
        ("launcher_args = [\"a\\tb\"]\n", "launcher_args"),
        ("[scratch]\nvariable = \"$A\\nb\"\n", "scratch.variable"),
        ("[env]\nA = \"1\\n2\"\n", "env.A"),
        ("[[partitions]]\nname = \"p\\nq\"\n", "partitions.name"),
        ("charge = { unit = \"h\\nrm\", per_core = 1 }\n", "charge.unit"),
    ] {
        let error = refused(more);
        assert!(error.contains(field) && error.contains("control character"), "{more}: {error}");
    }
}

#[test]
fn a_warning_says_where_the_facts_come_from() {
    let unverified = |more: &str| Profile::parse("x", &format!("{LEAST}{more}")).unwrap().unverified().unwrap();
    assert!(unverified("").contains("from documentation of 2026-11"));
    assert!(unverified("source = \"scontrol\"\n").contains("drafted from what scontrol showed in 2026-11"));
}

#[test]
fn what_is_neither_a_name_nor_a_file_is_called_what_it_is() {
    for (name, what) in [("", "is empty"), ("/etc", "is a folder"), ("/etc/passwd", "does not end in .toml")] {
        let error = profiles::find(name).unwrap_err().to_string();
        assert!(error.contains(what) && !error.contains("nearest"), "{error}");
    }
    assert!(profiles::find("pele").unwrap_err().to_string().contains("nearest is \"pelle\""));
}

#[test]
fn values_that_cannot_be_meant_are_refused() {
    for (more, word) in [
        ("cpu_unit = \"cpu\"\n", "cpu"),
        ("launcher = \"mpiexec\"\n", "mpiexec"),
        ("offline = \"maybe\"\n", "offline"),
        ("valid_until = \"2026-02-30\"\n", "valid_until"),
        ("account_pattern = '('\n", "account_pattern"),
        ("account_pattern = 'a\\d'\naccount_example = \"b1\"\n", "account_example"),
        ("charge = { unit = \"core-hours\" }\n", "per_core, per_gb, per_node"),
        ("charge = { unit = \"core-hours\", per_core = -1 }\n", "per_core"),
        ("[env]\n\"A B\" = \"1\"\n", "A B"),
        ("[[partitions]]\nname = \"p\"\nmax_time = \"2 days\"\n", "2 days"),
        ("[[partitions]]\nname = \"p\"\nmax_nodes = 0\n", "max_nodes"),
        ("[[partitions]]\nname = \"p\"\n[[partitions]]\nname = \"p\"\n", "twice"),
        ("[[partitions]]\nname = \"p\"\nnodes = [\"n\"]\n", "\"n\""),
        ("[[nodes]]\nname = \"n\"\ncores_per_node = 0\n", "1 or more"),
        ("[[nodes]]\nname = \"n\"\ncores_per_node = 5\nsockets = 2\n", "multiple"),
    ] {
        assert!(refused(more).contains(word), "{more}: {}", refused(more));
    }
    let date = LEAST.replace("2026-11", "November");
    assert!(Profile::parse("x", &date).unwrap_err().to_string().contains("source_date"));
}
