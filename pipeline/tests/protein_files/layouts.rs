//! The other layouts, and several files.

use norna::format::proteins::{Orientation, ReadOptions};
use norna::proteins::{Qc, Scale, TableLayout};
use std::collections::HashMap;

use super::made::*;

#[test]
fn adat_keeps_human_proteins_of_samples() {
    let table = table(ADAT);
    assert_eq!((table.layout, table.scale, table.n_records), (TableLayout::Adat, Scale::Linear, 4));
    assert_eq!(table.proteins.iter().map(|p| p.id.as_str()).collect::<Vec<_>>(), ["1-2", "3-4"]);
    assert_eq!((table.proteins[1].name.as_str(), table.proteins[1].uniprot.as_str()), ("A;B", "P2;P3"));
    assert_eq!((table.proteins[0].qc, table.proteins[1].qc), (Qc::Pass, Qc::Warn));
    assert_eq!(table.values, [476.5, 10.0, 11.0, 310.1, 20.0, 21.0]);
    assert_eq!(table.measurements.iter().map(|m| m.qc).collect::<Vec<_>>(), [Qc::Pass, Qc::Warn, Qc::Pass]);
    assert_eq!(table.measurements[2].replicate, 1);
    assert_eq!(
        (plates_of(&table, 0), &table.measurements[0].batches[0]),
        (vec!["Set1", "Set2", "Set2"], &"25".to_string())
    );
    assert_eq!(table.dropped[0].1, 1);
    assert!(table.messages[1].contains("1 are no protein's and 1 are of other species"), "{:?}", table.messages);
    assert!(error(&ADAT.replace("^TABLE_BEGIN", "^TABLE")).contains("no line ^TABLE_BEGIN"));
    assert!(error(&ADAT.replace("310.1", "x10.1")).contains("line 12: column 8: text of the shape 'a99.9'"));
    assert!(error(&ADAT.replace("SampleId", "Person")).contains("no column SampleId; say --sample-column"));
    assert!(error(&ADAT.replace("\tS1\t", "\t\t")).contains("a sample has no SampleId"));
}

