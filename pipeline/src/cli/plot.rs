//! `norna plot`: one chart of one trait as SVG.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Args, ValueEnum};

use crate::charts::draw::{DrawError, manhattan_svg, qq_svg, regional_svg};
use crate::charts::{Genome, ScanOptions, TraitScan, scan};
use crate::clump::{ClumpError, LdMethod, Linkage, genes_within, regional};
use crate::export::ExportError;
use crate::export::output::{Output, is_closed_pipe, refuse_input};
use crate::export::replace::Replace;
use crate::export::select::{failed_shards, select_traits};
use crate::export::top::best_pairs;
use crate::format::genes;
use crate::run::UsageError;
use crate::source::Field;
use crate::store::{CisReader, ResultsReader, StoreError};

/// Rows of /variants that are searched together for an ID.
const ROWS_AT_ONCE: usize = 1 << 16;

/// Flags of `norna plot`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  norna plot results.h5 --trait IL6 --kind manhattan -o il6.svg
  norna plot results.h5 --trait IL6 --kind qq -o il6.qq.svg
  norna plot results.h5 --trait IL6 --kind regional --vcf cohort.vcf.gz --annotation gencode.gtf.gz -o il6.lead.svg
  norna plot results.h5 --trait IL6 --kind regional --lead rs7529229 --kb 250 -o il6r.svg")]
pub struct PlotArgs {
    /// Results file
    pub file: PathBuf,
    /// Trait; may be left out if the file has one
    #[arg(long = "trait", value_name = "NAME")]
    pub name: Option<String>,
    /// What is drawn
    #[arg(long, value_enum, default_value_t = Kind::Manhattan)]
    pub kind: Kind,
    /// SVG to write; '-' is standard output
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// Replace an output that exists
    #[arg(long)]
    pub force: bool,
    /// p of the line of genome-wide significance, and of hits
    #[arg(long, value_name = "P", default_value_t = 5e-8, value_parser = probability)]
    pub p: f64,
    /// Of a regional plot: the stretch, both ends included
    #[arg(long, value_name = "CHROM:START-END")]
    pub region: Option<String>,
    /// Of a regional plot: the variant whose linkage is shown, and around which the region lies unless --region is given
    /// [default: the strongest]
    #[arg(long, value_name = "ID|CHROM:POS")]
    pub lead: Option<String>,
    /// Of a regional plot: thousands of bases on either side of the lead
    #[arg(long, value_name = "KB", default_value_t = 500.0, value_parser = super::clump::kilobases, conflicts_with = "region")]
    pub kb: f64,
    /// Of a regional plot: VCF or BCF files with indices to take linkage from. Repeatable
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub vcf: Vec<PathBuf>,
    /// What r² is taken of
    #[arg(long, value_enum, default_value_t = LdMethod::Genotypes, requires = "vcf")]
    pub ld: LdMethod,
    /// Samples whose genotypes count [default: all]
    #[arg(long, value_name = "FILE", requires = "vcf")]
    pub keep: Option<PathBuf>,
    /// Field of the genotypes: GT, DS or GP [default: DS where the files have it, else GT]
    #[arg(long, value_name = "FIELD", requires = "vcf", value_parser = super::clump::field)]
    pub field: Option<Field>,
    /// Of a regional plot: genes to draw below: GTF (GENCODE, Ensembl), BED, or a table with gene_name, chrom, start, end, strand
    #[arg(long, value_name = "FILE")]
    pub annotation: Option<PathBuf>,
    /// Threads; changes no output [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// Kinds of charts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Tests along the genome.
    Manhattan,
    /// Observed against expected p.
    Qq,
    /// Tests around a lead.
    Regional,
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(p) if p > 0.0 && p <= 0.1 => Ok(p),
        _ => Err("a p above 0 and at most 0.1 is meant".to_owned()),
    }
}

