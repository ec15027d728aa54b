//! Every rule, with a file that trips it alone and one that does not.

use norna::disclosure::{Fate, Filter, Judge, Policy, Verdict, beyond_pairs, judge, judge_sound, open};
use norna::store::{LedgerRole, ResultsReader};
use norna_kernels::Status;
use serde_json::json;

use crate::made::{Made, info, measured, variant};

#[test]
fn a_sound_file_passes_every_rule() {
    let report = Made::good().judged();
    assert_eq!(Made::good().tripped(), []);
    assert_eq!(report.verdict(), Verdict::Pass);
    let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    let all = [
        "samples",
        "minor_alleles",
        "cases",
        "case_cells",
        "near_perfect_fits",
        "trait_values",
        "differencing",
        "ledger",
        "effective_traits",
        "names",
    ];
    assert_eq!(rules, all);
    assert!(report.text().contains("makes none"));
}

#[test]
fn few_samples_are_reviewed_and_refused() {
    let small = |n: u32| {
        let mut made = Made::good();
        made.header.n_samples = n;
        made.header.traits = vec![info("T0", n, 0)];
        made.variants = vec![variant(1, n, f64::from(n / 2).max(2.0))];
        made.qc.eigenvalues = vec![1.0];
        made.judged()
    };
    let verdict = |n| small(n).findings[0].verdict;
    assert_eq!(
        (verdict(100), verdict(99), verdict(10), verdict(9)),
        (Verdict::Pass, Verdict::Review, Verdict::Review, Verdict::Refuse)
    );
}

#[test]
fn rare_variants_are_counted_over_the_samples_of_each_trait() {
    let mut made = Made::good();
    made.variants[0] = variant(100, 200, 19.0);
    assert_eq!(made.tripped(), [("minor_alleles", Verdict::Refuse)]);
    let report = made.judged();
    assert_eq!(measured(&report, "minor_alleles", "variants_under"), json!(1));
    assert_eq!(measured(&report, "minor_alleles", "pairs_under"), json!(4));
    // 20 of 200 people's alleles are 15 among 150 of them; 50 are 37.5.
    let mut made = Made::good();
    made.header.traits[3] = info("T3", 150, 1);
    let report = made.judged();
    assert_eq!(measured(&report, "minor_alleles", "variants_under"), json!(0));
    assert_eq!(measured(&report, "minor_alleles", "pairs_under"), json!(1));
}

#[test]
fn few_cases_are_refused() {
    let with = |n_cases: u32| {
        let mut made = Made::good();
        let share = f64::from(n_cases) / 200.0;
        made.header.traits[1].mean = share;
        made.header.traits[1].sd = (share * (1.0 - share) * 200.0 / 199.0).sqrt();
        // No effect: alleles as among everybody.
        made.cells = |_, _| (0.0, 0.1);
        made.variants = vec![variant(300, 200, 199.0)];
        made
    };
    assert_eq!(with(11).tripped(), []);
    assert_eq!(with(9).tripped()[0], ("cases", Verdict::Refuse));
    let (_folder, path) = with(9).write();
    let judge = open("default", &ResultsReader::open(&path).unwrap()).unwrap();
    assert_eq!(judge.trait_refused(1).map(|reason| judge.reasons()[reason]), Some("trait_cases"));
    assert_eq!(judge.trait_refused(0), None);
}

