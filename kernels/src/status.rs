//! Why a variant, a trait or a pair of them has no number: one code, written to results.h5 as it is.

/// Outcome of a variant, a trait or a (variant, trait) pair. The codes are part of the file format.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Status {
    /// There is a number.
    #[default]
    Ok = 0,
    /// No analysed sample has a call.
    NoCalls = 1,
    /// All analysed samples with a call (of this trait, for a pair) have the same dosage.
    Monomorphic = 2,
    /// Fewer than one residual degree of freedom: n − k − 1 < 1.
    TooFewSamples = 3,
    /// Without the variant's missing samples a covariate keeps too little to tell whether it is still one. (Where the
    /// covariates plainly lose rank, there is a number.)
    RankLost = 4,
    /// The residuals are rounding noise: there is an effect, and no standard error (NaN).
    PerfectFit = 5,
    /// The trait is constant, or a combination of the covariates.
    ConstantTrait = 6,
    /// The variant is a combination of the covariates.
    CollinearWithCovariates = 7,
    /// The trait's scale lies outside of f32, in which β and SE are stored: it is to be rescaled or standardised.
    OutOfRange = 8,
    /// The reads leave the genotypes so open that nothing is known of an effect (the information is not positive).
    NoInformation = 9,
    /// No observed sample of a two-valued trait is a case.
    NoCases = 10,
    /// No observed sample of a two-valued trait is a control.
    NoControls = 11,
    /// Fewer than ten cases, or fewer than ten controls.
    TooFewCases = 12,
    /// The covariates tell cases from controls without error, in all samples or in some: the logistic fit has no end.
    Separation = 13,
    /// A value of a two-valued trait is neither 0 nor 1.
    NotTwoValued = 14,
}

impl Status {
    /// All statuses, by code.
    pub const ALL: [Status; 15] = [
        Status::Ok,
        Status::NoCalls,
        Status::Monomorphic,
        Status::TooFewSamples,
        Status::RankLost,
        Status::PerfectFit,
        Status::ConstantTrait,
        Status::CollinearWithCovariates,
        Status::OutOfRange,
        Status::NoInformation,
        Status::NoCases,
        Status::NoControls,
        Status::TooFewCases,
        Status::Separation,
        Status::NotTwoValued,
    ];

    /// The code written to files.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The status of a code; `None` for an unknown one.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Name in snake case, for logs, reports and exports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::NoCalls => "no_calls",
            Status::Monomorphic => "monomorphic",
            Status::TooFewSamples => "too_few_samples",
            Status::RankLost => "rank_lost",
            Status::PerfectFit => "perfect_fit",
            Status::ConstantTrait => "constant_trait",
            Status::CollinearWithCovariates => "collinear_with_covariates",
            Status::OutOfRange => "out_of_range",
            Status::NoInformation => "no_information",
            Status::NoCases => "no_cases",
            Status::NoControls => "no_controls",
            Status::TooFewCases => "too_few_cases",
            Status::Separation => "separation",
            Status::NotTwoValued => "not_two_valued",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn codes_round_trip() {
        for (code, status) in (0u8..).zip(Status::ALL) {
            assert_eq!(status.code(), code);
            assert_eq!(Status::from_code(code), Some(status));
        }
        assert_eq!(Status::from_code(15), None);
    }
}
