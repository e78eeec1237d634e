//! What is asked for on the command line, done.

use super::arguments::{Arguments, ProgressName};
use super::generate::{completions, man, reference};
use super::info::info;
use super::program::{Command, Request};
use super::simulate::{SimulateArguments, ending};
use super::table::table;
use crate::diagnose::{Bar, Lines};
use crate::error::{Error, Result};
use crate::event::{Events, Listener};
use crate::job;
use crate::simulate;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Does what is asked for, and tells what came of it. Returns what failed, in the order in which it did.
pub fn run(request: &Request) -> Vec<Error> {
    let outcome = match request {
        Request::Deconvolve(arguments) => deconvolve(arguments),
        Request::Other(Command::Info(arguments)) => match stop_on_interrupt() {
            Ok(cancel) => return info(arguments, &cancel),
            Err(error) => Err(error),
        },
        Request::Other(Command::Simulate(arguments)) => simulate(arguments),
        Request::Other(Command::Completions { shell }) => {
            tell(&completions(*shell));
            Ok(())
        }
        Request::Other(Command::Man { command }) => man(command.as_deref()).map(|page| tell(&page)),
        Request::Other(Command::Reference) => {
            tell(reference().as_bytes());
            Ok(())
        }
    };
    outcome.err().into_iter().collect()
}

/// Runs the job that the arguments ask for.
fn deconvolve(arguments: &Arguments) -> Result<()> {
    let options = arguments.options()?;
    let cancel = stop_on_interrupt()?;
    let events = Events::new(listeners(arguments));
    let summary = job::deconvolve(&options, &events, &cancel);
    drop(events);
    let summary = summary?;
    if !arguments.quiet {
        tell(table(&summary).as_bytes());
    }
    Ok(())
}

/// Makes the observation that the arguments ask for.
fn simulate(arguments: &SimulateArguments) -> Result<()> {
    let cancel = stop_on_interrupt()?;
    let events = Events::new(if arguments.quiet { Vec::new() } else { vec![Box::new(Lines::new(false))] });
    let meta = simulate::simulate(&arguments.options(), &events, &cancel)?;
    if !arguments.quiet {
        tell(ending(&meta, arguments).as_bytes());
    }
    Ok(())
}

/// A reader who has gone away, as in `deconv … | head -1`, is no failure.
pub fn tell(text: &[u8]) {
    let _ = std::io::stdout().write_all(text);
}

fn listeners(arguments: &Arguments) -> Vec<Box<dyn Listener>> {
    if arguments.quiet {
        return Vec::new();
    }
    let terminal = std::io::stderr().is_terminal();
    match arguments.progress {
        ProgressName::Auto if terminal => vec![Box::new(Bar::new(arguments.verbose))],
        ProgressName::Always => vec![Box::new(Bar::new(arguments.verbose))],
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
