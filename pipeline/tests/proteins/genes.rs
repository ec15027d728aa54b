//! Places of genes, from real and made annotations.

use std::collections::BTreeMap;
use std::path::PathBuf;

use norna::format::chromosome::Build;
use norna::proteins::{Genes, OutlierRule, ProcessOptions, Processed, RawProtein, Strand, process};

use super::made::{step, table};
use super::support::need;
use super::support::places::shared_file;
use super::support::tools::{self, Need};

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

fn protein(id: &str, ensembl: &str, uniprot: &str, name: &str) -> RawProtein {
    let [id, ensembl, uniprot, name] = [id, ensembl, uniprot, name].map(str::to_owned);
    RawProtein { id, ensembl, uniprot, name, ..RawProtein::default() }
}

fn placed(proteins: Vec<RawProtein>, change: impl FnOnce(&mut ProcessOptions)) -> Result<Processed, String> {
    let mut made = table(proteins.len(), 3, |i, j| (i + j) as f64);
    made.proteins = proteins;
    let mut options = ProcessOptions { outliers: OutlierRule::Keep, ..ProcessOptions::default() };
    change(&mut options);
    let genes = Genes::read(&options).map_err(|error| error.to_string())?;
    process(made, genes, &options, &mut |_| Ok(())).map_err(|error| error.to_string())
}

/// "chr1:100" by protein; "-" without a place.
fn places(processed: &Processed) -> Vec<String> {
    let place = |gene: &norna::proteins::Gene| format!("{}:{}", gene.chrom, gene.tss);
    processed.matrix.proteins.iter().map(|p| p.gene.as_ref().map_or("-".to_owned(), place)).collect()
}

fn gtf() -> String {
    let mut text = "##description: evidence-based annotation of the human genome (GRCh38), version 40\n".to_owned();
    for (chrom, start, end, strand, id, name, biotype) in [
        ("chr1", 100, 200, '+', "ENSG00000000001.4", "PLUS", "protein_coding"),
        ("chr1", 300, 400, '-', "ENSG00000000002.1", "MINUS", "protein_coding"),
        ("chr2", 500, 600, '+', "ENSG00000000003.1", "TWICE", "protein_coding"),
        ("chr3", 700, 800, '+', "ENSG00000000004.1", "TWICE", "protein_coding"),
        ("chr4", 10, 20, '+', "ENSG00000000005.1", "CODING", "protein_coding"),
        ("chr5", 10, 20, '+', "ENSG00000000006.1", "CODING", "lncRNA"),
        ("chrX", 300000, 300100, '+', "ENSG00000000007.1", "PAR", "protein_coding"),
        ("chrY", 300000, 300100, '+', "ENSG00000000007.1_PAR_Y", "PAR", "protein_coding"),
        ("chrX", 500000, 500100, '+', "ENSG00000000008.1", "PAR2", "protein_coding"),
        ("chrY", 500000, 500100, '+', "ENSG00000000009.1", "PAR2", "protein_coding"),
        ("chr6", 50, 60, '+', "ENSG00000000010.1", "PATCHED", "protein_coding"),
        ("chr6_GL000256v2_alt", 70, 80, '+', "ENSG00000000011.1", "PATCHED", "protein_coding"),
        ("chr7", 70, 80, '+', "ENSG00000000012.1", "Y_RNA", "misc_RNA"),
    ] {
        text += &format!(
            "{chrom}\tH\tgene\t{start}\t{end}\t.\t{strand}\t.\tgene_id \"{id}\"; gene_type \"{biotype}\"; gene_name \"{name}\";\n"
        );
    }
    text
}

