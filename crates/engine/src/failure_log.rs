//! The end of a failed instance's log, for a message.

use bascule_model::ids::InstanceId;

use crate::context::StepContext;
use crate::ports::LogQuery;

/// How many lines a message carries.
const LINES: usize = 20;

/// The last lines of the instance, ready to be put behind a sentence; empty when there are none.
pub(crate) async fn last_lines(context: &StepContext<'_>, instance: &InstanceId) -> String {
    let Some(subject) = context.subject else { return String::new() };
    let query = LogQuery { release: subject.release.id.clone(), service: None, tail: LINES };
    let logs = context.ports.target.logs(context.key(), &query).await.unwrap_or_default();
    let lines: Vec<String> =
        logs.into_iter().filter(|log| log.instance == *instance).flat_map(|log| log.lines).collect();
    if lines.is_empty() {
        "; it wrote nothing".to_owned()
    } else {
        format!("; its last lines:\n{}", indented(&lines))
    }
}

/// Lines under a sentence.
pub(crate) fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
