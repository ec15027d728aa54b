//! `norna info`, `top` and `export` on a made-up results file, through the functions that the commands run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod store_common;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use norna::cli::export::{ExportArgs, ExportFormat};
use norna::export::output::is_closed_pipe;
use norna::export::pair::PairStats;
use norna::export::select::perfect_fits;
use norna::export::top::best_pairs;
use norna::export::{ExportError, ExportPlan, write_pairs};
use norna::store::ResultsReader;
use norna_kernels::Status;
use store_common::{FileWriter, cell, missing, taken, variant, write};

fn arguments(file: &Path, out: &Path) -> ExportArgs {
    ExportArgs {
        file: file.to_path_buf(),
        traits: Vec::new(),
        what: None,
        format: ExportFormat::Tsv,
        out: out.to_path_buf(),
        force: false,
        chr: Vec::new(),
        region: Vec::new(),
        p: None,
        log10p: None,
        cis_window: None,
        a1_freq: false,
        policy: None,
        genome_assembly: None,
        study: None,
        neg_log10_p: false,
    }
}

fn plan(traits: &[usize]) -> ExportPlan {
    ExportPlan { traits: traits.to_vec(), with_trait: traits.len() > 1, ..ExportPlan::default() }
}

fn table(reader: &ResultsReader, plan: &ExportPlan) -> (u64, Vec<Vec<String>>) {
    let mut text = Vec::new();
    let n = write_pairs(reader, plan, Path::new("-"), &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    (n, text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

#[test]
fn export_writes_every_row_of_a_trait_as_stored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    let header = write(&path, 5003, 40, 5003);
    let reader = ResultsReader::open(&path).unwrap();
    let (n, rows) = table(&reader, &plan(&[33]));
    assert_eq!(rows[0].join(" "), "#CHROM POS ID REF ALT A1 A1_FREQ OBS_CT BETA SE T_STAT LOG10_P");
    assert_eq!((n, rows.len()), (5003, 5004));
    let info = &header.traits[33];
    for (v, row) in rows[1..].iter().enumerate() {
        let expected = variant(v);
        let (beta, se) = cell(v, 33);
        let stats = PairStats::new(info, taken(v, 16), beta, se);
        assert_eq!(
            row[..6],
            [&expected.chrom, &expected.pos.to_string(), &expected.id, "A", &expected.alternate, &expected.alternate]
        );
        assert_eq!(row[7], (info.n - missing(v, 16)).to_string());
        let numbers = [expected.a1_freq as f32, beta, se, stats.t as f32, stats.log10p as f32];
        for (text, number) in [&row[6], &row[8], &row[9], &row[10], &row[11]].into_iter().zip(numbers) {
            match number.is_nan() {
                true => assert_eq!(text, "NA"),
                false => assert_eq!(text.parse::<f32>().unwrap(), number),
            }
        }
    }
}

#[test]
fn export_of_many_traits_names_them_and_filters_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 3000, 40, 1000);
    let reader = ResultsReader::open(&path).unwrap();
    let mut plan = plan(&[2, 3, 19, 20, 39]);
    let (n, rows) = table(&reader, &plan);
    assert_eq!((n, rows[0][6].as_str(), rows[3][6].as_str()), (15_000, "TRAIT", "trait19"));
    for (k, (trait_idx, row)) in [2, 3, 19, 20, 39].iter().zip(&rows[1 + 5 * 2047..]).enumerate() {
        assert!(row[9] == "NA" || row[9].parse::<f32>().unwrap() == cell(2047, *trait_idx).0, "{k}");
    }
    plan.regions = vec!["22:1100-1103".parse().unwrap(), "chrX:3999".parse().unwrap()];
    let positions: Vec<String> = table(&reader, &plan).1[1..].iter().step_by(5).map(|row| row[1].clone()).collect();
    assert_eq!(positions, ["1100", "1102", "3999"]);
    plan.regions.clear();
    plan.min_log10p = Some(2.0);
    let (n, few) = table(&reader, &plan);
    let expected: Vec<_> = rows[1..].iter().filter(|row| row[12].parse::<f64>().is_ok_and(|p| p >= 2.0)).collect();
    assert!(n > 50 && few[1..].iter().eq(expected.iter().copied()));
}

