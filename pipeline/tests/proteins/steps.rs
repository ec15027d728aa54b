//! Each step against numbers worked out by hand.

use norna::proteins::{
    LodRule, LogRule, OutlierRule, ProcessOptions, Qc, QcRule, RepeatsRule, Scale, TableLayout, Transform, flag,
};

use super::made::{Random, assert_close, run, step, table};

const NAN: f64 = f64::NAN;

fn options() -> ProcessOptions {
    ProcessOptions { outliers: OutlierRule::Keep, ..ProcessOptions::default() }
}

#[test]
fn the_order_of_the_steps_is_the_documented_one() {
    let processed = run(table(3, 4, |i, j| (i * j) as f64), &options()).unwrap();
    let names: Vec<&str> = processed.steps.iter().map(|step| step.name).collect();
    let order = [
        "read",
        "samples",
        "sample_qc",
        "assay_qc",
        "lod",
        "log",
        "repeats",
        "empty",
        "outliers",
        "missing",
        "transform",
        "genes",
    ];
    assert_eq!(names, order);
}

#[test]
fn judgements_take_values_samples_and_assays() {
    let made = || {
        let mut made = table(3, 4, |i, j| (10 * i + j) as f64);
        let mut flags = vec![0; 12];
        (flags[0], flags[1], flags[2], flags[3]) =
            (flag::SAMPLE_WARN, flag::SAMPLE_FAIL, flag::ASSAY_WARN, flag::ASSAY_FAIL);
        made.flags = Some(flags);
        made.measurements[3].qc = Qc::Warn;
        made.proteins[2].qc = Qc::Fail;
        made
    };
    let with = |sample_qc, assay_qc| run(made(), &ProcessOptions { sample_qc, assay_qc, ..options() }).unwrap();
    let kept = with(QcRule::Keep, QcRule::Keep);
    assert_close(&kept.matrix.values, &[0.0, 1.0, 2.0, 3.0, 10.0, 11.0, 12.0, 13.0, 20.0, 21.0, 22.0, 23.0], 0.0);
    let failed = with(QcRule::DropFail, QcRule::DropFail);
    assert_close(&failed.matrix.values, &[0.0, NAN, 2.0, NAN, 10.0, 11.0, 12.0, 13.0], 0.0);
    assert_eq!(failed.matrix.proteins.len(), 2);
    let (samples, assays) = (step(&failed, "sample_qc"), step(&failed, "assay_qc"));
    let counts = ["values failed", "values warned of", "values set missing"];
    assert_eq!(counts.map(|what| samples.get(what)), [1, 1, 1]);
    assert_eq!(counts.map(|what| assays.get(what)), [1, 1, 1]);
    assert_eq!((assays.get("proteins"), assays.get("proteins dropped")), (3, 1));
    let warned = with(QcRule::DropWarn, QcRule::DropFail);
    assert_close(&warned.matrix.values, &[NAN, NAN, 2.0, 10.0, 11.0, 12.0], 0.0);
    assert_eq!(warned.matrix.samples, ["SUBJ1", "SUBJ2", "SUBJ3"]);
    assert_eq!(step(&warned, "sample_qc").get("measurements dropped"), 1);
}

