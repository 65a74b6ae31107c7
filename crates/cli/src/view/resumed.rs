//! What `run resume` found, in words. Pure.

use bascule_engine::take_over::Resumed;
use bascule_model::ids::EnvironmentName;

use crate::text::escape::line;

/// One sentence.
#[must_use]
pub fn words(resumed: &Resumed, environment: &EnvironmentName) -> String {
    match resumed {
        Resumed::Here { run } => format!("{run} is this state folder's own, and goes on"),
        Resumed::Nothing => {
            format!("{environment} is at home in this state folder already, and no run of it is unfinished")
        }
        Resumed::TakenOver { run, is_over: false, from } => {
            format!("{environment} was taken over from {}: {run} goes on here", line(from))
        }
        Resumed::TakenOver { run, is_over: true, from } => format!(
            "{environment} was taken over from {}: {run}, its last run, is over, and this state folder knows the environment from now on",
            line(from)
        ),
    }
}
