//! What is asked for on the command line, done.

use super::arguments::{Arguments, ProgressName};
use super::bench::bench;
use super::devices::devices;
use super::forecast::forecast_text;
use super::gather::gather;
use super::generate::{completions, man, reference};
use super::info::info;
use super::program::{Command, PlanArguments, Request};
use super::restore::{self, RestoreArguments};
use super::score::score;
use super::simulate::{SimulateArguments, ending};
use super::status::status;
use super::submit::submit;
use super::table::table;
use crate::diagnose::{Bar, Lines};
use crate::error::{Error, Kind, Result};
use crate::event::{Events, Listener};
use crate::job;
use crate::simulate;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does what is asked for, and tells what came of it. Returns what failed, in the order in which it did.
pub fn run(request: &Request) -> Vec<Error> {
    let outcome = match request {
        Request::Deconvolve(arguments) => deconvolve(arguments),
        Request::Other(Command::Info(arguments)) => match stop_on_interrupt() {
            Ok(cancel) => return info(arguments, &cancel),
            Err(error) => Err(error),
        },
        Request::Other(Command::Score(arguments)) => match stop_on_interrupt() {
            Ok(cancel) => return score(arguments, &cancel),
            Err(error) => Err(error),
        },
        Request::Other(Command::Plan(arguments)) => plan(arguments),
        Request::Other(Command::Restore(arguments)) => restore(arguments),
        Request::Other(Command::Submit(arguments)) => {
            stop_on_interrupt().and_then(|cancel| submit(arguments, &cancel)).map(|text| tell(text.as_bytes()))
        }
        Request::Other(Command::Status(arguments)) => status(arguments).map(|text| tell(text.as_bytes())),
        Request::Other(Command::Gather(arguments)) => return gather(arguments),
        Request::Other(Command::Simulate(arguments)) => simulate(arguments),
        Request::Other(Command::Bench(arguments)) => stop_on_interrupt().and_then(|cancel| bench(arguments, &cancel)),
        Request::Other(Command::Devices(arguments)) => devices(arguments).map(|text| tell(text.as_bytes())),
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
    let signals = Signals::watch()?;
    if options.resume && job::is_finished(&options) {
        if !arguments.quiet {
            tell(b"the run is finished: its products are there\n");
        }
        return Ok(());
    }
    let events = Events::new(listeners(arguments));
    let summary = job::deconvolve(&options, &events, &signals.cancel);
    drop(events);
    let summary = summary.map_err(|error| signals.named(error))?;
    if !arguments.quiet {
        tell(table(&summary).as_bytes());
    }
    Ok(())
}

/// Says what the job that the arguments ask for would take.
fn plan(arguments: &PlanArguments) -> Result<()> {
    let options = arguments.run.options()?;
    let signals = Signals::watch()?;
    let forecast = job::forecast(&options, &signals.cancel).map_err(|error| signals.named(error))?;
    tell(forecast_text(&forecast, arguments.json)?.as_bytes());
    Ok(())
}

/// Restores the model that the arguments name.
fn restore(arguments: &RestoreArguments) -> Result<()> {
    let options = arguments.options()?;
    let cancel = stop_on_interrupt()?;
    let events = Events::new(if arguments.quiet { Vec::new() } else { vec![Box::new(Lines::notes_only())] });
    let planes = job::restore(&options, &events, &cancel)?;
    if !arguments.quiet {
        tell(restore::ending(&planes).as_bytes());
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

/// The signals that stop a run in good order.
struct Signals {
    cancel: Arc<AtomicBool>,
    /// The last one that came.
    which: Arc<AtomicUsize>,
}

impl Signals {
    /// Watches for them. A second Ctrl-C ends the process at once; the others, which batch systems repeat, do not.
    fn watch() -> Result<Signals> {
        let failed = |e: std::io::Error| Error::internal(format!("signals cannot be watched for: {e}"));
        write_errors_for_large_files().map_err(failed)?;
        let (interrupted, signals) = (Arc::default(), Signals { cancel: Arc::default(), which: Arc::default() });
        flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&interrupted)).map_err(failed)?;
        flag::register(SIGINT, interrupted).map_err(failed)?;
        for signal in [SIGINT, SIGTERM, SIGUSR1] {
            flag::register_usize(signal, signals.which.clone(), signal as usize).map_err(failed)?;
            flag::register(signal, signals.cancel.clone()).map_err(failed)?;
        }
        Ok(signals)
    }

    /// The error of a run that was stopped, of the kind of the signal that stopped it.
    fn named(&self, error: Error) -> Error {
        let by_user = self.which.load(Ordering::Relaxed) == SIGINT as usize;
        if error.kind == Kind::Interrupted && !by_user { Error { kind: Kind::Stopped, ..error } } else { error }
    }
}

/// The first Ctrl-C stops the run in good order; a second one ends the process at once.
fn stop_on_interrupt() -> Result<Arc<AtomicBool>> {
    let cancel: Arc<AtomicBool> = Arc::default();
    let failed = |e: std::io::Error| Error::internal(format!("Ctrl-C cannot be watched for: {e}"));
    write_errors_for_large_files().map_err(failed)?;
    for signal in [SIGINT, SIGTERM] {
        flag::register_conditional_shutdown(signal, 130, cancel.clone()).map_err(failed)?;
        flag::register(signal, cancel.clone()).map_err(failed)?;
    }
    Ok(cancel)
}

/// A file that becomes larger than a limit (`ulimit -f`) is an error where it is written, not the end of the process.
fn write_errors_for_large_files() -> std::io::Result<()> {
    flag::register(SIGXFSZ, Arc::default()).map(|_| ())
}
