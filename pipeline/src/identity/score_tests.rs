//! Reads simulated at the sites of a simulated panel: every status from what would give rise to it.

use std::sync::Arc;

use norna_kernels::identity::hardy_weinberg;
use norna_kernels::identity::panel::GenotypePanel;

use super::super::verdict::{Status, Verdict, verdicts};
use super::super::{PanelCounts, PanelSite, Thresholds};
use super::*;

struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn allele(&mut self, f: f64) -> u8 {
        u8::from(self.uniform() < f)
    }
}

type Genome = Vec<u8>;

struct World {
    random: Random,
    frequencies: Vec<f64>,
    people: Vec<Genome>,
}

impl World {
    fn new(n_people: usize, n_sites: usize, seed: u64) -> Self {
        let mut random = Random(seed);
        let frequencies: Vec<f64> = (0..n_sites).map(|_| 0.05 + 0.45 * random.uniform()).collect();
        let mut world = Self { random, frequencies, people: Vec::new() };
        for _ in 0..n_people {
            let person = world.stranger();
            world.people.push(person);
        }
        world
    }

    fn stranger(&mut self) -> Genome {
        let random = &mut self.random;
        self.frequencies.iter().map(|&f| random.allele(f) + random.allele(f)).collect()
    }

    fn child_of(&mut self, parent: usize) -> Genome {
        let random = &mut self.random;
        let genes = self.people[parent].iter().zip(&self.frequencies);
        genes.map(|(&g, &f)| u8::from(random.uniform() < f64::from(g) / 2.0) + random.allele(f)).collect()
    }

    /// A child of two people.
    fn child_of_both(&mut self, parents: [&Genome; 2]) -> Genome {
        let random = &mut self.random;
        let genes = parents[0].iter().zip(parents[1]);
        let mut one = |g: u8| u8::from(random.uniform() < f64::from(g) / 2.0);
        genes.map(|(&a, &b)| one(a) + one(b)).collect()
    }

