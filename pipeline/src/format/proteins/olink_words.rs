//! What words mean in Olink's columns: controls and judgements.

use crate::proteins::Qc;

/// Why a sample is a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    No,
    ByType,
    ByName,
}

/// By the type of sample where there is one (`SAMPLE`, else `CONTROL`, `PLATE_CONTROL`, `NEGATIVE_CONTROL`, ...), else by an
/// ID that has CONTROL, CTRL, NEG or IPC as a word, perhaps with a number behind it (OlinkAnalyze's words, which it takes
/// within other words too).
pub(super) fn sample_control(kind: &[u8], name: &[u8]) -> Control {
    let kind = kind.to_ascii_uppercase();
    if contains(&kind, b"CONTROL") || contains(&kind, b"CTRL") || contains(&kind, b"CALIBRATOR") {
        return Control::ByType;
    }
    let name = name.to_ascii_uppercase();
    let is_word = |word: &[u8]| {
        let letters = word.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(word.len());
        let (letters, rest) = word.split_at(letters);
        matches!(letters, b"CONTROL" | b"CTRL" | b"NEG" | b"IPC") && rest.iter().all(u8::is_ascii_digit)
    };
    // A byte above ASCII is part of a letter.
    let by_word = name.split(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric()).any(is_word);
    if by_word { Control::ByName } else { Control::No }
}

/// By the type of assay (`assay`, else `ext_ctrl`, `inc_ctrl`, `amp_ctrl`), or by its name ("Incubation control 1").
pub(super) fn assay_control(kind: &[u8], name: &[u8]) -> bool {
    let kind = kind.to_ascii_lowercase();
    if !kind.is_empty() {
        return contains(&kind, b"ctrl") || contains(&kind, b"control");
    }
    let name = name.to_ascii_lowercase();
    [&b"incubation control"[..], b"extension control", b"amplification control", b"detection control"]
        .iter()
        .any(|control| name.starts_with(control))
}

/// A judgement, and whether its word is known.
#[inline]
pub(super) fn qc(word: &[u8]) -> (Qc, bool) {
    if matches!(word, b"PASS" | b"Pass" | b"" | b"NA") { (Qc::Pass, true) } else { rare_qc(word) }
}

#[inline(never)]
fn rare_qc(word: &[u8]) -> (Qc, bool) {
    let word = word.to_ascii_lowercase();
    if matches!(word.as_slice(), b"pass" | b"na" | b"nan" | b"none" | b"ok") {
        (Qc::Pass, true)
    } else if contains(&word, b"warn") {
        (Qc::Warn, true)
    } else if contains(&word, b"fail") || contains(&word, b"exclu") {
        (Qc::Fail, true)
    } else {
        (Qc::Warn, false)
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(text, word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_by_type_and_by_name() {
        for kind in ["CONTROL", "PLATE_CONTROL", "Negative_Control", "SAMPLE_CONTROL", "plate ctrl"] {
            assert_eq!(sample_control(kind.as_bytes(), b""), Control::ByType, "{kind}");
        }
        for name in ["CONTROL_SAMPLE_AS 1", "Neg 1", "NEG_CTRL", "IPC-3", "IPC2", "plate control", "CONTROL7", "CTRL_3"]
        {
            assert_eq!(sample_control(b"", name.as_bytes()), Control::ByName, "{name}");
        }
        for name in ["A1", "NEGRI7", "SIPC1", "HG00096", "NEGATIVE", "Uncontrolled", "CTRLX", "\u{c9}NEG"] {
            assert_eq!(sample_control(b"", name.as_bytes()), Control::No, "{name}");
        }
        assert_eq!(sample_control(b"SAMPLE", b""), Control::No);
        assert!(assay_control(b"ext_ctrl", b"x") && assay_control(b"", b"Incubation control 1"));
        assert!(!assay_control(b"assay", b"Extension control") && !assay_control(b"", b"IL6"));
    }

    #[test]
    fn judgements() {
        for (word, want) in [("PASS", Qc::Pass), ("Warning", Qc::Warn), ("WARN", Qc::Warn), ("FAIL", Qc::Fail)] {
            assert_eq!(qc(word.as_bytes()), (want, true));
        }
        assert_eq!(qc(b"EXCLUDED"), (Qc::Fail, true));
        assert_eq!(qc(b"odd"), (Qc::Warn, false));
    }
}
