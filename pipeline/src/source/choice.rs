//! What is chosen once the files are open: the field, the INFO key, the pseudo-autosomal regions; and whether the files
//! belong together.

use std::collections::{HashMap, HashSet};

use crate::format::chromosome::{Build, ChromosomeClass, class};
use crate::format::regions::Regions;

use super::error::SourceError;
use super::file::{FileHeader, InputFile};
use super::filter::{Area, Wanted};
use super::options::{Field, InputOptions};
use super::stream::RawStream;

/// Inflated bytes of the first records that are looked at to choose the field.
const FIRST_BYTES: u64 = 1 << 16;
/// Records of those.
const FIRST_RECORDS: usize = 20;

/// Fields of dosages that the first records of a file have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FirstFields {
    pub(crate) ds: bool,
    pub(crate) gp: bool,
}

/// Whether the first records of a stream have DS and GP. A record that cannot be read is left to the readers to report.
pub(crate) fn first_fields(header: &FileHeader, stream: &mut RawStream) -> Result<FirstFields, SourceError> {
    let mut first = FirstFields::default();
    let Some(batch) = stream.peek(FIRST_BYTES)? else { return Ok(first) };
    let mut records = header.batch(batch.clone());
    for _ in 0..FIRST_RECORDS {
        if !matches!(records.advance(), Ok(true)) {
            break;
        }
        first.ds |= records.site().fields.ds;
        first.gp |= records.site().fields.gp;
    }
    Ok(first)
}

/// Files of one run have the same samples in the same order.
pub(crate) fn check_samples(files: &[InputFile]) -> Result<(), SourceError> {
    let first = &files[0];
    let expected = &first.header.vcf().samples;
    for file in &files[1..] {
        let samples = &file.header.vcf().samples;
        if samples == expected {
            continue;
        }
        let known: HashSet<&String> = expected.iter().collect();
        let n_shared = samples.iter().filter(|s| known.contains(s)).count();
        let problem = if n_shared == expected.len() && n_shared == samples.len() {
            "the same samples in another order; reorder with bcftools view -S".to_owned()
        } else {
            format!(
                "{} samples against {}, {n_shared} in both; take the same ones from each with bcftools view -S",
                samples.len(),
                expected.len()
            )
        };
        let name = |f: &InputFile| f.path.display().to_string();
        return Err(SourceError::SamplesDiffer { path: name(file), first: name(first), problem });
    }
    Ok(())
}

/// The field asked for, or DS where every file with records has it, else GT.
pub(crate) fn choose_field(
    asked: Option<Field>,
    files: &[InputFile],
    standard_input: Option<FirstFields>,
    messages: &mut Vec<String>,
) -> Result<Field, SourceError> {
    let mut missing = Vec::new();
    let wanted = asked.unwrap_or(Field::Ds);
    for (file_idx, file) in files.iter().enumerate() {
        if wanted == Field::Gt {
            break;
        }
        let declared = file.header.vcf().has_format(wanted.name());
        let first = match standard_input {
            Some(first) if file.path.as_os_str() == "-" => first,
            _ if !declared && asked.is_none() => FirstFields::default(),
            _ => first_fields(&file.header, &mut file.stream(file_idx)?)?,
        };
        let present = if wanted == Field::Gp { first.gp } else { first.ds };
        let found = if asked.is_some() { declared || present } else { declared && present };
        if !found {
            missing.push(file.path.display().to_string());
        }
    }
    let field = match (asked, missing.first()) {
        (Some(field), Some(path)) => {
            let problem = format!("{path} has no {}, neither in its header nor in its first records", field.name());
            return Err(SourceError::option("--field", problem));
        }
        (Some(field), None) => field,
        (None, Some(_)) => Field::Gt,
        (None, None) => Field::Ds,
    };
    messages.push(match (asked, field) {
        (Some(_), _) => format!("genotypes are read from {} (--field)", field.name()),
        (None, Field::Gt) if missing.len() < files.len() => {
            format!("genotypes are read from GT: {} of {} files have no DS", missing.len(), files.len())
        }
        (None, Field::Gt) => "genotypes are read from GT (there is no DS)".to_owned(),
        (None, _) => "genotypes are read from DS, with GT where it is missing (--field GT for hard calls)".to_owned(),
    });
    Ok(field)
}

