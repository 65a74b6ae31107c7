//! The command line: options that all commands take, and the commands. Each command's own options stand in its file.

use std::io::Write as _;
use std::path::PathBuf;

use bascule_model::problem::{Code, Exit, Problem};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser};
use serde_json::json;

use crate::commands::Command;
use crate::screen::Format;

const AFTER_HELP: &str = "\
Examples:
  bascule demo                  see deploys, failures and rollbacks under load
  bascule init                  write a bascule.toml for the app in this folder
  bascule deploy staging        deploy it
  bascule rollback staging      take that back

Exit codes:
   0  live, or done
   2  the command line or the manifest is wrong
   3  the environment's policy does not allow it
   4  refused: nothing was touched
   5  others have to approve of it first
   6  the plan is stale, or another run has the environment
   7  failed and rolled back: the former release has the traffic
   8  stuck: a person must decide
  75  temporary: try again
 130  a followed run was left (Ctrl-C); it goes on";

/// What options of all commands stand under.
const HEADING: &str = "Options of all commands";

/// Deploys an app blue-green on this machine, watches it, and takes it back, without losing a request
#[derive(Debug, Parser)]
#[command(name = "bascule", version, after_help = AFTER_HELP, max_term_width = 80)]
pub struct Arguments {
    /// What all commands take.
    #[command(flatten)]
    pub global: Global,

    /// The command.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options of all commands.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The project's folder [default: this one or the nearest above with a bascule.toml]
    #[arg(long, global = true, value_name = "DIR", help_heading = HEADING)]
    pub project: Option<PathBuf>,

    /// The state folder, also as BASCULE_STATE; two of them never meet [default:
    /// $XDG_STATE_HOME/bascule or ~/.local/state/bascule]
    #[arg(long, global = true, value_name = "DIR", env = "BASCULE_STATE", hide_env = true, help_heading = HEADING)]
    pub state: Option<PathBuf>,

    /// The form of results; with json a long command writes one event a line [default: text]
    #[arg(long, global = true, value_name = "text|json", default_value = "text")]
    #[arg(hide_possible_values = true, hide_default_value = true, help_heading = HEADING)]
    pub output: Format,
}

/// Shows the help where a command should stand, and gives the exit status.
pub fn no_command() -> u8 {
    let help = Arguments::command().render_help();
    let _ = write!(anstream::stderr(), "{}", help.ansi());
    Exit::Usage.status()
}

/// Says what is wrong with the command line (or shows the help that was asked for), and gives the exit status.
pub fn refuse(error: &clap::Error) -> u8 {
    let _ = error.print();
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if error.exit_code() == 0 {
        return Exit::Done.status();
    }
    if !is_help && asks_for_json() {
        let text = error.render().to_string();
        let sentence = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let problem =
            Problem::new(Code::Usage, sentence, "`bascule help` lists the commands and their options");
        // When nobody reads it, nobody is to be told.
        let _ = writeln!(std::io::stdout(), "{}", json!({ "type": "error", "error": problem }));
    }
    Exit::Usage.status()
}

/// Whether the arguments, though they cannot be understood, ask for JSON.
fn asks_for_json() -> bool {
    let arguments: Vec<_> = std::env::args().collect();
    let apart = arguments.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json");
    apart || arguments.iter().any(|argument| argument == "--output=json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(command: &mut clap::Command, path: &str, visit: &mut impl FnMut(&str, &str)) {
        visit(path, &command.render_long_help().to_string());
        for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
            let path = format!("{path} {}", inner.get_name());
            walk(inner, &path, visit);
        }
    }

    #[test]
    fn the_definitions_hold_together() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_that_it_understands() {
        let mut seen = 0;
        let mut command = Arguments::command();
        command.build();
        walk(&mut command, "bascule", &mut |path, help| {
            let (_, examples) =
                help.split_once("Examples:\n").unwrap_or_else(|| panic!("{path} has no example"));
            let own: Vec<&str> = examples
                .lines()
                .take_while(|line| !line.trim().is_empty())
                .filter_map(|line| line.trim().strip_prefix("bascule "))
                .collect();
            assert!(!own.is_empty(), "{path} has no example");
            for example in own {
                // Two spaces set a remark apart.
                let words = example.split("  ").next().unwrap_or_default();
                let words = words.split(" > ").next().unwrap_or_default();
                let words = shell_words(words);
                let parsed = Arguments::try_parse_from(std::iter::once("bascule".to_owned()).chain(words));
                assert!(parsed.is_ok(), "{path}: `bascule {example}`: {}", parsed.unwrap_err());
            }
            seen += 1;
        });
        assert!(seen > 20, "only {seen} commands");
    }

    fn shell_words(line: &str) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.trim().chars() {
            match c {
                '"' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        words
    }
}
