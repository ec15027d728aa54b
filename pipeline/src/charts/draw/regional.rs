//! A regional plot: the pairs around a lead, by their linkage with it, over the genes.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{
    Area, BLUE, DrawError, GREEN, GREY, INK, ORANGE, PALE, SKY, VERMILION, anchored, caption, failed, font, grouped,
    sheet, short, tick, upper_end,
};
use crate::clump::{Regional, RegionalGene, RegionalPoint, p_text};
use crate::report::words::count;

const WIDTH: u32 = 1000;
const PLOT_HEIGHT: u32 = 480;
const LANE: i32 = 24;
/// Rows of genes at most.
const LANES: usize = 12;
/// Left and right end of the plot, in pixels.
const SIDES: (i32, i32) = (84, 976);

/// Classes of r² from the strongest, with their marks: lower ends, words, colours, radii.
const CLASSES: [(f64, &str, RGBColor, i32); 5] = [
    (0.8, "0.8 to 1", VERMILION, 5),
    (0.6, "0.6 to 0.8", ORANGE, 4),
    (0.4, "0.4 to 0.6", GREEN, 4),
    (0.2, "0.2 to 0.4", SKY, 3),
    (0.0, "under 0.2", BLUE, 3),
];

/// The regional plot of a trait by its name. `genes`: none where no annotation is given. `hit_log10p`: where the line of genome-wide
/// significance lies.
///
/// # Errors
/// Never for what [`crate::clump::regional`] gives.
pub fn regional_svg(
    name: &str,
    region: &Regional,
    genes: Option<&[RegionalGene]>,
    hit_log10p: f64,
) -> Result<String, DrawError> {
    let (lanes, n_hidden) = lanes(genes.unwrap_or_default(), region);
    let n_lanes = lanes.iter().map(|&(lane, _)| lane + 1).max().unwrap_or(0);
    let below = if genes.is_some() { LANE * n_lanes.max(1) as i32 + 30 } else { 0 };
    let title = format!("{name}: {}:{}-{}", region.chrom, grouped(region.start.into()), grouped(region.end.into()));
    let lead = region.lead.as_ref().map_or_else(String::new, |lead| {
        format!(", lead {} at {} with p = {}", lead.id, grouped(lead.pos.into()), p_text(lead.log10p))
    });
    let linked = match region.has_linkage {
        true => String::new(),
        false => "; linkage not known".to_owned(),
    };
    let n_genes = match genes {
        Some(genes) if n_hidden > 0 => {
            format!("; {}, {n_hidden} of them not drawn", count(genes.len() as u64, "gene"))
        }
        Some(genes) => format!("; {}", count(genes.len() as u64, "gene")),
        None => String::new(),
    };
    let n = format!("{} tests{lead}{linked}{n_genes}", grouped(region.points.len() as u64));
    let description = format!("Regional plot of {name} at {}:{}-{}: {n}.", region.chrom, region.start, region.end);
    sheet((WIDTH, PLOT_HEIGHT + below as u32), (&title, &description), |root| {
        caption(root, &title, &n)?;
        draw_pairs(root, region, hit_log10p)?;
        if genes.is_some() { draw_genes(root, region, &lanes) } else { Ok(()) }
    })
}

fn draw_pairs(root: &Area<'_>, region: &Regional, hit_log10p: f64) -> Result<(), DrawError> {
    let (upper, _) = root.split_vertically(PLOT_HEIGHT);
    let area = upper.margin(66, 8, SIDES.0 - 56, WIDTH as i32 - SIDES.1);
    let largest = region.points.iter().map(|point| point.log10p).fold(hit_log10p, f64::max);
    let (start, end, top) = (f64::from(region.start), f64::from(region.end.max(region.start + 1)), upper_end(largest));
    let mut chart = ChartBuilder::on(&area)
        .x_label_area_size(46)
        .y_label_area_size(56)
        .build_cartesian_2d(start..end, 0.0..top)
        .map_err(failed)?;
    let digits = if end - start < 20_000.0 { 4 } else { 2 };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(PALE)
        .x_labels(8)
        .x_label_formatter(&|x| format!("{:.digits$}", x / 1e6))
        .y_label_formatter(&|y| tick(*y))
        .x_desc(format!("position on {}, Mb", region.chrom))
        .y_desc("−log10 p")
        .axis_desc_style(("sans-serif", 15))
        .label_style(("sans-serif", 13))
        .draw()
        .map_err(failed)?;
    let plot = chart.plotting_area();
    if let Some(least) = region.nothing_below {
        let least = least.min(top);
        plot.draw(&Rectangle::new([(start, 0.0), (end, least)], PALE.filled())).map_err(failed)?;
        let style = anchored(14, GREY, HPos::Center, VPos::Center);
        let text = format!("tests with p over {} are not kept in this file (--store hits)", p_text(least));
        plot.draw(&Text::new(text, ((start + end) / 2.0, least / 2.0), style)).map_err(failed)?;
    }
    let line = PathElement::new([(start, hit_log10p), (end, hit_log10p)], VERMILION.stroke_width(1));
    plot.draw(&line).map_err(failed)?;
    let line = anchored(12, VERMILION, HPos::Right, VPos::Bottom);
    plot.draw(&Text::new(format!("p = {}", p_text(hit_log10p)), (end, hit_log10p), line)).map_err(failed)?;
    let lead = region.lead.as_ref().map(|lead| lead.variant);
    // The strongest linkage lies on top.
    let mut points: Vec<&RegionalPoint> = region.points.iter().filter(|point| Some(point.variant) != lead).collect();
    points.sort_by(|a, b| a.r2.unwrap_or(-1.0).total_cmp(&b.r2.unwrap_or(-1.0)));
    for point in points {
        let (colour, radius) = class_of(point.r2);
        plot.draw(&Circle::new((point.pos.into(), point.log10p), radius, colour.filled())).map_err(failed)?;
    }
    if let Some(lead) = &region.lead {
        let (x, y) = plot.map_coordinate(&(lead.pos.into(), lead.log10p));
        let diamond = vec![(x, y - 8), (x + 7, y), (x, y + 8), (x - 7, y)];
        root.draw(&Polygon::new(diamond, INK.filled())).map_err(failed)?;
        let name = short(&lead.id, 40);
        let half = 4 * name.chars().count() as i32;
        let x = x.clamp(SIDES.0 + half, SIDES.1 - half);
        root.draw(&Text::new(name, (x, y - 12), anchored(13, INK, HPos::Center, VPos::Bottom))).map_err(failed)?;
    }
    legend(root, region)
}

