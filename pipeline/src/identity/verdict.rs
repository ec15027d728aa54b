//! What a sample's scores mean for the table that names it.

use std::collections::BTreeMap;

use super::Thresholds;
use super::score::{Candidate, Pair, Scored};

/// Foreign share over which more is asked of the odds against a relative: half a foreign person is half a relative.
const CLEAR_SHARE: f64 = 0.4;
/// How much more.
const UNCLEAR_FACTOR: f64 = 3.0;
/// Share of the reads from which a mixture is the own person's as well as the other's.
const OWN_HALF: f64 = 0.4;
/// People in the VCF from which its frequencies say what a foreign person has.
const MIN_PERSONS: usize = 10;

/// What is said of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The reads are the person's.
    Match,
    /// The reads are not the person's: another person of the VCF explains them, or nobody there.
    Swap,
    /// The reads are those of a person of whom another sample has reads too, and not the person's own.
    Duplicate,
    /// The reads are the person's, and a foreign person's.
    Mixture,
    /// Too few reads at sites to tell.
    LowCoverage,
    /// The person is not in the VCF.
    Absent,
}

impl Status {
    /// All, in order.
    pub const ALL: [Self; 6] =
        [Self::Match, Self::Swap, Self::Duplicate, Self::Mixture, Self::LowCoverage, Self::Absent];

    /// As in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Swap => "swap",
            Self::Duplicate => "duplicate",
            Self::Mixture => "mixture",
            Self::LowCoverage => "low-coverage",
            Self::Absent => "absent",
        }
    }

    /// Whether reads are not whose they are said to be, so that an analysis by sample should stop.
    pub fn is_wrong(self) -> bool {
        matches!(self, Self::Swap | Self::Duplicate)
    }
}

/// A sample's status and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The status.
    pub status: Status,
    /// Column of the person whose reads these are, if one of the VCF is.
    pub person: Option<usize>,
    /// Other samples whose reads are the same person's, ascending.
    pub same_person: Vec<usize>,
    /// The foreign share; none where there are too few sites.
    pub contamination: Option<f64>,
    /// Its log10 odds against none.
    pub contamination_lod: Option<f64>,
}

/// Verdicts on all samples. `n_persons`: samples of the VCF.
pub fn verdicts(scored: &[Scored], n_persons: usize, thresholds: &Thresholds) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = scored.iter().map(|scored| alone(scored, n_persons, thresholds)).collect();
    let mut samples_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (sample, verdict) in verdicts.iter().enumerate() {
        if let Some(person) = verdict.person {
            samples_of.entry(person).or_default().push(sample);
        }
    }
    for samples in samples_of.values().filter(|samples| samples.len() > 1) {
        for &sample in samples {
            let verdict = &mut verdicts[sample];
            verdict.same_person = samples.iter().copied().filter(|&other| other != sample).collect();
            if matches!(verdict.status, Status::Swap | Status::Absent) {
                verdict.status = Status::Duplicate;
            }
        }
    }
    verdicts
}

