//! The same bits, however the work is cut.

use super::made::Made;
use super::support::bits;
use super::support::need;
use super::support::tools::{self, Need};

const ALL: [&str; 4] = ["--permute", "60", "--nominal", "--conditional"];

fn with<'a>(extra: &[&'a str]) -> Vec<&'a str> {
    ALL.iter().copied().chain(extra.iter().copied()).collect()
}

#[test]
fn ranks_threads_groups_memory_and_instruction_sets_give_equal_results() {
    need!(Need::Mpirun, Need::H5py, Need::Bgzip);
    let made = Made::new();
    let reference = bits::contents(&made.qtl(1, "one.h5", &with(&["--threads", "1"])));
    for name in ["cis/log10p_beta", "nominal/beta", "signals/beta", "variants/pos"] {
        assert!(reference.contains_key(name), "no {name}: {:?}", reference.keys());
    }
    for (out, ranks, extra) in [
        ("threads.h5", 1, vec!["--threads", "3"]),
        ("ranks.h5", 3, vec!["--threads", "1"]),
        ("alone.h5", 2, vec!["--group", "1"]),
        ("large.h5", 1, vec!["--group", "1000"]),
        ("read-again.h5", 2, vec!["--group", "5", "--window-bytes", "1"]),
    ] {
        bits::assert_equal(out, &reference, &bits::contents(&made.qtl(ranks, out, &with(&extra))));
    }
    for isa in ["scalar", "avx2"] {
        let out = format!("{isa}.h5");
        let run = tools::run(tools::norna(made.args(&out, &with(&[]))).env("NORNA_ISA", isa));
        if run.stderr.contains("NORNA_ISA") {
            continue;
        }
        run.ok();
        bits::assert_equal(isa, &reference, &bits::contents(&made.path(&out)));
    }
}

/// Prints every row of a phenotype as bits, its own among those of all.
const ONE_PHENOTYPE: &str = r#"
import sys, h5py, numpy as np
with h5py.File(sys.argv[1]) as f:
    k = [n.decode() for n in f["phenotypes/id"][()]].index(sys.argv[2])
    for name in sorted(f["cis"]):
        if name not in ("q_value", "threshold_log10p"):
            v = f["cis"][name][k]
            print(name, v if isinstance(v, bytes) else np.asarray(v).tobytes().hex())
    first, n = int(f["nominal/start"][k]), int(f["nominal/count"][k])
    for i in range(first, first + n):
        v = int(f["nominal/variant"][i])
        print(f["variants/pos"][v], f["nominal/beta"][i].tobytes().hex(), f["nominal/se"][i].tobytes().hex())
"#;

#[test]
fn a_phenotype_alone_equals_the_phenotype_among_all() {
    need!(Need::H5py, Need::Bgzip);
    let made = Made::new();
    let flags = ["--permute", "50", "--nominal"];
    let all = made.qtl(1, "all.h5", &flags);
    for name in ["GENE00", "GENE05", "GENE14"] {
        let alone = made.qtl(1, &format!("{name}.h5"), &[&flags[..], &["--pheno-name", name]].concat());
        let rows = |path: &std::path::Path| bits::python_run(ONE_PHENOTYPE, &[path.to_str().unwrap(), name]);
        let (alone, among) = (rows(&alone), rows(&all));
        assert!(alone.lines().count() > 50, "{alone}");
        assert_eq!(alone, among, "{name}");
    }
}

#[test]
fn another_seed_draws_other_permutations_of_the_same_statistics() {
    need!(Need::H5py, Need::Bgzip);
    let made = Made::new();
    let first = bits::contents(&made.qtl(1, "first.h5", &["--permute", "50"]));
    let second = bits::contents(&made.qtl(1, "second.h5", &["--permute", "50", "--seed", "2"]));
    let differ = |name: &str| first[name] != second[name];
    assert!(differ("cis/p_perm") && differ("cis/shape2"));
    assert!(!differ("cis/beta") && !differ("cis/log10p") && !differ("cis/pos"));
}
