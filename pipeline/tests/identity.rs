//! `norna identity`: people of a simulation and of 1000 Genomes, right and mixed up on purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use support::need;
use support::places::shared_file;
use support::tools::{self, Need, Run};

const COLUMNS: &str =
    "sample\tstatus\tbest_match\town_concordance\tbest_concordance\tn_sites\tcontamination\tsex_from_reads";

/// Sixteen people and their reads: two files exchanged, two contaminated, one of almost no depth.
struct World(tempfile::TempDir);

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("depths.txt"), "S16\t0.01\n").unwrap();
        let flags = "simulate --out people.vcf --n-samples 16 --n-variants 1200 --seed 5 --n-traits 0 --n-null-traits 1 \
                     --contig 21:250000,22:250000 --reads reads --depth 6 --depth-file depths.txt --swap 1 \
                     --n-contaminated 2 --contamination 0.15";
        let mut command = tools::norna(flags.split_whitespace());
        tools::run(command.current_dir(dir.path())).ok();
        World(dir)
    })
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What the files hold: by sample, whose reads, the share of a foreign person, and who that is.
    fn truth(&self) -> HashMap<String, (String, f64)> {
        let text = std::fs::read_to_string(self.path("reads/truth.tsv")).unwrap();
        let rows = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect::<Vec<_>>());
        rows.map(|row| (row[0].to_owned(), (row[2].to_owned(), row[4].parse().unwrap()))).collect()
    }

    fn bam(&self, sample: &str) -> PathBuf {
        self.path(&format!("reads/{sample}.bam"))
    }

    /// Runs on a list of (sample, whose file), the VCF `vcf`, into a folder of its own.
    fn run(&self, files: &[(&str, &str)], vcf: &Path, extra: &[&str]) -> (Found, Run) {
        let dir = tempfile::tempdir().unwrap();
        let mut list = String::new();
        for (i, (sample, file)) in files.iter().enumerate() {
            // Under names of their own: a list names no file twice.
            std::fs::copy(self.bam(file), dir.path().join(format!("{i}.bam"))).unwrap();
            std::fs::copy(self.bam(file).with_extension("bam.bai"), dir.path().join(format!("{i}.bam.bai"))).unwrap();
            writeln!(list, "{sample}\t{i}.bam").unwrap();
        }
        std::fs::write(dir.path().join("bams.txt"), list).unwrap();
        let mut command = tools::norna(["identity", "--bam-list", "bams.txt", "--out", "identity.tsv", "--vcf"]);
        let run = tools::run(command.arg(vcf).args(extra).current_dir(dir.path()));
        (Found::of(dir.path()), run)
    }

    fn people(&self) -> PathBuf {
        self.path("people.vcf")
    }
}

/// A table, if there is one.
struct Found {
    text: String,
    rows: HashMap<String, HashMap<String, String>>,
    log: String,
}

impl Found {
    fn of(dir: &Path) -> Self {
        let text = std::fs::read_to_string(dir.join("identity.tsv")).unwrap_or_default();
        let log = std::fs::read_to_string(dir.join("identity.tsv.log")).unwrap_or_default();
        let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let columns = lines.next().unwrap_or_default();
        let rows = lines.map(|row| {
            assert_eq!(row.len(), columns.len());
            (row[0].clone(), columns.iter().cloned().zip(row).collect())
        });
        Self { rows: rows.collect(), log, text }
    }

    #[track_caller]
    fn cell(&self, sample: &str, column: &str) -> &str {
        &self.rows[sample][column]
    }

    #[track_caller]
    fn number(&self, sample: &str, column: &str) -> f64 {
        self.cell(sample, column).parse().unwrap()
    }
}

