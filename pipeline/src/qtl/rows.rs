//! What a search of cis windows finds, phenotype by phenotype.

/// A variant, as in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariantKey {
    /// Chromosome as written in the file.
    pub chrom: String,
    /// POS, 1-based.
    pub pos: u32,
    /// ID; "." when there is none.
    pub id: String,
    /// REF.
    pub reference: String,
    /// The ALT allele whose copies are counted (A1).
    pub alternate: String,
}

/// Why a phenotype has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum CisStatus {
    /// It has one.
    #[default]
    Ok = 0,
    /// Its gene is not known: there is no window.
    NoGene = 1,
    /// No variant that varies lies in its window.
    NoVariants = 2,
    /// It is constant, given the covariates.
    ConstantPhenotype = 3,
    /// Too few samples have a value.
    TooFewSamples = 4,
    /// Its best variant fits perfectly: no number.
    PerfectFit = 5,
    /// The beta distribution could not be fitted to the permutations: there is no p_beta.
    NoBeta = 6,
    /// The phenotype's scale lies outside of f32: it is to be rescaled or standardised.
    OutOfRange = 7,
}

impl CisStatus {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::NoGene,
        Self::NoVariants,
        Self::ConstantPhenotype,
        Self::TooFewSamples,
        Self::PerfectFit,
        Self::NoBeta,
        Self::OutOfRange,
    ];

    /// Whether there is a best variant all the same.
    pub fn has_lead(self) -> bool {
        matches!(self, Self::Ok | Self::NoBeta)
    }

    /// Name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoGene => "no_gene",
            Self::NoVariants => "no_variants",
            Self::ConstantPhenotype => "constant_phenotype",
            Self::TooFewSamples => "too_few_samples",
            Self::PerfectFit => "perfect_fit",
            Self::NoBeta => "no_beta",
            Self::OutOfRange => "out_of_range",
        }
    }

    /// The one of this code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// A variant's association with a phenotype, in f64.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lead {
    /// Variant.
    pub variant: VariantKey,
    /// POS − TSS, whatever the strand (as FastQTL).
    pub tss_distance: i64,
    /// Frequency of A1 over analysed samples with a call.
    pub a1_freq: f64,
    /// Variants of the window that do as well to rounding, this one included.
    pub n_tied: u32,
    /// Effect of one copy of A1, in the phenotype's unit.
    pub beta: f64,
    /// Its standard error.
    pub se: f64,
    /// −log10 of the two-sided nominal p.
    pub log10p: f64,
}

/// What permutations say of a lead.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Permuted {
    /// Permutations made.
    pub n: u32,
    /// (permutations that do at least as well + 1)/(n + 1).
    pub p_perm: f64,
    /// Degrees of freedom that make the first shape 1 by moments; NaN where none were fitted.
    pub df: f64,
    /// Shapes of Beta(a, b), fitted to the least p of each permutation; NaN where none were fitted.
    pub shape1: f64,
    /// See `shape1`.
    pub shape2: f64,
    /// −log10 of the beta-approximated p; NaN where there is none.
    pub log10p_beta: f64,
}

/// What is found for a phenotype.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CisPhenotype {
    /// Index among the traits of the run.
    pub phenotype_idx: u32,
    /// Why there is no result.
    pub status: CisStatus,
    /// Samples tested.
    pub n: u32,
    /// Rank of the covariates, the intercept included.
    pub n_covariates: u32,
    /// Variants of the window that could be tested.
    pub n_variants: u32,
    /// The best variant.
    pub lead: Option<Lead>,
    /// Its permutations; `None` where none were asked for.
    pub permuted: Option<Permuted>,
}

/// A pair of a phenotype and a variant of its window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NominalPair {
    /// Index among the variants that the writer was told.
    pub variant_idx: u64,
    /// Effect of one copy of A1; NaN where there is none.
    pub beta: f32,
    /// Its standard error.
    pub se: f32,
}

/// An independent signal of a phenotype, of stepwise regression.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Signal {
    /// Index among the traits of the run.
    pub phenotype_idx: u32,
    /// 1 for the signal that forward selection found first.
    pub rank: u32,
    /// Its variant, and its association given the other signals.
    pub lead: Lead,
    /// Permutations given the other signals.
    pub permuted: Permuted,
}
