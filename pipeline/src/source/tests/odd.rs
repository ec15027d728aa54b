//! What odd genotypes are taken for; docs/formats.md has the same table.

use super::*;

const ODD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/odd_genotypes.vcf");

/// Rows of one ID, without their names.
fn of(rows: &[(String, String)], id: &str) -> Vec<String> {
    rows.iter().filter(|(i, _)| i == id).map(|(_, g)| g.clone()).collect()
}

fn read_named(input: &Input) -> (Vec<(String, String)>, VariantLedger) {
    let n = input.samples().len();
    let (mut rows, mut ledger) = (Vec::new(), VariantLedger::default());
    let mut block = VariantBlock::new(input.kind(), n, 5);
    let plan = input.plan(64).unwrap();
    let shards = plan.shards.iter().map(|s| input.reader(s).unwrap());
    let batches = plan.streams.iter().flat_map(|&f| {
        let mut stream = input.stream(f).unwrap();
        std::iter::from_fn(move || stream.next_batch(500).unwrap()).map(|b| input.batch_reader(b).unwrap())
    });
    for mut reader in shards.chain(batches) {
        while reader.read_block(&mut block).unwrap() > 0 {
            for row in 0..block.len() {
                let genotypes = text(&block, row).split_once(' ').unwrap().1.to_owned();
                rows.push((block.variants[row].id.clone(), genotypes));
            }
        }
        ledger.merge(reader.ledger());
    }
    (rows, ledger)
}

/// The odd fixture in every container that can be made here.
fn odd_files(dir: &Path) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(ODD)];
    if Command::new("bcftools").arg("--version").output().is_err() {
        eprintln!("SKIPPED: no bcftools, so odd genotypes are read from VCF text only");
        return paths;
    }
    let at = |name: &str| dir.join(name).display().to_string();
    tool(&["bcftools", "view", "-Ob", "-o", &at("i.bcf"), ODD]);
    tool(&["bcftools", "view", "-Ob", "-o", &at("u.bcf"), ODD]);
    tool(&["bcftools", "index", &at("i.bcf")]);
    tool(&["bcftools", "view", "-Oz", "-o", &at("z.vcf.gz"), ODD]);
    paths.extend([at("i.bcf"), at("u.bcf"), at("z.vcf.gz")].map(PathBuf::from));
    paths
}

fn with_sexes(input: &mut Input) {
    let sex = Some(vec![Sex::Male, Sex::Male, Sex::Female, Sex::Unknown]);
    input.select(SampleSelection { analysed: vec![0, 1, 2, 3], sex }).unwrap();
}

#[test]
fn odd_genotypes_as_calls() {
    let dir = tempfile::tempdir().unwrap();
    for path in odd_files(dir.path()) {
        let mut input = Input::open(&InputOptions { field: Some(Field::Gt), ..options(&path) }).unwrap();
        assert!(input.messages().iter().any(|m| m.contains("b37")), "{:?}", input.messages());
        with_sexes(&mut input);
        let (rows, ledger) = read_named(&input);
        for (id, want) in [
            ("plain", vec!["1 1 2 0"]),
            ("missing", vec![". . . 1"]),
            ("half_calls", vec![". . . 2"]),
            ("haploid", vec!["2 0 2 1"]),
            ("triploid", vec![". . 2 1"]),
            ("multi_allelic", vec!["0 1 0 1", "1 1 2 0"]),
            ("star", vec!["0 1 0 1", "1 1 2 0"]),
            ("no_alternate", vec![]),
            ("unnamed_alternate", vec![]),
            ("symbolic", vec!["0 1 2 0"]),
            ("reference_n", vec!["0 1 2 0"]),
            ("dropped_fields", vec!["1 1 2 0"]),
            ("no_fields", vec![]),
            ("ds_without_gt", vec![]),
            ("x_par", vec!["1 1 2 2"]),
            ("x_non_par", vec![". 2 2 1"]),
            ("x_males", vec!["2 0 1 ."]),
            ("y", vec!["2 2 . ."]),
            ("mt", vec!["2 . 2 0"]),
        ] {
            assert_eq!(of(&rows, id), want, "{id} of {}", path.display());
        }
        let many = of(&rows, "allele_70");
        assert_eq!((many.len(), many[0].as_str(), many[69].as_str()), (70, "0 0 . 1", "1 2 . 0"));
        let drops = [DropReason::NoAlternate, DropReason::NoField].map(|r| ledger.dropped(r));
        assert_eq!((ledger.records, drops), (24, [2, 2]));
        let notes = [Note::HalfCalls, Note::PolyploidCalls, Note::HaploidAsDiploid, Note::MaleXHets, Note::HaploidHets];
        // Haploid calls: two in `haploid`, one each in `ds_of_haploid` (two), `gp` and `x_par`.
        assert_eq!(notes.map(|n| ledger.note(n)), [3, 2, 6, 1, 2]);
        assert_eq!(ledger.note(Note::FemaleYCalls), 1);
    }
}

