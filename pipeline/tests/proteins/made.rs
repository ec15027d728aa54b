//! Tables as readers would give them.

use norna::proteins::{
    Measurement, Panel, ProcessOptions, Processed, RawProtein, RawTable, Scale, Step, TableLayout, process,
};

/// proteins × measurements of one panel: P1, P2, ... and SUBJ1, SUBJ2, ..., each measured once.
pub fn table(n_proteins: usize, n: usize, value: impl Fn(usize, usize) -> f64) -> RawTable {
    let protein = |i: usize| RawProtein { id: format!("P{}", i + 1), ..RawProtein::default() };
    let measurement = |j: usize| Measurement { sample: format!("SUBJ{}", j + 1), ..Measurement::default() };
    RawTable {
        layout: TableLayout::Wide,
        scale: Scale::Log2,
        proteins: (0..n_proteins).map(protein).collect(),
        measurements: (0..n).map(measurement).collect(),
        values: (0..n_proteins * n).map(|at| value(at / n, at % n)).collect(),
        lod: None,
        flags: None,
        panels: vec![Panel { name: "Panel".into(), plate_of: vec![RawTable::NO_PLATE; n] }],
        plates: Vec::new(),
        batch_names: Vec::new(),
        messages: Vec::new(),
        warnings: Vec::new(),
        dropped: Vec::new(),
        n_records: 0,
    }
}

/// Processes without an annotation.
pub fn run(table: RawTable, options: &ProcessOptions) -> Result<Processed, String> {
    process(table, None, options, &mut |_| Ok(())).map_err(|error| error.to_string())
}

/// The step of a name.
pub fn step<'a>(processed: &'a Processed, name: &str) -> &'a Step {
    processed.steps.iter().find(|step| step.name == name).unwrap()
}

/// Equal, NaN to NaN.
#[track_caller]
pub fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a.is_nan() && b.is_nan()) || (a - b).abs() <= tolerance, "{i}: {a} {b}");
    }
}

/// Numbers between 0 and 1.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
