//! Genome builds: what lengths of chromosomes say, and whether genes and genotypes are on the same one.

use crate::format::chromosome::{Build, canonical};

/// Lengths of 1 to 22, X, Y: GRCh37 and GRCh38 (the Genome Reference Consortium's assembly reports).
const LENGTHS: [(&str, u32, u32); 24] = [
    ("1", 249_250_621, 248_956_422),
    ("2", 243_199_373, 242_193_529),
    ("3", 198_022_430, 198_295_559),
    ("4", 191_154_276, 190_214_555),
    ("5", 180_915_260, 181_538_259),
    ("6", 171_115_067, 170_805_979),
    ("7", 159_138_663, 159_345_973),
    ("8", 146_364_022, 145_138_636),
    ("9", 141_213_431, 138_394_717),
    ("10", 135_534_747, 133_797_422),
    ("11", 135_006_516, 135_086_622),
    ("12", 133_851_895, 133_275_309),
    ("13", 115_169_878, 114_364_328),
    ("14", 107_349_540, 107_043_718),
    ("15", 102_531_392, 101_991_189),
    ("16", 90_354_753, 90_338_345),
    ("17", 81_195_210, 83_257_441),
    ("18", 78_077_248, 80_373_285),
    ("19", 59_128_983, 58_617_616),
    ("20", 63_025_520, 64_444_167),
    ("21", 48_129_895, 46_709_983),
    ("22", 51_304_566, 50_818_468),
    ("X", 155_270_560, 156_040_895),
    ("Y", 59_373_566, 57_227_415),
];

/// Pseudo-autosomal regions on Y, 1-based and inclusive, those of both builds together.
const PAR_Y: [(u32, u32); 3] = [(1, 2_781_479), (56_887_903, 57_217_415), (59_034_050, 59_363_566)];

/// Length of a chromosome, by any of its names; `None` of what is not 1 to 22, X or Y.
pub fn chromosome_length(build: Build, chrom: &str) -> Option<u32> {
    let name = canonical(chrom);
    let (_, b37, b38) = LENGTHS.iter().find(|(known, ..)| *known == name)?;
    Some(if build == Build::B37 { *b37 } else { *b38 })
}

/// Whether a place lies in a pseudo-autosomal region of Y.
pub fn is_par_of_y(chrom: &str, pos: u32) -> bool {
    canonical(chrom) == "Y" && PAR_Y.iter().any(|&(start, end)| (start..=end).contains(&pos))
}

/// The build that lengths of contigs tell; `None` where none tells, or where they contradict each other.
pub fn of_contigs(contigs: &[(String, Option<u64>)]) -> Option<Build> {
    let is_of = |build: Build| {
        contigs.iter().any(|(name, length)| {
            let [b37, b38] = [Build::B37, Build::B38].map(|build| chromosome_length(build, name).map(u64::from));
            b37 != b38 && length.is_some() && *length == if build == Build::B37 { b37 } else { b38 }
        })
    };
    match (is_of(Build::B37), is_of(Build::B38)) {
        (true, false) => Some(Build::B37),
        (false, true) => Some(Build::B38),
        _ => None,
    }
}

/// The first place behind the end of its chromosome.
pub fn beyond_end<'a>(build: Build, places: impl IntoIterator<Item = (&'a str, u32)>) -> Option<(&'a str, u32)> {
    places.into_iter().find(|&(chrom, pos)| chromosome_length(build, chrom).is_some_and(|length| pos > length))
}

/// The build of places, out of what is said (`asked`: --build; `named`: the annotation) and what fits, and how it is known.
///
/// # Errors
/// Two that disagree, in one line.
pub fn of_places<'a>(
    asked: Option<Build>,
    named: Option<Build>,
    places: impl IntoIterator<Item = (&'a str, u32)> + Clone,
) -> Result<(Option<Build>, &'static str), String> {
    if let (Some(asked), Some(named)) = (asked, named)
        && asked != named
    {
        return Err(format!(
            "--build {} and an annotation that says {}: give one of the same build",
            asked.name(),
            named.name()
        ));
    }
    if let Some(build) = asked.or(named) {
        return match beyond_end(build, places) {
            Some((chrom, pos)) => Err(format!(
                "a gene at {chrom}:{pos} lies behind the end of the chromosome in {}, which {} says: are the places of \
                 another build?",
                build.name(),
                if asked.is_some() { "--build" } else { "the annotation" }
            )),
            None => Ok((Some(build), if asked.is_some() { "by --build" } else { "by the annotation's header" })),
        };
    }
    let fits = [Build::B37, Build::B38].map(|build| beyond_end(build, places.clone()).is_none());
    if let ([false, false], Some((chrom, pos))) = (fits, beyond_end(Build::B38, places)) {
        return Err(format!(
            "places of genes fit neither b37 nor b38: {chrom}:{pos} lies behind the end of the chromosome in b38, and that \
             or another one in b37; are they of another genome, or shifted?"
        ));
    }
    Ok(match fits {
        [true, false] => (Some(Build::B37), "since places lie behind chromosomes' ends in b38"),
        [false, true] => (Some(Build::B38), "since places lie behind chromosomes' ends in b37"),
        [true, true] => (None, "not known; --build says it, so that genotypes of another are refused"),
        [false, false] => (None, "not known"),
    })
}

