//! What every report holds alike: page, style, scripts, and the chart library with its licence.

use super::error::PageError;
use super::folder::ReportFolder;

/// Files that every report has alike.
pub(super) const N_FILES: usize = N_TEXTS + 2;
const N_TEXTS: usize = 12;

/// Files of the report and their text.
const FILES: [(&str, &str); N_TEXTS] = [
    ("index.html", include_str!("assets/index.html")),
    ("assets/report.css", include_str!("assets/report.css")),
    ("assets/print.css", include_str!("assets/print.css")),
    ("assets/elements.js", include_str!("assets/elements.js")),
    ("assets/table.js", include_str!("assets/table.js")),
    ("assets/charts.js", include_str!("assets/charts.js")),
    ("assets/overview.js", include_str!("assets/overview.js")),
    ("assets/trait.js", include_str!("assets/trait.js")),
    ("assets/regions.js", include_str!("assets/regions.js")),
    ("assets/cis_trans.js", include_str!("assets/cis_trans.js")),
    ("assets/run.js", include_str!("assets/run.js")),
    ("assets/main.js", include_str!("assets/main.js")),
];
/// The licence of Plotly.js.
const PLOTLY_LICENCE: &str = include_str!("assets/plotly.txt");

/// Writes them; bytes.
pub(super) fn write(folder: &ReportFolder) -> Result<u64, PageError> {
    let mut bytes = folder.write("licences/plotly.txt", PLOTLY_LICENCE.as_bytes())?;
    for (name, text) in FILES {
        bytes += folder.write(name, text.as_bytes())?;
    }
    let sources = plotly::Plot::offline_js_sources();
    let library = first_script(&sources).ok_or(PageError::Library)?;
    bytes += folder.write("assets/plotly.min.js", library.as_bytes())?;
    Ok(bytes)
}

/// The first script of the two that the crate has, Plotly.js; the other is MathJax.
fn first_script(sources: &str) -> Option<&str> {
    let start = sources.find("<script type=\"text/javascript\">")? + "<script type=\"text/javascript\">".len();
    let rest = &sources[start..];
    let end = rest.find("</script>\n\n")?;
    let library = &rest[..end];
    (library.contains("plotly.js v") && library.len() > 1 << 20).then_some(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_plotly_alone() {
        let sources = plotly::Plot::offline_js_sources();
        let library = first_script(&sources).unwrap();
        assert!(library.trim_start().starts_with("/**\n* plotly.js v3."));
        let others = sources.len() - library.len();
        assert!(others > 2_000_000, "MathJax is still in it: {others} bytes are left out");
        assert!(library.trim_end().ends_with("}));") || library.trim_end().ends_with(';'), "cut short");
        for line in ["Copyright 2012-2025, Plotly, Inc.", "Permission is hereby granted"] {
            assert!(PLOTLY_LICENCE.contains(line), "{line}");
        }
        assert!(library[..400].contains("Copyright 2012-2025, Plotly, Inc."));
    }
}
