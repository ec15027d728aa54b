//! `norna simulate --reads`: files that samtools and bcftools take, errors at the rate of their quality, genotypes that
//! come back, and a record of what was mixed up on purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::{HashMap, HashSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use support::need;
use support::tools::{self, Need, Run};

struct Made(tempfile::TempDir);

impl Made {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn try_simulate(&self, flags: &str) -> Run {
        let mut command = tools::norna(["simulate"]);
        command.current_dir(self.0.path()).args(flags.split_whitespace());
        tools::run(&mut command)
    }

    #[track_caller]
    fn simulate(&self, flags: &str) {
        self.try_simulate(flags).ok();
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The rows of the table of what the files hold, by sample.
    fn truth(&self) -> HashMap<String, Vec<String>> {
        let text = self.text("reads/truth.tsv");
        assert!(text.starts_with("##source=norna simulate"));
        let rows = text.lines().filter(|line| !line.starts_with('#'));
        rows.map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>()).map(|r| (r[0].clone(), r)).collect()
    }
}

fn output(program: &str, args: &[&str], path: &Path) -> String {
    tools::run(tools::command(program).args(args).arg(path)).ok().stdout
}

const SMALL: &str =
    "--out c.vcf.gz --reads reads --n-samples 6 --n-variants 300 --contig 1:60000,chr2:40000 --threads 2";
/// Everything that reads can have.
const RICH: &str = "--depth 30 --duplicate-rate 0.1 --secondary-rate 0.05 --low-mapq-rate 0.1 --clip-rate 0.1 \
                    --unmapped-mate-rate 0.05";

