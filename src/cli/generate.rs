//! What is made from the definition of the command line: completions, the manual page, the reference in Markdown.

use super::program::program;
use crate::error::{Error, Result};
use clap::{Arg, Command};
use clap_complete::Shell;

/// The completions for a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut program(), "deconv", &mut text);
    text
}

/// The manual page of the program, or of one of its commands.
///
/// # Errors
/// Of kind `Usage`, if there is no such command.
pub fn man(command: Option<&str>) -> Result<Vec<u8>> {
    let mut whole = program();
    whole.build();
    let page = match command {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .filter(|found| !found.is_hide_set())
            .cloned()
            .ok_or_else(|| Error::usage(format!("{name} is no command")).remedy("deconv --help lists them"))?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page)
        .render(&mut text)
        .map_err(|error| Error::internal(format!("no manual page: {error}")))?;
    Ok(text)
}

/// The reference of the command line, docs/cli.md.
pub fn reference() -> String {
    let mut whole = program();
    whole.build();
    let mut text = String::from(
        "# The command line\n\nThis file is generated from the program: `deconv reference > docs/cli.md` (a test holds it up to \
         date).\n",
    );
    describe(&whole, "deconv", &mut text);
    for command in whole.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help") {
        describe(command, &format!("deconv {}", command.get_name()), &mut text);
    }
    text
}

/// Appends a section about one command.
fn describe(command: &Command, name: &str, text: &mut String) {
    let usage = command.clone().render_usage().to_string();
    let usage: Vec<&str> = usage.lines().map(|line| line.trim_start_matches("Usage:").trim()).collect();
    text.push_str(&format!("\n## `{name}`\n\n"));
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    text.push_str(&format!("{about}\n\n```\n{}\n```\n", usage.join("\n")));
    let mut headings: Vec<&str> = Vec::new();
    let shown = || command.get_arguments().filter(|arg| !arg.is_hide_set());
    for arg in shown() {
        if !headings.contains(&heading(arg)) {
            headings.push(heading(arg));
        }
    }
    for wanted in headings {
        text.push_str(&format!("\n### {wanted}\n\n"));
        shown().filter(|arg| heading(arg) == wanted).for_each(|arg| text.push_str(&line(arg)));
    }
    if let Some(after) = command.get_after_long_help().or(command.get_after_help()) {
        text.push_str(&format!("\n{after}\n"));
    }
}

fn heading(arg: &Arg) -> &str {
    arg.get_help_heading().unwrap_or(if arg.is_positional() { "Arguments" } else { "Options" })
}

/// An item of a list about one option.
fn line(arg: &Arg) -> String {
    let takes_value = arg.get_action().takes_values();
    let names = arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>"));
    let names = if takes_value { names.collect::<Vec<_>>().join(" ") } else { String::new() };
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    let spelled = [flags.join(", "), names].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let values: Vec<String> = if takes_value {
        let values = arg.get_possible_values();
        values.iter().filter(|value| !value.is_hide_set()).map(|value| format!("`{}`", value.get_name())).collect()
    } else {
        Vec::new()
    };
    if !values.is_empty() {
        text.push_str(&format!("; one of {}", values.join(", ")));
    }
    let defaults: Vec<String> = arg.get_default_values().iter().map(|v| format!("`{}`", v.to_string_lossy())).collect();
    if takes_value && !defaults.is_empty() {
        text.push_str(&format!(" [default: {}]", defaults.join(", ")));
    }
    format!("- `{spelled}`: {text}\n")
}
