use super::*;
use std::fmt::Write as _;

fn read(text: &str, change: impl FnOnce(&mut PanelOptions), references: &[&str]) -> Result<Panel, PanelError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.vcf");
    std::fs::write(&path, text).unwrap();
    let input = InputOptions { paths: vec![path], ..Default::default() };
    let mut options = PanelOptions { input, maf: 0.05, geno: 0.1, max_sites: 100, thin: 0 };
    change(&mut options);
    let references: Vec<(&str, u32)> = references.iter().map(|&name| (name, 10_000)).collect();
    Panel::read(&options, &references)
}

fn vcf(rows: &[&str]) -> String {
    let mut text = String::from(
        "##fileformat=VCFv4.2\n##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">\n\
         ##FORMAT=<ID=DS,Number=1,Type=Float,Description=\"\">\n\
         #CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\tc\td\te\n",
    );
    for row in rows {
        let mut cells = row.split(' ');
        let site: Vec<&str> = cells.by_ref().take(4).collect();
        let key = cells.next().unwrap();
        let calls: Vec<&str> = cells.collect();
        let [chrom, pos, reference, alternate] = site[..] else { panic!("{row}") };
        writeln!(text, "{chrom}\t{pos}\trs{pos}\t{reference}\t{alternate}\t.\t.\t.\t{key}\t{}", calls.join("\t"))
            .unwrap();
    }
    text
}