#[test]
fn bytes_depend_on_the_seed_and_not_on_threads() {
    let (one, four, other) = (Made::new(), Made::new(), Made::new());
    let flags = format!("{SMALL} {RICH} --swap 1 --contamination 0.2");
    one.simulate(&flags.replace("--threads 2", "--threads 1"));
    four.simulate(&flags.replace("--threads 2", "--threads 4"));
    other.simulate(&format!("{flags} --seed 2"));
    let names = one.names("reads");
    assert_eq!(names.len(), 6 * 2 + 6, "{names:?}");
    for name in &names {
        let bytes = |made: &Made| std::fs::read(made.path("reads").join(name)).unwrap();
        assert!(bytes(&one) == bytes(&four), "{name}: other bytes with other threads");
        assert!(
            bytes(&one) != bytes(&other) || ["bams.txt", "reference.fa.fai"].contains(&&**name),
            "{name}: the seed says nothing"
        );
        let mode = std::fs::metadata(one.path("reads").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let list = one.text("reads/bams.txt");
    let rows: Vec<(&str, &str)> = list.lines().map(|line| line.split_once('\t').unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), ["S1", "S2", "S3", "S4", "S5", "S6"]);
    assert!(rows.iter().all(|(sample, path)| *path == format!("{sample}.bam")));
    assert_eq!(one.names(""), ["c.covar.tsv", "c.pheno.tsv", "c.truth.tsv", "c.vcf.gz", "c.vcf.gz.tbi", "reads"]);
}

#[test]
fn samtools_finds_the_files_valid_and_indexed() {
    need!(Need::Samtools);
    let made = Made::new();
    made.simulate(&format!("{SMALL} {RICH}"));
    let bam = made.path("reads/S1.bam");
    output("samtools", &["quickcheck", "-v"], &bam);
    let again = made.path("again.bam");
    std::fs::copy(&bam, &again).unwrap();
    output("samtools", &["index"], &again);
    for place in ["1:1-1000", "1:30000-30100", "chr2:16380-16390", "chr2:30000-30500"] {
        let view = |bam: &Path| tools::run(tools::command("samtools").arg("view").arg(bam).arg(place)).ok().stdout;
        assert!(view(&bam) == view(&again) && !view(&bam).is_empty(), "{place}");
    }
    assert_eq!(output("samtools", &["idxstats"], &bam), output("samtools", &["idxstats"], &again));
    // Mates, TLEN and flags are those that samtools itself would write.
    let fields = |bam: &Path| {
        let text = output("samtools", &["view", "-F", "0x900"], bam);
        text.lines().map(|line| line.split('\t').take(9).collect::<Vec<_>>().join("\t")).collect::<Vec<_>>()
    };
    let [by_name, primary, fixed] = ["by_name.bam", "primary.bam", "fixed.bam"].map(|name| made.path(name));
    tools::run(tools::command("samtools").args(["sort", "-n", "-o"]).args([&by_name, &bam])).ok();
    tools::run(tools::command("samtools").args(["view", "-b", "-F", "0x900", "-o"]).args([&primary, &by_name])).ok();
    tools::run(tools::command("samtools").arg("fixmate").args([&primary, &fixed])).ok();
    assert!(fields(&by_name) == fields(&fixed), "samtools fixmate changes fields");
    let counts = output("samtools", &["flagstat"], &bam);
    let count = |end: &str| {
        let line = counts.lines().find(|line| line.ends_with(end)).unwrap();
        line.split(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let primary = count("primary");
    let near = |found: f64, share: f64| (found / primary - share).abs() < 5.0 * (share / primary).sqrt() * 2.0;
    assert!(near(count("primary duplicates"), 0.1 / 1.1), "{counts}");
    assert!(near(count("secondary"), 0.05 * 0.975), "{counts}");
    assert!(near(count("read1"), 0.5) && near(count("read2"), 0.5), "{counts}");
    assert!(near(primary - count("with itself and mate mapped"), 0.05), "{counts}");
}

#[test]
fn depth_is_what_was_asked_of_each_file() {
    need!(Need::Samtools);
    let made = Made::new();
    std::fs::write(made.path("depths"), "#IID\tDEPTH\nS2\t0\nS5\t9.5\n").unwrap();
    made.simulate(&format!("{SMALL} --depth 5 --depth-file depths"));
    for (sample, asked) in [("S1", 5.0), ("S2", 0.0), ("S5", 9.5), ("S6", 5.0)] {
        let bam = made.path(&format!("reads/{sample}.bam"));
        output("samtools", &["quickcheck", "-v"], &bam);
        let text = output("samtools", &["depth", "-a", "-r", "1:2000-55000"], &bam);
        let depths: Vec<f64> = text.lines().map(|line| line.rsplit('\t').next().unwrap().parse().unwrap()).collect();
        let mean = depths.iter().sum::<f64>() / depths.len() as f64;
        // Fragments are Poisson, each of two reads.
        let se = (asked * 300.0 / depths.len() as f64).sqrt();
        assert!(depths.len() == 53_001 && (mean - asked).abs() <= 5.0 * se, "{sample}: {mean} for {asked}");
    }
}

/// The bases of each contig.
fn genome(path: &Path) -> HashMap<String, Vec<u8>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut found = HashMap::new();
    for contig in text.split('>').skip(1) {
        let (name, bases) = contig.split_once('\n').unwrap();
        found.insert(name.to_owned(), bases.bytes().filter(|&base| base != b'\n').collect());
    }
    found
}

#[test]
fn errors_come_at_the_rate_of_their_quality_and_the_genome_agrees_with_the_sites() {
    need!(Need::Samtools, Need::Bcftools);
    let made = Made::new();
    made.simulate(&format!("{SMALL} --depth 40 --clip-rate 0.2 --base-qualities 30:0.6,20:0.3,8:0.1"));
    let genome = genome(&made.path("reads/reference.fa"));
    let mut sites = HashSet::new();
    for line in output("bcftools", &["view", "-H"], &made.path("reads/sites.vcf.gz")).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let pos: usize = fields[1].parse().unwrap();
        assert_eq!(fields[3].as_bytes(), &genome[fields[0]][pos - 1..pos], "{line}");
        sites.insert((fields[0].to_owned(), pos - 1));
    }
    assert_eq!(sites.len(), 300);
    let (mut n, mut wrong) = ([0.0; 64], [0.0; 64]);
    for line in output("samtools", &["view"], &made.path("reads/S3.bam")).lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let start: usize = fields[3].parse::<usize>().unwrap() - 1;
        // 3S147M or 147M3S.
        let (before, _) = fields[5].split_once('M').unwrap();
        let (clipped, aligned) = before.split_once('S').unwrap_or(("0", before));
        let [clipped, aligned]: [usize; 2] = [clipped, aligned].map(|n| n.parse().unwrap());
        let bases = fields[9].bytes().zip(fields[10].bytes()).skip(clipped).take(aligned);
        for (i, (base, quality)) in bases.enumerate() {
            if !sites.contains(&(fields[2].to_owned(), start + i)) {
                n[usize::from(quality - 33)] += 1.0;
                wrong[usize::from(quality - 33)] += f64::from(u8::from(base != genome[fields[2]][start + i]));
            }
        }
    }
    let total: f64 = n.iter().sum();
    for (quality, share) in [(30, 0.6), (20, 0.3), (8, 0.1)] {
        let rate = 10_f64.powf(-(quality as f64) / 10.0);
        let (n, wrong) = (n[quality], wrong[quality]);
        let z = (wrong - n * rate) / (n * rate * (1.0 - rate)).sqrt();
        assert!(z.abs() < 5.0, "{quality}: {wrong} of {n} are wrong");
        assert!((n / total - share).abs() < 0.01, "{quality}: {n} of {total}");
    }
}

