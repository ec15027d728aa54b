//! A Manhattan plot: what lies below the floor as cells, the pairs above it as dots of which no more are drawn than can be seen.

use std::collections::BTreeMap;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{
    Area, BLUE, DrawError, GREY, INK, PALE, SKY, VERMILION, anchored, caption, failed, grouped, lambda_text, sheet,
    short, tick, upper_end,
};
use crate::charts::{Genome, LOG10P_BINS, Point, TraitScan};
use crate::clump::p_text;
use crate::report::words::count;

const SIZE: (u32, u32) = (1200, 520);
/// Pixels between two dots that are both drawn.
const PIXEL: f64 = 1.5;
/// Leads that are labelled.
const LABELS: usize = 12;

/// The Manhattan plot of a trait. `hit_log10p`: where the line of genome-wide significance lies.
///
/// # Errors
/// Never for what a scan gives.
pub fn manhattan_svg(genome: &Genome, one: &TraitScan, hit_log10p: f64) -> Result<String, DrawError> {
    let manhattan = &one.manhattan;
    let largest = manhattan.points.iter().map(|point| point.log10p).fold(hit_log10p, f64::max);
    let title = format!("{}: associations along the genome", one.name);
    let n = format!(
        "{} samples, {} tests, {}, {} with p ≤ {} ({})",
        grouped(one.n_samples.into()),
        grouped(one.qq.n_tests),
        lambda_text(one.qq.lambda),
        count(manhattan.n_hits, "hit"),
        p_text(hit_log10p),
        count(one.leads.len() as u64, "lead")
    );
    let thinned = match manhattan.n_thinned {
        0 => String::new(),
        n => format!("; {} weaker dots under stronger ones are not drawn", grouped(n)),
    };
    let strongest = one.leads.iter().max_by(|a, b| a.log10p.total_cmp(&b.log10p));
    let strongest = strongest.map_or_else(String::new, |lead| {
        format!(" The strongest is {} at {}:{}, p = {}.", lead.id, lead.chrom, lead.pos, p_text(lead.log10p))
    });
    let description = format!("Manhattan plot of {}: {n}{thinned}.{strongest}", one.name);
    sheet(SIZE, (&title, &description), |root| {
        caption(root, &title, &format!("{n}{thinned}"))?;
        draw(root, genome, one, (hit_log10p, upper_end(largest)))
    })
}

fn draw(root: &Area<'_>, genome: &Genome, one: &TraitScan, (hit_log10p, top): (f64, f64)) -> Result<(), DrawError> {
    let area = root.margin(66, 12, 12, 24);
    let end = genome.length as f64;
    let mut chart = ChartBuilder::on(&area)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..end, 0.0..top)
        .map_err(failed)?;
    let several = genome.chromosomes.len() > 1;
    let first = genome.chromosomes.first().map_or(0, |chromosome| chromosome.first_pos);
    let mega = move |x: &f64| format!("{:.2}", (x + f64::from(first)) / 1e6);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE)
        .x_labels(if several { 0 } else { 8 })
        .x_label_formatter(&mega)
        .y_label_formatter(&|y| tick(*y))
        .x_desc(if several { "chromosome".to_owned() } else { format!("position on {}, Mb", name_of(genome, 0)) })
        .y_desc("−log10 p")
        .axis_desc_style(("sans-serif", 15))
        .label_style(("sans-serif", 13))
        .draw()
        .map_err(failed)?;
    let plot = chart.plotting_area();
    let (width, height) = plot.dim_in_pixel();
    let (per_x, per_y) = (f64::from(width) / end, f64::from(height) / top);
    let draw = |element| plot.draw(&element).map_err(failed);
    if let Some(least) = one.manhattan.nothing_below {
        draw(Rectangle::new([(0.0, 0.0), (end, least.min(top))], PALE.filled()))?;
        let style = anchored(14, GREY, HPos::Center, VPos::Center);
        let text = format!("tests with p over {} are not kept in this file (--store hits)", p_text(least));
        plot.draw(&Text::new(text, (end / 2.0, least.min(top) / 2.0), style)).map_err(failed)?;
    }
    for (bin, chrom, low, high) in cells(genome, one) {
        let (_, start) = genome.start_of_bin(bin);
        let left = genome.x(chrom, start) as f64;
        let right = left + f64::from(genome.bin_width).max(2.0 / per_x);
        let high = high.max(low + 2.0 / per_y);
        draw(Rectangle::new([(left, low), (right.min(end), high)], colour(chrom).filled()))?;
    }
    let line = PathElement::new([(0.0, hit_log10p), (end, hit_log10p)], VERMILION.stroke_width(1));
    plot.draw(&line).map_err(failed)?;
    let line = anchored(12, VERMILION, HPos::Right, VPos::Bottom);
    plot.draw(&Text::new(format!("p = {}", p_text(hit_log10p)), (end, hit_log10p), line)).map_err(failed)?;
    for point in visible(genome, &one.manhattan.points, (per_x, per_y)) {
        let at = (genome.x(point.chrom, point.pos) as f64, point.log10p);
        let radius = if point.log10p >= hit_log10p { 3 } else { 2 };
        plot.draw(&Circle::new(at, radius, colour(point.chrom).filled())).map_err(failed)?;
    }
    if several {
        name_chromosomes(root, genome, |x| plot.map_coordinate(&(x, 0.0)), per_x)?;
    }
    label_leads(root, genome, one, |x, y| plot.map_coordinate(&(x, y)))
}