#[test]
fn each_person_of_1000_genomes_matches_itself_as_gtcheck_has_it() {
    need!(Need::SharedData);
    let dir = tempfile::tempdir().unwrap();
    let people = ["HG00096", "HG00099", "HG00101"];
    let bams: Vec<String> =
        people.iter().map(|id| shared_file(&format!("brca1/{id}.brca1.bam")).display().to_string()).collect();
    std::fs::write(dir.path().join("bams.txt"), bams.join("\n")).unwrap();
    let mut command =
        tools::norna(["identity", "--bam-list", "bams.txt", "--out", "identity.tsv", "--json", "--check"]);
    command.arg("--vcf").arg(shared_file("brca1/brca1_1kgPhase3_variants.vcf.gz")).current_dir(dir.path());
    let run = tools::run(&mut command).ok();
    let found = Found::of(dir.path());
    let peer = std::fs::read_to_string(shared_file("brca1/expected/bcftools_gtcheck.txt")).unwrap();
    for id in people {
        let of_id =
            peer.lines().map(|line| line.split('\t').collect::<Vec<_>>()).filter(|row| row[0] == "DC" && row[1] == id);
        let nearest = of_id.min_by(|a, b| a[3].parse::<f64>().unwrap().total_cmp(&b[3].parse().unwrap())).unwrap()[2];
        assert_eq!((found.cell(id, "status"), found.cell(id, "best_match")), ("match", nearest), "{id}");
        assert_eq!((found.cell(id, "sex_from_reads"), nearest), ("unknown", id));
        assert!(found.number(id, "own_concordance") > 0.97);
        assert!(found.number(id, "n_sites") > 120.0);
    }
    // The two differ on record at one site with reads: the odds are for the right one, by one read or two.
    for (id, other) in [("HG00096", "HG00099"), ("HG00099", "HG00096")] {
        assert_eq!((found.cell(id, "next_match"), found.cell(id, "n_informative")), (other, "1"));
        let margin = found.number(id, "margin_lod");
        assert!((0.5..4.0).contains(&margin), "{id}: {margin}");
    }
    assert!(found.number("HG00101", "margin_lod") > 50.0);
    assert!(found.text.starts_with(COLUMNS));
    let json: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["summary"]["by_status"]["match"], 3);
    assert_eq!(json["samples"][0]["best_match"], "HG00096");
    let mode = std::fs::metadata(dir.path().join("identity.tsv")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for text in [&run.stderr, &found.log] {
        assert!(text.contains("3 samples: match 3") && !text.contains("HG00"), "{text}");
    }
    assert!(!dir.path().join("identity.tsv.norna").exists());
}

#[test]
fn what_was_mixed_up_is_found_and_nothing_else() {
    let world = world();
    let truth = world.truth();
    let samples: Vec<&str> = truth.keys().map(String::as_str).collect();
    let files: Vec<(&str, &str)> = samples.iter().map(|&s| (s, s)).collect();
    let (found, run) =
        world.run(&files, &world.people(), &["--fasta", world.path("reads/reference.fa").to_str().unwrap()]);
    run.ok();
    for (sample, (reads_of, share)) in &truth {
        let status = match () {
            () if sample == "S16" => "low-coverage",
            () if reads_of != sample => "swap",
            () if *share > 0.0 => "mixture",
            () => "match",
        };
        assert_eq!(found.cell(sample, "status"), status, "{sample}:\n{}", found.text);
        if status == "low-coverage" {
            assert_eq!((found.cell(sample, "best_match"), found.cell(sample, "contamination")), (".", "NA"));
            continue;
        }
        assert_eq!(found.cell(sample, "best_match"), reads_of);
        assert!(found.number(sample, "best_concordance") > if *share > 0.0 { 0.8 } else { 0.98 });
        // Half a megabase has few independent stretches of the foreign person's genome.
        let found_share = found.number(sample, "contamination");
        let within = if *share > 0.0 { 0.07 } else { 0.01 };
        assert!((found_share - share).abs() < within, "{sample}: {found_share} for {share}");
        if status == "swap" {
            assert!(found.number(sample, "own_concordance") < 0.75);
            assert!(found.number(sample, "margin_lod") < -50.0);
        }
    }
    assert!(found.log.contains("swap 2") && found.log.contains("mixture 2"), "{}", found.log);
    assert!(!found.log.contains("S16"), "{}", found.log);
}

#[test]
fn neither_the_order_of_the_list_nor_ranks_nor_threads_change_a_byte() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(world.path("reads/bams.txt")).unwrap();
    let absolute = |line: &str| {
        let (sample, file) = line.split_once('\t').unwrap();
        format!("{sample}\t{}\n", world.path("reads").join(file).display())
    };
    let lines: Vec<String> = text.lines().map(absolute).collect();
    std::fs::write(dir.path().join("a.txt"), lines.concat()).unwrap();
    std::fs::write(dir.path().join("b.txt"), lines.iter().rev().cloned().collect::<String>()).unwrap();
    let flags = |list: &str, out: &str, threads: &str| {
        let vcf = world.people().display().to_string();
        ["identity", "--bam-list", list, "--vcf", &vcf, "--out", out, "--threads", threads].map(str::to_owned)
    };
    let read = |out: &str| std::fs::read_to_string(dir.path().join(out)).unwrap();
    tools::run(tools::norna(flags("a.txt", "1.tsv", "1")).current_dir(dir.path())).ok();
    tools::run(tools::norna(flags("b.txt", "2.tsv", "3")).current_dir(dir.path())).ok();
    assert_eq!(read("1.tsv"), read("2.tsv"));
    need!(Need::Mpirun);
    tools::run(tools::mpirun(3, flags("b.txt", "3.tsv", "1")).current_dir(dir.path())).ok();
    assert_eq!(read("1.tsv"), read("3.tsv"));
}