/// Discordant genotypes over all samples, as (the same, not the same).
fn concordance(made: &Made, truth: &Path, samples: &[&str]) -> (u64, u64) {
    let [list, called] = ["list", "called.bcf"].map(|name| made.path(name));
    let paths: String =
        samples.iter().map(|sample| format!("{}\n", made.path(&format!("reads/{sample}.bam")).display())).collect();
    std::fs::write(&list, paths).unwrap();
    let script = format!(
        "bcftools mpileup -f {0}/reference.fa -T {0}/sites.vcf.gz -b {1} 2>/dev/null | bcftools call -m -Ob -o {2} && \
         bcftools index {2} && bcftools stats -s {3} {4} {2}",
        made.path("reads").display(),
        list.display(),
        called.display(),
        samples.join(","),
        truth.display()
    );
    let stats = tools::run(tools::command("bash").args(["-o", "pipefail", "-c", &script])).ok().stdout;
    let (mut same, mut other) = (0, 0);
    for line in stats.lines().filter(|line| line.starts_with("GCsS")) {
        let counts: Vec<u64> = line.split('\t').skip(4).take(6).map(|cell| cell.parse().unwrap()).collect();
        same += counts[..3].iter().sum::<u64>();
        other += counts[3..].iter().sum::<u64>();
    }
    (same, other)
}

#[test]
fn genotypes_come_back_from_deep_reads() {
    need!(Need::Samtools, Need::Bcftools);
    let made = Made::new();
    made.simulate(&format!("{SMALL} {RICH}"));
    let (same, other) = concordance(&made, &made.path("c.vcf.gz"), &["S1", "S2", "S3", "S4", "S5", "S6"]);
    assert!(same > 1700 && other * 200 <= same, "{same} the same, {other} others");
}