#[test]
fn export_files_are_whole_or_absent() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("r.h5"), 2000, 1, 1000);
    let run = |args: &ExportArgs| norna::cli::export::run(args);
    run(&arguments(&at("r.h5"), &at("o.tsv"))).unwrap();
    run(&arguments(&at("r.h5"), &at("o.tsv.gz"))).unwrap();
    let plain = std::fs::read(at("o.tsv")).unwrap();
    let mut unpacked = Vec::new();
    let packed = std::fs::File::open(at("o.tsv.gz")).unwrap();
    flate2::read::MultiGzDecoder::new(packed).read_to_end(&mut unpacked).unwrap();
    assert!(plain == unpacked && plain.len() > 50_000);
    let bytes = std::fs::read(at("o.tsv.gz")).unwrap();
    assert!(bytes[12..14] == *b"BC" && bytes.ends_with(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    let error = run(&arguments(&at("r.h5"), &at("o.tsv"))).unwrap_err();
    assert!(error.to_string().contains("--force"), "{error}");
    run(&ExportArgs { force: true, p: Some(1e-3), ..arguments(&at("r.h5"), &at("o.tsv")) }).unwrap();
    assert!(std::fs::read(at("o.tsv")).unwrap().len() < 1000);
    let error = run(&ExportArgs { traits: vec!["IL*".into()], ..arguments(&at("r.h5"), &at("x.tsv")) }).unwrap_err();
    assert!(error.to_string().contains("--trait IL*"), "{error}");
    let names: Vec<PathBuf> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    write(&at("many.h5"), 10, 2, 10);
    let error = run(&arguments(&at("many.h5"), &at("y.tsv"))).unwrap_err();
    assert!(error.to_string().contains("2 traits: choose with --trait"), "{error}");
}

#[test]
fn perfect_fits_are_counted_where_they_cannot_be_listed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    let mut header = store_common::header(2);
    header.hit_log10p = -0.0;
    let mut batch = store_common::batch(&header, 0..50);
    let n_rank_lost = batch.statuses.len() as u64;
    for (row, trait_idx) in [(1, 1), (3, 0), (4, 1)] {
        batch.matrices[1][row * 2 + trait_idx] = f32::NAN;
        batch.statuses.push((row as u32, trait_idx as u32, Status::PerfectFit.code()));
    }
    let mut writer = FileWriter::create(&path, &header, 50).unwrap();
    writer.append(&batch).unwrap();
    let counts = [(Status::RankLost, n_rank_lost), (Status::PerfectFit, 3)];
    assert_eq!(writer.status_counts(), counts);
    let n_with_number = writer.n_pairs_with_number();
    assert_eq!(n_with_number, 100 - n_rank_lost - 3);
    writer.finish(&store_common::qc(&header), &serde_json::json!({})).unwrap();
    let reader = ResultsReader::open(&path).unwrap();
    assert_eq!(reader.status_counts(|_| true).unwrap(), counts);
    assert!(perfect_fits(&reader, &[1]).unwrap().unwrap().starts_with("2 pairs fit perfectly: no standard error"));
    let text = norna::cli::info::describe(&path, false).unwrap();
    for part in [
        &format!("{n_with_number} with a number of 100"),
        "LOG10_P >= 0\n",
        "3 perfect_fit",
        "3 pairs fit perfectly: no",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn export_refuses_outputs_that_it_would_destroy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    write(&at("r.h5"), 100, 1, 100);
    let before = std::fs::read(at("r.h5")).unwrap();
    std::fs::hard_link(at("r.h5"), at("same.h5")).unwrap();
    std::os::unix::fs::symlink(at("r.h5"), at("link.h5")).unwrap();
    std::fs::create_dir(at("folder")).unwrap();
    let run = |out: &str| {
        let args = ExportArgs { force: true, ..arguments(&at("r.h5"), &at(out)) };
        norna::cli::export::run(&args).map_err(|error| format!("{error:#}"))
    };
    for out in ["r.h5", "same.h5", "link.h5"] {
        assert!(run(out).unwrap_err().contains("this is a file that the command reads"), "{out}");
    }
    assert!(run("folder").unwrap_err().contains("it is a folder"));
    assert!(run("no/o.tsv").unwrap_err().matches("No such file").count() == 1);
    assert_eq!(std::fs::read(at("r.h5")).unwrap(), before);
    std::fs::write(at("notes.tsv"), "mine").unwrap();
    assert!(run("notes.tsv").unwrap_err().contains("not a table that norna wrote"));
    run("target.tsv").unwrap();
    std::os::unix::fs::symlink(at("target.tsv"), at("o.tsv")).unwrap();
    run("o.tsv").unwrap();
    assert!(at("o.tsv").is_symlink() && std::fs::read(at("target.tsv")).unwrap().starts_with(b"#CHROM"));
    norna::cli::export::run(&arguments(&at("r.h5"), Path::new("/dev/null"))).unwrap();
    let error = norna::cli::export::run(&arguments(&at("none.h5"), &at("x.tsv"))).unwrap_err();
    assert_eq!(format!("{error:#}").matches("No such file").count(), 1, "{error:#}");
}

#[test]
fn export_refuses_chromosomes_that_the_file_does_not_have() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 3000, 1, 3000);
    let run = |region: &str| {
        let out = folder.path().join("o.tsv");
        norna::cli::export::run(&ExportArgs { chr: vec![region.parse().unwrap()], ..arguments(&path, &out) })
    };
    assert!(run("99").unwrap_err().to_string().contains("99: no variant of the file is on it; the file has chr22, X"));
    assert!(run("zz:1-5").is_err() && !folder.path().join("o.tsv").exists());
    run("22:1-2").unwrap();
    assert_eq!(std::fs::read_to_string(folder.path().join("o.tsv")).unwrap().lines().count(), 1);
}