#[test]
fn values_below_the_limit_are_counted_before_they_are_replaced() {
    let made = |scale| {
        let mut made = table(3, 4, |i, j| [[-1.0, 2.0, 3.0, NAN], [0.5, 1.0, 4.0, 8.0], [1.0; 4]][i][j]);
        made.scale = scale;
        let mut lod = vec![f32::NAN; 12];
        (lod[0], lod[1], lod[2], lod[3], lod[7]) = (0.0, 2.0, 5.0, 9.0, 9.0);
        made.lod = Some(lod);
        made
    };
    let with = |scale, lod| run(made(scale), &ProcessOptions { lod, log: LogRule::None, ..options() }).unwrap();
    for (scale, rule, first, second) in [
        (Scale::Log2, LodRule::Keep, [-1.0, 2.0, 3.0, NAN], [0.5, 1.0, 4.0, 8.0]),
        (Scale::Log2, LodRule::Nan, [NAN, 2.0, NAN, NAN], [0.5, 1.0, 4.0, NAN]),
        (Scale::Log2, LodRule::Sqrt2, [-0.5, 2.0, 4.5, NAN], [0.5, 1.0, 4.0, 8.5]),
        (Scale::Linear, LodRule::Sqrt2, [0.0, 2.0, 5.0 / 2f64.sqrt(), NAN], [0.5, 1.0, 4.0, 9.0 / 2f64.sqrt()]),
    ] {
        let processed = with(scale, rule);
        assert_close(processed.matrix.row(0), &first, 1e-12);
        assert_close(processed.matrix.row(1), &second, 1e-12);
        let below: Vec<f32> = processed.matrix.proteins.iter().map(|protein| protein.below_lod).collect();
        assert!(below[..2] == [2.0 / 3.0, 1.0] && below[2].is_nan());
        let lod = step(&processed, "lod");
        assert_eq!(["values with a limit", "values below it"].map(|what| lod.get(what)), [4, 3]);
    }
    // 2^(LOD − 1/2) is 2^LOD/√2.
    assert!((2f64.powf(5.0 - 0.5) - 2f64.powf(5.0) / 2f64.sqrt()).abs() < 1e-12);
    let limited = ProcessOptions { max_below_lod: Some(0.7), ..options() };
    let processed = run(made(Scale::Log2), &limited).unwrap();
    assert_eq!(processed.matrix.proteins.iter().map(|protein| protein.id.as_str()).collect::<Vec<_>>(), ["P1", "P3"]);
    assert_eq!(step(&processed, "lod").lists[0].1, ["P2"]);
    let unknown = run(made(Scale::Unknown), &ProcessOptions { lod: LodRule::Sqrt2, ..options() }).unwrap_err();
    assert!(unknown.contains("--lod sqrt2: nobody says"), "{unknown}");
}

#[test]
fn values_marked_below_the_limit_without_a_number() {
    let made = || {
        let mut made = table(2, 2, |i, j| (1 + i + j) as f64);
        made.flags = Some(vec![flag::BELOW_LOD, 0, 0, 0]);
        made
    };
    let processed = run(made(), &ProcessOptions { lod: LodRule::Nan, ..options() }).unwrap();
    assert_close(processed.matrix.row(0), &[NAN, 2.0], 0.0);
    let below: Vec<f32> = processed.matrix.proteins.iter().map(|protein| protein.below_lod).collect();
    assert_eq!(below, [0.5, 0.0]);
    let refused = run(made(), &ProcessOptions { lod: LodRule::Sqrt2, ..options() }).unwrap_err();
    assert!(refused.contains("1 values are marked") && !refused.contains("SUBJ"), "{refused}");
}

#[test]
fn a_value_at_its_limit_is_not_below_it() {
    // 1.1 as f32 is 1.10000002: as f64 the value would lie below it.
    let mut made = table(1, 2, |_, _| 1.1);
    made.lod = Some(vec![1.1, 1.2]);
    assert_eq!(run(made, &options()).unwrap().matrix.proteins[0].below_lod, 0.5);
}

#[test]
fn logarithms_go_by_the_kind_of_file() {
    let with = |scale, layout, log| {
        let mut made = table(2, 4, |i, j| if i == 0 { [100.0, 0.0, -2.0, 8.0][j] } else { 1.0 });
        (made.scale, made.layout) = (scale, layout);
        run(made, &ProcessOptions { log, ..options() }).unwrap()
    };
    let logged = |log: fn(f64) -> f64| [log(100.0), NAN, NAN, log(8.0)];
    let adat = with(Scale::Linear, TableLayout::Adat, LogRule::Auto);
    assert_close(adat.matrix.row(0), &logged(f64::log10), 1e-14);
    assert_eq!(step(&adat, "log").get("values not above 0 set missing"), 2);
    let intensities = with(Scale::Linear, TableLayout::MaxQuant, LogRule::Auto);
    assert_close(intensities.matrix.row(0), &logged(f64::log2), 1e-14);
    assert_close(with(Scale::Unknown, TableLayout::Wide, LogRule::Ln).matrix.row(0), &logged(f64::ln), 1e-14);
    for (scale, rule) in [(Scale::Log2, LogRule::Auto), (Scale::Unknown, LogRule::Auto), (Scale::Linear, LogRule::None)]
    {
        let kept = with(scale, TableLayout::Wide, rule);
        assert_close(kept.matrix.row(0), &[100.0, 0.0, -2.0, 8.0], 0.0);
        assert!(!step(&kept, "log").notes.is_empty());
    }
}