#[test]
fn reads_are_made_of_the_people_of_a_file() {
    need!(Need::Samtools, Need::Bcftools, Need::Bgzip);
    let made = Made::new();
    let vcf = "##fileformat=VCFv4.2\n##contig=<ID=7>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"Genotype\">\n\
               #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\tbob\tcat\n\
               7\t500\ta\tA\tC\t.\t.\t.\tGT\t0/0\t0/1\t1/1\n\
               7\t700\tindel\tACGTA\tA\t.\t.\t.\tGT\t0/0\t0/1\t1/1\n\
               7\t900\tmulti\tG\tC,T\t.\t.\t.\tGT\t0/1\t0/2\t1/1\n\
               7\t1000\ttwice\tG\tC\t.\t.\t.\tGT\t0/1\t0/0\t1/1\n\
               7\t1000\ttwice\tG\tT\t.\t.\t.\tGT\t0/1\t0/0\t1/1\n\
               7\t1500\tb\tT\tG\t.\t.\t.\tGT\t1|0\t./.\t0|0\n";
    std::fs::write(made.path("people.vcf"), vcf).unwrap();
    let packed = tools::bgzip_indexed(&made.path("people.vcf"));
    let run = made.try_simulate("--genotypes people.vcf.gz --reads reads --depth 40").ok();
    assert!(run.stderr.contains("5 rows skipped") && run.stderr.contains("1 missing calls"), "{}", run.stderr);
    let sites = output("bcftools", &["query", "-f", "%POS %ID %REF %ALT %AC %AN\n"], &made.path("reads/sites.vcf.gz"));
    assert_eq!(sites, "500 a A C 3 6\n1500 b T G 1 4\n");
    let genome = genome(&made.path("reads/reference.fa"));
    assert_eq!([499, 1499, 899].map(|at| genome["7"][at]), *b"ATG");
    assert_eq!(&genome["7"][699..704], b"ACGTA");
    // The missing call has no counterpart; all others come back.
    assert_eq!(concordance(&made, &packed, &["ann", "bob", "cat"]), (5, 0));
    std::fs::write(made.path("keep"), "cat\nnobody\n").unwrap();
    made.simulate("--genotypes people.vcf.gz --keep keep --reads kept");
    assert!(made.names("kept").contains(&"cat.bam".to_owned()) && made.names("kept").len() == 8);
    let run = made.try_simulate("--genotypes people.vcf.gz --region 7:600-1200 --reads none -q");
    assert!(run.code == 1 && run.stderr.contains("there is no SNP of two alleles"), "{}", run.stderr);
    let sorted = std::fs::read_to_string(made.path("people.vcf")).unwrap();
    let (head, last) = sorted.trim_end().rsplit_once('\n').unwrap();
    std::fs::write(made.path("unsorted.vcf"), format!("{head}\n{last}\n{}\n", last.replace("1500", "300"))).unwrap();
    let run = made.try_simulate("--genotypes unsorted.vcf --reads none -q");
    assert!(run.code == 2 && run.stderr.contains("7:300: records are not sorted"), "{}", run.stderr);
    assert!(!made.path("none").exists() && made.names("").iter().all(|name| !name.starts_with('.')));
}

#[test]
fn swapped_and_contaminated_files_are_on_record_and_so_are_their_reads() {
    need!(Need::Samtools, Need::Bcftools);
    let made = Made::new();
    made.simulate(&format!("{SMALL} --depth 30 --swap 1 --contamination 0.25 --n-contaminated 2"));
    let truth = made.truth();
    let swapped: Vec<&Vec<String>> = truth.values().filter(|row| row[0] != row[2]).collect();
    assert_eq!(swapped.len(), 2);
    assert!(swapped[0][0] == swapped[1][2] && swapped[1][0] == swapped[0][2], "{swapped:?}");
    let contaminated: Vec<&Vec<String>> = truth.values().filter(|row| row[4] == "0.25").collect();
    assert_eq!(contaminated.len(), 2);
    for row in contaminated {
        let number = |name: &str| name[1..].parse::<usize>().unwrap();
        assert!(row[0] == row[2] && number(&row[5]) == number(&row[0]) % 6 + 1, "{row:?}");
    }
    let clean: Vec<&str> = truth.values().filter(|row| row[0] == row[2] && row[4] == "0").map(|row| &*row[0]).collect();
    let (same, other) = concordance(&made, &made.path("c.vcf.gz"), &clean);
    assert!(other * 200 <= same, "{same} {other}");
    std::fs::remove_file(made.path("called.bcf.csi")).unwrap();
    let mixed: Vec<&str> = swapped.iter().map(|row| &*row[0]).collect();
    let (same, other) = concordance(&made, &made.path("c.vcf.gz"), &mixed);
    assert!(other * 4 > same, "{same} {other}");
}

#[test]
fn a_folder_is_replaced_only_where_all_of_it_was_made_here() {
    let made = Made::new();
    std::fs::create_dir(made.path("reads")).unwrap();
    // One name for both, and so one lock.
    made.simulate(&SMALL.replace("c.vcf.gz", "reads.vcf.gz"));
    let run = made.try_simulate(SMALL);
    assert!(run.code == 1 && run.stderr.contains("--force") && !run.stderr.contains("--out"), "{}", run.stderr);
    made.simulate(&format!("{SMALL} --force --n-samples 3").replacen("--n-samples 6 ", "", 1));
    assert_eq!(made.names("reads").len(), 3 * 2 + 6);
    std::fs::write(made.path("reads/mine.bam"), "mine").unwrap();
    let run = made.try_simulate(&format!("{SMALL} --force"));
    assert!(run.code == 1 && run.stderr.contains("reads/mine.bam"), "{}", run.stderr);
    assert_eq!(made.text("reads/mine.bam"), "mine");
    std::fs::remove_file(made.path("reads/mine.bam")).unwrap();
    std::fs::write(made.path("reads/truth.tsv"), "else").unwrap();
    let run = made.try_simulate(&format!("{SMALL} --force"));
    assert!(run.code == 1 && run.stderr.contains("not made by norna simulate"), "{}", run.stderr);
    assert!(made.names("").iter().all(|name| !name.starts_with('.')), "{:?}", made.names(""));
}