#[test]
fn duplicates_absent_people_and_files_of_two_people_are_told() {
    let world = world();
    let truth = world.truth();
    let mut right: Vec<&str> = truth
        .iter()
        .filter(|(s, (of, share))| s == &of && *share == 0.0 && *s != "S16")
        .map(|(s, _)| s.as_str())
        .collect();
    right.sort_unstable();
    let [a, b, c, d, e, f, ..] = right[..] else { panic!("too few") };
    // b has a's reads; c's library is under another name; d is of two files, of two people; e is named by the table.
    let files = [(a, a), (b, a), ("library", c), (d, d), (d, f), ("e-tube", e)];
    let dir = tempfile::tempdir().unwrap();
    let pairs = dir.path().join("pairs.txt");
    std::fs::write(&pairs, format!("sample\tvcf_sample\ne-tube\t{e}\n")).unwrap();
    let (found, run) = world.run(&files, &world.people(), &["--check", "--pairs", pairs.to_str().unwrap()]);
    assert!(run.code == 1 && !found.text.is_empty(), "{}", run.stderr);
    let told = |sample: &str| (found.cell(sample, "status").to_owned(), found.cell(sample, "best_match").to_owned());
    let expected = |status: &str, best: &str| (status.to_owned(), best.to_owned());
    assert_eq!(told(a), expected("match", a));
    assert_eq!(told(b), expected("duplicate", a));
    assert_eq!((found.cell(a, "same_person"), found.cell(b, "same_person")), (b, a));
    assert_eq!(told("library"), expected("absent", c));
    assert_eq!((found.cell("library", "own_concordance"), found.cell("library", "vcf_sample")), ("NA", "."));
    assert_eq!(found.cell(d, "status"), "mixture");
    assert!(found.number(d, "contamination") > 0.3);
    assert_eq!(told("e-tube"), expected("match", e));
    assert_eq!(found.cell("e-tube", "vcf_sample"), e);
    assert!(found.log.contains("12 of the VCF's 16 samples have no alignment file"), "{}", found.log);
}

#[test]
fn spellings_of_chromosomes_and_dosages_are_taken() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(world.people()).unwrap();
    let renamed: String = text
        .lines()
        .map(|line| if line.starts_with('#') { format!("{line}\n") } else { format!("chr{line}\n") })
        .collect();
    let dosages: String = text
        .lines()
        .map(|line| match line.starts_with('#') {
            true => line.replace("##FORMAT=<ID=GT,Number=1,Type=String", "##FORMAT=<ID=DS,Number=1,Type=Float") + "\n",
            false => {
                let calls = [("GT", "DS"), ("0|0", "0.02"), ("0|1", "1"), ("1|0", "0.95"), ("1|1", "1.98")];
                calls.iter().fold(line.to_owned(), |line, (from, to)| line.replace(from, to)) + "\n"
            }
        })
        .collect();
    let truth = world.truth();
    let right = truth.iter().filter(|(s, (of, share))| s == &of && *share == 0.0 && *s != "S16");
    let files: Vec<(&str, &str)> = right.map(|(s, _)| (s.as_str(), s.as_str())).take(3).collect();
    for (name, text) in [("renamed.vcf", renamed), ("dosages.vcf", dosages)] {
        let vcf = dir.path().join(name);
        std::fs::write(&vcf, text).unwrap();
        let (found, run) = world.run(&files, &vcf, &[]);
        run.ok();
        for (sample, _) in &files {
            assert_eq!(found.cell(sample, "status"), "match", "{name}: {}", found.text);
            assert_eq!(found.cell(sample, "best_match"), *sample);
        }
    }
}