#[test]
fn several_measurements_of_a_sample_are_a_choice() {
    // SUBJ1 three times, the last in another file; SUBJ2 once.
    let made = || {
        let mut made = table(2, 4, |i, j| [[1.0, 5.0, 2.0, 9.0], [NAN, 6.0, NAN, 4.0]][i][j]);
        for (j, (sample, replicate, file)) in
            [("SUBJ1", 0, 0), ("SUBJ2", 0, 0), ("SUBJ1", 1, 0), ("SUBJ1", 2, 1)].into_iter().enumerate()
        {
            (made.measurements[j].sample, made.measurements[j].replicate) = (sample.into(), replicate);
            made.measurements[j].file = file;
        }
        made
    };
    for (rule, expected) in [
        (RepeatsRule::Mean, [4.0, 5.0, 4.0, 6.0]),
        (RepeatsRule::Median, [2.0, 5.0, 4.0, 6.0]),
        (RepeatsRule::First, [1.0, 5.0, NAN, 6.0]),
        (RepeatsRule::Last, [9.0, 5.0, 4.0, 6.0]),
        (RepeatsRule::LeastMissing, [9.0, 5.0, 4.0, 6.0]),
    ] {
        let processed = run(made(), &ProcessOptions { repeats: rule, ..options() }).unwrap();
        assert_eq!(processed.matrix.samples, ["SUBJ1", "SUBJ2"]);
        assert_close(&processed.matrix.values, &expected, 1e-15);
        let repeats = step(&processed, "repeats");
        let counts = ["measurements", "samples", "samples with several measurements", "of these in several files"];
        assert_eq!(counts.map(|what| repeats.get(what)), [4, 2, 1, 1]);
    }
    let refused = run(made(), &options()).unwrap_err();
    for words in ["1 sample measured several times, up to 3 times", "1 of them in several files", "least-missing"] {
        assert!(refused.contains(words), "{refused}");
    }
    assert!(!refused.contains("SUBJ"), "{refused}");
}

#[test]
fn ties_of_least_missing_go_to_the_first() {
    let mut made = table(1, 2, |_, j| j as f64);
    made.measurements[1].sample = "SUBJ1".into();
    let processed = run(made, &ProcessOptions { repeats: RepeatsRule::LeastMissing, ..options() }).unwrap();
    assert_eq!(processed.matrix.values, [0.0]);
}

/// 100 samples × 40 proteins of noise; 7 is shifted, 11 stretched, 13 follows a direction of its own.
fn with_outliers() -> norna::proteins::RawTable {
    let mut random = Random(11);
    let noise: Vec<f64> = (0..4000).map(|_| (0..6).map(|_| random.next() - 0.5).sum()).collect();
    let mut made = table(40, 100, |i, j| {
        let value = noise[i * 100 + j];
        match j {
            7 => value + 8.0,
            11 => 20.0 * value,
            13 => value + if i % 2 == 0 { 8.0 } else { -8.0 },
            _ => value,
        }
    });
    // A second panel, on which sample 17 is shifted.
    for i in 30..40 {
        made.proteins[i].panel = 1;
        made.values[i * 100 + 17] += 9.0;
    }
    made.panels.push(made.panels[0].clone());
    made
}

