//! Files of reads that are wrong: each one line, naming the file by its line in the list and never a sample; never a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use norna::format::alignment::{AlignmentFile, AlignmentOptions, AlignmentRecord};
use norna::format::fasta::Fasta;
use norna::source::reads::{PileupScratch, ReadInput, ReadsOptions, Site, SiteReads};
use support::need;
use support::tools::{Need, command, run};

const HEAD: &str = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:1\tLN:2000\n@SQ\tSN:2\tLN:500\n@RG\tID:g\tSM:person7\n";

/// `n` reads of 20 bases, 5 apart.
fn reads(n: usize) -> String {
    let read = |i: usize| {
        format!("r{i}\t0\t1\t{}\t60\t20M\t*\t0\t0\t{}\t{}\tRG:Z:g\n", 5 * i + 1, "ACGTA".repeat(4), "I".repeat(20))
    };
    (0..n).map(read).collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes a BAM of SAM text, with an index unless it cannot have one.
    fn bam(&self, name: &str, sam: &str) -> PathBuf {
        let (text, bam) = (self.path("x.sam"), self.path(name));
        std::fs::write(&text, sam).unwrap();
        run(command("samtools").args(["view", "-b", "--no-PG", "-o"]).arg(&bam).arg(&text)).ok();
        run(command("samtools").arg("index").arg(&bam));
        bam
    }

    fn list(&self, text: &str) -> PathBuf {
        std::fs::write(self.path("bams.txt"), text).unwrap();
        self.path("bams.txt")
    }

    fn options(&self, list: &str) -> ReadsOptions {
        ReadsOptions { list: self.list(list), ..Default::default() }
    }

    /// The refusal of a list, which names no path and no sample.
    #[track_caller]
    fn refusal(&self, list: &str) -> String {
        let error = ReadInput::open(&self.options(list)).unwrap_err().to_string();
        assert!(!error.contains('\n') && !error.contains("person") && !error.contains(".bam "), "{error}");
        error
    }
}

#[test]
fn files_that_are_wrong_are_named_by_their_line() {
    need!(Need::Samtools);
    let folder = Folder::new();
    let sam = format!("{HEAD}{}", reads(50));
    folder.bam("good.bam", &sam);
    let refuse = |name: &str, word: &str| {
        let error = folder.refusal(&format!("# people\ngood.bam\n\n{name}\n"));
        assert!(error.starts_with("bams.txt line 4: ") && error.contains(word), "{name}: {error}");
    };
    let bytes = std::fs::read(folder.path("good.bam")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path(name), bytes).unwrap();
    refuse("nowhere.bam", "No such file");
    write("no_index.bam", &bytes);
    refuse("no_index.bam", "samtools index");
    write("cut.bam", &bytes[..bytes.len() - 28]);
    refuse("cut.bam", "truncated");
    write("empty_file.bam", b"");
    refuse("empty_file.bam", "no bytes");
    write("text.bam", sam.as_bytes());
    refuse("text.bam", "SAM text");
    write("other.bam", b"\x89PNG, or so");
    refuse("other.bam", "neither BAM nor CRAM");
    std::fs::create_dir(folder.path("folder.bam")).unwrap();
    refuse("folder.bam", "not a regular file");
    run(command("mkfifo").arg(folder.path("pipe.bam"))).ok();
    refuse("pipe.bam", "not a regular file");
    folder.bam("by_name.bam", &sam.replace("SO:coordinate", "SO:queryname"));
    refuse("by_name.bam", "not sorted");
    folder.bam("no_group.bam", &sam.replace("@RG\tID:g\tSM:person7\n", ""));
    refuse("no_group.bam", "no read group (@RG), so that nothing tells whose reads these are; write the sample, a tab");
    folder.bam("no_sample.bam", &sam.replace("\tSM:person7", ""));
    refuse("no_sample.bam", "have no sample (SM)");
    for (name, sample) in [("blank.bam", "person7 "), ("control.bam", "person\u{1}7")] {
        folder.bam(name, &sam.replace("person7", sample));
        refuse(name, "begins or ends with a blank, or has control characters; write the sample, a tab");
    }
    folder.bam("longer.bam", &sam.replace("LN:2000", "LN:2001"));
    refuse("longer.bam", "1 has 2001 bases, and 2000 in line 2");
    folder.bam("fewer.bam", &sam.replace("@SQ\tSN:2\tLN:500\n", ""));
    refuse("fewer.bam", "1 reference sequences against 2 of line 2");
    folder.bam("named.bam", &sam.replace("SN:2", "SN:chr2"));
    refuse("named.bam", "chr2 stands where line 2 has 2");
    let other = folder.bam("other_index.bam", &sam.replace("@SQ\tSN:2\tLN:500\n", ""));
    std::fs::copy(folder.path("other_index.bam.bai"), folder.path("good2.bam.bai")).unwrap();
    std::fs::copy(folder.path("good.bam"), folder.path("good2.bam")).unwrap();
    refuse("good2.bam", "index: it has 1 references, the file 2");
    std::fs::write(folder.path("good2.bam.bai"), &std::fs::read(&other).unwrap()[..100]).unwrap();
    refuse("good2.bam", "make it again with samtools index");
    let several = folder.refusal("good.bam\ncut.bam\nno_index.bam\ntext.bam\n");
    assert!(several.starts_with("bams.txt line 2: truncated") && several.ends_with("(and 2 other files)"), "{several}");
}

