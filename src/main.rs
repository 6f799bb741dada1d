//! The command line of parkgate.

use std::process::ExitCode;

fn main() -> ExitCode {
    parkgate::cli::main()
}