/// With `--min-info`, the first of INFO, R2 and DR2 that each header declares.
pub(crate) fn info_keys(
    min_info: Option<f64>,
    files: &[InputFile],
    messages: &mut Vec<String>,
) -> Result<Vec<&'static str>, SourceError> {
    if min_info.is_none() {
        return Ok(Vec::new());
    }
    let mut keys = Vec::with_capacity(files.len());
    for file in files {
        let path = file.path.display();
        let key = ["INFO", "R2", "DR2"].into_iter().find(|key| file.header.vcf().has_info(key));
        let key = key.ok_or_else(|| {
            SourceError::option(
                "--min-info",
                format!("{path}: the header declares none of INFO/INFO, INFO/R2 and INFO/DR2"),
            )
        })?;
        messages.push(format!("{path}: --min-info looks at INFO/{key}"));
        keys.push(key);
    }
    Ok(keys)
}

/// Pseudo-autosomal intervals of X: a file's, a build's, or those of the build whose X has the header's length.
pub(crate) fn pseudo_autosomal(
    options: &InputOptions,
    files: &[InputFile],
    messages: &mut Vec<String>,
) -> Result<Option<Vec<(u32, u32)>>, SourceError> {
    if let Some(path) = &options.par_file {
        let mut regions = Regions::default();
        regions.add_file(path)?;
        let intervals = regions.of("X").to_vec();
        if intervals.is_empty() {
            return Err(SourceError::option("--par-file", format!("{} has no region on X", path.display())));
        }
        return Ok(Some(intervals));
    }
    if let Some(build) = options.build {
        return Ok(Some(build.par().to_vec()));
    }
    let contigs = files.iter().flat_map(|f| &f.header.vcf().contigs);
    let x_lengths =
        contigs.filter(|c| class(&c.id) == ChromosomeClass::X).map(|c| c.length.and_then(Build::from_x_length));
    let mut builds: Vec<Option<Build>> = x_lengths.collect();
    builds.dedup();
    match builds[..] {
        [Some(build)] => {
            messages.push(format!(
                "the header's length of X is that of {}: its pseudo-autosomal regions are used",
                build.name()
            ));
            Ok(Some(build.par().to_vec()))
        }
        _ => Ok(None),
    }
}

/// Files of one run are different ones, whatever their names.
pub(crate) fn check_distinct(files: &[InputFile]) -> Result<(), SourceError> {
    let mut first_of = HashMap::new();
    for file in files {
        let Some(identity) = file.identity else { continue };
        if let Some(first) = first_of.insert(identity, &file.path) {
            let problem = if *first == file.path {
                format!("{} is given twice", file.path.display())
            } else {
                format!("{} and {} are one file", first.display(), file.path.display())
            };
            return Err(SourceError::option("--vcf", problem));
        }
    }
    Ok(())
}

/// Warns of chromosomes that were asked for in vain. Of a range such as 1-22 some may be absent.
pub(crate) fn warn_of_unknown_chromosomes(files: &[InputFile], area: &Area, warnings: &mut Vec<String>) {
    let known: Option<Vec<Vec<String>>> = files.iter().map(InputFile::chromosomes).collect();
    let Some(known) = known else { return };
    let is_unknown = |name: &String| !known.iter().any(|k| k.contains(name));
    let named = area.named();
    let unknown: Vec<&str> = if named.iter().all(|(name, _)| is_unknown(name)) {
        named.iter().map(|(name, _)| name.as_str()).collect()
    } else {
        named.iter().filter(|(name, alone)| *alone && is_unknown(name)).map(|(name, _)| name.as_str()).collect()
    };
    if !unknown.is_empty() {
        warnings.push(format!("no file has these chromosomes (by its index or header): {}", unknown.join(", ")));
    }
}

/// Warns where X will be read and nothing tells its pseudo-autosomal regions.
pub(crate) fn warn_of_x(files: &[InputFile], area: &Area, par: Option<&[(u32, u32)]>, warnings: &mut Vec<String>) {
    let x = "X";
    let asked = area.named().iter().any(|(name, alone)| name == x && *alone);
    let indexed =
        files.iter().any(|f| f.is_indexed() && f.chromosomes().is_some_and(|c| c.iter().any(|name| name == x)));
    if par.is_none() && area.of(x) != Wanted::Nothing && (asked || indexed) {
        warnings.push(
            "X: the build is not known from the header, so all of X counts as outside the pseudo-autosomal regions; \
             give --build or --par-file"
                .to_owned(),
        );
    }
}