#[test]
fn records_out_of_order_are_refused_when_met() {
    need!(Need::Samtools);
    let folder = Folder::new();
    let sam = format!("{HEAD}{}", reads(50));
    // Not compressed, so that the index of one fits the other.
    std::fs::write(folder.path("x.sam"), &sam).unwrap();
    let good = folder.path("x.bam");
    run(command("samtools").args(["view", "-u", "--no-PG", "-o"]).arg(&good).arg(folder.path("x.sam"))).ok();
    run(command("samtools").arg("index").arg(&good)).ok();
    let index = std::fs::read(folder.path("x.bam.bai")).unwrap();
    let mut lines: Vec<&str> = sam.lines().collect();
    lines.swap(20, 30);
    let text = lines.join("\n") + "\n";
    std::fs::write(folder.path("y.sam"), text).unwrap();
    run(command("samtools").args(["view", "-u", "--no-PG", "-o"]).arg(&good).arg(folder.path("y.sam"))).ok();
    std::fs::write(folder.path("x.bam.bai"), index).unwrap();
    let file = AlignmentFile::open(&good, &AlignmentOptions::default()).unwrap();
    let error = read_all(&file).unwrap_err();
    assert!(error.contains("not sorted by position") && error.contains("samtools sort"), "{error}");
}

/// Reads of every reference, counted.
fn read_all(file: &AlignmentFile) -> Result<usize, String> {
    let mut record = AlignmentRecord::default();
    let mut n = 0;
    for idx in 0..file.header().references.len() {
        let mut reader = file.reader().map_err(|e| e.to_string())?;
        let length = file.header().references[idx].length;
        reader.query(idx, 0..length).map_err(|e| e.to_string())?;
        while reader.next(&mut record).map_err(|e| e.to_string())? {
            let bases: usize = (0..record.read_len()).map(|i| usize::from(record.base(i) > 0)).sum();
            let walked: u64 = record.cigar().map(|(_, len)| u64::from(len)).sum();
            n += usize::from(bases > 0 && walked > 0 && !record.name().is_empty());
        }
    }
    Ok(n)
}

/// Opens and reads a file that may be damaged: whatever comes, it is one line or the reads.
fn survive(path: &Path, options: &AlignmentOptions) -> Result<usize, String> {
    let read = std::panic::catch_unwind(|| {
        AlignmentFile::open(path, options).map_err(|e| e.to_string()).and_then(|file| read_all(&file))
    });
    let result = read.unwrap_or_else(|_| panic!("a panic on {}", path.display()));
    if let Err(error) = &result {
        assert!(!error.is_empty() && !error.contains('\n'), "{error}");
    }
    result
}

/// Numbers that look random.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as usize
}

/// `bytes` with some changed or cut off.
fn damage(bytes: &[u8], state: &mut u64) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    if next(state).is_multiple_of(4) {
        damaged.truncate(next(state) % bytes.len());
    } else {
        for _ in 0..1 + next(state) % 4 {
            let at = next(state) % bytes.len();
            damaged[at] = match next(state) % 3 {
                0 => damaged[at] ^ (1 << (next(state) % 8)),
                1 => 0xff,
                _ => next(state) as u8,
            };
        }
    }
    damaged
}