#[test]
fn odd_genotypes_as_dosages() {
    let dir = tempfile::tempdir().unwrap();
    for path in odd_files(dir.path()) {
        for (field, expected) in [
            (
                Field::Ds,
                vec![
                    ("half_calls", vec![". . . 2"]),
                    ("dropped_fields", vec!["1 1 1.9 0"]),
                    ("no_fields", vec![]),
                    ("ds_without_gt", vec!["0.5 2 . 0"]),
                    ("ds_of_haploid", vec!["1.5 0.5 1.25 1.5"]),
                    ("ds_multi_allelic", vec!["1 0.5 0 .", "0 1.5 0 ."]),
                    ("ds_one_value", vec!["1 1 0 .", "0 1 0 ."]),
                    ("x_non_par", vec![". 2 2 1"]),
                ],
            ),
            (Field::Gp, vec![("gp", vec!["1 1.25 0 1.5"]), ("ds_without_gt", vec![]), ("plain", vec!["1 1 2 0"])]),
        ] {
            let mut input = Input::open(&InputOptions { field: Some(field), ..options(&path) }).unwrap();
            with_sexes(&mut input);
            let (rows, _) = read_named(&input);
            for (id, want) in expected {
                assert_eq!(of(&rows, id), want, "{id} of {}", path.display());
            }
        }
    }
}

#[test]
fn policy_options() {
    let half = |half_call| {
        let input =
            Input::open(&InputOptions { half_call, field: Some(Field::Gt), ..options(Path::new(ODD)) }).unwrap();
        of(&read_named(&input).0, "half_calls")
    };
    assert_eq!(half(HalfCall::Reference), ["1 1 0 2"]);
    assert_eq!(half(HalfCall::Haploid), ["2 2 0 2"]);
    let input =
        Input::open(&InputOptions { half_call: HalfCall::Error, field: Some(Field::Gt), ..options(Path::new(ODD)) });
    let message = read(&input.unwrap(), 4, 1 << 20).unwrap_err().to_string();
    assert!(message.contains("line 15 (1:3): GT: sample 1: one of two alleles is missing"), "{message}");

    let one = InputOptions { male_x: MaleX::OneCopy, field: Some(Field::Gt), ..options(Path::new(ODD)) };
    let mut input = Input::open(&one).unwrap();
    with_sexes(&mut input);
    let (rows, _) = read_named(&input);
    assert_eq!((of(&rows, "x_non_par"), of(&rows, "x_par")), (vec![". 1 2 1".into()], vec!["1 1 2 2".into()]));

    let input = Input::open(&InputOptions { field: Some(Field::Gt), ..options(Path::new(ODD)) }).unwrap();
    let (rows, ledger) = read_named(&input);
    assert_eq!((of(&rows, "x_non_par"), of(&rows, "y")), (vec!["1 2 2 1".into()], vec!["2 2 0 .".into()]));
    assert_eq!((ledger.note(Note::XRecordsWithoutSex), ledger.note(Note::HaploidXWithoutSex)), (2, 3));
}

#[test]
fn allele_counts_and_filters_on_x_know_males() {
    let dir = tempfile::tempdir().unwrap();
    // Males' hom counts would break Hardy-Weinberg if they were taken for diploid.
    let mut body = format!("{}{}", HEAD, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT");
    let n = 80;
    (0..n).for_each(|i| body += &format!("\ts{i}"));
    body += "\nX\t5000000\tx\tA\tG\t.\t.\t.\tGT";
    for i in 0..n {
        let female = ["0/0", "0/1", "0/1", "1/1"][i / 2 % 4];
        body += if i % 2 == 1 { "\t1" } else { "\t" };
        body += if i % 2 == 1 { "" } else { female };
    }
    body += "\n";
    let path = write(dir.path(), "x.vcf", &body);
    let open = |sexes: bool| {
        let mut input = Input::open(&InputOptions { hwe: Some(0.01), ..options(&path) }).unwrap();
        let sex = (0..n).map(|i| if i % 2 == 1 { Sex::Male } else { Sex::Female }).collect();
        let selection = SampleSelection { analysed: (0..n as u32).collect(), sex: Some(sex).filter(|_| sexes) };
        input.select(selection).unwrap();
        input
    };
    let input = open(true);
    let mut block = VariantBlock::new(input.kind(), n, 5);
    let shard = input.plan(u64::MAX).unwrap().shards[0];
    assert_eq!(input.reader(&shard).unwrap().read_block(&mut block).unwrap(), 1);
    assert_eq!((block.counts[0].alt_count, block.counts[0].allele_total), (80.0, 120.0));
    let input = open(false);
    let mut reader = input.reader(&shard).unwrap();
    assert_eq!(reader.read_block(&mut block).unwrap(), 0);
    assert_eq!(reader.ledger().dropped(DropReason::HardyWeinberg), 1);
}
