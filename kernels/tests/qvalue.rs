//! q-values against Bioconductor's qvalue package: numbers that it gave, and live where it is installed.

#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::Random;
use norna_kernels::qvalue::q_values;

/// m p-values, a share of them from an alternative whose p is u^power; some exactly 0, 1 or tied where asked.
fn p_values(seed: u64, m: usize, share: f64, power: i32, rounded: bool) -> Vec<f64> {
    let mut random = Random(seed);
    let one = |_| {
        let p = if random.uniform() < share { random.uniform().powi(power) } else { random.uniform() };
        if rounded { (p * 50.0).round() / 50.0 } else { p }
    };
    (0..m).map(one).collect()
}

/// Uniform, mixed, few, many, tied with 0 and 1 among them, and with NaN.
fn families() -> Vec<Vec<f64>> {
    let mut out = Vec::new();
    for (seed, &m) in (0u64..).zip(&[20, 60, 95, 300, 608, 2000, 6000]) {
        for (share, power) in [(0.0, 1), (0.3, 4), (0.7, 8), (0.95, 20)] {
            for rounded in [false, true] {
                out.push(p_values(seed * 31 + power as u64, m, share, power, rounded));
            }
        }
    }
    let mut with_nan = p_values(77, 400, 0.4, 6, false);
    with_nan.iter_mut().step_by(7).for_each(|p| *p = f64::NAN);
    // Mostly large p: the estimate is over 1. No p of 0.95 or more: the package stops.
    let large: Vec<f64> = p_values(78, 500, 0.0, 1, false).into_iter().map(|p| p.powf(0.2)).collect();
    let small: Vec<f64> = p_values(79, 500, 0.0, 1, false).into_iter().map(|p| 0.9 * p).collect();
    out.extend([with_nan, large, small, vec![1.0; 30], vec![0.0, 0.5, 1.0, 1.0]]);
    out
}

/// (family, [π₀, q₀, q₁, q₂]) of the package, version 2.30.
#[rustfmt::skip]
const KNOWN: &[(usize, [f64; 4])] = &[
    (3, [1.0, 0.9473684210526315, 0.9090909090909091, 0.9473684210526315]),
    (9, [0.9102122522597408, 0.8401959251628377, 0.8777046718218929, 0.8814687074515385]),
    (21, [0.6425913634627689, 0.0, 0.5708214189721219, 0.3310979228689521]),
    (27, [0.7382669012702303, 0.7012110336389059, 0.7068512884502206, 0.2668434582904447]),
    (33, [0.9232103816488633, 0.8127593296543115, 0.8303430651516404, 0.8303430651516404]),
    (39, [0.07912836826442893, 0.022993772895663466, 0.0, 0.0]),
    (45, [0.4021995302317934, 0.35979510691662026, 0.0, 0.0]),
    (51, [0.775_830_684_927_814_2, 0.0, 0.775_830_684_927_814_2, 0.758_613_915_220_678_2]),
    (57, [1.0, 0.9997496626978928, 0.9997496626978928, 0.9997496626978928]),
    (59, [1.0, 1.0, 1.0, 1.0]),
];

#[test]
fn q_values_are_those_the_package_gave() {
    let families = families();
    for &(family, [pi0, ref q @ ..]) in KNOWN {
        let found = q_values(&families[family]);
        assert!((found.pi0 - pi0).abs() < 1e-11, "{family}: {} not {pi0}", found.pi0);
        found.q.iter().zip(q).for_each(|(found, q)| assert!((found - q).abs() < 1e-11, "{family}: {found} not {q}"));
    }
}

/// Whether R has the package; says so where not, and fails in CI.
fn has_package() -> bool {
    let works = Command::new("Rscript").args(["-e", "library(qvalue)"]).output().is_ok_and(|out| out.status.success());
    if !works {
        eprintln!("SKIPPED: Rscript with qvalue is not installed (Debian: r-bioc-qvalue)");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI must have r-bioc-qvalue");
    }
    works
}

const SCRIPT: &str = r#"
suppressMessages(library(qvalue))
for (line in readLines(commandArgs(TRUE)[1])) {
    p <- as.numeric(strsplit(line, " ")[[1]])
    out <- tryCatch({ x <- qvalue(p, lfdr.out = FALSE); c(x$pi0, x$qvalues) }, error = function(e) NA_real_)
    cat(formatC(out, digits = 17, format = "g"), "\n")
}
"#;

#[test]
fn q_values_are_those_of_the_package() {
    if !has_package() {
        return;
    }
    let families = families();
    let lines = families.iter().map(|p| {
        let numbers: Vec<String> = p.iter().map(|p| if p.is_nan() { "NA".into() } else { format!("{p:e}") }).collect();
        numbers.join(" ")
    });
    let path = std::env::temp_dir().join(format!("norna-qvalue-{}.txt", std::process::id()));
    std::fs::write(&path, lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    let out = Command::new("Rscript").args(["-e", SCRIPT]).arg(&path).output().unwrap();
    std::fs::remove_file(&path).unwrap();
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(text.lines().count(), families.len(), "{}", String::from_utf8_lossy(&out.stderr));
    let mut n_estimated = 0;
    for (line, p) in text.lines().zip(&families) {
        let found = q_values(p);
        let numbers: Vec<f64> = line.split_whitespace().map(|x| x.parse().unwrap_or(f64::NAN)).collect();
        assert_eq!(found.is_pi0_estimated, numbers.len() > 1, "{} p-values: {line}", p.len());
        if numbers.len() > 1 {
            n_estimated += 1;
            assert!((found.pi0 - numbers[0]).abs() < 1e-10, "pi0 {} not {}", found.pi0, numbers[0]);
            for (q, expected) in found.q.iter().zip(&numbers[1..]) {
                assert!((q - expected).abs() <= 1e-10 * expected || q.is_nan() && expected.is_nan(), "{q} {expected}");
            }
        }
    }
    assert!(n_estimated > 40, "{n_estimated}");
}