#[test]
fn samples_far_off_are_found_as_olinkanalyze_finds_them() {
    let flagged = ProcessOptions { outliers: OutlierRule::Flag, outlier_sd: 4.0, ..options() };
    let processed = run(with_outliers(), &flagged).unwrap();
    let outliers = step(&processed, "outliers");
    // By hand: medians and ranges of each panel, each against mean ± 4 sd of the samples.
    let made = with_outliers();
    let far = |of: fn(&mut Vec<f64>) -> f64| {
        let mut far = std::collections::BTreeSet::new();
        for panel in 0..2 {
            let rows = (0..40).filter(|&i| made.proteins[i].panel == panel);
            let rows: Vec<usize> = rows.collect();
            let stats: Vec<f64> =
                (0..100).map(|j| of(&mut rows.iter().map(|i| made.values[i * 100 + j]).collect())).collect();
            let mean = stats.iter().sum::<f64>() / 100.0;
            let sd = (stats.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 99.0).sqrt();
            far.extend((0..100).filter(|&j| (stats[j] - mean).abs() > 4.0 * sd));
        }
        far
    };
    fn at(sorted: &[f64], share: f64) -> f64 {
        let place = share * (sorted.len() - 1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        sorted[low] + (place - low as f64) * (sorted[high] - sorted[low])
    }
    let medians = far(|values| {
        values.sort_by(f64::total_cmp);
        at(values, 0.5)
    });
    let ranges = far(|values| {
        values.sort_by(f64::total_cmp);
        at(values, 0.75) - at(values, 0.25)
    });
    assert!(medians.contains(&7) && medians.contains(&17) && ranges.contains(&11) && ranges.contains(&13));
    assert_eq!(outliers.get("by the median of a panel"), medians.len() as u64);
    assert_eq!(outliers.get("by the interquartile range of a panel"), ranges.len() as u64);
    assert!(outliers.get("by the first two principal components") >= 1);
    assert_eq!((processed.matrix.samples.len(), outliers.get("samples dropped")), (100, 0));
    let dropped = run(with_outliers(), &ProcessOptions { outliers: OutlierRule::Drop, ..flagged }).unwrap();
    let n = step(&dropped, "outliers").get("outliers");
    assert_eq!(dropped.matrix.samples.len() as u64, 100 - n);
    for gone in ["SUBJ8", "SUBJ12", "SUBJ14", "SUBJ18"] {
        assert!(!dropped.matrix.samples.iter().any(|sample| sample == gone));
    }
}

#[test]
fn few_samples_cannot_be_far_off_and_that_is_said() {
    let flagged = ProcessOptions { outliers: OutlierRule::Flag, ..options() };
    let processed = run(table(5, 10, |i, j| (i * j) as f64), &flagged).unwrap();
    assert!(step(&processed, "outliers").notes[0].contains("of 10 samples none can lie 5 standard deviations off"));
}

#[test]
fn proteins_then_samples_with_too_few_values_are_dropped() {
    // P1 has 1 of 4, P2 all; P3 all but SUBJ4's, which then misses 1 of 2; P4 none at all.
    let values = [[1.0, NAN, NAN, NAN], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, NAN], [NAN; 4]];
    let made = || table(4, 4, |i, j| values[i][j]);
    let with = |protein, sample| {
        run(made(), &ProcessOptions { max_missing_protein: protein, max_missing_sample: sample, ..options() }).unwrap()
    };
    let ids = |processed: &norna::proteins::Processed| {
        processed.matrix.proteins.iter().map(|protein| protein.id.clone()).collect::<Vec<_>>()
    };
    let none = with(None, None);
    assert_eq!((ids(&none).len(), none.matrix.samples.len()), (3, 4));
    assert_eq!((step(&none, "empty").get("proteins"), step(&none, "empty").get("proteins dropped")), (4, 1));
    assert_eq!(step(&none, "missing").get("proteins"), 3);
    let limited = with(Some(0.5), Some(0.4));
    assert_eq!((ids(&limited), limited.matrix.samples.len()), (vec!["P2".to_owned(), "P3".to_owned()], 3));
    assert_eq!(step(&limited, "missing").get("values missing of those left"), 0);
    let exact = with(Some(0.75), Some(1.0));
    assert_eq!((ids(&exact).len(), exact.matrix.samples.len()), (3, 4));
    let nothing = run(table(2, 2, |_, _| NAN), &options()).unwrap_err();
    assert!(nothing.contains("the input has no values"), "{nothing}");
}

#[test]
fn transforms_are_by_protein() {
    let with = |transform| {
        run(
            table(2, 4, |i, j| [[4.0, 1.0, NAN, 2.0], [5.0, 5.0, 6.0, 8.0]][i][j]),
            &ProcessOptions { transform, ..options() },
        )
        .unwrap()
    };
    let rint = with(Transform::Rint);
    // qnorm((c(3, 1, 2) - 3/8)/(3 + 1/4)), qnorm((c(1.5, 1.5, 3, 4) - 3/8)/(4 + 1/4)), in R.
    assert_close(rint.matrix.row(0), &[0.869_423_773_289, -0.869_423_773_289, NAN, 0.0], 1e-9);
    assert_close(
        rint.matrix.row(1),
        &[-0.628_904_217_632, -0.628_904_217_632, 0.299_306_910_466, 1.049_131_397_964],
        1e-9,
    );
    let standard = with(Transform::Standardize);
    let sd = (2.0f64).sqrt();
    assert_close(standard.matrix.row(1), &[-1.0 / sd, -1.0 / sd, 0.0, 2.0 / sd], 1e-12);
}

#[test]
fn proteins_of_one_value_and_tables_of_none_are_said() {
    let raw = table(3, 6, |i, j| if i == 1 { 4.0 } else { (i + j * j) as f64 });
    let processed = run(raw, &ProcessOptions { transform: Transform::Rint, ..ProcessOptions::default() }).unwrap();
    let transform = step(&processed, "transform");
    assert_eq!(transform.get("proteins with one value only"), 1);
    assert!(transform.warnings[0].starts_with("1 protein with the same value"), "{transform:?}");
    let refused = run(table(3, 6, |_, _| f64::NAN), &ProcessOptions::default()).unwrap_err();
    assert!(refused.contains("no values: all of its 3 proteins in 6 measurements"), "{refused}");
}
