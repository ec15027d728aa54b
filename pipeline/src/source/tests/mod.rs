//! Whole inputs, as files on disk, read through every kind of container and cut.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use norna_kernels::GenotypeKind;

use super::*;
use crate::format::bgzf::bgzip;

mod bad_input;
mod choices;
mod containers;
mod damage;
mod odd;
mod sites;

const HEAD: &str = concat!(
    "##fileformat=VCFv4.2\n",
    "##contig=<ID=1,length=1000000>\n##contig=<ID=X,length=155270560>\n##contig=<ID=Y>\n##contig=<ID=MT>\n",
    "##FILTER=<ID=q10,Description=\"x\">\n",
    "##INFO=<ID=R2,Number=1,Type=Float,Description=\"x\">\n",
    "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"x\">\n",
);
const COLUMNS: &str = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\tc\td\n";

/// One row as text: CHROM:POS:REF:ALT and the genotypes.
fn text(block: &VariantBlock, row: usize) -> String {
    let v = &block.variants[row];
    let genotypes: Vec<String> = match block.genotypes.kind() {
        GenotypeKind::Calls => {
            block.genotypes.calls(row).iter().map(|&c| if c == 255 { ".".into() } else { c.to_string() }).collect()
        }
        GenotypeKind::Dosages => {
            block.genotypes.dosages(row).iter().map(|&d| if d.is_nan() { ".".into() } else { d.to_string() }).collect()
        }
    };
    format!("{}:{}:{}:{} {}", v.chrom, v.pos, v.reference, v.alternate, genotypes.join(" "))
}

fn drain(reader: &mut dyn VariantSource, input: &Input, n: usize, rows: &mut Vec<String>) -> Result<(), SourceError> {
    let mut block = VariantBlock::new(input.kind(), n, 7);
    while reader.read_block(&mut block)? > 0 {
        rows.extend((0..block.len()).map(|row| text(&block, row)));
    }
    Ok(())
}

/// Every row of an input, shard by shard and batch by batch, and the merged ledger.
fn read(input: &Input, n: usize, target: u64) -> Result<(Vec<String>, VariantLedger), SourceError> {
    let (mut rows, mut ledger) = (Vec::new(), VariantLedger::default());
    let plan = input.plan(target)?;
    for shard in &plan.shards {
        let mut reader = input.reader(shard)?;
        drain(&mut *reader, input, n, &mut rows)?;
        ledger.merge(reader.ledger());
    }
    for &file_idx in &plan.streams {
        let mut stream = input.stream(file_idx)?;
        while let Some(batch) = stream.next_batch(target)? {
            let batch = RawBatch::from_bytes(&batch.to_bytes()).unwrap();
            let mut reader = input.batch_reader(batch)?;
            drain(&mut *reader, input, n, &mut rows)?;
            ledger.merge(reader.ledger());
        }
    }
    assert_eq!(ledger.rows(), ledger.kept + DropReason::ALL.iter().map(|&r| ledger.dropped(r)).sum::<u64>());
    assert_eq!(ledger.kept, rows.len() as u64);
    Ok((rows, ledger))
}

fn options(path: &Path) -> InputOptions {
    InputOptions { paths: vec![path.to_owned()], ..Default::default() }
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn tool(args: &[&str]) {
    let out = Command::new(args[0]).args(&args[1..]).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn records(n: usize) -> String {
    let mut text = format!("{HEAD}{COLUMNS}");
    for i in 0..n {
        let calls = ["0|0", "0|1", "1|0", "1|1", "./.", "0/1"];
        let of = |k: usize| calls[(i * 7 + k * 5 + i / 3) % 6];
        let pad = "x".repeat(i * 13 % 40);
        text += &format!(
            "1\t{}\trs{i}{pad}\tA\tG\t.\tPASS\tR2=0.5\tGT\t{}\t{}\t{}\t{}\n",
            100 + i,
            of(0),
            of(1),
            of(2),
            of(3)
        );
    }
    text
}
