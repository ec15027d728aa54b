//! Every instruction set against the definitions, spelled out sample by sample.

use proptest::prelude::*;

use super::*;

fn majority(dosages: &[f32]) -> Option<f32> {
    let n_called = dosages.iter().filter(|g| !g.is_nan()).count();
    dosages.iter().copied().find(|g| dosages.iter().filter(|other| *other == g).count() * 2 > n_called)
}

fn spread(dosages: &[f32], mean: f64, shift: f32) -> Spread {
    let mut lanes = [[0f64; 8]; 2];
    for (i, &g) in dosages.iter().enumerate().filter(|(_, g)| !g.is_nan()) {
        lanes[0][i % 8] += (f64::from(g) - mean) * (f64::from(g) - mean);
        lanes[1][i % 8] += f64::from(g - shift) * f64::from(g - shift);
    }
    let [centred, shifted] = lanes.map(|lanes| lanes.iter().sum());
    Spread { centred, shifted, n_at_shift: dosages.iter().filter(|&&g| g == shift).count() }
}

fn check(isa: Isa, dosages: &[f32], mean: f64, shift: f32) {
    let scans = DosageScans::of(isa);
    let common = (scans.common)(dosages);
    let called: Vec<f32> = dosages.iter().copied().filter(|g| !g.is_nan()).collect();
    if let Some(majority) = majority(dosages) {
        assert_eq!(common.candidate, majority);
    }
    if let Some(first) = called.first() {
        assert_eq!(common.constant, called.iter().all(|g| g == first));
    }
    let (got, want) = ((scans.spread)(dosages, mean, shift), spread(dosages, mean, shift));
    assert_eq!((got.centred.to_bits(), got.shifted.to_bits()), (want.centred.to_bits(), want.shifted.to_bits()));
    assert_eq!(got.n_at_shift, want.n_at_shift);
    let (mut samples, mut values) = (vec![7], vec![7.0]);
    (scans.list)(dosages, shift, &mut samples, &mut values);
    let listed = (0..).zip(dosages).map(|(i, g)| (i, g - shift)).filter(|(_, g)| *g != 0.0 && !g.is_nan());
    let (want_samples, want_values): (Vec<u32>, Vec<f32>) = std::iter::once((7, 7.0)).chain(listed).unzip();
    assert_eq!((samples, values), (want_samples, want_values));
}

proptest! {
    #[test]
    fn prop_passes_are_those_of_the_definitions(
        common in prop::sample::select(vec![0f32, 1.0, 2.0, 0.013]),
        share in 0_u32..=10,
        picks in prop::collection::vec((0_u32..10, 0_u32..40, 0f32..2.0), 1..700),
        mean in 0f64..2.0,
    ) {
        let dosages: Vec<f32> = picks.iter().map(|&(pick, odd, other)| match odd {
            0 => f32::NAN,
            1 => -0.0,
            _ if pick < share => common,
            2..12 => other.round(),
            _ => other,
        }).collect();
        for isa in [Isa::Scalar, Isa::Avx2, Isa::Avx512] {
            for shift in [0.0, 1.0, 2.0, mean as f32] {
                check(isa, &dosages, mean, shift);
            }
        }
    }
}