#[test]
fn only_common_biallelic_autosomal_snps_with_genotypes_are_taken() {
    let text = vcf(&[
        "22 10 A G GT 0/0 0/1 1/1 0|1 0/0",
        "22 11 A . GT 0/0 0/0 0/0 0/0 0/0",
        "22 12 AT A GT 0/0 0/1 0/1 0/0 0/0",
        "22 13 A G,T GT 0/0 0/1 0/2 0/0 0/0",
        "22 14 C T GT 0/0 ./. 0/1 ./. 0/0",
        "22 15 C T GT 0/0 0/0 0/0 0/0 0/0",
        "22 20 c t GT 1/1 0/1 0/0 ./. 0/0",
        "22 30 G C GT 1/1 0/1 0/0 0/0 0/0",
        "22 30 G T GT 0/0 0/0 0/0 0/0 0/1",
        "X 40 G C GT 1/1 0/1 0/0 0/0 0/0",
        "3 50 G C GT 1/1 0/1 0/0 0/0 0/0",
    ]);
    let panel = read(&text, |options| options.geno = 0.2, &["chr1", "chr22", "chrX"]).unwrap();
    assert_eq!(panel.sites.iter().map(|site| site.pos).collect::<Vec<_>>(), [10, 20]);
    assert_eq!(&*panel.sites[0].chrom, "chr22");
    assert_eq!((panel.sites[1].reference, panel.sites[1].alternate), (b'C', b'T'));
    let genotypes = |site| (0..5).map(|sample| panel.genotypes.genotype(site, sample)).collect::<Vec<_>>();
    assert_eq!(genotypes(0), [0, 1, 2, 1, 0]);
    assert_eq!(genotypes(1), [2, 1, 0, UNKNOWN, 0]);
    assert_eq!(panel.samples, ["a", "b", "c", "d", "e"]);
    let counts = panel.counts;
    let [(_, rows), rest @ ..] = counts.named();
    assert_eq!(rest.iter().map(|(_, n)| n).sum::<u64>(), rows, "{counts:?}");
    assert_eq!((counts.kept, counts.missing, counts.rare), (2, 1, 1), "{counts:?}");
    assert_eq!((counts.not_in_reads, counts.sex_or_mt), (1, 1), "{counts:?}");
    assert!((panel.sites[0].prior.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn dosages_near_a_whole_number_are_genotypes() {
    let text = vcf(&["22 10 A G DS 0 1.05 1.95 0.5 ."]);
    let panel = read(&text, |options| options.geno = 0.5, &["22"]).unwrap();
    let genotypes: Vec<u8> = (0..5).map(|sample| panel.genotypes.genotype(0, sample)).collect();
    assert_eq!(genotypes, [0, 1, 2, UNKNOWN, UNKNOWN]);
}

#[test]
fn sites_are_thinned_and_spread() {
    let rows: Vec<String> = (1..=400).map(|i| format!("1 {} A G GT 0/0 0/1 1/1 0/1 0/0", i * 10)).collect();
    let text = vcf(&rows.iter().map(String::as_str).collect::<Vec<_>>());
    let panel = read(&text, |options| options.max_sites = 20, &["1"]).unwrap();
    assert_eq!((panel.sites.len(), panel.counts.over_max), (20, 380));
    assert!(panel.sites.windows(2).all(|w| (100..=400).contains(&(w[1].pos - w[0].pos))));
    let panel = read(&text, |options| options.thin = 95, &["1"]).unwrap();
    assert_eq!((panel.sites.len(), panel.counts.thinned), (40, 360));
}

#[test]
fn nothing_in_common_is_one_clear_line() {
    let error = |text: &str, references: &[&str]| match read(text, |_| (), references) {
        Ok(_) => panic!("taken"),
        Err(error) => error.to_string(),
    };
    let some = vcf(&["22 10 A G GT 0/0 0/1 1/1 0|1 0/0"]);
    let message = error(&some, &["1", "2", "3", "4", "5"]);
    assert!(message.contains("the VCF has sites on 22 and the alignment files have 1, 2, 3 and 2 others"), "{message}");
    let message = error(&vcf(&["22 10 AT G GT 0/0 0/1 1/1 0|1 0/0"]), &["22"]);
    assert!(message.contains("no common sites: rows 1, not_a_biallelic_snp 1"), "{message}");
    assert!(
        message.contains("SNPs of two alleles") && !message.contains("--maf") && !message.contains('\n'),
        "{message}"
    );
    for (row, words) in [
        (
            "22 10 A G PL . . . . .",
            "the VCF has no record with GT there; give a VCF with genotypes (GT, DS or GP), or look at the filters",
        ),
        ("22 10 A G GT ./. ./. ./. ./. 0/1", "raise --geno"),
        ("22 10 A G GT 0/0 0/0 0/0 0/0 0/0", "lower --maf"),
    ] {
        let message = error(&vcf(&[row]), &["22"]);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_site_that_recurs_is_counted_once_and_not_at_all_if_rows_are_at_odds() {
    let dir = tempfile::tempdir().unwrap();
    let (same, other) = ("22 10 A G GT 0/0 0/1 1/1 0|1 0/0", "22 10 A G GT 0/0 0/1 1/1 1|1 0/0");
    let (second, third) = ("22 20 A G GT 0/0 0/1 1/1 0|1 0/0", "22 30 C T GT 0/0 0/1 1/1 0|1 0/0");
    let (a, b, c) = (dir.path().join("a.vcf"), dir.path().join("b.vcf"), dir.path().join("c.vcf"));
    std::fs::write(&a, vcf(&[same, second])).unwrap();
    std::fs::write(&b, vcf(&[same, second, third])).unwrap();
    std::fs::write(&c, vcf(&[other, third])).unwrap();
    let again = dir.path().join("again.vcf");
    std::fs::copy(&a, &again).unwrap();
    let read = |paths: &[&std::path::PathBuf]| {
        let paths = paths.iter().map(|&path| path.clone()).collect();
        let input = InputOptions { paths, ..Default::default() };
        Panel::read(&PanelOptions { input, maf: 0.05, geno: 0.1, max_sites: 100, thin: 0 }, &[("22", 10_000)]).unwrap()
    };
    for (paths, positions, repeated) in [
        ([&a, &b, &again], &[10, 20, 30][..], 4),
        ([&again, &b, &a], &[10, 20, 30], 4),
        ([&a, &b, &c], &[20, 30], 5),
        ([&c, &b, &a], &[20, 30], 5),
    ] {
        let panel = read(&paths);
        assert_eq!(panel.sites.iter().map(|site| site.pos).collect::<Vec<_>>(), positions);
        assert_eq!(panel.counts.repeated, repeated);
        let [(_, rows), rest @ ..] = panel.counts.named();
        assert_eq!(rest.iter().map(|(_, n)| n).sum::<u64>(), rows);
    }
}
