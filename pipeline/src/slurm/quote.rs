//! Words of a bash script: whatever a path holds, bash must read it back as it was.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// `word` as bash reads it back: as it is where nothing in it is special, else in single quotes.
pub fn bash_word(word: &OsStr) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./,:=@%+".contains(byte);
    let bytes = word.as_bytes();
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut quoted = vec![b'\''];
    for &byte in bytes {
        match byte {
            b'\'' => quoted.extend(b"'\\''"),
            other => quoted.push(other),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// [`bash_word`] of text.
pub fn bash_text(word: &str) -> String {
    String::from_utf8_lossy(&bash_word(OsStr::new(word))).into_owned()
}

/// The value of an #SBATCH option. Slurm splits such lines at blanks and takes backslashes, quotes and '#' as special; what
/// cannot be said there is refused.
///
/// # Errors
/// One line that names the option.
pub fn sbatch_value(option: &str, value: &str) -> Result<String, String> {
    if value.is_empty() || value.chars().any(|c| c.is_control() || c == '\\' || c == '"') {
        return Err(format!(
            "--{option} {value:?}: an #SBATCH line cannot hold an empty text, a line break, a control character, a \
             backslash or a double quote; use another name"
        ));
    }
    let special = |c: char| c.is_whitespace() || c == '\'' || c == '#';
    Ok(if value.chars().any(special) { format!("\"{value}\"") } else { value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn plain_words_stay_and_others_are_quoted() {
        assert_eq!(bash_text("chr22.vcf.gz"), "chr22.vcf.gz");
        assert_eq!(bash_text("a b"), "'a b'");
        assert_eq!(bash_text("it's"), "'it'\\''s'");
        assert_eq!(bash_text(""), "''");
        assert_eq!(bash_text("~x"), "'~x'");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn prop_bash_reads_back_every_word(bytes in proptest::collection::vec(1u8..=255, 0..24)) {
            let word = std::ffi::OsString::from_vec(bytes.clone());
            let mut script = b"printf '%s' ".to_vec();
            script.extend(bash_word(&word));
            let mut child = std::process::Command::new("bash");
            child.arg("-c").arg(std::ffi::OsString::from_vec(script));
            proptest::prop_assert_eq!(child.output().unwrap().stdout, bytes);
        }
    }

    #[test]
    fn sbatch_lines_take_blanks_and_refuse_line_breaks() {
        assert_eq!(sbatch_value("chdir", "/a b").unwrap(), "\"/a b\"");
        assert_eq!(sbatch_value("chdir", "/ab").unwrap(), "/ab");
        for value in ["", "a\nb", "a\"b", "a\\b", "a\tb"] {
            assert!(sbatch_value("chdir", value).is_err(), "{value:?}");
        }
    }
}
