//! `norna export` of what norna qtl found near genes.

use anyhow::bail;

use super::export::{ExportArgs, ExportFormat, refuse_strange_flags, usage};
use crate::export::cis::{CisPlan, CisTable, write_cis};
use crate::export::output::{Output, is_closed_pipe, refuse_input};
use crate::export::replace::Replace;
use crate::export::select::{Region, select_names};
use crate::store::CisReader;

pub(super) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    refuse_flags(args)?;
    let reader = CisReader::open(&args.file)?;
    let header = reader.header();
    let table = args.what.unwrap_or_default();
    let (file, again) = (args.file.display(), "run norna qtl again with");
    match table {
        CisTable::Nominal if !header.has_nominal => bail!("{file}: pairs were not kept; {again} --nominal"),
        CisTable::Signals if !header.has_signals => {
            bail!("{file}: independent signals were not sought; {again} --conditional")
        }
        _ => {}
    }
    let ids: Vec<&str> = header.phenotypes.iter().map(|info| info.id.as_str()).collect();
    let phenotypes = match args.traits.is_empty() {
        true => (0..ids.len()).collect(),
        false => select_names(&ids, &args.traits)?,
    };
    let regions: Vec<Region> = args.chr.iter().chain(&args.region).cloned().collect();
    let min_log10p = args.log10p.or(args.p.map(|p| -p.log10()));
    let plan = CisPlan { table, phenotypes, regions, min_log10p };
    refuse_input(&args.file, &args.out)?;
    let mut output = Output::create(&args.out, Replace::Table.only_with(args.force))?;
    let written = write_cis(&reader, &plan, &args.out, &mut output).and_then(|n| output.finish().map(|()| n));
    match written {
        Ok(0) => eprintln!("warning: no row is left by the filters: the table has none"),
        Ok(_) => {}
        Err(error) if is_closed_pipe(&error) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Refuses what is for results of norna assoc alone: a policy above all, since nothing here would go by it.
fn refuse_flags(args: &ExportArgs) -> anyhow::Result<()> {
    let file = args.file.display();
    if args.policy.is_some() {
        return Err(usage(format!(
            "--policy: {file} is a cis.h5, whose tables no policy is applied to: norna disclose judges the file as a whole"
        )));
    }
    if args.format != ExportFormat::Tsv {
        return Err(usage(format!("--format: {file} is a cis.h5, whose tables are written as tsv alone")));
    }
    refuse_strange_flags(args)
}