/// Runs `norna plot`.
///
/// # Errors
/// [`UsageError`], or what keeps a file from being read or written.
pub fn run(args: &PlotArgs) -> Result<()> {
    super::info_proteins::refuse(&args.file)?;
    if CisReader::is_cis(&args.file) {
        let text = format!("{}: a cis.h5 has no tests along the genome; plot a results.h5", args.file.display());
        return Err(UsageError(text).into());
    }
    let of_regional = [
        ("--region", args.region.is_some()),
        ("--lead", args.lead.is_some()),
        ("--vcf", !args.vcf.is_empty()),
        ("--annotation", args.annotation.is_some()),
    ];
    if let Some((flag, _)) = of_regional.into_iter().find(|&(_, given)| given && args.kind != Kind::Regional) {
        return Err(UsageError(format!("{flag} belongs to --kind regional")).into());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads.map_or(0, usize::from)).build()?;
    pool.install(|| plot(args))
}

fn plot(args: &PlotArgs) -> Result<()> {
    let reader = ResultsReader::open(&args.file)?;
    let infos = &reader.header().traits;
    let trait_idx = match &args.name {
        Some(name) => match select_traits(infos, std::slice::from_ref(name))?[..] {
            [one] => one,
            ref many => {
                let text = format!("--trait {name}: {} traits match, and a chart is of one", many.len());
                return Err(UsageError(text).into());
            }
        },
        None if infos.len() == 1 => 0,
        None => {
            let text = format!("{}: {} traits: choose with --trait NAME", args.file.display(), infos.len());
            return Err(UsageError(text).into());
        }
    };
    for input in [&args.file].into_iter().chain(&args.vcf).chain(&args.keep).chain(&args.annotation) {
        refuse_input(input, &args.out)?;
    }
    let mut output = Output::create(&args.out, Replace::Chart.only_with(args.force))?;
    let hit_log10p = -libm::log10(args.p);
    let options = ScanOptions { hit_log10p, ..ScanOptions::default() };
    let genome = Genome::read(&reader, options.n_bins)?;
    let svg = match args.kind {
        Kind::Manhattan => manhattan_svg(&genome, &scan_one((&reader, &genome), trait_idx, &options)?, hit_log10p),
        Kind::Qq => qq_svg(&scan_one((&reader, &genome), trait_idx, &options)?),
        Kind::Regional => regional_of(args, (&reader, &genome), trait_idx)?,
    };
    let svg = svg.map_err(|error| anyhow!("drawing: {error}"))?;
    let written = output.write_all(svg.as_bytes());
    let written = written.map_err(|cause| ExportError::Write { path: args.out.clone(), cause });
    match written.and_then(|()| output.finish()) {
        Err(error) if is_closed_pipe(&error) => return Ok(()),
        written => written?,
    }
    if let Some(warning) = failed_shards(&reader)? {
        eprintln!("warning: {warning}");
    }
    if !reader.has_every_pair() {
        let least = reader.header().hit_log10p;
        eprintln!("note: this file holds hits only (--store hits): pairs with LOG10_P under {least} are not drawn");
    }
    Ok(())
}

fn scan_one(study: (&ResultsReader, &Genome), trait_idx: usize, options: &ScanOptions) -> Result<TraitScan> {
    let mut found = None;
    scan(study, &[trait_idx], options, |one| {
        found = Some(one);
        Ok::<(), StoreError>(())
    })?;
    found.ok_or_else(|| anyhow!("the trait was not found again"))
}

fn regional_of(
    args: &PlotArgs,
    (reader, genome): (&ResultsReader, &Genome),
    trait_idx: usize,
) -> Result<Result<String, DrawError>> {
    let genes = args.annotation.as_deref().map(genes::read).transpose().map_err(ClumpError::Genes)?;
    let linkage = match args.vcf.is_empty() {
        true => None,
        false => Some(Linkage::open(&args.vcf, args.keep.as_deref(), args.field, args.ld)?),
    };
    let lead = args.lead.as_deref().map(|lead| find_lead((reader, genome), trait_idx, lead)).transpose()?;
    let (chrom, start, end) = match &args.region {
        Some(text) => parse_region(genome, text)?,
        None => {
            let (chrom, pos) = match lead {
                Some((_, chrom, pos)) => (chrom, pos),
                None => strongest((reader, genome), trait_idx)?,
            };
            let flank = (args.kb * 1000.0) as u32;
            (chrom, pos.saturating_sub(flank).max(1), pos.saturating_add(flank).min(i32::MAX as u32))
        }
    };
    let lead = lead.map(|(row, ..)| row);
    let region = regional((reader, genome), trait_idx, (chrom, start, end), lead, linkage.as_ref())?;
    let name = &genome.chromosomes[chrom as usize].name;
    if region.points.is_empty() && reader.has_every_pair() {
        return Err(ClumpError::EmptyRegion { region: format!("{name}:{start}-{end}"), known: known(genome) }.into());
    }
    if linkage.is_some() && !region.has_linkage {
        let lead = region.lead.as_ref().map_or_else(|| "there is no lead".to_owned(), |lead| lead.id.clone());
        eprintln!("warning: --vcf: the lead is not in the files ({lead}): linkage is not shown");
    }
    let of_region = genes.map(|file| genes_within(&file.genes, name, (start, end)));
    if of_region.as_ref().is_some_and(Vec::is_empty) {
        eprintln!("warning: --annotation: no gene reaches into {name}:{start}-{end}");
    }
    let title = &reader.header().traits[trait_idx].name;
    Ok(regional_svg(title, &region, of_region.as_deref(), -libm::log10(args.p)))
}