    /// The panel, with a share of wrong entries that are draws from the population.
    fn panel(&mut self, wrong: f64) -> Panel {
        let mut genotypes = GenotypePanel::new(self.people.len());
        for (site, &f) in self.frequencies.iter().enumerate() {
            let random = &mut self.random;
            let entry = |person: &Genome| match random.uniform() < wrong {
                true => random.allele(f) + random.allele(f),
                false => person[site],
            };
            let row: Vec<u8> = self.people.iter().map(entry).collect();
            genotypes.push(&row);
        }
        let site = |(i, &f): (usize, &f64)| PanelSite {
            chrom: Arc::from("1"),
            pos: i as u32 + 1,
            id: ".".into(),
            reference: b'A',
            alternate: b'G',
            prior: hardy_weinberg(f),
        };
        Panel {
            sites: self.frequencies.iter().enumerate().map(site).collect(),
            genotypes,
            samples: (0..self.people.len()).map(|i| format!("p{i}")).collect(),
            counts: PanelCounts::default(),
            messages: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads of a genome, a share of them of another one.
    fn reads(&mut self, own: &Genome, foreign: Option<(&Genome, f64)>, depth: f64) -> Vec<SiteObservation> {
        let error = 0.003;
        let random = &mut self.random;
        (0..own.len())
            .map(|site| {
                let mut read = SiteObservation::default();
                let mut ln = [0f64; 3];
                let n_tries = (2.0 * depth).ceil();
                for _ in 0..n_tries as u32 {
                    if random.uniform() > depth / n_tries {
                        continue;
                    }
                    let from = foreign.filter(|&(_, share)| random.uniform() < share).map_or(own, |(genome, _)| genome);
                    let mut is_alt = random.uniform() < f64::from(from[site]) / 2.0;
                    read.depth += 1;
                    if random.uniform() < error {
                        if random.uniform() > 1.0 / 3.0 {
                            continue;
                        }
                        is_alt = !is_alt;
                    }
                    if is_alt {
                        read.n_alt += 1
                    } else {
                        read.n_ref += 1
                    }
                    let (p_ref, p_alt) = if is_alt { (error / 3.0, 1.0 - error) } else { (1.0 - error, error / 3.0) };
                    for (g, ln) in ln.iter_mut().enumerate() {
                        *ln += (p_ref + (p_alt - p_ref) * g as f64 / 2.0).ln();
                    }
                }
                let largest = ln.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(l));
                read.ln_likelihoods = ln.map(|l| (l - largest) as f32);
                read
            })
            .collect()
    }
}

fn judge(panel: &Panel, samples: &[(Option<usize>, Vec<SiteObservation>)]) -> (Vec<Scored>, Vec<Verdict>) {
    let thresholds = Thresholds::default();
    let scored: Vec<Scored> = samples.iter().map(|(own, reads)| score(panel, *own, reads, &thresholds)).collect();
    let verdicts = verdicts(&scored, panel.samples.len(), &thresholds);
    (scored, verdicts)
}

fn statuses(verdicts: &[Verdict]) -> Vec<Status> {
    verdicts.iter().map(|verdict| verdict.status).collect()
}

#[test]
fn people_swaps_strangers_and_the_absent_are_told_apart_at_every_depth() {
    for depth in [0.3, 1.0, 4.0, 30.0] {
        let mut world = World::new(40, 1_500, 7);
        let panel = world.panel(0.005);
        let people = world.people.clone();
        let stranger = world.stranger();
        let mut of = |own, genome: &Genome| (own, world.reads(genome, None, depth));
        let samples = [
            of(Some(0), &people[0]),
            of(Some(1), &people[2]),
            of(Some(2), &people[1]),
            of(Some(3), &stranger),
            of(None, &people[5]),
            of(None, &stranger),
            of(Some(7), &people[0]),
        ];
        let (scored, verdicts) = judge(&panel, &samples);
        let expected = [
            Status::Match,
            Status::Swap,
            Status::Swap,
            Status::Swap,
            Status::Absent,
            Status::Absent,
            Status::Duplicate,
        ];
        assert_eq!(statuses(&verdicts), expected, "{depth}: {scored:#?}");
        let persons: Vec<_> = verdicts.iter().map(|verdict| verdict.person).collect();
        assert_eq!(persons, [Some(0), Some(2), Some(1), None, Some(5), None, Some(0)], "{depth}");
        assert_eq!((&verdicts[0].same_person[..], &verdicts[6].same_person[..]), (&[6][..], &[0][..]));
        let own = scored[0].own.unwrap();
        assert!(own.concordance > 0.95, "{depth}: {own:?}");
        let strange = scored[1].own.unwrap();
        let within = if depth < 1.0 { 0.2 } else { 0.08 };
        assert!((strange.concordance - 0.5).abs() < within, "{depth}: {strange:?}");
        assert!(own.lod - scored[0].others[0].lod > 50.0, "{depth}");
    }
}

#[test]
fn relatives_are_not_taken_for_each_other() {
    for depth in [0.5, 2.0, 20.0] {
        let mut world = World::new(30, 1_500, 3);
        let child = world.child_of(0);
        world.people[1].clone_from(&child);
        let panel = world.panel(0.005);
        let people = world.people.clone();
        let mut of = |own, genome: &Genome| (own, world.reads(genome, None, depth));
        let samples = [of(Some(0), &people[0]), of(Some(1), &people[1])];
        assert_eq!(statuses(&judge(&panel, &samples).1), [Status::Match; 2], "{depth}");
        let samples = [of(Some(0), &people[1]), of(Some(1), &people[0])];
        assert_eq!(statuses(&judge(&panel, &samples).1), [Status::Swap; 2], "{depth}");
        let lone = [of(Some(2), &people[0])];
        assert_eq!(judge(&panel, &lone).1[0].person, Some(0), "{depth}");
    }
}

#[test]
fn relatives_who_are_not_in_the_vcf_are_nobody_there() {
    for depth in [1.0, 2.0, 4.0, 8.0] {
        for seed in 0..3 {
            let mut world = World::new(30, 2_000, 50 + seed);
            let parents = [world.people[0].clone(), world.people[1].clone()];
            let child = world.child_of_both([&parents[0], &parents[1]]);
            world.people[2] = world.child_of_both([&parents[0], &parents[1]]);
            let (other_parent, grand) = (world.stranger(), world.people[3].clone());
            let parent_of_3 = world.child_of_both([&grand, &other_parent]);
            let panel = world.panel(0.005);
            // A child of 0 and 1 and sibling of 2; a parent or child of 3 (the same thing for genotypes).
            let child_reads = world.reads(&child, None, depth);
            let parent_reads = world.reads(&parent_of_3, None, depth);
            let samples = [
                (None, child_reads.clone()),
                (Some(0), child_reads.clone()),
                (Some(2), child_reads),
                (None, parent_reads.clone()),
                (Some(3), parent_reads),
                (Some(0), world.reads(&parents[0], None, depth)),
            ];
            let (scored, verdicts) = judge(&panel, &samples);
            let told = format!("{depth} {seed}: {scored:#?}");
            let expected = [Status::Absent, Status::Swap, Status::Swap, Status::Absent, Status::Swap, Status::Match];
            assert_eq!(statuses(&verdicts), expected, "{told}");
            assert!(verdicts[..5].iter().all(|verdict| verdict.person.is_none()), "{told}");
            assert!(verdicts.iter().all(|verdict| verdict.same_person.is_empty()), "{told}");
            // A read or two a site and nobody's genotypes: little to tell a share by.
            let most = if depth < 3.0 { 0.2 } else { 0.06 };
            assert!(verdicts.iter().all(|verdict| verdict.contamination.unwrap() < most), "{told}");
        }
    }
}

#[test]
fn half_of_ones_own_reads_is_a_mixture_and_an_empty_entry_hides_no_swap() {
    let mut world = World::new(30, 2_000, 17);
    let mut panel = world.panel(0.005);
    let (own, other) = (world.people[0].clone(), world.people[1].clone());
    for depth in [4.0, 12.0] {
        let samples = [
            (Some(0), world.reads(&own, Some((&other, 0.5)), depth)),
            (Some(0), world.reads(&other, Some((&own, 0.25)), depth)),
        ];
        let (scored, verdicts) = judge(&panel, &samples);
        assert_eq!(statuses(&verdicts), [Status::Mixture, Status::Swap], "{depth}: {scored:#?}");
        assert_eq!((verdicts[0].person, verdicts[1].person), (Some(0), Some(1)));
        assert!((verdicts[0].contamination.unwrap() - 0.5).abs() < 0.03);
    }
    let mut genotypes = GenotypePanel::new(30);
    for site in 0..2_000 {
        let mut row: Vec<u8> = (0..30).map(|person| panel.genotypes.genotype(site, person)).collect();
        row[0] = UNKNOWN;
        row[9] = if site < 10 { row[9] } else { UNKNOWN };
        genotypes.push(&row);
    }
    panel.genotypes = genotypes;
    let stranger = world.stranger();
    let samples = [
        (Some(0), world.reads(&other, None, 4.0)),
        (Some(0), world.reads(&stranger, None, 4.0)),
        (Some(5), world.reads(&stranger, None, 4.0)),
    ];
    let (scored, verdicts) = judge(&panel, &samples);
    assert_eq!(statuses(&verdicts), [Status::Swap, Status::LowCoverage, Status::Swap], "{scored:#?}");
    assert_eq!(verdicts[0].person, Some(1));
    assert!(scored.iter().flat_map(|scored| &scored.others).all(|other| ![0, 9].contains(&other.column)));
}

#[test]
fn a_twin_in_the_vcf_is_no_swap() {
    for seed in 0..6 {
        let mut world = World::new(20, 3_000, seed);
        world.people[1] = world.people[0].clone();
        let panel = world.panel(0.005);
        let people = world.people.clone();
        let samples = [(Some(0), world.reads(&people[0], None, 15.0)), (Some(1), world.reads(&people[1], None, 15.0))];
        let (scored, verdicts) = judge(&panel, &samples);
        assert_eq!(statuses(&verdicts), [Status::Match; 2], "{seed}: {scored:#?}");
    }
}

#[test]
fn mixtures_are_found_and_measured_whoever_the_other_is() {
    for depth in [4.0, 30.0] {
        let mut world = World::new(30, 3_000, 13);
        let panel = world.panel(0.005);
        let (own, other) = (world.people[0].clone(), world.people[1].clone());
        let stranger = world.stranger();
        for foreign in [&other, &stranger] {
            for share in [0.0, 0.02, 0.05, 0.1, 0.2, 0.4] {
                let reads = world.reads(&own, Some((foreign, share)), depth);
                let (_, verdicts) = judge(&panel, &[(Some(0), reads)]);
                let verdict = &verdicts[0];
                let found = verdict.contamination.unwrap();
                let within = if depth < 10.0 { 0.008 + 0.12 * share } else { 0.004 + 0.06 * share };
                assert!((found - share).abs() < within, "{depth} {share}: {found}");
                let expected = if share > 0.03 { Status::Mixture } else { Status::Match };
                assert_eq!((verdict.status, verdict.person), (expected, Some(0)), "{depth} {share}: {verdict:?}");
            }
        }
    }
}

#[test]
fn too_few_reads_are_said_to_be_too_few() {
    let mut world = World::new(30, 1_500, 5);
    let panel = world.panel(0.005);
    let people = world.people.clone();
    let samples = [
        (Some(0), world.reads(&people[0], None, 0.0)),
        (Some(0), world.reads(&people[0], None, 0.008)),
        (None, world.reads(&people[0], None, 0.008)),
        (Some(1), world.reads(&people[0], None, 0.008)),
    ];
    let (scored, verdicts) = judge(&panel, &samples);
    assert_eq!(statuses(&verdicts), [Status::LowCoverage; 4], "{scored:?}");
    assert!(verdicts.iter().all(|verdict| verdict.contamination.is_none() && verdict.person.is_none()));
}

#[test]
fn exactly_equal_people_keep_the_order_of_the_vcf() {
    assert_eq!(best(&[5, 9, 9, 1, 9, 9], Some(4), |_| true), [1, 2, 5]);
    assert_eq!(best(&[5, 9, 9, 1, 9, 9], Some(4), |column| column != 1), [2, 5, 0]);
    assert!(best(&[5], Some(0), |_| true).is_empty());
}
