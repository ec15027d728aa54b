//! The norna binary.

fn main() -> std::process::ExitCode {
    norna::cli::main()
}