fn class_of(r2: Option<f64>) -> (RGBColor, i32) {
    let class = r2.and_then(|r2| CLASSES.iter().find(|(least, ..)| r2 >= *least));
    class.map_or((GREY, 3), |&(.., colour, radius)| (colour, radius))
}

fn legend(root: &Area<'_>, region: &Regional) -> Result<(), DrawError> {
    if !region.has_linkage {
        return Ok(());
    }
    let mut lines: Vec<(&str, RGBColor, i32)> =
        CLASSES.iter().map(|&(_, words, c, radius)| (words, c, radius)).collect();
    if region.points.iter().any(|point| point.r2.is_none()) {
        lines.push(("not known", GREY, 3));
    }
    // On the side where the lead is not.
    let lead = region.lead.as_ref().map_or(region.start, |lead| lead.pos);
    let is_left = lead - region.start > (region.end - region.start) / 2;
    let x = if is_left { SIDES.0 + 12 } else { SIDES.1 - 142 };
    let height = 20 * lines.len() as i32 + 28;
    let sheet = [(x - 6, 72), (x + 136, 72 + height)];
    root.draw(&Rectangle::new(sheet, WHITE.mix(0.88).filled())).map_err(failed)?;
    root.draw(&Text::new("r² with the lead (◆)", (x, 78), font(13, INK))).map_err(failed)?;
    for (i, (words, colour, radius)) in (0..).zip(lines) {
        let y = 106 + 20 * i;
        root.draw(&Circle::new((x + 8, y), radius, colour.filled())).map_err(failed)?;
        root.draw(&Text::new(words, (x + 22, y - 7), font(13, INK))).map_err(failed)?;
    }
    Ok(())
}

fn x_of(region: &Regional, pos: u32) -> i32 {
    let span = f64::from(region.end.max(region.start + 1) - region.start);
    let share = (f64::from(pos) - f64::from(region.start)) / span;
    SIDES.0 + (share.clamp(0.0, 1.0) * f64::from(SIDES.1 - SIDES.0)) as i32
}

/// Rows for genes such that neither they nor their names overlap, protein-coding ones first; and how many have no place.
fn lanes<'a>(genes: &'a [RegionalGene], region: &Regional) -> (Vec<(usize, &'a RegionalGene)>, usize) {
    let mut order: Vec<&RegionalGene> = genes.iter().collect();
    order.sort_by_key(|gene| !(gene.biotype == "protein_coding" || gene.biotype.is_empty()));
    let mut taken: Vec<Vec<(i32, i32)>> = Vec::new();
    let mut placed = Vec::new();
    for gene in order {
        let (left, right) = (x_of(region, gene.start), x_of(region, gene.end));
        let half = 4 * (gene.name.chars().count().min(24) as i32 + 2);
        let middle = (left + right) / 2;
        let span = (left.min(middle - half), right.max(middle + half));
        let fits = |lane: &Vec<(i32, i32)>| lane.iter().all(|&(from, to)| span.1 < from || span.0 > to);
        let lane = match taken.iter().position(fits) {
            Some(lane) => lane,
            None if taken.len() < LANES => {
                taken.push(Vec::new());
                taken.len() - 1
            }
            None => continue,
        };
        taken[lane].push(span);
        placed.push((lane, gene));
    }
    let n_hidden = genes.len() - placed.len();
    (placed, n_hidden)
}

fn draw_genes(root: &Area<'_>, region: &Regional, lanes: &[(usize, &RegionalGene)]) -> Result<(), DrawError> {
    let top = PLOT_HEIGHT as i32 + 8;
    root.draw(&Text::new("genes", (24, top), font(15, INK))).map_err(failed)?;
    if lanes.is_empty() {
        root.draw(&Text::new("none in this region", (SIDES.0, top), font(13, GREY))).map_err(failed)?;
    }
    for &(lane, gene) in lanes {
        let y = top + 16 + LANE * lane as i32;
        let (left, right) = (x_of(region, gene.start), x_of(region, gene.end));
        let bar = [(left, y - 2), (right.max(left + 2), y + 2)];
        root.draw(&Rectangle::new(bar, BLUE.filled())).map_err(failed)?;
        let name = short(&gene.name, 24);
        let words = match gene.strand {
            1 => format!("{name} →"),
            -1 => format!("← {name}"),
            _ => name,
        };
        let half = 4 * words.chars().count() as i32;
        let x = ((left + right) / 2).clamp(SIDES.0 + half, SIDES.1 - half);
        root.draw(&Text::new(words, (x, y - 3), anchored(12, INK, HPos::Center, VPos::Bottom))).map_err(failed)?;
    }
    Ok(())
}
