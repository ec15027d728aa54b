//! Covariates that processing makes: plates, batches, principal components.

use norna::proteins::{OutlierRule, Panel, ProcessOptions, RawTable, RepeatsRule};

use super::made::{Random, assert_close, run, step, table};

fn options() -> ProcessOptions {
    ProcessOptions { outliers: OutlierRule::Keep, ..ProcessOptions::default() }
}

/// 6 samples, 4 proteins of four panels. A: plates 1 1 1 2 2 3; B: as A under other names; C: 1 1 1 1 4 4; D: unknown.
fn with_plates() -> RawTable {
    let mut made = table(4, 6, |i, j| (i + j) as f64);
    let plates = [[0, 0, 0, 1, 1, 2], [3, 3, 3, 2, 2, 0], [0, 0, 0, 0, 3, 3], [RawTable::NO_PLATE; 6]];
    made.panels = ["A", "B", "C", "D"]
        .iter()
        .zip(plates)
        .map(|(name, of)| Panel { name: (*name).into(), plate_of: of.into() })
        .collect();
    made.plates = ["p1", "p2", "p3", "p4"].map(str::to_owned).into();
    (0..4).for_each(|i| made.proteins[i].panel = i as u32);
    made
}

#[test]
fn panels_that_divide_the_samples_alike_share_their_terms() {
    let processed = run(with_plates(), &ProcessOptions { plate_covariates: true, ..options() }).unwrap();
    let names: Vec<&str> = processed.matrix.covariates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["plate of A=p2", "plate of A=p3", "plate of C=p4"]);
    let columns: Vec<&Vec<f64>> = processed.matrix.covariates.iter().map(|(_, column)| column).collect();
    assert_close(columns[0], &[0.0, 0.0, 0.0, 1.0, 1.0, 0.0], 0.0);
    assert_close(columns[1], &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0], 0.0);
    assert_close(columns[2], &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0], 0.0);
    let plates = step(&processed, "plate_covariates");
    let counts = ["ways to divide the samples", "of these the same as another", "terms", "levels with one sample only"];
    assert_eq!(counts.map(|what| plates.get(what)), [3, 1, 3, 1]);
    assert!(plates.notes[0].contains("1 level with one sample only"));
}

#[test]
fn the_mean_of_two_plates_counts_half_to_each() {
    let mut made = with_plates();
    made.measurements[3].sample = "SUBJ1".into();
    made.proteins.iter_mut().for_each(|protein| protein.panel = 0);
    let chosen = ProcessOptions { plate_covariates: true, repeats: RepeatsRule::Mean, ..options() };
    let processed = run(made, &chosen).unwrap();
    let (name, column) = &processed.matrix.covariates[0];
    assert_eq!((processed.matrix.samples.len(), name.as_str()), (5, "plate=p2"));
    assert_close(column, &[0.5, 0.0, 0.0, 1.0, 0.0], 0.0);
}

#[test]
fn a_measurement_counts_on_the_panels_that_it_has_values_of() {
    // SUBJ1 and SUBJ2 are bridged: their second measurements (6, 7) are of panel A alone.
    let none = RawTable::NO_PLATE;
    let mut made = table(2, 8, |i, j| if i == 1 && j >= 6 { f64::NAN } else { (i + j * j) as f64 });
    made.measurements[6].sample = "SUBJ1".into();
    made.measurements[7].sample = "SUBJ2".into();
    made.panels = vec![
        Panel { name: "A".into(), plate_of: vec![0, 0, 0, 0, 0, 1, 1, 1] },
        Panel { name: "B".into(), plate_of: vec![2, 2, 3, 3, 3, 3, none, none] },
    ];
    made.plates = ["p1", "p2", "p3", "p4"].map(str::to_owned).into();
    made.proteins[1].panel = 1;
    let chosen = ProcessOptions { plate_covariates: true, repeats: RepeatsRule::Mean, ..options() };
    let covariates = run(made, &chosen).unwrap().matrix.covariates;
    let names: Vec<&str> = covariates.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["plate of A=p2", "plate of B=p3"]);
    assert_close(&covariates[0].1, &[0.5, 0.5, 0.0, 0.0, 0.0, 1.0], 0.0);
    assert_close(&covariates[1].1, &[1.0, 1.0, 0.0, 0.0, 0.0, 0.0], 0.0);
}

#[test]
fn as_many_components_as_there_are_leave_nothing_to_test() {
    let with = |n_components: usize| {
        run(table(5, 20, |i, j| ((i + 2) * j * j % 17) as f64), &ProcessOptions { n_components, ..options() })
    };
    assert!(with(3).is_ok());
    let refused = with(4).unwrap_err();
    assert!(refused.contains("--pcs 4: as many components of 5 proteins in 20 samples leave nothing"), "{refused}");
}