#[test]
fn alleles_among_cases_are_counted_by_their_effect() {
    // 40 cases of 200, 50 minor alleles: 10 among the cases without an effect. Score U takes it to 10 + U.
    // β = U/Sgg with Sgg = 2·200·0.125·0.875 = 43.75; Syy = 200·0.2·0.8 = 32; SE² = (32/43.75 − β²)/198.
    let made = |is_small: bool| {
        let mut made = Made::good();
        made.header.traits.truncate(1);
        made.header.traits[0].mean = 0.2;
        made.header.traits[0].sd = (0.16_f64 * 200.0 / 199.0).sqrt();
        made.qc.eigenvalues = vec![1.0];
        made.variants = vec![variant(200, 200, 50.0)];
        made.cells = match is_small {
            false => |_, _| (0.0, 0.06),
            true => |_, _| {
                let beta = -4.0_f64 / 43.75;
                (beta as f32, ((32.0 / 43.75 - beta * beta) / 198.0).sqrt() as f32)
            },
        };
        made
    };
    assert_eq!(made(false).tripped(), []);
    let small = made(true);
    assert_eq!(small.tripped(), [("case_cells", Verdict::Refuse)]);
    let least = measured(&small.judged(), "case_cells", "least").as_f64().unwrap();
    assert!((least - 6.0).abs() < 1e-3, "{least}");
    let (_folder, path) = small.write();
    let mut judge = open("default", &ResultsReader::open(&path).unwrap()).unwrap();
    let (beta, se) = (small.cells)(0, 0);
    let reason = judge.reasons().iter().position(|reason| *reason == "case_cell").unwrap();
    assert_eq!(judge.fate(&small.variants[0], 0, 200, beta, se), Fate::Mask(reason));
    assert_eq!(judge.fate(&small.variants[0], 0, 200, -beta, se), Fate::Keep);
}

#[test]
fn near_perfect_fits_are_reviewed() {
    // r² = t²/(t² + 198): 0.99 at t² = 99·198, that is |t| = 140.006.
    let mut made = Made::good();
    made.cells = |v, t| if (v, t) == (1, 2) { (1.401, 0.01) } else { (0.0, 0.1) };
    assert_eq!(made.tripped(), [("near_perfect_fits", Verdict::Review)]);
    made.cells = |v, t| if (v, t) == (1, 2) { (1.4, 0.01) } else { (0.0, 0.1) };
    assert_eq!(made.tripped(), []);
    made.cells = |v, t| if (v, t) == (1, 2) { (1.4, f32::NAN) } else { (0.0, 0.1) };
    made.statuses = vec![(1, 2, Status::PerfectFit.code())];
    assert_eq!(made.tripped(), [("near_perfect_fits", Verdict::Review)]);
}

#[test]
fn values_of_single_people_are_refused() {
    let mut made = Made::good();
    made.header.traits[2].sd = 0.0;
    assert_eq!(made.tripped(), [("trait_values", Verdict::Refuse)]);
    made.header.traits[2] = info("T2", 9, 1);
    assert!(made.tripped().contains(&("trait_values", Verdict::Refuse)));
    made.header.traits[2].mean = f64::NAN;
    made.header.traits[2].sd = f64::NAN;
    assert!(!made.tripped().contains(&("trait_values", Verdict::Refuse)));
}

#[test]
fn almost_the_same_samples_are_told() {
    let with = |n: u32| {
        let mut made = Made::good();
        made.variants.remove(0);
        made.header.traits[1] = info("T1", n, 1);
        made
    };
    assert_eq!(with(190).tripped(), []);
    assert_eq!(with(191).tripped(), [("differencing", Verdict::Review)]);

    let (_a, first) = Made::good().write();
    let (_b, near) = with(197).write();
    let (_c, far) = with(150).write();
    let policy = Policy::load("default").unwrap();
    let verdict = |other: &std::path::Path| {
        let report = judge(&first, &policy, &[other.to_path_buf()]).unwrap();
        report.findings.iter().filter(|finding| finding.rule == "differencing").map(|f| f.verdict).max().unwrap()
    };
    assert_eq!((verdict(&first), verdict(&near), verdict(&far)), (Verdict::Pass, Verdict::Refuse, Verdict::Pass));
}

#[test]
fn small_counts_of_the_ledger_are_reviewed() {
    let with = |n: u64| {
        let mut made = Made::good();
        made.qc.ledger.samples.push("without_any_trait", LedgerRole::Note, n);
        made.tripped()
    };
    assert_eq!((with(0), with(10)), (vec![], vec![]));
    assert_eq!((with(1), with(9)), (vec![("ledger", Verdict::Review)], vec![("ledger", Verdict::Review)]));
}

