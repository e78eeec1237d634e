//! The program: parse, run, report, exit status.

use clap::Parser;
use deconv::cli::{Arguments, run};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody listens any more, the exit status still tells.
            let _ = writeln!(std::io::stderr(), "deconv: {error}");
            ExitCode::from(error.kind.exit_status())
        }
    }
}
