//! How a command can fail, and how that is said: on standard error for a person, as a last JSON line for a program.

use std::io;

use bascule_model::ids::RunId;
use bascule_model::manifest::{Color, Diagnostics};
use bascule_model::problem::{Code, Exit, Problem};
use serde_json::json;

use crate::screen::{Format, Screen};
use crate::view;

/// The shell's status for a program that was ended by SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Why a command did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Something went wrong that has a code and a remedy.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The manifest has mistakes.
    #[error("reading the manifest: {0}")]
    Manifest(Box<Diagnostics>),
    /// The user pressed Ctrl-C while a run was followed; the run goes on.
    #[error("no longer following {run}")]
    Interrupted {
        /// The run.
        run: RunId,
    },
    /// The user pressed Ctrl-C while a pipeline's run was followed; it goes on.
    #[error("no longer following {run}")]
    Left {
        /// The run.
        run: String,
    },
    /// Standard output takes nothing more.
    #[error("writing the result: {0}")]
    Output(io::Error),
}

impl Failure {
    /// Says it and gives the exit status.
    pub fn report(&self, screen: &Screen) -> u8 {
        self.say(screen);
        if screen.format == Format::Json {
            // When nobody reads it, nobody is to be told.
            let _ = self.last_line().map(|line| screen.json(&line));
        }
        self.status()
    }

    /// Says it on standard error.
    pub fn say(&self, screen: &Screen) {
        match self {
            Self::Problem(problem) => screen.note(&view::problem(problem)),
            Self::Manifest(diagnostics) => {
                let color = if screen.has_colour() { Color::Always } else { Color::Never };
                screen.note(&diagnostics.render(color));
                screen.note(&view::problem(&self.problem()));
            }
            Self::Interrupted { run } => screen.note(&format!(
                "\n{run} goes on without this command.\n  follow it again: bascule run show {run} --follow\n  end it:          bascule abort {run}"
            )),
            Self::Left { run } => screen.note(&format!(
                "\n{run} goes on without this command.\n  follow it again: bascule pipeline show {run} --follow\n  end it:          bascule pipeline abort {run}"
            )),
            Self::Output(_) => {}
        }
    }

    fn last_line(&self) -> Option<serde_json::Value> {
        match self {
            Self::Problem(problem) => Some(json!({ "type": "error", "error": problem })),
            Self::Manifest(diagnostics) => Some(
                json!({ "type": "error", "error": self.problem(), "diagnostics": diagnostics.records() }),
            ),
            Self::Interrupted { run } => Some(json!({ "type": "detached", "run": run })),
            Self::Left { run } => Some(json!({ "type": "detached", "run": run })),
            Self::Output(_) => None,
        }
    }

    /// The failure as code, sentence and remedy.
    pub fn problem(&self) -> Problem {
        match self {
            Self::Problem(problem) => problem.clone(),
            Self::Manifest(diagnostics) => Problem::new(
                Code::ManifestInvalid,
                diagnostics.to_string(),
                "mend the places that are marked, then run `bascule validate`",
            ),
            Self::Interrupted { run } => Problem::new(
                Code::Aborted,
                format!("no longer following {run}; it goes on"),
                format!("follow it again with `bascule run show {run} --follow`"),
            ),
            Self::Left { run } => Problem::new(
                Code::Aborted,
                format!("no longer following {run}; it goes on"),
                format!("follow it again with `bascule pipeline show {run} --follow`"),
            ),
            Self::Output(error) => Problem::new(
                Code::Internal,
                format!("writing the result: {error}"),
                "make sure that standard output can be written",
            ),
        }
    }

    /// The exit status.
    pub fn status(&self) -> u8 {
        match self {
            Self::Problem(problem) => problem.code.exit().status(),
            Self::Manifest(_) => Exit::Usage.status(),
            Self::Interrupted { .. } | Self::Left { .. } => INTERRUPTED,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done.status(),
            Self::Output(_) => Exit::Temporary.status(),
        }
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Manifest(Box::new(diagnostics))
    }
}