#[test]
fn diann_matrix_and_report() {
    let matrix = "Protein.Group\tProtein.Ids\tProtein.Names\tGenes\tFirst.Protein.Description\tD:\\x\\S1.raw\t/d/S2.mzML\n\
                  P1\tP1;P2\tA_H\tG1\td\t10\t\nP3\tP3\tB_H\tG2\td\t0\t5\n";
    let table = table(matrix);
    assert_eq!(table.layout, TableLayout::DiannMatrix);
    assert_eq!(table.measurements.iter().map(|m| m.sample.as_str()).collect::<Vec<_>>(), ["S1", "S2"]);
    assert_eq!((value(&table, "P1", "S1", 0), value(&table, "P3", "S2", 0)), (10.0, 5.0));
    assert!(value(&table, "P1", "S2", 0).is_nan() && value(&table, "P3", "S1", 0).is_nan());
    assert_eq!((table.proteins[0].uniprot.as_str(), table.proteins[0].name.as_str()), ("P1;P2", "G1"));

    let report = "Run\tProtein.Group\tProtein.Ids\tGenes\tPG.Quantity\tPG.MaxLFQ\tPrecursor.Id\tQ.Value\tPG.Q.Value\n\
                  S1\tP1\tP1\tG1\t7\t10\ta\t0.001\t0.001\nS1\tP1\tP1\tG1\t7\t10\tb\t0.001\t0.001\n\
                  S1\tP1\tP1\tG1\t7\t99\tc\t0.02\t0.001\nS2\tP1\tP1\tG1\t7\t20\ta\t0.01\t0.01\n\
                  S2\tP2\tP2\tG2\t7\t30\ta\t0.001\t0.5\n";
    let table = try_read(&[report.as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!(
        (table.layout, table.values.as_slice(), table.n_records),
        (TableLayout::DiannReport, &[10.0, 20.0][..], 5)
    );
    assert_eq!(table.dropped.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [2, 1]);
    let options = ReadOptions { max_q_value: 1.0, ..ReadOptions::default() };
    let message = try_read(&[report.as_bytes()], &options).unwrap_err();
    assert!(message.starts_with("f0: line 4: the protein group has another value than on an earlier row"), "{message}");
}

#[test]
fn maxquant_with_blanks_or_points_prefers_lfq_and_drops_marks() {
    let text = "Protein IDs\tMajority protein IDs\tGene names\tIntensity\tIntensity S 1\tLFQ intensity S 1\tLFQ intensity S2\t\
                Only identified by site\tReverse\tPotential contaminant\n\
                P1;P2\tP1\tG1\t9\t9\t100\t0\t\t\t\nREV__P3\tREV__P3\t\t9\t9\t1\t1\t\t+\t\nCON__P4\tCON__P4\t\t9\t9\t1\t1\t\t\t+\n\
                P5\tP5\t\t9\t9\t1\t1\t+\t\t\n";
    for (text, sample) in [(text.to_string(), "S 1"), (text.replacen(' ', ".", 16), "S.1")] {
        let table = table(&text);
        assert_eq!((table.layout, table.scale, table.n_records), (TableLayout::MaxQuant, Scale::Linear, 4));
        assert_eq!(value(&table, "P1", sample, 0), 100.0);
        assert!(value(&table, "P1", "S2", 0).is_nan());
        assert_eq!(table.dropped.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 1, 1]);
    }
    let options = ReadOptions { value_column: Some("Intensity".into()), ..ReadOptions::default() };
    let table = try_read(&[text.as_bytes()], &options).unwrap();
    assert_eq!((table.measurements.len(), table.values[0]), (1, 9.0));
}

#[test]
fn matrices_lie_either_way_and_are_refused_where_it_cannot_be_told() {
    let by_sample = table("SampleID,A,B\ns1,1,2\ns2,NA,4\n");
    let by_protein = table("protein\ts1\ts2\nA\t1\t\nB\t2\t4\n");
    let with_fid = table("#FID IID A B\nf s1 1 2\nf s2 nan 4\n");
    for table in [&by_sample, &by_protein, &with_fid] {
        assert_eq!((table.layout, table.proteins[1].id.as_str()), (TableLayout::Wide, "B"));
        assert_eq!((value(table, "A", "s1", 0), value(table, "B", "s2", 0)), (1.0, 4.0));
        assert!(value(table, "A", "s2", 0).is_nan());
    }
    let text = b"x,A,B\ns1,1,2\n";
    let message = try_read(&[text], &ReadOptions::default()).unwrap_err();
    for told in
        ["no layout recognised", "Olink NPX, long (there: none; missing: SampleID, OlinkID, NPX)", "--samples-in rows"]
    {
        assert!(message.contains(told), "{message}");
    }
    let options = ReadOptions { orientation: Some(Orientation::SamplesInRows), ..ReadOptions::default() };
    assert_eq!(try_read(&[text], &options).unwrap().values, [1.0, 2.0]);
    let twice = error("protein\ts1\nSENTINEL\t1\nSENTINEL\t2\n");
    assert_eq!(twice, "f0: line 3: the same protein as on line 2; rename or remove one");
    let twice = error("IID\tS_1\tS_1\nA\t1\t2\n");
    assert_eq!(twice, "f0: line 1: column 3: the same protein as in column 2; rename or remove one");
    let message = error("protein\tHG00096\nA\tHG00097\n");
    assert!(message.contains("line 2: column 2: ") && !message.contains("HG"), "{message}");
}

#[test]
fn files_of_batches_by_panels_are_one_measurement_a_sample_whatever_their_order() {
    let adat = |proteins: [&str; 2], samples: [&str; 2], plate: &str| {
        let [a, b] = proteins;
        let [s, t] = samples;
        format!(
            "!Checksum\tx\n^TABLE_BEGIN\n\t\tSeqId\t{a}\t{b}\nPlateId\tSampleId\t\t\t\n{plate}\t{s}\t\t1\t2\n{plate}\t{t}\t\t3\t4\n"
        )
    };
    let (a, b, one, two) = (["a1", "a2"], ["b1", "b2"], ["s1", "s2"], ["s3", "s4"]);
    let files = [adat(a, one, "P1"), adat(b, one, "P2"), adat(a, two, "P3"), adat(b, two, "P4")];
    for order in [[0, 1, 2, 3], [0, 2, 1, 3], [3, 0, 1, 2], [0, 3, 2, 1], [2, 1, 0, 3]] {
        let texts: Vec<&[u8]> = order.iter().map(|&i: &usize| files[i].as_bytes()).collect();
        let table = try_read(&texts, &ReadOptions::default()).unwrap();
        assert_eq!((table.measurements.len(), table.panels.len()), (4, 2), "{order:?}");
        assert!(table.measurements.iter().all(|one| one.replicate == 0) && table.values.iter().all(|v| !v.is_nan()));
        assert_eq!((value(&table, "a1", "s2", 0), value(&table, "b2", "s4", 0)), (3.0, 4.0));
        let panel = table.proteins.iter().find(|protein| protein.id == "b1").unwrap().panel as usize;
        let plates: HashMap<&str, &str> =
            table.measurements.iter().map(|one| one.sample.as_str()).zip(plates_of(&table, panel)).collect();
        assert_eq!((plates["s1"], plates["s3"]), ("P2", "P4"), "{order:?}");
    }
    // Bridged on panel a alone: the further measurement is on no plate of b.
    let bridged = [adat(a, one, "P1"), adat(b, one, "P2"), adat(a, ["s1", "s3"], "P3")];
    let texts: Vec<&[u8]> = bridged.iter().map(String::as_bytes).collect();
    let table = try_read(&texts, &ReadOptions::default()).unwrap();
    let got: Vec<(&str, u32)> = table.measurements.iter().map(|m| (m.sample.as_str(), m.replicate)).collect();
    assert_eq!(got, [("s1", 0), ("s2", 0), ("s1", 1), ("s3", 0)]);
    assert_eq!(
        (plates_of(&table, 0), plates_of(&table, 1)),
        (vec!["P1", "P1", "P3", "P3"], vec!["P2", "P2", "-", "-"])
    );
}

#[test]
fn rows_without_q_values_and_ids_of_contaminants_are_counted_and_idle_flags_told() {
    let report = "Run\tProtein.Group\tPG.MaxLFQ\tQ.Value\nS1\tP1\t10\tNA\nS1\tP2\t10\t0.001\n";
    let table = self::table(report);
    assert!(table.messages.iter().any(|m| m.ends_with("1 precursor rows lack Q.Value or PG.Q.Value: kept")));
    let quant = "Majority protein IDs\tLFQ intensity A\tReverse\nP1\t5\t\nCON__P2;P1\t6\t\nREV__P3\t7\t\n";
    let table = self::table(quant);
    assert_eq!((table.proteins.len(), table.dropped.iter().map(|(_, n)| *n).collect::<Vec<_>>()), (1, vec![1, 1]));
    let options = ReadOptions { max_q_value: 0.05, ..ReadOptions::default() };
    let table = try_read(&[TARGET.as_bytes()], &options).unwrap();
    assert!(table.messages.iter().any(|m| m == "--max-q-value does nothing for files of this layout"));
}

#[test]
fn files_of_other_chromosomes_join_and_layouts_do_not_mix() {
    let bed = |chrom: u8, id: &str| format!("#chr\tstart\tend\tid\ts1\ts2\n{chrom}\t1\t2\t{id}\t1\t2\n");
    let joined = try_read(&[bed(1, "A").as_bytes(), bed(2, "B").as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!((joined.measurements.len(), joined.values.as_slice()), (2, &[1.0, 2.0, 1.0, 2.0][..]));
    let again = try_read(&[bed(1, "A").as_bytes(), bed(1, "A").as_bytes()], &ReadOptions::default()).unwrap();
    assert_eq!(again.measurements.iter().map(|m| m.replicate).collect::<Vec<_>>(), [0, 0, 1, 1]);
    let mixed = try_read(&[bed(1, "A").as_bytes(), b"protein\ts1\nA\t1\n"], &ReadOptions::default()).unwrap_err();
    assert!(mixed.contains("f1: its layout or scale is another"), "{mixed}");
}
