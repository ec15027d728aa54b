//! hts-specs' VCF files: all of passed/ are read; of failed/ none panics or hangs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::{Path, PathBuf};

use norna::format::bgzf_source::ByteSource;
use norna::format::vcf::VcfRecords;
use norna::format::vcf_header::VcfHeader;
use norna::format::vcf_site::{RecordReader, Until};
use norna::source::{Input, InputOptions, SourceError, VariantBlock};
use support::places::shared_file;
use support::tools::{Need, have};

fn files(kind: &str) -> Vec<PathBuf> {
    if !have(Need::SharedData) {
        return Vec::new();
    }
    let root = shared_file("hts-specs/vcf");
    let mut files = Vec::new();
    for version in ["4.1", "4.2", "4.3", "4.5"] {
        let Ok(dir) = std::fs::read_dir(root.join(version).join(kind)) else { continue };
        files.extend(dir.map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "vcf")));
    }
    files.sort();
    assert!(!files.is_empty(), "no files in {}", root.display());
    files
}

/// Reads a file of sites without samples, which association itself refuses.
fn read_sites(path: &Path) -> Result<u64, String> {
    let mut source = ByteSource::Memory(std::fs::read(path).unwrap(), 0);
    let (header, _) = VcfHeader::read(&mut source).map_err(|e| e.to_string())?;
    let mut records = VcfRecords::new(source, Until::Input, header.samples.len(), None);
    let mut n = 0;
    while records.advance().map_err(|e| e.to_string())? {
        n += 1;
    }
    Ok(n)
}

/// Records in the file, or why it is refused.
fn read(path: &Path) -> Result<u64, String> {
    let options = InputOptions { paths: vec![path.to_owned()], ..Default::default() };
    let input = match Input::open(&options) {
        Err(SourceError::NoSamples { .. }) => return read_sites(path),
        opened => opened.map_err(|e| e.to_string())?,
    };
    let mut block = VariantBlock::new(input.kind(), input.samples().len(), 16);
    let mut n = 0;
    for shard in &input.plan(1 << 20).unwrap().shards {
        let mut reader = input.reader(shard).map_err(|e| e.to_string())?;
        while reader.read_block(&mut block).map_err(|e| e.to_string())? > 0 {}
        n += reader.ledger().records;
    }
    Ok(n)
}

#[test]
fn passed_files_are_read() {
    for path in files("passed") {
        let n = read(&path);
        assert!(n.is_ok(), "{}: {n:?}", path.display());
    }
}

/// What of failed/ is refused, and a part of the message. Everything else there is accepted for a reason in [`ACCEPTED`].
const REFUSED: &[(&str, &str)] = &[
    ("failed_body_alt_001", "is no list of alleles"),
    ("failed_body_alt_002", "is no list of alleles"),
    ("failed_body_chrom_002", "has a blank"),
    ("failed_body_format_002", "is not a genotype"),
    ("failed_body_format_004 4.1", "is not a genotype"),
    ("failed_body_format_004 4.2", "is not a genotype"),
    ("failed_body_format_006", "is not a genotype"),
    ("failed_body_id_000", "has a blank"),
    ("failed_body_pos_000", "is not a position"),
    ("failed_body_pos_001", "is not a position"),
    ("failed_body_pos_002", "is not a position"),
    ("failed_body_ref_000", "is not one allele"),
    ("failed_body_ref_002", "is not one allele"),
    ("failed_body_sample_000", "is not a genotype"),
    ("failed_body_sample_001", "allele number 3"),
    ("failed_body_sample_002", "is not a genotype"),
    ("failed_body_sample_004", "2 values for 1 ALT"),
    ("failed_body_sample_007", "is not a number"),
    ("failed_body_sample_008", "is not a number"),
    ("failed_body_sample_009", "is not a number"),
    ("failed_body_sample_011", "have the same ID"),
    ("failed_empty", "not a VCF"),
    ("failed_empty_sample", "the file is empty"),
    ("failed_fileformat_000", "fileformat"),
    ("failed_fileformat_001", "fileformat"),
    ("failed_header_000", "another column"),
    ("failed_meta_002", "no #CHROM line"),
    ("failed_meta_004", "no #CHROM line"),
    ("failed_meta_005", "no #CHROM line"),
];

/// What of failed/ is read all the same, by the rule that it breaks. A name stands for every name that begins so.
const ACCEPTED: &[(&str, &str)] = &[
    ("failed_meta_", "## lines: none of what they say changes a genotype, and people's headers break every rule"),
    ("failed_body_info_", "INFO: only the key that --min-info asks for is looked at"),
    ("failed_body_filter_", "FILTER: PASS and . are told from the rest, whatever the rest is"),
    ("failed_body_qual_", "QUAL is not used"),
    ("failed_body_id_", "ID is a label: text without blanks is taken as it stands"),
    ("failed_body_chrom_", "CHROM is a label: text without blanks is taken as it stands"),
    ("failed_body_alt_", "ALT is a label: alleles are counted by number, whatever their bases"),
    ("failed_body_ref_", "REF is a label; IUPAC codes occur"),
    ("failed_body_contiguous_", "records are read in the file's order; a region is by POS, sorted or not"),
    ("failed_body_unsorted_", "records are read in the file's order; a region is by POS, sorted or not"),
    ("failed_body_duplicated_", "duplicate records are rows of their own, as the results' layout promises"),
    ("failed_body_format_", "FORMAT: keys other than GT, DS and GP are passed over"),
    ("failed_body_sample_", "values of keys other than GT, DS and GP, and fields past FORMAT's, are passed over"),
    ("failed_body_samples_ploidy_", "PL is not used"),
    ("failed_body_no_newline_", "a last line counts without its newline"),
    ("failed_header_001", "FORMAT without samples is a file of sites, which association refuses as such"),
];

#[test]
fn failed_files_are_refused_or_read_for_a_reason() {
    let files = files("failed");
    let mut used = vec![false; ACCEPTED.len()];
    for path in &files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let version = path.components().rev().nth(2).unwrap().as_os_str().to_string_lossy().into_owned();
        let versioned = format!("{name} {version}");
        let refused = REFUSED.iter().find(|(n, _)| *n == name || *n == versioned);
        match (read(path), refused) {
            (Err(message), Some((_, want))) => assert!(message.contains(want), "{versioned}: {message}"),
            (Err(message), None) => panic!("{versioned} is refused: {message}"),
            (Ok(_), Some(_)) => panic!("{versioned} is read"),
            (Ok(_), None) => {
                let rule = ACCEPTED.iter().position(|(n, _)| name.starts_with(n));
                used[rule.unwrap_or_else(|| panic!("{versioned} is read, and no rule says why"))] = true;
            }
        }
    }
    assert!(files.is_empty() || used.iter().all(|&u| u), "a rule without a file: {used:?}");
}