#[test]
fn a_users_own_file_under_a_name_of_ours_is_not_replaced() {
    need!(Need::Samtools, Need::Bcftools);
    let made = Made::new();
    made.simulate(&format!("{SMALL} --depth 1"));
    let reads = |name: &str| made.path("reads").join(name);
    let shell = |script: &str| tools::run(tools::command("bash").args(["-ec", script]).current_dir(reads(""))).ok();
    let changes = [
        ("S1.bam", "samtools view -s 0.5 -b S1.bam -o x; mv x S1.bam", "row 1 of its truth.tsv"),
        (
            "S2.bam",
            "samtools view -H S2.bam | grep -v -e '^@CO' | samtools view -b --no-PG - -o x; mv x S2.bam",
            "row 2",
        ),
        ("S1.bam", "cp S2.bam S1.bam", "row 1 of"),
        ("S3.bam", "echo mine >S3.bam", "row 3 of"),
        ("S3.bam.bai", "echo mine >S3.bam.bai", "row 3 of"),
        ("S4.bam", "mv S4.bam ../elsewhere.bam; ln -s ../elsewhere.bam S4.bam", "row 4 of"),
        ("bams.txt", "printf 'S1\\tS2.bam\\n' >bams.txt", "reads/bams.txt"),
        ("reference.fa", "tr A C <reference.fa >x; mv x reference.fa", "reads/reference.fa"),
        ("reference.fa", "printf '>3\\nACGT\\n' >>reference.fa", "reads/reference.fa"),
        ("reference.fa.fai", "printf '3\\t4\\t5\\t60\\t61\\n' >>reference.fa.fai", "reads/reference.fa.fai"),
        ("sites.vcf.gz", "bcftools view -Oz -o x sites.vcf.gz; mv x sites.vcf.gz", "reads/sites.vcf.gz"),
        ("sites.vcf.gz.tbi", "echo mine >sites.vcf.gz.tbi", "reads/sites.vcf.gz.tbi"),
        ("truth.tsv", "sed -i 1d truth.tsv", "reads/truth.tsv"),
    ];
    for (name, change, words) in changes {
        let before = std::fs::read(reads(name)).unwrap();
        shell(change);
        let changed = std::fs::read(reads(name)).unwrap();
        let run = made.try_simulate(&format!("{SMALL} --depth 1 --force -q"));
        assert!(run.code == 1 && run.stderr.contains(words), "{change}: {}", run.stderr);
        assert!(run.stderr.trim_end().lines().count() == 1 && !run.stderr.contains("/S"), "{change}: {}", run.stderr);
        assert!(std::fs::read(reads(name)).unwrap() == changed, "{change}: replaced");
        std::fs::remove_file(reads(name)).unwrap();
        std::fs::write(reads(name), before).unwrap();
    }
    // Paths as they were written before, and files that are gone, keep it what it was.
    let list = made.text("reads/bams.txt").replace("\tS", &format!("\t{}/S", reads("").display()));
    std::fs::write(reads("bams.txt"), list).unwrap();
    std::fs::remove_file(reads("S1.bam")).unwrap();
    made.simulate(&format!("{SMALL} --depth 1 --force"));
    assert!(reads("S1.bam").exists() && made.names("reads").len() == 6 * 2 + 6);
}

