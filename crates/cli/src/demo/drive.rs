//! Drives the scenario through this program's own commands, as a user would type them, and reads their JSON lines.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use bascule_model::problem::{Code, Problem};
use bascule_server::api::{Line, OutcomeLine};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::Instant;

use crate::context::Context;
use crate::demo::act::Act;
use crate::demo::scenario::{Does, Scene};
use crate::demo::scratch::{ENVIRONMENT, Scratch};
use crate::demo::show::Progress;
use crate::text::escape;

/// Calls the program.
pub struct Driver<'a> {
    /// Whose program it is.
    pub context: &'a Context,
    scratch: &'a Scratch,
    program: PathBuf,
}

/// What a command said.
pub struct Said {
    /// How it ended.
    pub status: ExitStatus,
    /// Its lines before the last.
    pub lines: Vec<Line>,
    /// Its outcome, if the last line is one.
    pub outcome: Option<OutcomeLine>,
    /// What it wrote for people.
    pub words: String,
}

impl<'a> Driver<'a> {
    /// A driver for that scratch folder.
    ///
    /// # Errors
    /// When the program's own file is not known.
    pub fn new(context: &'a Context, scratch: &'a Scratch) -> Result<Self, Problem> {
        Ok(Self { context, scratch, program: context.machine.program()? })
    }

    /// Plays a scene.
    ///
    /// # Errors
    /// When its command ended without an outcome.
    pub async fn play(&self, scene: &Scene, before: &[Act]) -> Result<Act, Problem> {
        let mut arguments = match &scene.does {
            Does::Deploy(_) => vec!["deploy".to_owned(), ENVIRONMENT.to_owned()],
            Does::RollbackTo(_) => vec!["rollback".to_owned(), ENVIRONMENT.to_owned()],
        };
        if let Does::RollbackTo(goal) = scene.does
            && let Some(release) = before.get(goal).and_then(|act| act.release.clone())
        {
            arguments.extend(["--to".to_owned(), release.to_string()]);
        }
        let began = Instant::now();
        let mut progress = Progress::begin(self.context.screen, scene);
        let said = self.call(&arguments, |line| progress.line(line)).await?;
        progress.end();
        let took = began.elapsed();
        match &said.outcome {
            Some(outcome) => Ok(Act::new(scene, outcome, &said.lines, took)),
            None => Err(speechless(&arguments, &said)),
        }
    }

    /// Calls a command with JSON output and reads it to its end.
    ///
    /// # Errors
    /// When it cannot be started or read.
    pub async fn call(&self, arguments: &[String], mut on_line: impl FnMut(&Line)) -> Result<Said, Problem> {
        let failed = |error: std::io::Error| {
            Problem::new(
                Code::Internal,
                format!("calling `bascule {}`: {error}", arguments.join(" ")),
                "try again when this machine has less to do",
            )
        };
        let mut child = Command::new(&self.program)
            .args(arguments)
            .args(["--output", "json", "--project"])
            .arg(&self.scratch.project)
            .arg("--state")
            .arg(&self.scratch.state)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let (Some(out), Some(mut err)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed(std::io::Error::other("its outputs are not there")));
        };
        let read_lines = async {
            let mut said = (Vec::new(), None);
            let mut lines = BufReader::new(out).lines();
            while let Some(text) = lines.next_line().await? {
                match serde_json::from_str::<Line>(&text) {
                    Ok(Line::Outcome(outcome)) => said.1 = Some(outcome),
                    Ok(line) => {
                        on_line(&line);
                        said.0.push(line);
                    }
                    // Not a line of a run: the commands that make none are read by their exit status.
                    Err(_) => {}
                }
            }
            Ok::<_, std::io::Error>(said)
        };
        let read_words = async {
            let mut words = Vec::new();
            err.read_to_end(&mut words).await?;
            Ok::<_, std::io::Error>(String::from_utf8_lossy(&words).into_owned())
        };
        let ((lines, outcome), words) = tokio::try_join!(read_lines, read_words).map_err(failed)?;
        let status = child.wait().await.map_err(failed)?;
        Ok(Said { status, lines, outcome, words })
    }
}

fn speechless(arguments: &[String], said: &Said) -> Problem {
    Problem::new(
        Code::Internal,
        format!(
            "`bascule {}` ended with {} and no outcome:\n{}",
            arguments.join(" "),
            said.status,
            escape::lines(said.words.trim_end())
        ),
        "`bascule doctor` says what is missing on this machine",
    )
}