#[test]
fn input_that_cannot_be_compared_is_refused_in_one_line() {
    let world = world();
    let dir = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(world.people()).unwrap();
    let edited = |name: &str, edit: &dyn Fn(&str) -> String| {
        let path = dir.path().join(name);
        let lines = text.lines().map(|l| if l.starts_with('#') { l.to_owned() } else { edit(l) } + "\n");
        std::fs::write(&path, lines.collect::<String>()).unwrap();
        path
    };
    let elsewhere = edited("elsewhere.vcf", &|line| format!("1{}", &line[line.find('\t').unwrap()..]));
    let deletions = edited("deletions.vcf", &|line| {
        let mut cells: Vec<&str> = line.split('\t').collect();
        cells[3] = "ACGT";
        cells[4] = "A";
        cells.join("\t")
    });
    let other_build = edited("other.vcf", &|line| {
        let mut cells: Vec<&str> = line.split('\t').collect();
        (cells[3], cells[4]) = if matches!(cells[3], "A" | "C") { ("G", "T") } else { ("A", "C") };
        cells.join("\t")
    });
    let files = [("S1", "S1"), ("S2", "S2")];
    let fasta = world.path("reads/reference.fa").display().to_string();
    for (vcf, extra, words) in [
        (&elsewhere, vec![], "no common sites: the VCF has sites on 1 and the alignment files have 21, 22"),
        (&deletions, vec![], "no common sites: rows"),
        (&other_build, vec!["--fasta", &fasta], "they are of different genome builds"),
        (&world.people(), vec!["--maf", "0.7"], "--maf 0.7"),
    ] {
        let (found, run) = world.run(&files, vcf, &extra);
        assert!(run.code != 0 && run.stderr.contains(words), "{words}: {}", run.stderr);
        assert_eq!(run.stderr.lines().filter(|line| line.starts_with("error")).count(), 1, "{}", run.stderr);
        assert!(found.text.is_empty());
    }
    let out = dir.path().join("kept.tsv");
    std::fs::write(&out, "not ours\n").unwrap();
    let list = world.path("reads/bams.txt");
    for (extra, words) in [(None, "exists; use --force"), (Some("--force"), "--force replaces norna's outputs only")] {
        let mut command = tools::norna(["identity", "--bam-list"]);
        command.arg(&list).arg("--vcf").arg(world.people()).arg("--out").arg(&out).args(extra);
        let run = tools::run(&mut command);
        assert!(run.code == 1 && run.stderr.contains(words), "{}", run.stderr);
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "not ours\n");
    }
}

#[test]
fn the_sex_is_told_by_depth_and_an_empty_file_by_nothing() {
    need!(Need::Samtools);
    let dir = tempfile::tempdir().unwrap();
    let references = [("1", 1_200_000), ("X", 900_000), ("Y", 600_000)];
    let mut vcf = String::from("##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">\n");
    vcf += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tman\twoman\n";
    vcf += "1\t500\t.\tA\tC\t.\t.\t.\tGT\t0/0\t0/1\n";
    std::fs::write(dir.path().join("two.vcf"), vcf).unwrap();
    let mut list = String::new();
    for (sample, steps) in [("man", [100, 200, 300]), ("woman", [100, 100, 0]), ("nobody", [0, 0, 0])] {
        let mut sam = String::from("@HD\tVN:1.6\tSO:coordinate\n");
        for (name, length) in references {
            writeln!(sam, "@SQ\tSN:{name}\tLN:{length}").unwrap();
        }
        writeln!(sam, "@RG\tID:r\tSM:{sample}").unwrap();
        for ((name, length), step) in references.into_iter().zip(steps).filter(|(_, step)| *step > 0) {
            for start in (1..length - 50).step_by(step) {
                let (bases, qualities) = ("A".repeat(50), "I".repeat(50));
                writeln!(sam, "q{name}{start}\t0\t{name}\t{start}\t60\t50M\t*\t0\t0\t{bases}\t{qualities}\tRG:Z:r")
                    .unwrap();
            }
        }
        let bam = format!("{sample}.bam");
        std::fs::write(dir.path().join("a.sam"), sam).unwrap();
        tools::run(tools::command("samtools").args(["view", "-b", "-o", &bam, "a.sam"]).current_dir(dir.path())).ok();
        tools::run(tools::command("samtools").args(["index", &bam]).current_dir(dir.path())).ok();
        writeln!(list, "{}", dir.path().join(bam).display()).unwrap();
    }
    std::fs::write(dir.path().join("bams.txt"), list).unwrap();
    let flags = ["identity", "--bam-list", "bams.txt", "--vcf", "two.vcf", "--out", "identity.tsv"];
    let run = tools::run(tools::norna(flags).current_dir(dir.path())).ok();
    let found = Found::of(dir.path());
    for (sample, sex, x) in [("man", "male", "0.5"), ("woman", "female", "1.0"), ("nobody", "unknown", "NA")] {
        assert_eq!((found.cell(sample, "sex_from_reads"), found.cell(sample, "status")), (sex, "low-coverage"));
        assert!(found.cell(sample, "x_depth_ratio").starts_with(x), "{}", found.text);
    }
    assert_eq!(found.cell("nobody", "n_sites"), "0");
    assert!(run.stderr.contains("no reads: the file is empty"), "{}", run.stderr);
}
