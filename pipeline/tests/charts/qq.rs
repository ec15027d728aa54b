//! QQ plots against ranks of exported pairs, and their band against R's qbeta.

use crate::made::{made, options, scanned};
use crate::support::need;
use crate::support::tools::Need::R;
use crate::support::tools::{command, run};

#[test]
fn quantiles_are_those_of_the_exported_pairs() {
    let made = made();
    for (store, results) in &made.stores {
        for one in scanned(results, &options(), 2).1 {
            let rows = &made.exported[store][&one.name];
            let mut all: Vec<f64> = rows.iter().map(|row| row.log10p).filter(|log10p| !log10p.is_nan()).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            let n = all.len() as f64;
            let qq = &one.qq;
            assert_eq!((qq.n_tests, qq.expected.len()), (all.len() as u64, qq.observed.len()));
            assert!(qq.expected.is_sorted() && qq.lambda > 0.0, "{}", one.name);
            let n_edges = qq.expected.len() - qq.n_exact;
            for (rank, (expected, observed)) in (1..).zip(qq.expected.iter().zip(&qq.observed).skip(n_edges).rev()) {
                assert!((expected + (f64::from(rank) / (n + 1.0)).log10()).abs() < 1e-12);
                assert!((observed / all[rank as usize - 1] - 1.0).abs() < 1e-5, "{store} {} {rank}", one.name);
            }
            for (expected, observed) in qq.expected.iter().zip(&qq.observed).take(n_edges) {
                let stronger = (n + 1.0) * 10f64.powf(-expected) - 0.5;
                // Rounding of t² to f32 may put a test on the other side of an edge, with those that are equal to it.
                let from = all.partition_point(|&log10p| log10p > observed + 1e-6) as f64;
                let to = all.partition_point(|&log10p| log10p >= observed - 1e-6) as f64;
                assert!(from - 0.01 <= stronger && stronger <= to + 0.01, "{store} {}: {stronger} {from}", one.name);
            }
            assert!(n_edges > 40 && (*store == "hits" || qq.n_exact == 50), "{n_edges} {}", qq.n_exact);
        }
    }
}

#[test]
fn the_band_is_of_the_beta_distribution() {
    need!(R);
    let made = made();
    let (_, all) = scanned(&made.stores["full"], &options(), 1);
    let (band, n) = (&all[0].qq.band, all[0].qq.n_tests);
    let ranks: Vec<String> =
        band.expected.iter().map(|expected| ((n as f64 + 1.0) * 10f64.powf(-expected)).round().to_string()).collect();
    let code = format!(
        "i <- c({}); n <- {n}; cat(sprintf('%.12g %.12g\\n', -log10(qbeta(0.975, i, n - i + 1)), -log10(qbeta(0.025, i, n - i + 1))))",
        ranks.join(",")
    );
    let said = run(command("Rscript").args(["-e", &code])).ok().stdout;
    let expected: Vec<f64> = said.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(expected.len(), 2 * band.low.len());
    for (i, pair) in expected.chunks(2).enumerate() {
        assert!((band.low[i] - pair[0]).abs() < 1e-8 && (band.high[i] - pair[1]).abs() < 1e-8, "{i} {pair:?}");
    }
    assert!(band.low.len() > 50);
}
