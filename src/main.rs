//! The program: parse, run, report, exit status.

use clap::Parser;
use deconv::cli::{Arguments, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("deconv: {error}");
            ExitCode::from(error.kind.exit_status())
        }
    }
}