fn strongest((reader, genome): (&ResultsReader, &Genome), trait_idx: usize) -> Result<(u32, u32)> {
    let best = best_pairs(reader, 1, &[trait_idx])?;
    let found = best.first().and_then(|pair| Some((genome.chromosome_named(&pair.variant.chrom)?, pair.variant.pos)));
    let name = &reader.header().traits[trait_idx].name;
    found.ok_or_else(|| UsageError(format!("{name} has no test to draw a region around: give --region")).into())
}

/// A variant by its ID or its place: row, chromosome, position.
fn find_lead((reader, genome): (&ResultsReader, &Genome), trait_idx: usize, lead: &str) -> Result<(u64, u32, u32)> {
    if let Some((chrom, pos)) = lead.rsplit_once(':')
        && let (Some(chrom_idx), Ok(pos)) = (genome.chromosome_named(chrom), pos.replace(',', "").parse::<u32>())
    {
        let at = regional((reader, genome), trait_idx, (chrom_idx, pos, pos), None, None)?;
        if let Some(found) = at.lead {
            return Ok((found.variant, chrom_idx, pos));
        }
        return Err(anyhow!("--lead {lead}: the trait has no test at this position"));
    }
    for start in (0..reader.n_variants()).step_by(ROWS_AT_ONCE) {
        let rows = start..reader.n_variants().min(start + ROWS_AT_ONCE);
        let variants = reader.variants(rows)?;
        if let Some(at) = variants.iter().position(|variant| variant.id == lead) {
            let (chrom, _) = genome.chromosome_of(start + at);
            return Ok(((start + at) as u64, chrom, variants[at].pos));
        }
    }
    Err(anyhow!("--lead {lead}: no variant of the file has this ID; CHROM:POS is taken too"))
}

/// CHROM, or CHROM:START-END.
fn parse_region(genome: &Genome, text: &str) -> Result<(u32, u32, u32)> {
    let (chrom, stretch) = text.rsplit_once(':').unwrap_or((text, ""));
    let number = |text: &str| text.replace(',', "").parse::<u32>().ok();
    let ends = match stretch.split_once('-') {
        Some((start, end)) => number(start).zip(number(end)),
        None => stretch.is_empty().then_some((0, i32::MAX as u32)),
    };
    let Some((start, end)) = ends.filter(|(start, end)| start <= end && !chrom.is_empty()) else {
        return Err(UsageError(format!("--region {text}: CHROM or CHROM:START-END is meant")).into());
    };
    let Some(chrom_idx) = genome.chromosome_named(chrom) else {
        return Err(ClumpError::EmptyRegion { region: format!("--region {text}"), known: known(genome) }.into());
    };
    let chromosome = &genome.chromosomes[chrom_idx as usize];
    match stretch.is_empty() {
        true => Ok((chrom_idx, chromosome.first_pos, chromosome.last_pos)),
        false => Ok((chrom_idx, start, end)),
    }
}

/// The chromosomes with their first and last positions.
fn known(genome: &Genome) -> String {
    let shown = genome.chromosomes.iter().take(30);
    let shown: Vec<String> = shown.map(|c| format!("{}:{}-{}", c.name, c.first_pos, c.last_pos)).collect();
    let more = genome.chromosomes.len().saturating_sub(30);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
