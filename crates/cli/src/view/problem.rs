//! A problem as three things a person looks for: the code, what happened, what to do.

use bascule_model::problem::Problem;

use crate::text::escape;
use crate::text::style::{BAD, STRONG, paint};
use crate::text::wrap::wrap;

/// `error[CODE]: …` and `remedy: …`. Lines behind the first one of the message (log lines) are kept as they are.
pub fn problem(problem: &Problem) -> String {
    let head = format!("error[{}]", problem.code);
    let message = escape::lines(&problem.message);
    let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let mut text = format!("{}: {}", paint(BAD, &head), wrap(first, head.len() + 2, 2));
    for line in rest.lines() {
        text.push_str("\n  ");
        text.push_str(line);
    }
    let remedy = escape::lines(&problem.remedy);
    text.push_str(&format!("\n{}: {}", paint(STRONG, "remedy"), wrap(&remedy, 8, 2)));
    text
}

#[cfg(test)]
mod tests {
    use bascule_model::problem::Code;

    use super::*;

    #[test]
    fn log_lines_stay_whole_and_harmless() {
        let long = "x ".repeat(60).trim_end().to_owned();
        let shown = problem(&Problem::new(
            Code::InstanceCrashLoop,
            format!(
                "web-1 ended again and again while it started, the last time with exit status 3; its last lines:\n{long}\n\u{1b}[2Jboom"
            ),
            "read all it wrote with `bascule logs staging --release r2-abcdef`, mend it, deploy again",
        ));
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown).to_string());
    }
}
