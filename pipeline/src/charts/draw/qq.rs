//! A QQ plot with its confidence band.

use plotters::prelude::*;

use super::{
    BLUE, DrawError, GREY, PALE, VERMILION, caption, failed, font, grouped, lambda_text, sheet, tick, upper_end,
};
use crate::charts::TraitScan;

const SIZE: (u32, u32) = (620, 640);

/// The QQ plot of a trait.
///
/// # Errors
/// Never for what a scan gives.
pub fn qq_svg(one: &TraitScan) -> Result<String, DrawError> {
    let qq = &one.qq;
    let title = format!("{}: observed and expected p", one.name);
    let n =
        format!("{} samples, {} tests, {}", grouped(one.n_samples.into()), grouped(qq.n_tests), lambda_text(qq.lambda));
    let strongest = qq.observed.last().map_or_else(String::new, |most| format!(", largest −log10 p {most:.2}"));
    let description = format!("QQ plot of {} with a 95 % confidence band: {n}{strongest}.", one.name);
    sheet(SIZE, (&title, &description), |root| {
        caption(root, &title, &n)?;
        let area = root.margin(66, 12, 12, 24);
        let band = &qq.band;
        let right = upper_end(qq.expected.iter().copied().fold(1.0, f64::max)) / 1.04;
        let top = upper_end(qq.observed.iter().chain(&band.high).copied().fold(right / 1.1, f64::max));
        let mut chart = ChartBuilder::on(&area)
            .x_label_area_size(48)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..right, 0.0..top)
            .map_err(failed)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(PALE)
            .x_label_formatter(&|x| tick(*x))
            .y_label_formatter(&|y| tick(*y))
            .x_desc("expected −log10 p")
            .y_desc("observed −log10 p")
            .axis_desc_style(("sans-serif", 15))
            .label_style(("sans-serif", 13))
            .draw()
            .map_err(failed)?;
        let upper = band.expected.iter().copied().zip(band.high.iter().copied());
        let lower = band.expected.iter().copied().zip(band.low.iter().copied());
        let outline: Vec<(f64, f64)> = upper.chain(lower.rev()).collect();
        let plot = chart.plotting_area();
        if !outline.is_empty() {
            plot.draw(&Polygon::new(outline, RGBColor(205, 205, 205).filled())).map_err(failed)?;
        }
        let end = right.min(top);
        plot.draw(&PathElement::new([(0.0, 0.0), (end, end)], GREY.stroke_width(1))).map_err(failed)?;
        let n_edges = qq.expected.len() - qq.n_exact;
        for (i, at) in qq.expected.iter().copied().zip(qq.observed.iter().copied()).enumerate() {
            match i < n_edges {
                true => plot.draw(&Circle::new(at, 2, BLUE.filled())).map_err(failed)?,
                false => plot.draw(&Circle::new(at, 3, VERMILION.filled())).map_err(failed)?,
            }
        }
        legend(root, qq.n_exact)
    })
}

fn legend(root: &super::Area<'_>, n_exact: usize) -> Result<(), DrawError> {
    let lines = [
        (VERMILION, 3, format!("the {n_exact} strongest tests, one by one")),
        (BLUE, 2, "all others: edges of a histogram".to_owned()),
    ];
    for (i, (colour, radius, words)) in (0..).zip(lines) {
        let y = 92 + 20 * i;
        root.draw(&Circle::new((104, y), radius, colour.filled())).map_err(failed)?;
        root.draw(&Text::new(words, (116, y - 7), font(13, GREY))).map_err(failed)?;
    }
    let y = 132;
    root.draw(&Rectangle::new([(98, y - 6), (110, y + 6)], RGBColor(205, 205, 205).filled())).map_err(failed)?;
    root.draw(&Text::new("95 % of plots without any effect", (116, y - 7), font(13, GREY))).map_err(failed)
}
