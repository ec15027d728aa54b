//! Efficiency against ranks as SVG, readable without colours: marks and words beside them, a title and axes with units.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

use super::scaling::Scaling;
use crate::report::words::count;

/// Colours that people with any colour vision tell apart (Okabe and Ito 2008).
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const GREY: RGBColor = RGBColor(110, 110, 110);
const SIZE: (u32, u32) = (800, 500);

/// Writes the chart.
///
/// # Errors
/// The file cannot be written.
pub fn write(scaling: &Scaling, path: &Path) -> Result<()> {
    let svg = draw(scaling).map_err(|e| anyhow!("drawing efficiency: {e}"))?;
    std::fs::write(path, svg).with_context(|| format!("{}", path.display()))
}

/// The chart as SVG.
fn draw(scaling: &Scaling) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let most = scaling.points.iter().map(|point| point.ranks).max().unwrap_or(1);
        let percents = scaling.points.iter().flat_map(|point| [point.strong.efficiency, point.weak.efficiency]);
        let highest = percents.fold(1.0, f64::max) * 100.0;
        let title =
            format!("norna assoc: efficiency by ranks, {} each", count(scaling.threads_per_rank as u64, "thread"));
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 22))
            .margin(16)
            .x_label_area_size(50)
            .y_label_area_size(64)
            .build_cartesian_2d((1f64..f64::from(most.max(2))).log_scale().base(2.0), 0f64..(highest * 1.08))?;
        chart
            .configure_mesh()
            .x_desc("ranks (logarithmic)")
            .y_desc("efficiency, % of one rank's")
            .x_label_formatter(&|ranks| format!("{ranks:.0}"))
            .axis_desc_style(("sans-serif", 16))
            .label_style(("sans-serif", 14))
            .draw()?;
        chart.draw_series(LineSeries::new([(1.0, 100.0), (f64::from(most.max(2)), 100.0)], GREY))?;
        let of = |which: fn(&super::scaling::Point) -> f64| -> Vec<(f64, f64)> {
            scaling.points.iter().map(|point| (f64::from(point.ranks), 100.0 * which(point))).collect()
        };
        let (strong, weak) = (of(|point| point.strong.efficiency), of(|point| point.weak.efficiency));
        chart
            .draw_series(LineSeries::new(strong.iter().copied(), BLUE.stroke_width(2)))?
            .label("strong: the same cohort for all ranks")
            .legend(|(x, y)| Circle::new((x + 8, y), 5, BLUE.filled()));
        chart.draw_series(strong.iter().map(|&at| Circle::new(at, 5, BLUE.filled())))?;
        chart
            .draw_series(LineSeries::new(weak.iter().copied(), VERMILION.stroke_width(2)))?
            .label("weak: variants in proportion to ranks")
            .legend(|(x, y)| TriangleMarker::new((x + 8, y), 7, VERMILION.filled()));
        chart.draw_series(weak.iter().map(|&at| TriangleMarker::new(at, 7, VERMILION.filled())))?;
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .background_style(WHITE.mix(0.9))
            .border_style(GREY)
            .label_font(("sans-serif", 14))
            .draw()?;
        root.present()?;
    }
    Ok(named(&svg, scaling))
}

/// With the words that screen readers read out.
fn named(svg: &str, scaling: &Scaling) -> String {
    let values = scaling.points.iter().map(|point| {
        let (strong, weak) = (100.0 * point.strong.efficiency, 100.0 * point.weak.efficiency);
        format!("{}: strong {strong:.0} %, weak {weak:.0} %", count(u64::from(point.ranks), "rank"))
    });
    let values = values.collect::<Vec<_>>().join("; ");
    let Some(at) = svg.find("<svg").and_then(|at| Some(at + svg[at..].find('>')?)) else { return svg.to_owned() };
    let (head, rest) = svg.split_at(at);
    format!(
        "{head} role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">Efficiency of norna assoc by ranks</title>\n\
         <desc id=\"desc\">{values}</desc>{}",
        &rest[1..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::scaling::{Point, Timing};

    #[test]
    fn both_curves_are_drawn_with_marks_title_and_units() {
        let timing = |efficiency| Timing { n_variants: 1, wall_seconds: vec![1.0], median_seconds: 1.0, efficiency };
        let point = |ranks, strong, weak| Point { ranks, strong: timing(strong), weak: timing(weak) };
        let points = vec![point(1, 1.0, 1.0), point(2, 0.9, 0.95), point(4, 0.7, 0.93)];
        let svg = draw(&Scaling::of(2, points)).unwrap();
        for part in [
            "<title",
            "4 ranks: strong 70 %, weak 93 %",
            "ranks (logarithmic)",
            "efficiency, % of one rank",
            "strong: the same",
        ] {
            assert!(svg.contains(part), "{part}\n{svg}");
        }
        let count = |what: &str| svg.matches(what).count();
        assert_eq!((count("<circle"), count("<polygon")), (4, 4));
        assert!(count("<polyline") >= 2, "{svg}");
    }
}