#[test]
fn damaged_files_are_refused_or_read() {
    need!(Need::Samtools);
    let folder = Folder::new();
    let good = folder.bam("x.bam", &format!("{HEAD}{}", reads(300)));
    let index = std::fs::read(folder.path("x.bam.bai")).unwrap();
    let bytes = std::fs::read(&good).unwrap();
    let options = AlignmentOptions::default();
    assert_eq!(survive(&good, &options), Ok(300));
    let mut state = 0x9e37_79b9_7f4a_7c15;
    let mut n_refused = 0;
    for _ in 0..400 {
        std::fs::write(&good, damage(&bytes, &mut state)).unwrap();
        n_refused += usize::from(survive(&good, &options).is_err());
    }
    assert!(n_refused > 300, "{n_refused}");
    std::fs::write(&good, &bytes).unwrap();
    for _ in 0..300 {
        std::fs::write(folder.path("x.bam.bai"), damage(&index, &mut state)).unwrap();
        let _ = survive(&good, &options);
    }
}

/// The inflated records damaged and packed again, so that checksums are right.
#[test]
fn damaged_records_are_refused_or_read() {
    need!(Need::Samtools, Need::Bgzip);
    let folder = Folder::new();
    let good = folder.bam("x.bam", &format!("{HEAD}{}", reads(60)));
    let bytes = {
        let mut inflated = Vec::new();
        let packed = std::fs::File::open(&good).unwrap();
        let mut reader = norna::format::bgzf_reader::BgzfReader::new(packed);
        std::io::Read::read_to_end(&mut reader, &mut inflated).unwrap();
        inflated
    };
    let mut state = 0x1234_5678_9abc_def1;
    for _ in 0..60 {
        std::fs::write(folder.path("raw"), damage(&bytes, &mut state)).unwrap();
        run(command("bgzip").arg("-f").arg(folder.path("raw"))).ok();
        std::fs::rename(folder.path("raw.gz"), &good).unwrap();
        let _ = survive(&good, &AlignmentOptions::default());
    }
}

#[test]
fn cram_is_read_when_allowed_and_damaged_cram_is_refused() {
    need!(Need::Samtools);
    let folder = Folder::new();
    let bases = "ACGTA".repeat(400);
    std::fs::write(folder.path("ref.fa"), format!(">1\n{bases}\n>2\n{}\n", "G".repeat(500))).unwrap();
    run(command("samtools").arg("faidx").arg(folder.path("ref.fa"))).ok();
    let sam = folder.path("x.sam");
    std::fs::write(&sam, format!("{HEAD}{}", reads(300))).unwrap();
    let cram = folder.path("x.cram");
    let mut write = command("samtools");
    write.args(["view", "-C", "--output-fmt-option", "seqs_per_slice=100", "-T"]).arg(folder.path("ref.fa"));
    run(write.arg("-o").arg(&cram).arg(&sam)).ok();
    run(command("samtools").arg("index").arg(&cram)).ok();
    assert!(folder.refusal("x.cram\n").contains("--allow-cram"));
    let mut options = AlignmentOptions { allow_cram: true, fasta: None };
    assert!(survive(&cram, &options).unwrap_err().contains("--fasta"));
    options.fasta = Some(Arc::new(Fasta::open(&folder.path("ref.fa")).unwrap()));
    assert_eq!(survive(&cram, &options), Ok(300));

    std::fs::write(folder.path("other.fa"), format!(">1\n{}\n>2\n{}\n", bases.replace('G', "C"), "G".repeat(500)))
        .unwrap();
    run(command("samtools").arg("faidx").arg(folder.path("other.fa"))).ok();
    let other = Some(Arc::new(Fasta::open(&folder.path("other.fa")).unwrap()));
    let error = survive(&cram, &AlignmentOptions { allow_cram: true, fasta: other }).unwrap_err();
    assert!(error.contains("other bases"), "{error}");

    let bytes = std::fs::read(&cram).unwrap();
    let mut state = 0xfeed_beef_1234_5677;
    let mut n_refused = 0;
    for _ in 0..400 {
        std::fs::write(&cram, damage(&bytes, &mut state)).unwrap();
        n_refused += usize::from(survive(&cram, &options).is_err());
    }
    assert!(n_refused > 300, "{n_refused}");
    for version in [[2, 1], [4, 0]] {
        let mut other = bytes.clone();
        other[4..6].copy_from_slice(&version);
        std::fs::write(&cram, other).unwrap();
        assert!(survive(&cram, &options).unwrap_err().contains("version"));
    }
}

