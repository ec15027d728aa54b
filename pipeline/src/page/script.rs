//! Data as scripts: pages that are opened from a disk may load nothing else.

use serde::Serialize;

/// `call(JSON);` in ASCII without any `<`, so that no browser reads anything in it as an end of the script, whatever a trait
/// is named.
pub fn call(function: &str, arguments: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let json = serde_json::to_string(arguments)?;
    let mut text = Vec::with_capacity(json.len() + function.len() + 4);
    text.extend_from_slice(function.as_bytes());
    text.push(b'(');
    for letter in json.chars() {
        match letter {
            ' '..='~' if letter != '<' => text.push(letter as u8),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    text.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
    text.extend_from_slice(b");\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_end_a_script() {
        let names = ["</script><img src=x>", "\u{2028}\u{2029}", "naïve \u{1f9ec}", "a\"b\\"];
        let text = String::from_utf8(call("norna.receive", &names).unwrap()).unwrap();
        assert!(text.is_ascii() && !text.contains('<'), "{text}");
        let json = text.strip_prefix("norna.receive(").unwrap().strip_suffix(");\n").unwrap();
        assert_eq!(serde_json::from_str::<Vec<String>>(json).unwrap(), names);
    }
}