#[test]
fn keys_are_tried_in_their_order_and_all_must_lead_to_one_gene() {
    let files = Files::new();
    let annotation = files.write("genes.gtf", &gtf());
    let map = files.write("map.tsv", "P11111\tENSG00000000002\nP22222\tPLUS\nP33333\tTWICE\nP44444\tMINUS\n");
    let cases = [
        ("ensembl id", "ENSG00000000001.99", "P11111", "MINUS", "chr1:100"),
        ("uniprot before symbol", "", "P11111", "PLUS", "chr1:400"),
        ("isoform", "", "P22222-2", "", "chr1:100"),
        ("two accessions of one gene", "", "P11111;P44444", "", "chr1:400"),
        ("two accessions of two genes", "", "P11111,P22222", "PLUS", "-"),
        ("one known accession, symbol agrees", "", "P11111;Q99999", "MINUS", "chr1:400"),
        ("one known accession, nothing else", "", "P11111;Q99999", "", "-"),
        ("unknown accession, symbol", "", "Q99999", "plus", "chr1:100"),
        ("symbol of two genes", "", "", "TWICE", "-"),
        ("accession of two genes, Ensembl ID says which", "ENSG00000000003", "P33333", "", "chr2:500"),
        ("coding before others", "", "", "CODING", "chr4:10"),
        ("pseudo-autosomal", "", "", "PAR", "chrX:300000"),
        ("pseudo-autosomal, own ID on Y", "", "", "PAR2", "chrX:500000"),
        ("chromosome before patch", "", "", "PATCHED", "chr6:50"),
        ("complex", "", "", "PLUS_MINUS", "-"),
        ("same gene twice", "", "", "PLUS;PLUS", "chr1:100"),
        ("underscore in the symbol", "", "", "Y_RNA", "chr7:70"),
        ("nowhere", "", "", "NONE", "-"),
        ("FASTA header", "", "sp|P22222|PLUS_HUMAN", "", "chr1:100"),
    ];
    let proteins = cases.iter().map(|(id, ensembl, uniprot, name, _)| protein(id, ensembl, uniprot, name)).collect();
    let processed = placed(proteins, |options| {
        (options.annotation, options.uniprot_map) = (Some(annotation.clone()), Some(map));
    })
    .unwrap();
    for ((what, .., expected), found) in cases.iter().zip(places(&processed)) {
        assert_eq!(found, *expected, "{what}");
    }
    let genes = step(&processed, "genes");
    let ways = ["by Ensembl ID", "by UniProt accession", "by symbol", "ambiguous", "not found"];
    let counts = ways.map(|what| genes.get(what));
    assert_eq!(counts, [2, 4, 8, 4, 1]);
    assert_eq!(counts.iter().sum::<u64>(), genes.get("proteins"));
    let lists: BTreeMap<&str, usize> = genes.lists.iter().map(|(name, list)| (*name, list.len())).collect();
    assert_eq!((lists["ambiguous"], lists["not found"]), (4, 1));
    assert_eq!(processed.matrix.build, Some(Build::B38));
    let minus = processed.matrix.proteins[1].gene.as_ref().unwrap();
    assert_eq!((minus.strand, minus.id.as_str(), minus.name.as_str()), (Strand::Minus, "ENSG00000000002.1", "MINUS"));
}

#[test]
fn a_table_names_proteins_and_accessions() {
    let files = Files::new();
    let text = "protein,uniprot,gene_name,chrom,tss\nOID1,,,chr1,11\n,P11111;P22222,A,chr2,22\n,P33333,B,chr3,33\n";
    let annotation = files.write("genes.csv", text);
    let proteins = vec![
        protein("OID1", "", "P33333", "B"),
        protein("OID2", "", "P22222", "B"),
        protein("P33333", "", "", ""),
        protein("B", "", "", ""),
        protein("OID3", "", "P22222;P33333", ""),
    ];
    let processed = placed(proteins, |options| options.annotation = Some(annotation)).unwrap();
    assert_eq!(places(&processed), ["chr1:11", "chr2:22", "chr3:33", "chr3:33", "-"]);
    assert_eq!(processed.matrix.build, None);
}

#[test]
fn builds_that_disagree_are_refused() {
    let files = Files::new();
    let b38 = files.write("genes.gtf", &gtf());
    let one = || vec![protein("A", "", "", "PLUS")];
    let refused = placed(one(), |options| {
        (options.annotation, options.build) = (Some(b38.clone()), Some(Build::B37));
    });
    assert!(refused.unwrap_err().contains("--build b37 and an annotation that says b38"));
    let beyond = gtf().replace("chr1\tH\tgene\t100\t200", "chr22\tH\tgene\t51000000\t51000100");
    let beyond = files.write("beyond.gtf", &beyond);
    let refused = placed(one(), |options| options.annotation = Some(beyond)).unwrap_err();
    assert!(refused.contains("chr22:51000100 lies behind the end of the chromosome in b38"), "{refused}");
    // Genes whose places in the input are far from those of the annotation.
    let elsewhere = |shift: u32| {
        let ids = ["01", "02", "03", "04", "05"];
        let tss = [100, 400, 500, 700, 10];
        let one = |(id, tss): (&str, u32)| {
            let gene = norna::proteins::Gene { chrom: "chr1".into(), tss: tss + shift, ..Default::default() };
            RawProtein { gene: Some(gene), ..protein(id, &format!("ENSG000000000{id}"), "", "") }
        };
        placed(ids.into_iter().zip(tss).map(one).collect(), |options| options.annotation = Some(b38.clone()))
    };
    assert!(elsewhere(5).is_ok());
    let refused = elsewhere(600_000).unwrap_err();
    assert!(refused.contains("5 of 5 genes lie elsewhere"), "{refused}");
    let alone = placed(one(), |options| options.uniprot_map = Some(b38.clone())).unwrap_err();
    assert!(alone.contains("--uniprot-map without --annotation"), "{alone}");
}

