//! What became of each row of the VCF, and what to do where no row is left.

/// What became of the rows of the VCF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PanelCounts {
    /// Rows that passed the filters of sites.
    pub rows: u64,
    /// On X, Y or MT.
    pub sex_or_mt: u64,
    /// On a chromosome that the alignment files do not have, or beyond its end there.
    pub not_in_reads: u64,
    /// Not a SNP of two alleles.
    pub not_snp: u64,
    /// Without a genotype of anyone.
    pub no_genotypes: u64,
    /// With too few genotypes.
    pub missing: u64,
    /// Too rare.
    pub rare: u64,
    /// At the place of another row that is not its neighbour: once more the same, or at odds with it.
    pub repeated: u64,
    /// Too close to the site before.
    pub thinned: u64,
    /// Left out for the sake of `--max-sites`.
    pub over_max: u64,
    /// Taken.
    pub kept: u64,
}

impl PanelCounts {
    pub(super) fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sex_or_mt += other.sex_or_mt;
        self.not_in_reads += other.not_in_reads;
        self.not_snp += other.not_snp;
        self.no_genotypes += other.no_genotypes;
        self.missing += other.missing;
        self.rare += other.rare;
    }

    /// The counts with their names: `rows` is the sum of the rest.
    pub fn named(&self) -> [(&'static str, u64); 11] {
        [
            ("rows", self.rows),
            ("kept", self.kept),
            ("sex_or_mt", self.sex_or_mt),
            ("place_not_in_reads", self.not_in_reads),
            ("not_a_biallelic_snp", self.not_snp),
            ("without_genotypes", self.no_genotypes),
            ("missingness_above_geno", self.missing),
            ("maf_below_minimum", self.rare),
            ("position_repeated", self.repeated),
            ("closer_than_thin", self.thinned),
            ("over_max_sites", self.over_max),
        ]
    }

    /// What to do where no row is left: by what became of most.
    pub(super) fn hint(&self, field: &str) -> String {
        let reasons = [
            (
                self.no_genotypes,
                format!("the rows have no {field} of anyone: give a VCF with genotypes (GT, DS or GP)"),
            ),
            (self.missing, "most people have no genotype there: raise --geno".into()),
            (self.rare, "lower --maf".into()),
            (self.not_snp, "give a VCF with SNPs of two alleles, one row a position".into()),
            (self.sex_or_mt, "give a VCF with autosomes".into()),
            (self.not_in_reads, "the alignment files do not have these places: is the build the same?".into()),
            (self.repeated, "rows of the same position are at odds: name each file once".into()),
        ];
        let most = reasons.into_iter().max_by_key(|&(n, _)| n).filter(|&(n, _)| n > 0);
        most.map_or_else(
            || "give a VCF with genotypes (GT, DS or GP), or look at the filters of sites".into(),
            |(_, hint)| hint,
        )
    }
}
