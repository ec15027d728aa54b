//! Standard output of commands that print once.

use std::io::{self, ErrorKind, Write};

/// Prints a text. Nobody reading on (`| head`) is an end, not a failure.
///
/// # Errors
/// It cannot be written.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