#[test]
fn every_gene_of_gencode_is_where_the_file_says() {
    need!(Need::SharedData);
    let annotation = shared_file("geuvadis/gencode.v19.annotation.chr22.gtf.gz");
    // The oracle: fields of `zcat`, cut by this test's own hand.
    let text = tools::run(tools::command("zcat").arg(&annotation)).ok().stdout;
    let mut by_symbol: BTreeMap<String, Vec<(String, String, u32, bool)>> = BTreeMap::new();
    for line in text.lines().filter(|line| line.split('\t').nth(2) == Some("gene")) {
        let cells: Vec<&str> = line.split('\t').collect();
        let attribute = |key: &str| {
            let start = cells[8].find(&format!("{key} \"")).unwrap() + key.len() + 2;
            cells[8][start..].split('"').next().unwrap().to_owned()
        };
        let tss = cells[if cells[6] == "-" { 4 } else { 3 }].parse().unwrap();
        let coding = attribute("gene_type") == "protein_coding";
        by_symbol.entry(attribute("gene_name")).or_default().push((attribute("gene_id"), cells[0].into(), tss, coding));
    }
    let genes: Vec<_> = by_symbol.values().flatten().collect();
    assert!(genes.len() > 1000);
    let by_id = genes.iter().map(|(id, ..)| protein(id, &id.replace('.', ".9"), "", "")).collect();
    let found = placed(by_id, |options| options.annotation = Some(annotation.clone())).unwrap();
    let expected: Vec<String> = genes.iter().map(|(_, chrom, tss, _)| format!("{chrom}:{tss}")).collect();
    assert_eq!(places(&found), expected);
    assert_eq!(found.matrix.build, Some(Build::B37), "chr22 has genes behind its end in b38");
    let found = placed(by_symbol.keys().map(|name| protein(name, "", "", name)).collect(), |options| {
        options.annotation = Some(annotation.clone());
    })
    .unwrap();
    let mut n_ambiguous = 0;
    for ((name, records), found) in by_symbol.iter().zip(places(&found)) {
        let coding: Vec<_> = records.iter().filter(|record| record.3).collect();
        let left = if coding.is_empty() { records.iter().collect() } else { coding };
        let expected = if left.len() == 1 { format!("{}:{}", left[0].1, left[0].2) } else { "-".to_owned() };
        n_ambiguous += u32::from(left.len() > 1);
        assert_eq!(found, expected, "{name}");
    }
    assert!(n_ambiguous > 0);
}

#[test]
fn an_annotation_of_nothing_known_is_warned_of_and_a_shifted_one_refused() {
    let files = Files::new();
    let table = files.write("genes.tsv", "symbol\tchr\ttss\nOTHER\t1\t5\n");
    let one = || vec![protein("SUBJX1", "", "", "SUBJX1")];
    let processed = placed(one(), |options| options.annotation = Some(table)).unwrap();
    let genes = step(&processed, "genes");
    assert!(genes.warnings[0].contains("none of 1 protein without a place is in the annotation"), "{genes:?}");
    // What was taken for proteins may be people: names are in the list, not in a line.
    assert!(genes.lists.iter().any(|(name, list)| *name == "not found" && list.len() == 1));
    assert!(!genes.notes.iter().chain(&genes.warnings).any(|line| line.contains("SUBJX")), "{genes:?}");
    let shifted = files.write("shifted.tsv", "symbol\tchr\ttss\nOTHER\t22\t90000000\n");
    let refused = placed(one(), |options| options.annotation = Some(shifted)).unwrap_err();
    assert!(refused.contains("neither b37 nor b38: 22:90000000"), "{refused}");
}
