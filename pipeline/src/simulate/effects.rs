//! Effects planted in traits: which variants, how strong. A trait's own streams decide, so it is the same however many
//! other traits there are.
//!
//! The j-th effect of a trait explains h² · z_j² / Σ z² of its variance, z standard normal, so that with ALT frequency p
//! β_j = ± √(share / (2 p (1 − p))). It is planted at the first variant at or after a uniformly drawn one that is common
//! enough and has no effect on that trait yet.

use std::collections::VecDeque;

use super::config::TraitsConfig;
use super::random::{Purpose, Stream};
use super::sites::Site;

/// Kinds of traits, in the order of their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Quantitative, with planted effects.
    Quantitative,
    /// Quantitative, without.
    Null,
    /// Two-valued by a threshold on a liability, with planted effects.
    Binary,
}

impl Family {
    /// Purpose of the stream of effects.
    pub fn effects(self) -> Purpose {
        match self {
            Self::Quantitative => Purpose::Effects,
            Self::Null => Purpose::NullEffects,
            Self::Binary => Purpose::BinaryEffects,
        }
    }

    /// Purpose of the streams of noise.
    pub fn noise(self) -> Purpose {
        match self {
            Self::Quantitative => Purpose::Noise,
            Self::Null => Purpose::NullNoise,
            Self::Binary => Purpose::BinaryNoise,
        }
    }
}

/// A trait: its kind and its number within the kind, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraitId {
    /// Kind.
    pub family: Family,
    /// Number within the kind.
    pub number: usize,
}

impl TraitId {
    /// Every trait in the order of columns.
    pub fn all(config: &TraitsConfig) -> Vec<Self> {
        let families = [
            (Family::Quantitative, config.n_quantitative),
            (Family::Null, config.n_null),
            (Family::Binary, config.n_binary),
        ];
        families.iter().flat_map(|&(family, n)| (0..n).map(move |number| Self { family, number })).collect()
    }

    /// T1, N1, B1, ...
    pub fn name(self) -> String {
        let letter = match self.family {
            Family::Quantitative => 'T',
            Family::Null => 'N',
            Family::Binary => 'B',
        };
        format!("{letter}{}", self.number + 1)
    }
}

/// An effect and its variant.
#[derive(Debug, Clone)]
pub struct Planted {
    /// Column of the trait.
    pub trait_idx: usize,
    /// The variant.
    pub site: Site,
    /// Place of its carriers in [`Planting::carriers`].
    pub causal_idx: usize,
    /// Frequency of ALT.
    pub frequency: f64,
    /// Per copy of ALT, in standard deviations of the trait or its liability.
    pub beta: f64,
    /// Share of variance.
    pub explained: f64,
}

/// An effect that has no variant yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    from_variant: u64,
    trait_idx: usize,
    share: f64,
    negative: bool,
}

/// Plants effects as variants come by.
pub struct Planting {
    n_haplotypes: f64,
    min_maf: f64,
    /// Ascending by variant, then trait.
    later: VecDeque<Pending>,
    due: Vec<Pending>,
    planted: Vec<Planted>,
    /// Bits of the causal variants' carriers, each of the same number of words.
    bits: Vec<u64>,
    words: usize,
    /// The last common variants, for what is still due at the end.
    last: VecDeque<(Site, Vec<u64>)>,
    n_last: usize,
}

impl Planting {
    /// Draws the effects of all traits.
    pub fn new(config: &TraitsConfig, seed: u64, n_variants: u64, n_samples: usize) -> Self {
        let mut later = Vec::new();
        for (trait_idx, id) in TraitId::all(config).iter().enumerate() {
            if id.family == Family::Null || config.n_causal == 0 || config.heritability <= 0.0 {
                continue;
            }
            let mut stream = Stream::new(seed, id.family.effects(), id.number as u64, 0);
            let mut strengths = vec![0.0; config.n_causal];
            stream.normals(&mut strengths);
            let sum: f64 = strengths.iter().map(|z| z * z).sum();
            for z in strengths {
                let share = config.heritability * z * z / sum;
                later.push(Pending { from_variant: stream.below(n_variants), trait_idx, share, negative: z < 0.0 });
            }
        }
        later.sort_by_key(|pending| (pending.from_variant, pending.trait_idx));
        Self {
            n_haplotypes: 2.0 * n_samples as f64,
            min_maf: config.min_causal_maf,
            n_last: if later.is_empty() { 0 } else { config.n_causal },
            later: later.into(),
            due: Vec::new(),
            planted: Vec::new(),
            bits: Vec::new(),
            words: super::sites::n_words(n_samples),
            last: VecDeque::new(),
        }
    }

    /// Takes note of the next variant.
    pub fn pass(&mut self, site: &Site, carriers: &[u64]) {
        let n_due = self.later.partition_point(|pending| pending.from_variant <= site.variant_idx);
        self.due.extend(self.later.drain(..n_due));
        let frequency = f64::from(site.n_carriers) / self.n_haplotypes;
        if self.n_last == 0 || frequency.min(1.0 - frequency) < self.min_maf {
            return;
        }
        self.plant_due(site, carriers);
        if self.later.is_empty() && self.due.is_empty() {
            self.n_last = 0;
            self.last.clear();
            return;
        }
        let mut kept = if self.last.len() == self.n_last { self.last.pop_front() } else { None }
            .map_or_else(Vec::new, |oldest| oldest.1);
        kept.clear();
        kept.extend_from_slice(carriers);
        self.last.push_back((*site, kept));
    }

    fn plant_due(&mut self, site: &Site, carriers: &[u64]) {
        let first = self.planted.len();
        let frequency = f64::from(site.n_carriers) / self.n_haplotypes;
        let causal_idx = self.bits.len() / self.words;
        for pending in std::mem::take(&mut self.due) {
            let taken = |planted: &Planted| planted.trait_idx == pending.trait_idx;
            if self.planted[first..].iter().any(taken) {
                self.due.push(pending);
                continue;
            }
            let size = libm::sqrt(pending.share / (2.0 * frequency * (1.0 - frequency)));
            let beta = if pending.negative { -size } else { size };
            let (trait_idx, explained) = (pending.trait_idx, pending.share);
            self.planted.push(Planted { trait_idx, site: *site, causal_idx, frequency, beta, explained });
        }
        if self.planted.len() > first {
            self.bits.extend_from_slice(carriers);
        }
    }

    /// Plants what is left at the last common variants, if there are any; the number that could not be planted.
    pub fn finish(&mut self) -> usize {
        self.due.extend(std::mem::take(&mut self.later));
        for (site, carriers) in std::mem::take(&mut self.last).into_iter().rev() {
            if self.due.is_empty() {
                break;
            }
            let has = |planted: &Planted, pending: &Pending| {
                planted.trait_idx == pending.trait_idx && planted.site.variant_idx == site.variant_idx
            };
            let (wait, due): (Vec<_>, Vec<_>) = std::mem::take(&mut self.due)
                .into_iter()
                .partition(|pending| self.planted.iter().any(|planted| has(planted, pending)));
            self.due = due;
            self.plant_due(&site, &carriers);
            self.due.extend(wait);
        }
        self.planted.sort_by_key(|planted| (planted.trait_idx, planted.site.variant_idx));
        self.due.len()
    }

    /// Effects, by trait and variant once [`finish`](Self::finish) was called.
    pub fn planted(&self) -> &[Planted] {
        &self.planted
    }

    /// Carriers of a causal variant, words of 64 haplotypes.
    pub fn carriers(&self, causal_idx: usize) -> &[u64] {
        &self.bits[causal_idx * self.words..(causal_idx + 1) * self.words]
    }
}
