//! A deconvolution from the command line.

use super::arguments::{Arguments, ProgressName};
use super::table::table;
use crate::diagnose::{Bars, Lines};
use crate::error::{Error, Result};
use crate::event::{Events, Listener};
use crate::job;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs the job that the arguments ask for, and tells what came of it.
///
/// # Errors
/// Those of the job.
pub fn run(arguments: &Arguments) -> Result<()> {
    let options = arguments.options()?;
    let cancel = stop_on_interrupt()?;
    let events = Events::new(listeners(arguments));
    let summary = job::deconvolve(&options, &events, &cancel);
    drop(events);
    let summary = summary?;
    if !arguments.quiet {
        // The work is done and written, even if the reader of the table has gone.
        let _ = std::io::stdout().write_all(table(&summary).as_bytes());
    }
    Ok(())
}

fn listeners(arguments: &Arguments) -> Vec<Box<dyn Listener>> {
    if arguments.quiet {
        return Vec::new();
    }
    let terminal = std::io::stderr().is_terminal();
    match arguments.progress {
        ProgressName::Auto if terminal => vec![Box::new(Bars::new(arguments.verbose))],
        ProgressName::Always => vec![Box::new(Bars::new(arguments.verbose))],
        ProgressName::Auto => vec![Box::new(Lines::new(arguments.verbose))],
        ProgressName::Never => vec![Box::new(Lines::notes_only())],
    }
}

/// The first Ctrl-C stops the run in good order; a second one ends the process at once.
fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    let cancel: Arc<AtomicBool> = Arc::default();
    let failed = |e: std::io::Error| Error::internal(format!("Ctrl-C cannot be watched for: {e}"));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, cancel.clone()).map_err(failed)?;
        signal_hook::flag::register(signal, cancel.clone()).map_err(failed)?;
    }
    Ok(cancel)
}
