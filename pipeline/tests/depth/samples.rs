//! Files of several samples: every read of the file is in the account.

use super::made::{Depths, Made};
use super::support::need;
use super::support::tools::{self, Need};

/// Two samples, a read group without one, and reads without a read group, of a group that the header lacks and of each.
const SAM: &str = "@HD\tVN:1.6\tSO:coordinate
@SQ\tSN:1\tLN:900
@RG\tID:a\tSM:SUBJ1
@RG\tID:b\tSM:SUBJ2
@RG\tID:n
r1\t0\t1\t11\t60\t10M\t*\t0\t0\tAAAAAAAAAA\t*\tRG:Z:a
r2\t0\t1\t12\t60\t10M\t*\t0\t0\tAAAAAAAAAA\t*\tRG:Z:b
r3\t1024\t1\t13\t60\t10M\t*\t0\t0\tAAAAAAAAAA\t*\tRG:Z:b
r4\t0\t1\t14\t60\t10M\t*\t0\t0\tAAAAAAAAAA\t*
r5\t1024\t1\t15\t60\t10M\t*\t0\t0\tAAAAAAAAAA\t*\tRG:Z:n
r6\t0\t1\t416\t60\t10M\t*\t0\t0\tAAAAAAAAAA\t*\tRG:Z:n
r7\t0\t1\t417\t9\t10M\t*\t0\t0\tAAAAAAAAAA\t*\tRG:Z:a
";

#[test]
fn reads_of_no_sample_are_counted_once_and_the_sum_is_that_of_the_file() {
    need!(Need::Samtools);
    let made = Made::new();
    let (sam, bam) = (made.file("x.sam", SAM), made.path("x.bam"));
    tools::run(tools::command("samtools").args(["view", "-b", "-o"]).args([&bam, &sam])).ok();
    tools::run(tools::command("samtools").arg("index").arg(&bam)).ok();
    let list = made.list("l", &[bam.display().to_string()]);
    // However the work is cut: a read that reaches over a cut is counted where it starts.
    for cut in ["", "--stretch 5", "--threads 1"] {
        let run = made.try_depth(&list, "100", "out.h5", &format!("--force --json -Q 10 {cut}")).ok();
        let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let counts = ["read", "used", "dropped_flags", "dropped_mapq", "dropped_no_sample"];
        assert_eq!(counts.map(|what| told["reads"][what].as_u64().unwrap()), [7, 2, 1, 1, 3], "{cut}");
        let sum = "7 on these chromosomes = 2 used + 1 left out by flags + 1 by mapping quality + 3 of no sample";
        assert!(
            run.stderr.contains(sum) && run.stderr.contains("3 reads of files of several samples"),
            "{}",
            run.stderr
        );
        assert!(!run.stderr.contains("SUBJ"), "{}", run.stderr);
    }
    let depths = Depths::read(&made.path("out.h5"));
    assert_eq!((depths.of("SUBJ1")[0], depths.of("SUBJ2")[0]), (0.1, 0.1));
}
