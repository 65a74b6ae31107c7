//! What `run resume` found, in words. Pure.

use bascule_engine::take_over::Resumed;
use bascule_model::ids::EnvironmentName;

use crate::text::escape::line;

/// One sentence.
#[must_use]
pub fn words(resumed: &Resumed, environment: &EnvironmentName) -> String {
    match resumed {
        Resumed::Here { run, awaits_person } => {
            format!("{run} is this state folder's own, and {}", goes_on(*awaits_person))
        }
        Resumed::TakenDown { ended } => {
            let run = ended.as_ref().map(|run| format!("; {run}, which was unfinished here, was ended"));
            format!(
                "nothing of {environment} is left: whoever had it has taken it down, and it can be deployed from here{}",
                run.unwrap_or_default()
            )
        }
        Resumed::Nothing => {
            format!("{environment} is at home in this state folder already, and no run of it is unfinished")
        }
        Resumed::TakenOver { run, is_over: false, awaits_person, from } => {
            format!("{environment} was taken over from {}: {run} {}", line(from), goes_on(*awaits_person))
        }
        Resumed::TakenOver { run, is_over: true, from, .. } => format!(
            "{environment} was taken over from {}: {run}, its last run, is over, and this state folder knows the environment from now on",
            line(from)
        ),
    }
}

fn goes_on(awaits_person: bool) -> &'static str {
    if awaits_person { "waits for a person's decision" } else { "goes on here" }
}
