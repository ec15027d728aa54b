//! The same depths however the work is cut: by stretches, threads, ranks, batches, files, the order of the list.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;

use super::made::{Depths, Made, Random, Read, check, kept, naive, random_reads};
use super::support::tools::{self, Need};
use super::support::{interrupt, need};

const GENOME: [(&str, u32); 3] = [("1", 900), ("2", 500), ("MT", 50)];

fn depth_of(files: &[Vec<Read>]) -> Vec<Vec<u32>> {
    let kept: Vec<Vec<Read>> = files.iter().map(|reads| kept(reads, 1796, 0)).collect();
    let kept: Vec<&[Read]> = kept.iter().map(Vec::as_slice).collect();
    (0..).zip(GENOME).map(|(chrom, (_, length))| naive(&kept, chrom, length, false)).collect()
}

#[test]
fn files_of_a_sample_add_up_and_mates_in_two_files_both_count() {
    need!(Need::Samtools);
    for n_files in [2, 7] {
        let made = Made::new();
        let mut random = Random(n_files);
        let mut files = vec![Vec::new(); n_files as usize];
        for read in random_reads(5, &GENOME, 300) {
            files[random.below(n_files as u32) as usize].push(read);
        }
        let mut lines: Vec<String> = (0..)
            .zip(&files)
            .map(|(i, reads)| made.bam(&format!("f{i}"), "A", &GENOME, reads).display().to_string())
            .collect();
        let depth = depth_of(&files);
        let expected = made.depth(&made.list("l", &lines), "70", "-T 2,9 --stretch 64");
        check(&expected, "A", &depth, &[2, 9]);
        lines.reverse();
        assert_eq!(made.depth(&made.list("l", &lines), "70", "-T 2,9"), expected);
    }
}

#[test]
fn nothing_shows_how_the_work_was_cut() {
    need!(Need::Samtools);
    let made = Made::new();
    let reads: Vec<Vec<Read>> = (0..5).map(|seed| random_reads(seed, &GENOME, 60)).collect();
    let bams: Vec<String> = (0..)
        .zip(&reads)
        .map(|(i, reads)| made.bam(&format!("b{i}"), &format!("own{i}"), &GENOME, reads).display().to_string())
        .collect();
    // More samples than a batch has.
    let link = |i: usize| {
        let path = made.path(&format!("link{i}.bam"));
        for end in ["", ".bai"] {
            std::os::unix::fs::symlink(format!("{}{end}", bams[i % 5]), format!("{}{end}", path.display())).unwrap();
        }
        format!("P{i:02}\t{}", path.display())
    };
    let mut lines: Vec<String> = (0..70).map(link).collect();
    let list = made.list("list", &lines);
    let bed = made.file("r.bed", "1\t0\t900\n1\t100\t101\n1\t100\t400\n2\t0\t500\n2\t1\t2\n2\t499\t500\n");
    for by in ["33".as_ref(), bed.as_path()] {
        let expected = made.depth(&list, by, "-T 3 --threads 1");
        assert_eq!(expected.samples.len(), 70);
        for i in [0, 4, 31, 32, 69] {
            check(&expected, &format!("P{i:02}"), &depth_of(&reads[i % 5..=i % 5]), &[3]);
        }
        assert_eq!(made.depth(&list, by, "-T 3 --threads 3 --stretch 100"), expected);
        lines.reverse();
        lines.swap(3, 50);
        assert_eq!(made.depth(&made.list("other", &lines), by, "-T 3"), expected);
        if tools::have(Need::Mpirun) {
            for ranks in [2, 3] {
                let mut command = tools::mpirun(ranks, ["depth", "--bam-list"]);
                command.arg(&list).arg("--by").arg(by).arg("--out").arg(made.path("ranks.h5"));
                tools::run(command.args(["-T", "3", "--force", "--threads", "1"])).ok();
                assert_eq!(Depths::read(&made.path("ranks.h5")), expected, "{ranks} ranks");
            }
        }
    }
}

