//! A task from its start to its end: what it writes goes into its log, and who takes too long or is no longer wanted is asked to end,
//! then killed.

use std::collections::VecDeque;
use std::time::Duration;

use bascule_model::evidence::Exit;
use bascule_model::release::Task;
use futures_util::StreamExt as _;

use crate::context::StepContext;
use crate::failure_log::indented;
use crate::ports::{ExecOutput, ExecSession, Log, PortError};

/// How often it is asked whether somebody wants the run to end.
const TICK: Duration = Duration::from_millis(200);
/// How long one that is to end may take to do so.
const GRACE: Duration = Duration::from_secs(10);
const SIGTERM: i32 = 15;
/// How many lines a message carries, and of how many characters.
const LINES: usize = 20;
const WIDTH: usize = 500;

/// How a task came to its end.
pub(super) enum End {
    /// By itself.
    Itself(Exit),
    /// It was made to, when its time was over.
    TimedOut(Exit),
    /// It was made to, because the run is to end.
    Left,
}

/// Why a task is made to end.
enum Why {
    Late,
    Unwanted,
}

/// A task that is over.
pub(super) struct Followed {
    pub(super) end: End,
    pub(super) took: Duration,
    /// Its last lines, ready to be put behind a sentence.
    pub(super) last: String,
}

/// Follows it to its end.
pub(super) async fn follow(
    step: &str,
    context: &StepContext<'_>,
    task: &Task,
    session: ExecSession,
    mut log: Box<dyn Log>,
) -> Result<Followed, PortError> {
    let clock = &context.ports.clock;
    let ExecSession { input, mut output, control } = session;
    // It is asked nothing.
    drop(input);
    let began = clock.elapsed();
    let (mut last, mut said) = (Last::default(), String::new());
    let mut ending: Option<(Why, Duration)> = None;
    let mut ended: Option<(Exit, Duration)> = None;
    let (mut wait, mut tick, mut is_open) = (control.wait(), clock.sleep(TICK), true);
    let exit = loop {
        tokio::select! {
            biased;
            () = &mut tick => {
                tick = clock.sleep(TICK);
                if let Some(line) = last.line().filter(|line| *line != said) {
                    context.note(step, format!("{}: {line}", task.name));
                    line.clone_into(&mut said);
                }
                let now = clock.elapsed();
                match (&ended, &ending) {
                    // Something that it left behind has its output, and is none of the task.
                    (Some((exit, since)), _) if now.saturating_sub(*since) >= GRACE => break exit.clone(),
                    (None, Some((_, since))) if now.saturating_sub(*since) >= GRACE => break Exit::Unknown,
                    (None, None) => {
                        let is_late = now.saturating_sub(began) >= task.timeout;
                        let is_unwanted = context.is_to_be_left().then_some(Why::Unwanted);
                        if let Some(why) = is_unwanted.or(is_late.then_some(Why::Late)) {
                            ending = Some((why, now));
                            // One that cannot be told is killed when its grace is over.
                            let _ = control.signal(SIGTERM).await;
                        }
                    }
                    _ => {}
                }
            }
            exit = &mut wait, if ended.is_none() => ended = Some((exit?, clock.elapsed())),
            piece = output.next(), if is_open => match piece {
                Some(ExecOutput::Stdout(bytes) | ExecOutput::Stderr(bytes)) => {
                    log.write(&bytes)?;
                    last.push(&bytes);
                }
                None => is_open = false,
            },
        }
        if let Some((exit, _)) = ended.as_ref().filter(|_| !is_open) {
            break exit.clone();
        }
    };
    drop(wait);
    // Kills it where it did not end when it was told to.
    drop(control);
    let end = match ending {
        None => End::Itself(exit),
        Some((Why::Late, _)) => End::TimedOut(exit),
        Some((Why::Unwanted, _)) => End::Left,
    };
    Ok(Followed { end, took: clock.elapsed().saturating_sub(began), last: last.in_words() })
}

/// The last lines of a text that comes in pieces.
#[derive(Default)]
struct Last {
    lines: VecDeque<String>,
    /// What has no end yet, no more of it than is shown.
    open: Vec<u8>,
}

impl Last {
    fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, is_whole) = match piece.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (piece, false),
            };
            let room = (WIDTH * 4).saturating_sub(self.open.len());
            self.open.extend_from_slice(&text[..text.len().min(room)]);
            if is_whole {
                let line = shown(&std::mem::take(&mut self.open));
                self.lines.push_back(line);
                if self.lines.len() > LINES {
                    self.lines.pop_front();
                }
            }
        }
    }

    fn line(&self) -> Option<&str> {
        self.lines.iter().rev().find(|line| !line.is_empty()).map(String::as_str)
    }

    fn in_words(mut self) -> String {
        if !self.open.is_empty() {
            self.push(b"\n");
        }
        if self.lines.is_empty() {
            return "; it wrote nothing".to_owned();
        }
        format!("; its last lines:\n{}", indented(self.lines.make_contiguous()))
    }
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().chars().filter(|c| !c.is_control()).take(WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_of_pieces() {
        let mut last = Last::default();
        assert_eq!(Last::default().in_words(), "; it wrote nothing");
        last.push(b"one\ntw");
        assert_eq!(last.line(), Some("one"));
        last.push(b"o\r\n\n\x1b[1mthree");
        assert_eq!(last.line(), Some("two"));
        assert_eq!(last.in_words(), "; its last lines:\n    one\n    two\n    \n    [1mthree");
        let mut last = Last::default();
        for n in 0..LINES + 5 {
            last.push(format!("line {n}\n").as_bytes());
        }
        last.push(&[b'x'; 10_000]);
        last.push(b"\n");
        assert_eq!(last.lines.len(), LINES);
        assert_eq!(last.lines[0], "line 6");
        assert_eq!(last.lines[LINES - 1].len(), WIDTH);
    }
}