#[test]
fn what_is_odd_is_warned_of() {
    need!(Need::Samtools);
    let folder = Folder::new();
    folder.bam("empty.bam", HEAD);
    let old = folder.bam("old.bam", &format!("{HEAD}{}", reads(5)).replace("person7", "person8"));
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let index = std::fs::File::options().write(true).open(folder.path("old.bam.bai")).unwrap();
    index.set_modified(past).unwrap();
    assert!(old.exists());
    let input = ReadInput::open(&folder.options("empty.bam\r\nold.bam\r\n")).unwrap();
    assert_eq!(input.samples(), ["person7", "person8"]);
    assert_eq!(input.warnings().len(), 2, "{:?}", input.warnings());
    assert!(input.warnings()[0].starts_with("bams.txt line 2: the index is older"));
    assert!(input.warnings()[1].starts_with("bams.txt line 1: no reads"));
    let mut out = SiteReads::default();
    let site = |pos| Site { chrom: "1".into(), pos, id: ".".into(), reference: b'A', alternate: b'C' };
    input.pile_up(0..2, &[site(1)], &mut PileupScratch::default(), &mut out, &|| false).unwrap();
    assert_eq!((&out.depth[..], out.likelihoods[0]), (&[0, 1][..], [0.0; 3]));
    for (site, word) in
        [(site(2001), "beyond the 2000 bases"), (Site { chrom: "7".into(), ..site(1) }, "no reference sequence")]
    {
        let error = input.pile_up(0..1, &[site], &mut PileupScratch::default(), &mut out, &|| false).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn bases_are_compared_with_the_fasta() {
    need!(Need::Samtools);
    let folder = Folder::new();
    let md5 = "M5:00000000000000000000000000000001";
    folder.bam("x.bam", &format!("{HEAD}{}", reads(5)).replace("LN:2000", &format!("LN:2000\t{md5}")));
    let open = |length: usize, allow: bool| {
        std::fs::write(folder.path("ref.fa"), format!(">1\n{}\n", "A".repeat(length))).unwrap();
        run(command("samtools").arg("faidx").arg(folder.path("ref.fa"))).ok();
        let fasta = Some(folder.path("ref.fa"));
        ReadInput::open(&ReadsOptions { fasta, allow_reference_mismatch: allow, ..folder.options("x.bam\n") })
    };
    let error = open(1999, false).unwrap_err().to_string();
    assert!(error.contains("1 has 2000 bases, and 1999 in") && error.contains("--allow-reference-mismatch"), "{error}");
    let warnings = open(1999, true).unwrap().warnings().to_vec();
    assert!(warnings[0].contains("1 has 2000 bases, and 1999 in") && warnings[0].ends_with("ref.fa"), "{warnings:?}");
    let error = open(2000, false).unwrap().check_md5("1").unwrap_err().to_string();
    assert!(error.contains("other bases (M5 in the header)"), "{error}");
    let warning = open(2000, true).unwrap().check_md5("1").unwrap().unwrap();
    assert!(warning.contains("other bases") && warning.ends_with("ref.fa"), "{warning}");
    assert!(open(2000, false).unwrap().check_md5("2").unwrap().is_none());
}

/// The process may hold 40 files open; the list has 200.
#[test]
fn few_files_are_open_at_a_time() {
    need!(Need::Samtools);
    let folder = Folder::new();
    let bam = folder.bam("x.bam", &format!("{HEAD}{}", reads(20)));
    let mut list = String::new();
    for i in 0..200 {
        std::fs::copy(&bam, folder.path(&format!("{i}.bam"))).unwrap();
        std::fs::copy(folder.path("x.bam.bai"), folder.path(&format!("{i}.bai"))).unwrap();
        list += &format!("s{i}\t{i}.bam\n");
    }
    let list = folder.list(&list);
    let test = std::env::current_exe().unwrap();
    let script = format!("ulimit -n 40; exec '{}' --exact --ignored open_the_list --nocapture", test.display());
    let done = run(command("bash").args(["-c", &script]).env("LIST_OF_READS", &list)).ok();
    assert!(done.stderr.contains("200 samples, depth 200"), "{}", done.stderr);
}

#[test]
#[ignore = "run by few_files_are_open_at_a_time"]
fn open_the_list() {
    let list = std::env::var_os("LIST_OF_READS").unwrap().into();
    let input = ReadInput::open(&ReadsOptions { list, ..Default::default() }).unwrap();
    let mut out = SiteReads::default();
    let sites = [Site { chrom: "1".into(), pos: 3, id: ".".into(), reference: b'A', alternate: b'C' }];
    input.pile_up(0..200, &sites, &mut PileupScratch::default(), &mut out, &|| false).unwrap();
    let depth: u32 = out.depth.iter().map(|&d| u32::from(d)).sum();
    support::tools::say(&format!("{} samples, depth {depth}", input.samples().len()));
    assert_eq!((input.samples().len(), depth), (200, 200));
}