/// The verdict on a sample without regard to others.
fn alone(scored: &Scored, n_persons: usize, thresholds: &Thresholds) -> Verdict {
    let told = scored.n_sites >= thresholds.min_sites && n_persons >= MIN_PERSONS;
    let with = |status, person, (share, lod): (f64, f64)| Verdict {
        status,
        person,
        same_person: Vec::new(),
        contamination: told.then_some(share),
        contamination_lod: told.then_some(lod),
    };
    let because = |status, person: Option<&Candidate>| {
        let of_person = |person: &Candidate| (person.contamination, person.contamination_lod);
        with(status, person.map(|person| person.column), person.map_or(scored.contamination_of_anyone, of_person))
    };
    if scored.n_sites < thresholds.min_sites {
        return because(Status::LowCoverage, None);
    }
    // The best of many is further out by chance.
    let of_many = thresholds.min_lod + (n_persons.max(1) as f64).log10();
    let is_named = |other: &&Candidate| other.lod >= of_many && is_person(other, thresholds);
    let Some(own) = &scored.own else { return because(Status::Absent, scored.others.iter().find(is_named)) };
    let mut rivals = scored.others.iter().filter(|other| !is_alike(other, thresholds));
    let rival = rivals.find(is_named).filter(|rival| rival.lod - own.lod >= of_many);
    let is_own = own.n_sites >= thresholds.min_sites && own.lod >= thresholds.min_lod && is_person(own, thresholds);
    let are_two = |pair: &Pair| pair.margin >= of_many && pair.own_share >= OWN_HALF && (rival.is_some() || !is_own);
    if let Some(pair) = scored.pair.filter(are_two) {
        return with(Status::Mixture, Some(own.column), (1.0 - pair.own_share, pair.contamination_lod));
    }
    if let Some(rival) = rival {
        return because(Status::Swap, Some(rival));
    }
    if is_own {
        let is_mixed =
            told && own.contamination >= thresholds.max_contamination && own.contamination_lod >= thresholds.min_lod;
        return because(if is_mixed { Status::Mixture } else { Status::Match }, Some(own));
    }
    let is_relative = own.relative_lod - own.lod >= thresholds.min_lod;
    if own.n_sites >= thresholds.min_sites && (own.lod <= -thresholds.min_lod || is_relative) {
        return because(Status::Swap, None);
    }
    because(Status::LowCoverage, None)
}

/// Whether reads that have the odds for a person are the person's own, and not a relative's.
fn is_person(candidate: &Candidate, thresholds: &Thresholds) -> bool {
    let factor = if candidate.contamination > CLEAR_SHARE { UNCLEAR_FACTOR } else { 1.0 };
    candidate.lod - candidate.relative_lod >= factor * thresholds.min_lod
}

