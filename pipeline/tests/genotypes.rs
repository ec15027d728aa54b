//! Genotype input on real cohorts: every container gives the same rows, and counts and filters are those of bcftools and
//! plink2. Runs where the shared data and the two tools are; says so where they are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use norna::source::{
    Input, InputOptions, RawBatch, SampleSelection, Sex, SourceError, VariantBlock, VariantLedger, VariantSource,
};
use support::places::shared_file;
use support::tools::{Need, have};

fn shared(path: &str) -> Option<PathBuf> {
    let needs = [Need::SharedData, Need::Bcftools, Need::Plink2, Need::Bgzip];
    needs.into_iter().all(have).then(|| shared_file(path))
}

fn sh(command: &str) -> String {
    let out = Command::new("bash").args(["-euc", &format!("set -o pipefail; {command}")]).output().unwrap();
    assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// A row: CHROM:POS:REF:ALT, alleles counted, alleles in all, a checksum of the calls.
type Row = (String, f64, f64, u64);

fn drain(mut reader: Box<dyn VariantSource + Send>, input: &Input, n: usize, rows: &mut Vec<Row>) -> VariantLedger {
    let mut block = VariantBlock::new(input.kind(), n, 64);
    while reader.read_block(&mut block).unwrap() > 0 {
        for (row, v) in block.variants.iter().enumerate() {
            let counts = block.counts[row];
            let name = format!("{}:{}:{}:{}", v.chrom, v.pos, v.reference, v.alternate);
            let sum =
                block.genotypes.calls(row).iter().fold(7_u64, |h, &c| h.wrapping_mul(31).wrapping_add(u64::from(c)));
            rows.push((name, counts.alt_count, counts.allele_total, sum));
        }
    }
    *reader.ledger()
}

fn read_with(input: &Input, n: usize, target: u64) -> (Vec<Row>, VariantLedger) {
    let (mut rows, mut ledger) = (Vec::new(), VariantLedger::default());
    let plan = input.plan(target).unwrap();
    for shard in &plan.shards {
        ledger.merge(&drain(input.reader(shard).unwrap(), input, n, &mut rows));
    }
    for &file_idx in &plan.streams {
        let mut stream = input.stream(file_idx).unwrap();
        while let Some(batch) = stream.next_batch(target).unwrap() {
            let batch = RawBatch::from_bytes(&batch.to_bytes()).unwrap();
            ledger.merge(&drain(input.batch_reader(batch).unwrap(), input, n, &mut rows));
        }
    }
    (rows, ledger)
}

fn open(path: &Path) -> InputOptions {
    InputOptions { paths: vec![path.to_owned()], ..Default::default() }
}

fn read(options: &InputOptions, target: u64) -> Result<(Vec<Row>, VariantLedger), SourceError> {
    let input = Input::open(options)?;
    Ok(read_with(&input, input.samples().len(), target))
}

#[test]
fn containers_agree_on_1000_genomes() {
    let Some(source) = shared("kg-chr22/genotypes.10k.vcf.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let (s, d) = (source.display(), dir.path().display());
    sh(&format!(
        "cd {d}; bcftools view -Ov {s} > a.vcf; bgzip -c a.vcf > b.vcf.gz; gzip -1 -c a.vcf > g.vcf.gz; \
         bcftools view -Ob a.vcf -o i.bcf; bcftools index i.bcf; cp i.bcf u.bcf; bcftools view -Ou a.vcf -o raw.bcf; \
         cp b.vcf.gz t.vcf.gz; tabix -p vcf t.vcf.gz; cp b.vcf.gz c.vcf.gz; bcftools index -c c.vcf.gz"
    ));
    let (want, ledger) = read(&open(&at("b.vcf.gz")), u64::MAX).unwrap();
    assert_eq!(ledger.records, 9750);
    assert_eq!(ledger.rows(), want.len() as u64 + ledger.rows() - ledger.kept);
    assert!(ledger.rows() > ledger.records);
    for (name, targets) in [
        ("a.vcf", &[u64::MAX, 7_000_000][..]),
        ("b.vcf.gz", &[40_000]),
        ("g.vcf.gz", &[3_000_000]),
        ("i.bcf", &[u64::MAX, 20_000]),
        ("u.bcf", &[1_000_000]),
        ("raw.bcf", &[5_000_000]),
    ] {
        for &target in targets {
            let (rows, again) = read(&open(&at(name)), target).unwrap();
            assert!(rows == want, "{name} {target}: {} rows, not {}", rows.len(), want.len());
            assert_eq!(again, ledger, "{name}");
        }
    }
    let regions = ["22:16100000-16200000,chr22:16300000-16300500", "22:16050075", "22:1-100", "22"];
    let intervals = [
        vec![(16_100_000, 16_200_000), (16_300_000, 16_300_500)],
        vec![(16_050_075, 16_050_075)],
        vec![(1, 100)],
        vec![(0, u32::MAX)],
    ];
    for (region, intervals) in regions.iter().zip(intervals) {
        let pos = |row: &Row| row.0.split(':').nth(1).unwrap().parse::<u32>().unwrap();
        let inside: Vec<_> =
            want.iter().filter(|r| intervals.iter().any(|&(a, b)| (a..=b).contains(&pos(r)))).cloned().collect();
        let mut ledgers = Vec::new();
        for name in ["t.vcf.gz", "c.vcf.gz", "i.bcf", "u.bcf", "a.vcf", "b.vcf.gz"] {
            for target in [u64::MAX, 30_000] {
                if target < 1_000_000 && name == "a.vcf" {
                    continue;
                }
                let options = InputOptions { regions: vec![(*region).to_owned()], ..open(&at(name)) };
                let (rows, ledger) = read(&options, target).unwrap();
                assert!(rows == inside, "{name} {region} {target}: {} rows, not {}", rows.len(), inside.len());
                ledgers.push(ledger);
            }
        }
        assert!(ledgers.windows(2).all(|w| w[0] == w[1]));
    }
}

#[test]
fn counts_are_those_of_bcftools_and_samples_are_chosen_by_column() {
    let Some(source) = shared("kg-chr22/genotypes.10k.vcf.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (s, d) = (source.display(), dir.path().display());
    sh(&format!(
        "cd {d}; bcftools query -l {s} | awk 'NR%3==1' > keep.txt; \
         bcftools view -S keep.txt {s} -Ou | bcftools +fill-tags -Ob -o k.bcf -- -t AC,AN"
    ));
    let tags = sh(&format!("bcftools query -f '%CHROM:%POS:%REF\\t%ALT\\t%AC\\t%AN\\n' {d}/k.bcf"));
    let mut want = Vec::new();
    for line in tags.lines() {
        let f: Vec<_> = line.split('\t').collect();
        for (alt, ac) in f[1].split(',').zip(f[2].split(',')) {
            want.push((format!("{}:{alt}", f[0]), ac.parse::<f64>().unwrap(), f[3].parse::<f64>().unwrap()));
        }
    }
    let mut input = Input::open(&open(&source)).unwrap();
    let analysed: Vec<u32> = (0..input.samples().len() as u32).step_by(3).collect();
    let n = analysed.len();
    input.select(SampleSelection { analysed, sex: None }).unwrap();
    let chosen = read_with(&input, n, 300_000).0;
    let (subset, _) = read(&open(&dir.path().join("k.bcf")), u64::MAX).unwrap();
    assert!(chosen == subset);
    let got: Vec<_> = chosen.into_iter().map(|(name, alt, total, _)| (name, alt, total)).collect();
    assert!(got == want);
}

#[test]
fn filters_keep_what_plink2_keeps() {
    let Some(source) = shared("kg-chr22/genotypes.10k.vcf.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    let (s, d) = (source.display(), dir.path().display());
    // Bi-allelic, with every tenth sample's calls missing in some records.
    sh(&format!(
        "cd {d}; bcftools query -l {s} | awk 'NR%10==1' > keep.txt; \
         bcftools view -S keep.txt -m2 -M2 {s} | awk 'BEGIN{{OFS=\"\\t\"}} /^#/{{print; next}} \
         {{$3=\"v\" NR; for(i=10;i<=NF;i++) if ((NR*7+i*13)%(NR%19+9)==0) $i=\"./.\"; print}}' | bgzip -c > a.vcf.gz; \
         plink2 --vcf a.vcf.gz --make-pgen --out p --silent; plink2 --pfile p --freq cols=chrom,alt,altfreq,nobs --out p --silent"
    ));
    let path = dir.path().join("a.vcf.gz");
    let freq: HashMap<String, (f64, f64)> = fs::read_to_string(dir.path().join("p.afreq"))
        .unwrap()
        .lines()
        .skip(1)
        .map(|l| l.split('\t').collect::<Vec<_>>())
        .map(|f| (f[1].to_owned(), (f[3].parse().unwrap_or(f64::NAN), f[4].parse().unwrap())))
        .collect();
    let input = Input::open(&open(&path)).unwrap();
    let mut block = VariantBlock::new(input.kind(), input.samples().len(), 10_000);
    let mut reader = input.reader(&input.plan(u64::MAX).unwrap().shards[0]).unwrap();
    assert!(reader.read_block(&mut block).unwrap() > 9000);
    for (v, c) in block.variants.iter().zip(&block.counts) {
        let (want, n) = freq[&v.id];
        assert_eq!(c.allele_total, n, "{}", v.id);
        assert!(c.allele_total == 0.0 || (c.a1_freq() - want).abs() <= 5e-6 * want, "{}: {} {want}", v.id, c.a1_freq());
    }
    type Set = fn(&mut InputOptions);
    let cases: [(&str, Set); 9] = [
        ("--maf 0.02", |o| o.maf = Some(0.02)),
        ("--max-maf 0.02", |o| o.max_maf = Some(0.02)),
        ("--mac 5", |o| o.mac = Some(5.0)),
        ("--max-mac 5", |o| o.max_mac = Some(5.0)),
        ("--geno 0.05", |o| o.geno = Some(0.05)),
        ("--geno 0", |o| o.geno = Some(0.0)),
        ("--hwe 0.01", |o| o.hwe = Some(0.01)),
        ("--hwe 1e-6", |o| o.hwe = Some(1e-6)),
        ("--maf 0.01 --geno 0.08 --hwe 1e-3", |o| (o.maf, o.geno, o.hwe) = (Some(0.01), Some(0.08), Some(1e-3))),
    ];
    for (flags, set) in cases {
        sh(&format!("cd {d}; rm -f q.snplist; plink2 --pfile p {flags} --write-snplist --out q --silent || true"));
        // plink2 takes the frequency of a variant without any call for 1/2, norna for 0.
        let called = |id: &&str| freq[*id].1 > 0.0;
        let list = fs::read_to_string(dir.path().join("q.snplist")).unwrap_or_default();
        let want: Vec<&str> = list.lines().filter(called).collect();
        let mut options = open(&path);
        set(&mut options);
        let input = Input::open(&options).unwrap();
        let mut reader = input.reader(&input.plan(u64::MAX).unwrap().shards[0]).unwrap();
        reader.read_block(&mut block).unwrap();
        let got: Vec<&str> = block.variants.iter().map(|v| v.id.as_str()).filter(called).collect();
        assert!(!want.is_empty() && want.len() < freq.len(), "{flags}");
        assert!(got == want, "{flags}: {} rows, plink2 has {}", got.len(), want.len());
    }
}

#[test]
fn geuvadis_region_by_its_index_is_what_a_scan_finds() {
    let Some(source) = shared("geuvadis/genotypes.chr22.vcf.gz") else { return };
    let dir = tempfile::tempdir().unwrap();
    let bare = dir.path().join("bare.vcf.gz");
    fs::copy(&source, &bare).unwrap();
    let region = |path: &Path| InputOptions { regions: vec!["22:17000000-18000000".into()], ..open(path) };
    let (indexed, ledger) = read(&region(&source), 100_000).unwrap();
    let (scanned, again) = read(&region(&bare), 1_000_000).unwrap();
    assert!(indexed == scanned && ledger == again);
    let n = sh(&format!("bcftools view -H -t chr22:17000000-18000000 {} 2>/dev/null | wc -l", source.display()));
    assert_eq!(ledger.records, n.trim().parse::<u64>().unwrap());
}

#[test]
fn counts_on_x_y_and_mt_are_those_of_plink2() {
    if Command::new("plink2").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no plink2");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let n = 40;
    let male = |i: usize| i.is_multiple_of(2);
    let mut vcf =
        String::from("##fileformat=VCFv4.2\n##contig=<ID=X,length=155270560>\n##contig=<ID=Y>\n##contig=<ID=MT>\n");
    vcf += "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"x\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT";
    let mut psam = String::from("#IID\tSEX\n");
    for i in 0..n {
        vcf += &format!("\ts{i}");
        psam += &format!("s{i}\t{}\n", if male(i) { 1 } else { 2 });
    }
    let places = [60_100, 2_699_520, 2_699_521, 5_000_000, 154_931_043, 154_931_044].map(|p| ("X", p));
    let places: Vec<(&str, u32)> = places.into_iter().chain([("Y", 5), ("Y", 6), ("MT", 7), ("MT", 8)]).collect();
    for (k, &(chrom, pos)) in places.iter().enumerate() {
        vcf += &format!("\n{chrom}\t{pos}\tv{k}\tA\tG\t.\t.\t.\tGT");
        for i in 0..n {
            let pseudo = chrom == "X" && !(2_699_521..154_931_044).contains(&pos);
            let haploid = chrom != "X" || (male(i) && !pseudo);
            let roll = (i * 17 + k * 29 + i * i * 7) % 31;
            vcf += match (haploid, roll) {
                (true, 0..3) => "\t.",
                (false, 0..3) => "\t./.",
                (true, 3..12) => "\t0",
                (true, 12..20) => "\t1",
                (true, 20..26) => "\t0/0",
                (true, _) => "\t1|1",
                (false, 3..15) => "\t0/0",
                (false, 15..26) => "\t0/1",
                (false, _) => "\t1/1",
            };
        }
    }
    vcf.push('\n');
    fs::write(dir.path().join("x.vcf"), vcf).unwrap();
    fs::write(dir.path().join("x.psam"), psam).unwrap();
    sh(&format!(
        "cd {}; plink2 --vcf x.vcf --psam x.psam --split-par b37 --freq counts --out x --silent",
        dir.path().display()
    ));
    let counts = fs::read_to_string(dir.path().join("x.acount")).unwrap();
    let want: Vec<(f64, f64)> = counts
        .lines()
        .skip(1)
        .map(|l| l.split('\t').collect::<Vec<_>>())
        .map(|f| (f[4].parse().unwrap(), f[5].parse().unwrap()))
        .collect();
    let mut input = Input::open(&open(&dir.path().join("x.vcf"))).unwrap();
    let sex = (0..n).map(|i| if male(i) { Sex::Male } else { Sex::Female }).collect();
    input.select(SampleSelection { analysed: (0..n as u32).collect(), sex: Some(sex) }).unwrap();
    let got: Vec<(f64, f64)> = read_with(&input, n, 1 << 20).0.into_iter().map(|r| (r.1, r.2)).collect();
    assert_eq!(got, want);
}
