//! The scan against `norna export`: every bin, every pair above the floor, leads; for any store and any threads.

use std::collections::BTreeSet;

use norna::charts::{LOG10P_BINS, ScanOptions};

use crate::made::{KEPT_FROM, Row, made, options, scanned};

#[test]
fn bins_points_and_leads_are_those_of_the_exported_pairs() {
    let made = made();
    for (store, results) in &made.stores {
        let options = options();
        let (genome, scanned) = scanned(results, &options, 2);
        assert_eq!((genome.chromosomes.len(), scanned.len(), genome.is_sorted), (1, 20, true));
        let first = genome.chromosomes[0].first_pos;
        let least = if *store == "hits" { KEPT_FROM } else { 0.0 };
        for one in &scanned {
            let rows = &made.exported[store][&one.name];
            let mut counts = vec![0; genome.n_bins as usize * LOG10P_BINS];
            let mut points = one.manhattan.points.iter();
            for row in rows.iter().filter(|row| row.log10p >= least) {
                if row.log10p >= 4.0 {
                    let point = points.next().unwrap();
                    assert_eq!((point.variant, point.pos, point.chrom), (row.variant, row.pos, 0));
                    assert!((point.beta / row.beta - 1.0).abs() < 1e-6 && (point.se / row.se - 1.0).abs() < 1e-6);
                    assert!((point.log10p / row.log10p - 1.0).abs() < 1e-5);
                } else {
                    let bin = (row.pos - first) / genome.bin_width;
                    counts[bin as usize * LOG10P_BINS + (row.log10p * 8.0) as usize] += 1;
                }
            }
            assert!(points.next().is_none());
            let found =
                if one.manhattan.counts.is_empty() { vec![0; counts.len()] } else { one.manhattan.counts.clone() };
            assert_eq!(found, counts, "{store} {}", one.name);
            assert_eq!(one.manhattan.n_hits, rows.iter().filter(|row| row.log10p >= 5.0).count() as u64);
            assert_eq!((one.manhattan.n_thinned, one.manhattan.nothing_below.is_some()), (0, *store == "hits"));
            let leads: Vec<(u64, u64)> = one.leads.iter().map(|lead| (lead.variant, lead.n_hits)).collect();
            assert_eq!(leads, leads_of(rows, &options), "{store} {}", one.name);
        }
        assert!(scanned.iter().map(|one| one.leads.len()).sum::<usize>() > 10);
    }
}

/// Leads by the definition: the strongest hit, less what is near it, and again.
fn leads_of(rows: &[Row], options: &ScanOptions) -> Vec<(u64, u64)> {
    let mut rest: Vec<&Row> = rows.iter().filter(|row| row.log10p >= options.hit_log10p).collect();
    let mut leads = Vec::new();
    while let Some(lead) = rest.iter().copied().reduce(|best, row| if row.log10p > best.log10p { row } else { best }) {
        let n = rest.len();
        rest.retain(|row| row.pos.abs_diff(lead.pos) > options.lead_bases);
        leads.push((lead.variant, (n - rest.len()) as u64));
    }
    leads.sort_unstable();
    leads
}

#[test]
fn threads_change_nothing() {
    let made = made();
    for results in made.stores.values() {
        assert_eq!(scanned(results, &options(), 1), scanned(results, &options(), 2));
    }
}

#[test]
fn thinned_points_leave_no_dot_out() {
    let made = made();
    let few = ScanOptions { max_points: 10, floor_log10p: 2.0, ..options() };
    let many = ScanOptions { max_points: 10_000, ..few.clone() };
    let (genome, thinned) = scanned(&made.stores["full"], &few, 2);
    let (_, whole) = scanned(&made.stores["full"], &many, 2);
    let mut n_thinned = 0;
    for (thinned, whole) in thinned.iter().zip(&whole) {
        let (few, all) = (&thinned.manhattan, &whole.manhattan);
        assert_eq!(few.points.len() as u64 + few.n_thinned, few.n_at_or_above);
        assert_eq!((few.n_at_or_above, few.n_hits, &thinned.leads), (all.n_at_or_above, all.n_hits, &whole.leads));
        let cells = |points: &[norna::charts::Point]| -> BTreeSet<(u32, u64)> {
            points.iter().map(|p| (genome.bin(p.chrom, p.pos), (p.log10p / few.bin_height()) as u64)).collect()
        };
        assert_eq!(cells(&few.points), cells(&all.points), "{}", thinned.name);
        assert!(few.points.iter().all(|point| all.points.contains(point)));
        n_thinned += few.n_thinned;
    }
    assert!(n_thinned > 100, "{n_thinned}");
}
