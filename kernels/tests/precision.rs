//! The error of the f32 path against an f64 oracle over cohort size and allele frequency, for traits that f32 sums treat
//! well (continuous) and badly (few values, a heavy tail). `cargo test precision -- --nocapture` prints the table.

mod common;

use common::{Cohort, Random, run};
use norna_kernels::{GenotypeKind, LinearTest, MissingPolicy};

const SIZES: [usize; 5] = [100, 1_000, 10_000, 100_000, 500_000];
const FREQUENCIES: [f64; 7] = [1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.3, 0.5];
const TRAITS: [&str; 5] = ["normal", "0/1", "0..6", "rare 0/1", "tailed"];
/// A third of the bound against plink2.
const BOUND: f64 = 3e-6;

fn trait_value(kind: &str, random: &mut Random) -> f64 {
    match kind {
        "0/1" => f64::from(u8::from(random.uniform() < 0.3)),
        "0..6" => (3.0 + 1.1 * random.normal()).round().clamp(0.0, 6.0),
        "rare 0/1" => f64::from(u8::from(random.uniform() < 0.01)),
        "tailed" => random.normal() / (0.05 + random.uniform()).powi(2),
        _ => 20.0 + random.normal(),
    }
}

/// Imputed without doubt for most samples, between the genotypes for others, three decimals; a rare allele's noncarriers
/// all have a little of it.
fn imputed(g: f32, f: f64, random: &mut Random) -> f32 {
    let doubt = if random.uniform() < 0.2 { 0.5 * random.uniform() as f32 } else { 0.0 };
    let floor = if f < 0.2 { 0.003 } else { 0.0 };
    ((g * (1.0 - doubt) + 2.0 * f as f32 * doubt).max(floor) * 1000.0).round() / 1000.0
}

fn cohort(n: usize, kind: GenotypeKind) -> Cohort {
    let mut random = Random(n as u64);
    let covariates = vec![(0..n).map(|_| f64::from(u8::from(random.uniform() < 0.5))).collect()];
    let traits = TRAITS.iter().map(|kind| (0..n).map(|_| trait_value(kind, &mut random)).collect()).collect();
    let variants = FREQUENCIES
        .iter()
        .map(|&f| {
            let allele = |random: &mut Random| u8::from(random.uniform() < f);
            (0..n)
                .map(|_| {
                    let g = f32::from(allele(&mut random) + allele(&mut random));
                    if kind == GenotypeKind::Calls { g } else { imputed(g, f, &mut random) }
                })
                .collect()
        })
        .collect();
    Cohort { n, covariates, traits, variants, kind }
}

#[test]
fn precision_of_f32_sums() {
    for kind in [GenotypeKind::Calls, GenotypeKind::Dosages] {
        eprintln!("{kind:?}: largest |Δβ|/SE over frequencies, by trait; largest |ΔSE|/SE\n{:>8} {TRAITS:?}", "n");
        for n in SIZES {
            let cohort = cohort(n, kind);
            let null = cohort.null();
            let rows = run(&LinearTest::new(&null, MissingPolicy::Drop, 0.0), &cohort);
            let (mut errors, mut se_error) = ([0f64; TRAITS.len()], 0f64);
            for hit in &rows.hits {
                let (v, t) = (hit.variant_idx as usize, hit.trait_idx as usize);
                let Some(oracle) = cohort.oracle(v, t, MissingPolicy::Drop) else { continue };
                let error = (hit.beta - oracle.beta).abs() / oracle.se;
                if std::env::var_os("NORNA_PRECISION").is_some() {
                    eprintln!("{n} {} {}: {error:.1e}", FREQUENCIES[v], TRAITS[t]);
                }
                errors[t] = errors[t].max(error / (oracle.beta.abs() / oracle.se).max(1.0));
                se_error = se_error.max((hit.se - oracle.se).abs() / oracle.se);
            }
            eprintln!("{n:>8} {} se {se_error:.1e}", errors.map(|e| format!("{e:.1e}")).join("  "));
            assert!(errors.iter().all(|&error| error < BOUND) && se_error < BOUND, "n {n}");
        }
    }
}