#[test]
fn many_traits_of_few_samples_are_warned_of() {
    let with = |n_traits: usize, eigenvalues: Vec<f64>| {
        let mut made = Made::good();
        made.header.traits = (0..n_traits).map(|i| info(&format!("P{i}"), 200, 0)).collect();
        made.qc.eigenvalues = eigenvalues;
        made.judged()
    };
    let verdict = |report: &norna::disclosure::Report| {
        report.findings.iter().find(|f| f.rule == "effective_traits").unwrap().verdict
    };
    // Independent traits: as many effective ones by all measures; 31, 32 and 170 of 200 samples are 0.155, 0.16 and 0.85.
    let independent = |n: usize| with(n, vec![1.0; n.min(200)]);
    assert_eq!(
        [31, 32, 169, 170, 1000].map(|n| verdict(&independent(n))),
        [Verdict::Pass, Verdict::Review, Verdict::Review, Verdict::Refuse, Verdict::Refuse]
    );
    // A thousand traits that are all one.
    let mut one = vec![0.0; 200];
    one[0] = 1000.0;
    assert_eq!(verdict(&with(1000, one)), Verdict::Pass);
    // Nothing known: an upper bound, and said.
    let unknown = with(40, Vec::new());
    assert_eq!(verdict(&unknown), Verdict::Review);
    assert_eq!(measured(&unknown, "effective_traits", "upper_bound"), json!(true));
    let text = unknown.text();
    assert!(text.contains("upper bound") && text.contains("108844") && text.contains("assumption"), "{text}");
}

#[test]
fn folders_users_and_odd_names_are_reviewed() {
    for provenance in
        [json!({ "user": "somebody" }), json!({ "out": ["/data/x.h5"] }), json!({ "a": "--vcf=/data/c.vcf" })]
    {
        let mut made = Made::good();
        made.provenance = provenance;
        assert_eq!(made.tripped(), [("names", Verdict::Review)]);
    }
    let mut made = Made::good();
    made.header.traits[0].name = "/home/x/trait".into();
    assert_eq!(made.tripped(), [("names", Verdict::Review)]);
    made.header.traits[0].name = "IL6/IL8".into();
    made.provenance = json!({ "user": null, "name": "c.vcf.gz" });
    assert_eq!(made.tripped(), []);
}

#[test]
fn the_filter_drops_masks_and_refuses_as_the_policy_says() {
    let mut made = Made::good();
    made.header.traits[3] = info("T3", 9, 1);
    let (_folder, path) = made.write();
    let reader = ResultsReader::open(&path).unwrap();
    let mut judge = Judge::new(&reader, &Policy::load("default").unwrap()).unwrap();
    assert_eq!(judge.trait_refused(3).map(|reason| judge.reasons()[reason]), Some("trait_samples"));
    let alleles = judge.reasons().iter().position(|reason| *reason == "minor_allele_count").unwrap();
    let fate = |judge: &mut Judge, mac: f64| judge.fate(&variant(1, 200, mac), 0, 200, 0.1, 0.1);
    assert_eq!((fate(&mut judge, 19.0), fate(&mut judge, 20.0)), (Fate::Drop(alleles), Fate::Keep));
    assert_eq!(judge.fate(&variant(1, 200, 20.0), 0, 199, 0.1, 0.1), Fate::Drop(alleles));

    let samples = judge.reasons().iter().position(|reason| *reason == "trait_samples").unwrap();
    assert_eq!(judge.fate(&variant(1, 200, 200.0), 0, 9, 0.1, 0.1), Fate::Drop(samples));

    let masks = Policy::parse("[minor_alleles]\naction = \"mask\"\nminimum = 30\n", "p").unwrap();
    let mut judge = Judge::new(&reader, &masks).unwrap();
    assert_eq!((fate(&mut judge, 29.0), fate(&mut judge, 30.0)), (Fate::Mask(alleles), Fate::Keep));
    let lets = Policy::parse("[minor_alleles]\nverdict = \"pass\"\n", "p").unwrap();
    assert_eq!(fate(&mut Judge::new(&reader, &lets).unwrap(), 1.0), Fate::Keep);
    let fits = judge.reasons().iter().position(|reason| *reason == "near_perfect_fit").unwrap();
    assert_eq!(judge.fate(&variant(1, 200, 50.0), 0, 200, 0.1, f32::NAN), Fate::Mask(fits));
    assert_eq!(judge.fate(&variant(1, 200, 50.0), 0, 200, f32::NAN, f32::NAN), Fate::Keep);
}