#[test]
fn log10p_that_is_no_number_is_refused() {
    use clap::Parser;
    for (value, good) in [("nan", false), ("-1", false), ("inf", false), ("7.3", true), ("0", true)] {
        let line = ["norna", "export", "r.h5", &format!("--log10p={value}")].map(str::to_owned);
        assert_eq!(norna::cli::Cli::try_parse_from(line).is_ok(), good, "{value}");
    }
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 100, 1, 100);
    let reader = ResultsReader::open(&path).unwrap();
    let error = write_pairs(&reader, &plan(&[0]), Path::new("-"), &mut Closed).unwrap_err();
    assert!(matches!(error, ExportError::Write { .. }) && is_closed_pipe(&error));
}

/// Every pair by log10 p, ties in input order, as a plain sort gives them.
fn sorted_pairs(n_variants: usize, traits: &[usize], n_traits: usize) -> Vec<(usize, usize, f64)> {
    let header = store_common::header(n_traits);
    let mut pairs = Vec::new();
    for v in 0..n_variants {
        for &t in traits {
            let (beta, se) = cell(v, t);
            let log10p = PairStats::new(&header.traits[t], taken(v, t / 2), beta, se).log10p;
            if !log10p.is_nan() {
                pairs.push((v, t, log10p));
            }
        }
    }
    pairs.sort_by(|a, b| b.2.total_cmp(&a.2));
    pairs
}

#[test]
fn top_is_what_a_sort_gives_from_hits_and_from_the_matrix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 3000, 40, 3000);
    let reader = ResultsReader::open(&path).unwrap();
    let all: Vec<usize> = (0..40).collect();
    let n_hits = reader.n_hits();
    for (n, traits) in [(20, &all[..]), (n_hits, &all), (n_hits + 500, &all), (30, &[7]), (7000, &[38, 39]), (0, &all)]
    {
        let top = best_pairs(&reader, n, traits).unwrap();
        let expected = sorted_pairs(3000, traits, 40);
        assert_eq!(top.len(), n.min(expected.len()));
        for (pair, expected) in top.iter().zip(&expected) {
            assert_eq!((pair.variant_idx, pair.trait_idx, pair.stats.log10p), *expected);
            assert_eq!(pair.variant.pos, 1000 + pair.variant_idx as u32);
            assert_eq!(
                pair.stats.n_observed,
                reader.header().traits[pair.trait_idx].n - missing(pair.variant_idx, pair.trait_idx / 2)
            );
        }
    }
}

#[test]
fn top_tables_have_the_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 500, 3, 500);
    let reader = ResultsReader::open(&path).unwrap();
    let pairs = best_pairs(&reader, 5, &[0, 1, 2]).unwrap();
    let mut text = Vec::new();
    norna::cli::top::write_top(&pairs, (&reader.header().traits, None), true, &mut text).unwrap();
    let list: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 5);
    let columns =
        ["CHROM", "POS", "ID", "REF", "ALT", "A1", "TRAIT", "A1_FREQ", "OBS_CT", "BETA", "SE", "T_STAT", "LOG10_P"];
    assert!(columns.iter().all(|column| list[0].get(column).is_some()));
    text.clear();
    norna::cli::top::write_top(&pairs, (&reader.header().traits, None), false, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.lines().next().unwrap().split_whitespace().count(), 13);
    assert_eq!(text.lines().count(), 6);
}

#[test]
fn info_tells_what_is_inside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.h5");
    write(&path, 500, 12, 500);
    let text = norna::cli::info::describe(&path, false).unwrap();
    for part in [
        "norna-results 1, written by norna",
        "samples           100",
        "variants          500",
        "traits            12 in 6 patterns",
        "LOG10_P >= 2.5",
        "genomic control   median",
        "samples: 110 read = 100 kept + 10 dropped",
        "variants: 10 read is NOT 9 kept + 0 dropped",
        "... and 2 more",
        "path cohort.vcf.gz",
        "wall_s            1.5",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let json: serde_json::Value = serde_json::from_str(&norna::cli::info::describe(&path, true).unwrap()).unwrap();
    assert_eq!((json["variants"].as_u64(), json["trait_list"].as_array().unwrap().len()), (Some(500), 12));
    assert_eq!(json["ledger"]["samples"]["adds_up"], true);
    assert!(norna::cli::info::describe(&folder.path().join("no.h5"), false).is_err());
}