#[test]
fn batches_are_chosen_by_name() {
    let made = || {
        let mut made = table(2, 8, |i, j| (i + j) as f64);
        made.batch_names = vec!["Slide".into(), "Run".into()];
        for (j, measurement) in made.measurements.iter_mut().enumerate() {
            measurement.batches = vec![format!("s{}", j / 3), if j == 7 { String::new() } else { "r".into() }];
            measurement.file = u32::from(j >= 6);
        }
        made
    };
    let with = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        run(made(), &ProcessOptions { batch_covariates: Some(names), ..options() })
    };
    let names = |names: &[&str]| -> Vec<String> {
        with(names).unwrap().matrix.covariates.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&["Slide"]), ["Slide=s1", "Slide=s2"]);
    // Files divide as s2 does: the same column once.
    assert_eq!(names(&[]), ["Slide=s1", "Slide=s2", "Run=(not known)"]);
    let unknown = with(&["Plate"]).unwrap_err();
    assert!(unknown.contains("no such batch; it has Slide, Run, file"), "{unknown}");
    let none = run(table(2, 8, |_, j| j as f64), &ProcessOptions { plate_covariates: true, ..options() }).unwrap_err();
    assert!(none.contains("does not tell plates"), "{none}");
    let mut each = made();
    each.measurements.iter_mut().enumerate().for_each(|(j, m)| m.batches[0] = format!("s{j}"));
    let refused = run(each, &ProcessOptions { batch_covariates: Some(vec!["Slide".into()]), ..options() }).unwrap_err();
    assert!(refused.contains("7 terms for 8 samples leave nothing to test"), "{refused}");
}

#[test]
fn components_span_what_a_power_iteration_finds() {
    let (n_proteins, n) = (30, 50);
    let mut random = Random(3);
    let hidden: Vec<f64> = (0..3 * n).map(|_| random.next() - 0.5).collect();
    let loads: Vec<f64> = (0..3 * n_proteins).map(|_| random.next() - 0.5).collect();
    let noise: Vec<f64> = (0..n_proteins * n).map(|_| random.next() - 0.5).collect();
    let value = |i: usize, j: usize| {
        let signal: f64 = (0..3).map(|k| f64::from(6 - 2 * k as i32) * loads[3 * i + k] * hidden[3 * j + k]).sum();
        signal + 0.2 * noise[i * n + j]
    };
    let made = |by: bool| if by { table(n_proteins, n, value) } else { table(n, n_proteins, |i, j| value(j, i)) };
    for by in [true, false] {
        let raw = made(by);
        let (n_rows, n_samples) = (raw.proteins.len(), raw.measurements.len());
        let processed = run(raw.clone(), &ProcessOptions { n_components: 2, ..options() }).unwrap();
        let found = &processed.matrix.covariates;
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["protein_PC1", "protein_PC2"]);
        // Standardised by hand; power iteration on samples × samples, with deflation.
        let rows: Vec<Vec<f64>> = (0..n_rows)
            .map(|i| {
                let row = raw.row(i);
                let mean = row.iter().sum::<f64>() / n_samples as f64;
                let sd = (row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n_samples - 1) as f64).sqrt();
                row.iter().map(|x| (x - mean) / sd).collect()
            })
            .collect();
        let mut before: Vec<Vec<f64>> = Vec::new();
        for (_, scores) in found {
            let mut v: Vec<f64> = (0..n_samples).map(|j| 1.0 + (j as f64).sin()).collect();
            for _ in 0..3000 {
                for other in &before {
                    let dot: f64 = other.iter().zip(&v).map(|(a, b)| a * b).sum();
                    v.iter_mut().zip(other).for_each(|(v, o)| *v -= dot * o);
                }
                let mut next = vec![0.0; n_samples];
                for row in &rows {
                    let dot: f64 = row.iter().zip(&v).map(|(a, b)| a * b).sum();
                    next.iter_mut().zip(row).for_each(|(n, r)| *n += dot * r);
                }
                let norm = next.iter().map(|x| x * x).sum::<f64>().sqrt();
                v = next.iter().map(|x| x / norm).collect();
            }
            let eigenvalue: f64 =
                rows.iter().map(|row| row.iter().zip(&v).map(|(a, b)| a * b).sum::<f64>().powi(2)).sum();
            let largest = v.iter().copied().fold(0f64, |m, x| if x.abs() > m.abs() { x } else { m });
            let expected: Vec<f64> = v.iter().map(|x| x * largest.signum() * eigenvalue.sqrt()).collect();
            assert_close(scores, &expected, 1e-4);
            before.push(v);
        }
    }
}

#[test]
fn missing_values_of_components_are_said() {
    let value = |i: usize, j: usize| match (i, j) {
        (0..3, 0..3) => f64::NAN,
        (0..3, _) => (j % 7) as f64,
        _ => (j * j % 11) as f64,
    };
    let processed = run(table(5, 20, value), &ProcessOptions { n_components: 3, ..options() }).unwrap();
    let components = step(&processed, "components");
    assert_eq!(components.get("missing values taken as their protein's mean"), 9);
    assert!(components.get("components") == 2 && components.notes[1].contains("2 components only"));
    assert!(processed.matrix.covariates.iter().all(|(_, scores)| scores.iter().all(|score| score.is_finite())));
}
