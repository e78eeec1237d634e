//! The program: parse, run, report, exit status.

use deconv::cli::{Request, run};
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let failures = run(&Request::parse());
    for error in &failures {
        // Where nobody listens any more, the exit status still tells.
        let _ = writeln!(std::io::stderr(), "deconv: {error}");
    }
    let worst = failures.iter().map(|error| error.kind.exit_status()).max();
    worst.map_or(ExitCode::SUCCESS, ExitCode::from)
}