/// Whether genes and genotypes can be of one build. `matrix_build`: that of the genes; `places`: chromosomes and TSS;
/// `contigs`: names and lengths of the VCF's header, as far as it has them.
///
/// # Errors
/// The VCF's lengths say another build, or a gene lies behind its contig's end: one line.
pub fn check<'a>(
    matrix_build: Option<Build>,
    places: impl IntoIterator<Item = (&'a str, u32)>,
    contigs: &[(String, Option<u64>)],
) -> Result<(), String> {
    if let (Some(genes), Some(genotypes)) = (matrix_build, of_contigs(contigs))
        && genes != genotypes
    {
        return Err(format!(
            "the genes' places are of {}, and the contigs in the header of the genotypes have the lengths of {}: make \
             proteins.h5 with an annotation of that build",
            genes.name(),
            genotypes.name()
        ));
    }
    let lengths: std::collections::HashMap<String, u64> =
        contigs.iter().filter_map(|(name, length)| Some((canonical(name), (*length)?))).collect();
    for (chrom, pos) in places {
        if let Some(length) = lengths.get(&canonical(chrom)).filter(|&&length| length > 0 && u64::from(pos) > length) {
            return Err(format!(
                "a gene at {chrom}:{pos} lies behind the end of that contig of the genotypes ({length}): the genes' \
                 places are of another genome build"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contigs(list: &[(&str, u64)]) -> Vec<(String, Option<u64>)> {
        list.iter().map(|&(name, length)| (name.to_owned(), Some(length))).collect()
    }

    #[test]
    fn contigs_tell_the_build() {
        assert_eq!(of_contigs(&contigs(&[("chr22", 50_818_468)])), Some(Build::B38));
        assert_eq!(of_contigs(&contigs(&[("22", 51_304_566), ("MT", 16_569)])), Some(Build::B37));
        assert_eq!(of_contigs(&contigs(&[("22", 51_304_566), ("1", 248_956_422)])), None);
        assert_eq!(of_contigs(&[("22".to_owned(), None)]), None);
        assert_eq!(of_contigs(&contigs(&[("MT", 16_569), ("other", 5)])), None);
    }

    #[test]
    fn genes_and_genotypes_of_two_builds_are_refused() {
        let places = [("chr22", 50_900_000)];
        let b38 = contigs(&[("22", 50_818_468)]);
        let none: [(&str, u32); 0] = [];
        assert!(check(Some(Build::B37), none, &b38).unwrap_err().contains("of b37, and the contigs"));
        assert!(check(Some(Build::B38), none, &b38).is_ok() && check(None, none, &b38).is_ok());
        assert!(check(None, places, &b38).unwrap_err().contains("chr22:50900000 lies behind the end"));
        assert!(check(Some(Build::B37), places, &[("22".to_owned(), None)]).is_ok());
        assert!(check(Some(Build::B37), places, &[]).is_ok());
    }

    #[test]
    fn builds_of_places() {
        let (old, new) = ([("22", 51_000_000)], [("chr17", 83_000_000)]);
        assert_eq!(of_places(None, None, old).unwrap().0, Some(Build::B37));
        assert_eq!(of_places(None, None, new).unwrap().0, Some(Build::B38));
        assert_eq!(of_places(None, None, [("1", 5)]).unwrap().0, None);
        assert_eq!(of_places(None, Some(Build::B38), [("1", 5)]).unwrap().0, Some(Build::B38));
        assert!(of_places(None, None, [("chr22", 60_000_000)]).unwrap_err().contains("neither b37 nor b38"));
        assert!(of_places(Some(Build::B37), Some(Build::B38), [("1", 5)]).is_err());
        assert!(of_places(None, Some(Build::B38), old).unwrap_err().contains("22:51000000"));
        assert!(is_par_of_y("chrY", 100_000) && !is_par_of_y("Y", 20_000_000) && !is_par_of_y("X", 100_000));
    }
}