/// Whether two entries of the VCF differ at no more sites than the errors of one person's two entries would make them: a
/// twin, a person entered twice, or a region in which two people are the same. Entries with too few sites in common are not.
pub fn is_alike(other: &Candidate, thresholds: &Thresholds) -> bool {
    let expected = 2.0 * thresholds.error_rate * f64::from(other.n_both);
    let is_comparable = other.n_both >= thresholds.min_sites.max(1);
    is_comparable && f64::from(other.n_differing) <= expected + 2.0 * expected.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(column: usize, lod: f64) -> Candidate {
        Candidate {
            column,
            lod,
            relative_lod: lod - 60.0,
            concordance: 0.99,
            n_sites: 900,
            contamination: 0.0,
            contamination_lod: 0.0,
            n_differing: 400,
            n_both: 900,
        }
    }

    fn scored(own: Option<Candidate>, others: Vec<Candidate>) -> Scored {
        let own_column = own.map(|own| own.column);
        Scored {
            n_sites: 900,
            mean_depth: 5.0,
            own_column,
            own,
            others,
            pair: None,
            contamination_of_anyone: (0.01, 0.2),
        }
    }

    fn one(own: Option<Candidate>, others: Vec<Candidate>) -> Verdict {
        alone(&scored(own, others), 100, &Thresholds::default())
    }

    #[test]
    fn each_status_by_its_odds() {
        assert_eq!(one(Some(person(3, 200.0)), vec![person(5, -100.0)]).status, Status::Match);
        let swapped = one(Some(person(3, -300.0)), vec![person(5, 200.0)]);
        assert_eq!((swapped.status, swapped.person), (Status::Swap, Some(5)));
        let nobody = one(Some(person(3, -300.0)), vec![person(5, -200.0)]);
        assert_eq!((nobody.status, nobody.person), (Status::Swap, None));
        assert_eq!(one(Some(person(3, 1.0)), vec![person(5, 1.5)]).status, Status::LowCoverage);
        let absent = one(None, vec![person(5, 200.0)]);
        assert_eq!((absent.status, absent.person), (Status::Absent, Some(5)));
        let absent = one(None, vec![person(5, 4.0)]);
        assert_eq!((absent.status, absent.person), (Status::Absent, None));
        let mixed = Candidate { contamination: 0.1, contamination_lod: 20.0, ..person(3, 200.0) };
        assert_eq!(one(Some(mixed), vec![]).status, Status::Mixture);
        let few = Scored { n_sites: 5, ..scored(Some(person(3, 9.0)), vec![]) };
        let few = alone(&few, 100, &Thresholds::default());
        assert_eq!((few.status, few.contamination), (Status::LowCoverage, None));
    }

    #[test]
    fn a_relative_is_nobody_and_an_empty_entry_hides_nothing() {
        let relative = |column| Candidate { relative_lod: 80.0, contamination: 0.49, ..person(column, 60.0) };
        let of_own = one(Some(relative(3)), vec![relative(5)]);
        assert_eq!((of_own.status, of_own.person, of_own.contamination), (Status::Swap, None, Some(0.01)));
        let absent = one(None, vec![relative(5), person(6, -50.0)]);
        assert_eq!((absent.status, absent.person), (Status::Absent, None));
        let unsure = Candidate { relative_lod: 59.0, ..relative(3) };
        assert_eq!(one(Some(unsure), vec![]).status, Status::LowCoverage);
        // An own entry without genotypes: the same as nobody's, and equal to everyone.
        let empty = Candidate { n_sites: 0, ..person(3, 0.0) };
        let other = Candidate { n_differing: 0, n_both: 0, ..person(5, 300.0) };
        let hidden = one(Some(empty), vec![other]);
        assert_eq!((hidden.status, hidden.person), (Status::Swap, Some(5)));
        assert_eq!(one(Some(empty), vec![person(5, -100.0)]).status, Status::LowCoverage);
    }

    #[test]
    fn half_and_half_is_a_mixture_and_few_people_tell_no_share() {
        let half = |column, lod| Candidate { contamination: 0.49, contamination_lod: 90.0, ..person(column, lod) };
        let with = |own_share, margin| {
            let pair = Pair { column: 5, own_share, margin, contamination_lod: 200.0 };
            let scored = Scored { pair: Some(pair), ..scored(Some(half(3, 100.0)), vec![half(5, 120.0)]) };
            alone(&scored, 100, &Thresholds::default())
        };
        let mixed = with(0.48, 90.0);
        assert_eq!((mixed.status, mixed.person, mixed.contamination), (Status::Mixture, Some(3), Some(0.52)));
        assert_eq!((with(0.2, 90.0).status, with(0.2, 90.0).person), (Status::Swap, Some(5)));
        assert_eq!(with(0.48, 2.0).status, Status::Swap);
        let few = alone(&scored(Some(half(3, 100.0)), vec![]), 9, &Thresholds::default());
        assert_eq!((few.status, few.contamination, few.contamination_lod), (Status::Match, None, None));
    }

    #[test]
    fn an_equal_of_ones_own_is_no_swap() {
        // Twins: a handful of sites differ, all of them errors of the entry of one's own.
        let twin = Candidate { n_differing: 9, ..person(5, 220.0) };
        assert_eq!(one(Some(person(3, 200.0)), vec![twin]).status, Status::Match);
        let stranger_too = one(Some(person(3, -200.0)), vec![person(6, 220.0)]);
        assert_eq!(stranger_too.status, Status::Swap);
    }

    #[test]
    fn two_samples_of_one_person_are_duplicates_and_two_exchanged_ones_are_not() {
        let of = |own: usize, found: usize| match own == found {
            true => scored(Some(person(own, 200.0)), vec![person(9, -100.0)]),
            false => scored(Some(person(own, -200.0)), vec![person(found, 200.0)]),
        };
        let status = |all: &[Scored]| -> Vec<Status> {
            verdicts(all, 10, &Thresholds::default()).iter().map(|v| v.status).collect()
        };
        assert_eq!(status(&[of(1, 2), of(2, 1)]), [Status::Swap, Status::Swap]);
        assert_eq!(status(&[of(1, 2), of(2, 2), of(3, 3)]), [Status::Duplicate, Status::Match, Status::Match]);
        let replicate = scored(None, vec![person(2, 200.0)]);
        let all = verdicts(&[replicate.clone(), of(2, 2), replicate], 10, &Thresholds::default());
        assert_eq!(all[0].status, Status::Duplicate);
        assert_eq!(all[0].same_person, [1, 2]);
        assert_eq!(all[1].status, Status::Match);
    }
}
