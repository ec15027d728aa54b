//! Charts as SVG: axes with units, marks and words beside colours that people with any colour vision tell apart (Okabe and Ito 2008),
//! and a title and a description that screen readers read out.

mod manhattan;
mod qq;
mod regional;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub use manhattan::manhattan_svg;
pub use qq::qq_svg;
pub use regional::regional_svg;

const BLUE: RGBColor = RGBColor(0, 114, 178);
const SKY: RGBColor = RGBColor(86, 180, 233);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const VERMILION: RGBColor = RGBColor(213, 94, 0);
const INK: RGBColor = RGBColor(40, 40, 40);
const GREY: RGBColor = RGBColor(110, 110, 110);
const PALE: RGBColor = RGBColor(236, 236, 236);

/// What cannot be drawn, which takes an axis without an end.
pub type DrawError = Box<dyn std::error::Error + Send + Sync>;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Which stands between the size and the title of each chart of norna's, and nowhere else.
pub const MARK: &str =
    " role=\"img\" aria-labelledby=\"title desc\" font-family=\"Helvetica, Arial, sans-serif\">\n<title id=\"title\">";

/// Draws on a white sheet and names it for screen readers.
fn sheet(
    size: (u32, u32),
    (title, description): (&str, &str),
    draw: impl FnOnce(&Area<'_>) -> Result<(), DrawError>,
) -> Result<String, DrawError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        root.fill(&WHITE).map_err(failed)?;
        draw(&root)?;
        root.present().map_err(failed)?;
    }
    let Some(at) = svg.find("<svg").and_then(|at| Some(at + svg[at..].find('>')?)) else { return Ok(svg) };
    let (head, rest) = svg.split_at(at);
    Ok(format!(
        "{head}{MARK}{}</title>\n<desc id=\"desc\">{}</desc>{}",
        escaped(title),
        escaped(description),
        &rest[1..]
    ))
}

fn failed(error: impl std::fmt::Display) -> DrawError {
    error.to_string().into()
}

/// Text without what XML takes for markup or does not allow.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text that is drawn: without control characters, and no longer than `most` characters.
fn short(text: &str, most: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match clean.chars().count() > most {
        true => clean.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
        false => clean,
    }
}

fn font(size: u32, colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&colour)
}

fn anchored(size: u32, colour: RGBColor, h_pos: HPos, v_pos: VPos) -> TextStyle<'static> {
    font(size, colour).pos(Pos::new(h_pos, v_pos))
}

/// A title, and a line of numbers under it.
fn caption(root: &Area<'_>, title: &str, line: &str) -> Result<(), DrawError> {
    root.draw(&Text::new(short(title, 90), (24, 16), font(20, INK))).map_err(failed)?;
    root.draw(&Text::new(short(line, 160), (24, 42), font(13, GREY))).map_err(failed)
}

/// A whole number with spaces between thousands.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The number of an axis: as few digits as tell it.
fn tick(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// Upper end of an axis of −log10 p: above all that is drawn, with room for words.
fn upper_end(largest: f64) -> f64 {
    if largest.is_finite() && largest > 0.0 { largest * 1.1 } else { 1.0 }
}

fn lambda_text(lambda: f64) -> String {
    if lambda.is_nan() { "λ not known".to_owned() } else { format!("λ {lambda:.3}") }
}
