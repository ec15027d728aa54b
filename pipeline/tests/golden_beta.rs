//! The beta approximation against FastQTL's own columns on GEUVADIS: its p-values from its degrees of freedom and shapes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use norna_kernels::beta_approximation::{BetaFit, log10_p, nominal_log10_p};
use norna_kernels::student::t_for_log10_p;
use support::need;
use support::places::shared_file;
use support::table::Table;
use support::tools::Need;

/// 358 people, 12 covariates.
const TRUE_DF: f64 = 344.0;

#[test]
fn fastqtl_columns_give_its_p_values() {
    need!(Need::SharedData);
    let table = Table::read(&shared_file("geuvadis/expected/fastqtl_permute1000_seed1_covariates12.txt.gz"));
    // No header: gene, variants, shapes, ν, p at ν, variant, distance, minor alleles (3), reference, p, slope, SE, p_perm, p_beta.
    let rows: Vec<&Vec<String>> = std::iter::once(&table.header).chain(&table.rows).collect();
    assert_eq!(rows.len(), 608);
    for row in rows {
        let number = |column: usize| row[column].parse::<f64>().unwrap();
        let fit = BetaFit { shape1: number(2), shape2: number(3), df: number(4) };
        let t = t_for_log10_p(-number(12).log10(), TRUE_DF);
        let r2 = t * t / (t * t + TRUE_DF);
        // It prints six digits; a relative error of p is that much of ln p absolutely, and p_beta goes with p to the power of a.
        for (found, printed, tolerance) in
            [(nominal_log10_p(r2, fit.df), number(5), 1e-4), (log10_p(&fit, r2), number(16), 1e-3)]
        {
            let expected = -printed.log10();
            assert!((found - expected).abs() < tolerance, "{}: {found} not {expected}", row[0]);
        }
    }
}