#[test]
fn carriers_among_a_traits_own_samples_are_told_by_its_pairs() {
    // 60 minor alleles among 200 people, of which the 150 of the trait have one: 45 are to be expected, D is 149/150.
    let mut made = Made::good();
    made.variants = vec![variant(100, 200, 60.0)];
    made.header.traits[3] = info("T3", 150, 1);
    made.cells = |_, t| match t {
        3 => (0.5, (((149.0 * 2.25) / (149.0 / 150.0) - 0.25_f64) / 148.0).sqrt() as f32),
        _ => (0.0, 0.1),
    };
    assert_eq!(made.tripped(), [("minor_alleles", Verdict::Refuse)]);
    assert_eq!(measured(&made.judged(), "minor_alleles", "pairs_under"), json!(1));
    let (_folder, path) = made.write();
    let mut judge = open("default", &ResultsReader::open(&path).unwrap()).unwrap();
    let (beta, se) = (made.cells)(0, 3);
    let alleles = judge.minor_alleles(&made.variants[0], 3, 150, (beta.into(), se.into()));
    assert!((alleles - 1.0).abs() < 0.01, "{alleles}");
    let reason = judge.reasons().iter().position(|reason| *reason == "minor_allele_count").unwrap();
    assert_eq!(judge.fate(&made.variants[0], 3, 150, beta, se), Fate::Drop(reason));
    assert_eq!(judge.fate(&made.variants[0], 0, 200, beta, se), Fate::Keep);
    // On MT the dosages 0 and 2 are one allele a person.
    let mt = norna::sink::rows::VariantRow { chrom: "MT".into(), ..variant(1, 200, 30.0) };
    assert_eq!(judge.fate(&mt, 0, 200, 0.0, 0.1), Fate::Drop(reason));
}

#[test]
fn counts_that_cannot_be_are_never_kept() {
    let (_folder, path) = Made::good().write();
    let mut judge = open("default", &ResultsReader::open(&path).unwrap()).unwrap();
    let good = variant(1, 200, 50.0);
    assert_eq!(judge.fate(&good, 0, 200, 0.1, 0.1), Fate::Keep);
    for (mac, a1_freq) in [(f64::NAN, 0.125), (-1.0, 0.125), (5000.0, 0.125), (50.0, f64::NAN), (50.0, 7.0)] {
        let bad = norna::sink::rows::VariantRow { mac, a1_freq, ..good.clone() };
        assert!(matches!(judge.fate(&bad, 0, 200, 0.1, 0.1), Fate::Drop(_)), "{mac} {a1_freq}");
    }
    // Numbers chosen by hand are not a run's.
    let report = judge_sound(&path, &Policy::load("default").unwrap(), &[]).unwrap();
    assert_eq!((report.findings[0].rule, report.verdict()), ("soundness", Verdict::Refuse));
}

#[test]
fn what_no_pair_filter_mends_is_told() {
    let of = |made: &Made| -> Vec<&'static str> {
        let (_folder, path) = made.write();
        let reader = ResultsReader::open(&path).unwrap();
        let found = beyond_pairs(&reader, &Policy::load("default").unwrap()).unwrap();
        found.iter().map(|finding| finding.rule).collect()
    };
    let mut made = Made::good();
    assert_eq!(of(&made), [""; 0]);
    made.qc.ledger.traits.push("two_values_tested_linearly", LedgerRole::Note, 1);
    assert_eq!(made.tripped(), [("cases", Verdict::Refuse)]);
    made.header.traits[1] = info("a@b", 197, 1);
    made.qc.eigenvalues = vec![1.0; 100];
    assert_eq!(of(&made), ["cases", "differencing", "effective_traits", "names"]);
    // One of 80 cases is known.
    let mut made = Made::good();
    made.qc.ledger.traits.push("two_values_tested_linearly", LedgerRole::Note, 1);
    made.header.traits[1].mean = 0.4;
    made.header.traits[1].sd = (0.24_f64 * 200.0 / 199.0).sqrt();
    assert_eq!(of(&made), [""; 0]);
}

#[test]
fn as_many_other_people_are_told() {
    let (_a, first) = Made::good().write();
    let mut made = Made::good();
    made.header.traits[2].mean += 0.01;
    let (_b, second) = made.write();
    let report = judge(&first, &Policy::load("default").unwrap(), &[second]).unwrap();
    assert_eq!(report.verdict(), Verdict::Refuse);
}