fn colour(chrom: u32) -> RGBColor {
    if chrom.is_multiple_of(2) { BLUE } else { SKY }
}

fn name_of(genome: &Genome, chrom: usize) -> &str {
    genome.chromosomes.get(chrom).map_or("", |chromosome| &chromosome.name)
}

/// Occupied cells below the floor, those above one another put together: bin, chromosome, −log10 p from and to.
fn cells(genome: &Genome, one: &TraitScan) -> Vec<(u32, u32, f64, f64)> {
    let height = one.manhattan.bin_height();
    let mut cells = Vec::new();
    for (bin, occupied) in (0..).zip(one.manhattan.occupied()) {
        let (chrom, _) = genome.start_of_bin(bin);
        let mut low = 0;
        while low < LOG10P_BINS {
            let is_there = |height: usize| height < LOG10P_BINS && occupied >> height & 1 == 1;
            let mut high = low;
            while is_there(high) {
                high += 1;
            }
            if high > low {
                cells.push((bin, chrom, low as f64 * height, high as f64 * height));
            }
            low = high + 1;
        }
    }
    cells
}

/// Of dots in one pixel the strongest, in the order of the file.
fn visible<'a>(genome: &Genome, points: &'a [Point], (per_x, per_y): (f64, f64)) -> Vec<&'a Point> {
    let mut seen: BTreeMap<(u64, u64), &Point> = BTreeMap::new();
    for point in points {
        let x = genome.x(point.chrom, point.pos) as f64;
        let cell = ((x * per_x / PIXEL) as u64, (point.log10p * per_y / PIXEL) as u64);
        let best = seen.entry(cell).or_insert(point);
        if point.log10p > best.log10p {
            *best = point;
        }
    }
    let mut points: Vec<&Point> = seen.into_values().collect();
    points.sort_by_key(|point| point.variant);
    points
}

fn name_chromosomes(
    root: &Area<'_>,
    genome: &Genome,
    place: impl Fn(f64) -> (i32, i32),
    per_x: f64,
) -> Result<(), DrawError> {
    let mut free_from = i32::MIN;
    let style = anchored(13, INK, HPos::Center, VPos::Top);
    for (i, chromosome) in genome.chromosomes.iter().enumerate() {
        let name = chromosome.name.strip_prefix("chr").unwrap_or(&chromosome.name);
        let name = short(name, 12);
        let width = 8 * name.chars().count() as i32 + 4;
        let middle = chromosome.offset as f64 + chromosome.length() as f64 / 2.0;
        let (x, y) = place(middle);
        // A name needs its own room, unless its chromosome is hardly there.
        let is_tiny = (chromosome.length() as f64) * per_x < 3.0 && i > 30;
        if x - width / 2 < free_from || is_tiny {
            continue;
        }
        free_from = x + width / 2;
        root.draw(&Text::new(name, (x, y + 7), style.clone())).map_err(failed)?;
    }
    Ok(())
}

/// Labels the strongest leads that have room.
fn label_leads(
    root: &Area<'_>,
    genome: &Genome,
    one: &TraitScan,
    place: impl Fn(f64, f64) -> (i32, i32),
) -> Result<(), DrawError> {
    let mut leads: Vec<_> = one.leads.iter().collect();
    leads.sort_by(|a, b| b.log10p.total_cmp(&a.log10p));
    let mut taken: Vec<(i32, i32, i32)> = Vec::new();
    for lead in leads.into_iter().take(LABELS) {
        let Some(chrom) = genome.chromosome_named(&lead.chrom) else { continue };
        let (x, y) = place(genome.x(chrom, lead.pos) as f64, lead.log10p);
        let name = if lead.id == "." { format!("{}:{}", lead.chrom, lead.pos) } else { lead.id.clone() };
        let name = short(&name, 24);
        let half = 4 * name.chars().count() as i32;
        let x = x.clamp(half + 80, SIZE.0 as i32 - 24 - half);
        if taken.iter().any(|&(x0, y0, half0)| (x - x0).abs() < half + half0 && (y - y0).abs() < 15) {
            continue;
        }
        taken.push((x, y, half));
        root.draw(&Text::new(name, (x, y - 6), anchored(12, INK, HPos::Center, VPos::Bottom))).map_err(failed)?;
    }
    Ok(())
}