#[test]
fn names_of_reads_of_different_files_differ() {
    need!(Need::Samtools);
    let made = Made::new();
    made.simulate(&format!("{SMALL} --depth 1"));
    let names = |sample: &str| -> HashSet<String> {
        let text = output("samtools", &["view"], &made.path(&format!("reads/{sample}.bam")));
        text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    let (first, sixth) = (names("S1"), names("S6"));
    assert!(first.contains("s1f1") && sixth.contains("s6f1") && first.is_disjoint(&sixth), "{first:?}");
}

#[test]
fn a_folder_that_was_moved_is_read() {
    let made = Made::new();
    made.simulate(&format!("{SMALL} --depth 1"));
    std::fs::rename(made.path("reads"), made.path("moved")).unwrap();
    let mut command = tools::norna(["depth", "--bam-list", "moved/bams.txt", "--by", "1000", "--out", "d.h5"]);
    tools::run(command.current_dir(made.0.path())).ok();
}

#[test]
fn a_signal_leaves_nothing_and_a_killed_run_only_until_the_next() {
    for signal in ["-TERM", "-KILL"] {
        let made = Made::new();
        let mut command = tools::norna(["simulate", "-q", "--out", "c.vcf", "--reads", "reads", "--n-samples", "9"]);
        command.args(["--n-variants", "500", "--contig", "1:9000000", "--depth", "2000", "--threads", "2"]);
        command.current_dir(made.0.path()).stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let begun = made.path(".reads.simulate.tmp/S1.bam");
        for _ in 0..600 {
            if begun.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let run = made.try_simulate(&SMALL.replace("c.vcf.gz", "d.vcf"));
        assert!(run.code == 1 && run.stderr.contains("another run is writing"), "{}", run.stderr);
        tools::run(tools::command("kill").args([signal, &child.id().to_string()])).ok();
        child.wait().unwrap();
        if signal == "-KILL" {
            made.simulate(&SMALL.replace("c.vcf.gz", "c.vcf"));
            assert_eq!(made.names(""), ["c.covar.tsv", "c.pheno.tsv", "c.truth.tsv", "c.vcf", "reads"]);
        } else {
            assert!(made.names("").is_empty(), "{:?}", made.names(""));
        }
    }
}

#[test]
fn flags_that_cannot_be_meant_are_refused_in_one_line() {
    let made = Made::new();
    std::fs::write(made.path("depths"), "S1\t3\nS9\t4\n").unwrap();
    std::fs::write(made.path("bad"), "S1\t3\nS2\tmany\n").unwrap();
    for (flags, code, word) in [
        ("--depth -1", 2, "--depth"),
        ("--depth nan", 2, "--depth NaN"),
        ("--read-length 5", 2, "--read-length 5: must lie between 20"),
        ("--base-qualities 30:0.5", 2, "sum to 0.5"),
        ("--base-qualities 30:0.5,30:0.5", 2, "30 twice"),
        ("--base-qualities 99:1", 2, "0 to 93"),
        ("--contamination 2", 2, "--contamination"),
        ("--single-end --unmapped-mate-rate 0.1", 2, "--single-end"),
        ("--depth-file bad", 2, "bad: line 2: the depth"),
        ("--depth-file depths", 1, "--depth-file: line 2: its sample is none of the 6"),
        ("--swap 4", 1, "--swap 4: needs at least 8 samples, and here are 6 samples"),
        ("--n-samples 1 --contamination 0.1", 1, "--contamination with --n-contaminated 1: needs at least 2 samples"),
        ("--reads c.vcf.gz", 2, "--reads c.vcf.gz: --out has an output of that name"),
        ("--reads ./c.pheno.tsv", 2, "--reads ./c.pheno.tsv: --out has an output of that name"),
    ] {
        let mut all = SMALL.to_owned();
        if flags.starts_with("--n-samples") {
            all = all.replace("--n-samples 6 ", "");
        }
        if flags.starts_with("--reads") {
            all = all.replace("--reads reads ", "");
        }
        let run = made.try_simulate(&format!("{all} -q {flags}").replace("--depth -1", "--depth=-1"));
        assert_eq!(run.code, code, "{flags}: {}", run.stderr);
        assert!(run.stderr.contains(word) && run.stderr.trim_end().lines().count() == 1, "{flags}: {}", run.stderr);
        assert!(!run.stderr.contains("S9"), "{}", run.stderr);
    }
    for flags in ["--depth 3 --out c.vcf --n-samples 3 --n-variants 3", "--genotypes c.vcf --n-samples 3 --reads r"] {
        let run = made.try_simulate(flags);
        assert_eq!(run.code, 2, "{flags}: {}", run.stderr);
    }
    assert_eq!(made.names(""), ["bad", "depths"]);
}