#[test]
fn chromosomes_can_be_chosen_and_all_of_them_are_there_without_reads() {
    need!(Need::Samtools);
    let made = Made::new();
    let bam = made.bam("a", "A", &GENOME, &[]);
    let list = made.list("l", &[bam.display().to_string()]);
    let empty = made.depth(&list, "400", "");
    assert_eq!(empty.windows.len(), 3 + 2 + 1);
    assert_eq!((empty.windows[2].start, empty.windows[2].end), (800, 900));
    check(&empty, "A", &depth_of(&[Vec::new()]), &[]);
    let chosen = made.depth(&list, "400", "--chr chr2,M");
    assert_eq!(chosen.chromosomes, [("2".to_owned(), 500), ("MT".to_owned(), 50)]);
    assert_eq!(chosen.windows.len(), 3);
    let bed = made.file("r.bed", "1\t1\t2\n2\t7\t9\tname\n");
    let of_bed = made.depth(&list, &bed, "--chr 2");
    assert_eq!((of_bed.windows.len(), of_bed.windows[0].name.as_deref()), (1, Some("name")));
}

#[test]
fn the_output_is_its_owners_and_says_what_it_is() {
    need!(Need::Samtools);
    let made = Made::new();
    let bam = made.bam("a", "SUBJ1", &GENOME, &random_reads(1, &GENOME, 20));
    let list = made.list("l", &[bam.display().to_string()]);
    // A file that others could read is replaced by one that they cannot.
    made.try_depth(&list, "100", "out.h5", "").ok();
    std::fs::set_permissions(made.path("out.h5"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = made.try_depth(&list, "100", "out.h5", "--force --json -T 1").ok();
    let out = made.path("out.h5");
    assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((told["samples"].as_u64(), told["windows"].as_u64()), (Some(1), Some(15)));
    let reads = |what: &str| told["reads"][what].as_u64().unwrap();
    assert_eq!(reads("read"), reads("used") + reads("dropped_flags") + reads("dropped_mapq"));
    assert_eq!(reads("dropped_no_sample"), 0);
    let log = std::fs::read_to_string(made.path("out.h5.log")).unwrap();
    assert!(!log.contains("SUBJ1") && !run.stderr.contains("SUBJ1") && !run.stdout.contains("SUBJ1"), "{log}");
    let info = tools::run(tools::norna(["info"]).arg(&out)).ok().stdout;
    for word in ["norna-depth", "1 sample", "15 windows", "3 chromosomes", "individual"] {
        assert!(info.contains(word), "no {word:?} in {info}");
    }
    assert!(!info.contains("SUBJ1"), "{info}");
    let json = tools::run(tools::norna(["info", "--json"]).arg(&out)).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["format"].as_str(), json["thresholds"][0].as_u64()), (Some("norna-depth"), Some(1)));
    let top = tools::run(tools::norna(["top"]).arg(&out));
    assert_eq!(top.code, 1);
    assert!(top.stderr.contains("norna-depth"), "{}", top.stderr);
}

#[test]
fn a_stopped_run_is_gone_on_with() {
    need!(Need::Samtools);
    let made = Made::new();
    let lines: Vec<String> = (0..8)
        .map(|i| {
            let reads = random_reads(i, &GENOME, 300);
            made.bam(&format!("b{i}"), &format!("S{i}"), &GENOME, &reads).display().to_string()
        })
        .collect();
    let list = made.list("l", &lines);
    let expected = made.depth(&list, "10", "");
    // Positions one by one take seconds.
    let slow = "--stretch 1 --threads 1";
    let mut command = made.command(&list, "10", "stopped.h5", slow);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let folder = made.path("stopped.h5.norna");
    interrupt::wait_for_bytes(&mut child, &folder, 1500);
    interrupt::signal(child.id(), "TERM");
    let stopped = interrupt::finish(child, Duration::from_secs(60));
    assert_eq!(stopped.code, 75, "{}", stopped.stderr);
    assert!(!made.path("stopped.h5").exists());
    let again = made.try_depth(&list, "10", "stopped.h5", slow).ok();
    assert!(again.stderr.contains("going on from"), "{}", again.stderr);
    assert_eq!(Depths::read(&made.path("stopped.h5")), expected);
    assert!(!folder.exists());
}
