//! The same answer for any ranks, threads, batches, shards and order of the list; and for reads as for genotypes once they
//! are sure.

use super::made::{cohort, query};
use super::support::bits;
use super::support::need;
use super::support::tools::Need;

#[test]
fn ranks_batches_shards_and_the_lists_order_give_equal_bits() {
    need!(Need::Mpirun, Need::H5py);
    let cohort = cohort();
    let reference = bits::everything(&cohort.assoc(1, "one.h5", &["--threads", "1"]));
    let mut lines: Vec<String> =
        std::fs::read_to_string(cohort.path("bams/bams.txt")).unwrap().lines().map(str::to_owned).collect();
    lines.reverse();
    lines.swap(3, 40);
    std::fs::write(cohort.path("bams/other.txt"), lines.join("\n")).unwrap();
    let other = cohort.text("bams/other.txt");
    for (name, ranks, extra) in [
        ("two.h5", 2, &["--batch", "7", "--shard-bytes", "2000"][..]),
        ("three.h5", 3, &["--batch", "60", "--threads", "2"]),
        ("four.h5", 1, &["--batch", "1", "--threads", "3", "--bam-list", &other]),
    ] {
        let mut args = cohort.assoc_args(name, extra);
        if extra.contains(&"--bam-list") {
            let first = args.iter().position(|arg| arg == "--bam-list").unwrap();
            args.drain(first..first + 2);
        }
        cohort.run(ranks, args).ok();
        bits::assert_equal(name, &reference, &bits::everything(&cohort.path(name)));
    }
}

#[test]
fn a_trait_alone_equals_the_trait_among_others() {
    need!(Need::H5py);
    let cohort = cohort();
    for (names, trait_name, bt) in [("T*", "T4", None), ("B*", "B2", Some("--bt"))] {
        let run = |out: &str, names: &str| {
            let extra: Vec<&str> = ["--pheno-name", names].into_iter().chain(bt).collect();
            cohort.assoc(1, out, &extra)
        };
        let (all, alone) = (run(&format!("all-{trait_name}.h5"), names), run(&format!("{trait_name}.h5"), trait_name));
        let among = bits::one_trait(&all, trait_name);
        bits::assert_equal(trait_name, &among, &bits::one_trait(&alone, trait_name));
    }
}

#[test]
fn likelihoods_are_the_same_for_any_ranks_and_batches() {
    need!(Need::Mpirun, Need::Bcftools);
    let cohort = cohort();
    let list = cohort.text("bams/bams.txt");
    cohort.run(1, cohort.reads_args("reads", &list, "one.bcf")).ok();
    let mut args = cohort.reads_args("reads", &list, "two.bcf");
    args.extend(["--batch", "9", "--shard-bytes", "3000"].map(str::to_owned));
    cohort.run(2, args).ok();
    let bytes = |name: &str| std::fs::read(cohort.path(name)).unwrap();
    assert_eq!(query(&cohort.path("one.bcf"), "%POS[ %PL %AD %DP]\n").len(), 1500);
    assert!(
        query(&cohort.path("one.bcf"), "%POS[ %PL %GP %DS %AD %DP]\n")
            == query(&cohort.path("two.bcf"), "%POS[ %PL %GP %DS %AD %DP]\n")
    );
    assert_eq!(bytes("one.bcf.csi").is_empty(), bytes("two.bcf.csi").is_empty());
}
