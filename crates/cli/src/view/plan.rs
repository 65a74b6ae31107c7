//! A plan: what would change, in which steps, and the command that does exactly that. Values of the configuration are no
//! part of a plan, so none can be shown.

use bascule_model::plan::{ArtifactPlan, Change, Plan, ServiceChange};
use bascule_server::api::Planned;

use crate::text::escape;
use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::table::{Cell, Table};
use crate::text::wrap::wrap;

/// The whole page.
pub fn plan(planned: &Planned) -> String {
    let plan = &planned.plan;
    let mut text = format!(
        "{} of {} to {} of {}: nothing is done yet\n\n",
        paint(STRONG, plan.kind.as_str()),
        plan.release.as_ref().map_or("everything", |release| release.as_str()),
        plan.key.environment,
        plan.key.app,
    );
    text.push_str(&facts(plan));
    section(&mut text, "services", &services(&plan.services));
    section(&mut text, "configuration (names only)", &configuration(plan));
    section(&mut text, "steps", &steps(plan));
    section(&mut text, "notes", &notes(plan));
    text.push_str(&format!(
        "\nplan {}\napply exactly this:\n  bascule deploy {} \\\n    --plan {}\n",
        planned.plan_hash, plan.key.environment, planned.plan_hash
    ));
    text
}

fn section(text: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        text.push_str(&format!("\n{}\n{body}", paint(STRONG, title)));
    }
}

fn facts(plan: &Plan) -> String {
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([name.into(), value.into()]);
    row("artifact", artifact(&plan.artifact));
    row("slot", plan.slot.to_string());
    row(
        "live now",
        plan.live
            .as_ref()
            .map_or_else(|| "nothing".to_owned(), |one| format!("{} in {}", one.release, one.slot)),
    );
    if let Some(standby) = &plan.standby {
        row("standby", format!("{} in {}", standby.release, standby.slot));
    }
    table.render(2)
}

fn artifact(artifact: &ArtifactPlan) -> String {
    match artifact {
        ArtifactPlan::Build { command, source } => {
            format!("built by `{}` from sources {}", escape::line(command), short(source))
        }
        ArtifactPlan::Files { digest } => format!("the files as they are, {}", short(digest)),
        ArtifactPlan::Image { reference, digest } => format!("{reference}, {}", short(digest)),
        ArtifactPlan::Store { digest } => format!("{}, from the store", short(digest)),
        ArtifactPlan::None => "none".to_owned(),
    }
}

/// The start of a digest, enough to tell two apart.
pub fn short(digest: &str) -> String {
    let length = if digest.starts_with("sha256:") { 19 } else { 12 };
    escape::line(digest.get(..length).unwrap_or(digest))
}

fn services(changes: &[ServiceChange]) -> String {
    let mut table = Table::default();
    for change in changes {
        let (mark, counts) = match (change.from, change.to) {
            (None, Some(to)) => (Cell::styled("+", GOOD), instances(to)),
            (Some(from), None) => (Cell::styled("-", BAD), instances(from)),
            (Some(from), Some(to)) if from != to => {
                (Cell::styled("~", WARNING), format!("{from} → {}", instances(to)))
            }
            (_, Some(to)) => (Cell::styled("=", DIM), instances(to)),
            (None, None) => continue,
        };
        table.row([mark, change.service.to_string().into(), counts.into()]);
    }
    table.render(2)
}

fn instances(number: u32) -> String {
    crate::text::number::of(u64::from(number), "instance")
}

fn configuration(plan: &Plan) -> String {
    let mut table = Table::default();
    for change in &plan.configuration {
        let mark = match change.change {
            Change::Added => Cell::styled("+", GOOD),
            Change::Changed => Cell::styled("~", WARNING),
            Change::Removed => Cell::styled("-", BAD),
            Change::Same => Cell::styled("=", DIM),
        };
        table.row([mark, change.service.to_string().into(), escape::line(&change.key).into()]);
    }
    table.render(2)
}

fn steps(plan: &Plan) -> String {
    let mut table = Table::default();
    for (i, step) in plan.steps.iter().enumerate() {
        let says = escape::line(&step.says);
        table.row([(i + 1).to_string().into(), step.name.clone().into(), says.into()]);
    }
    table.render(2)
}

fn notes(plan: &Plan) -> String {
    plan.notes.iter().map(|note| format!("  ! {}\n", wrap(&escape::line(note), 4, 4))).collect()
}
