//! A plan: what would change, in which steps, and the command that does exactly that. Values of the configuration are no
//! part of a plan, so none can be shown.

mod objects;
mod schema;

use bascule_model::plan::{ArtifactPlan, Change, Plan, Promoted, ServiceChange};
use bascule_model::problem::Problem;
use bascule_server::api::{Approved, Planned, WaitingPlan};

use crate::provenance;
use crate::text::escape;
use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::table::{Cell, Table};
use crate::text::wrap::wrap;
use crate::view::Now;

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
    section(&mut text, "database", &schema::section(plan.schema.as_ref()));
    section(&mut text, "in the cluster", &objects::section(&planned.objects));
    section(&mut text, "steps", &steps(plan));
    section(&mut text, "notes", &notes(plan));
    section(&mut text, "what keeps it out now", &holds(&planned.holds));
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
    row("artifact", artifact(plan));
    if let Some(provenance) = &plan.provenance {
        row("commit", provenance::words(provenance));
    }
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

/// A plan that another user asked for.
pub fn waiting(waiting: &WaitingPlan, now: &Now) -> String {
    let planned = Planned {
        plan: waiting.plan.clone(),
        plan_hash: waiting.plan_hash.clone(),
        holds: Vec::new(),
        objects: Vec::new(),
    };
    format!(
        "{} asked for this {} ago; {} to approve of it\n\n{}",
        escape::line(&waiting.asked_by),
        now.ago(waiting.asked_at),
        others(waiting.approvals),
        plan(&planned)
    )
}

fn others(number: u32) -> String {
    if number == 1 { "another user has".to_owned() } else { format!("{number} other users have") }
}

/// What was approved of, and whether that is enough.
pub fn approved(approved: &Approved, now: &Now) -> String {
    let (plan, approval) = (&approved.plan, &approved.approval);
    let mut text = format!(
        "approved: {} of {} to {} of {}\n",
        plan.kind.as_str(),
        plan.release.as_ref().map_or("everything", |release| release.as_str()),
        plan.key.environment,
        plan.key.app
    );
    text.push_str(&facts(plan));
    text.push_str(&format!(
        "{} of {}, by {}, until {}\nsoft: users of one machine are told apart by its kernel, and root can be any\nof them",
        approved.have,
        crate::text::number::of(u64::from(approved.wanted), "approval"),
        escape::line(&approval.actor),
        now.clock(approval.until)
    ));
    text
}

fn artifact(plan: &Plan) -> String {
    match &plan.artifact {
        ArtifactPlan::Build { command, source } => {
            format!("built by `{}` from sources {}", escape::line(command), short(source))
        }
        ArtifactPlan::Files { digest } => format!("the files as they are, {}", short(digest)),
        ArtifactPlan::Image { reference, digest } => format!("{reference}, {}", short(digest)),
        ArtifactPlan::Store { digest } => match &plan.promoted {
            Some(Promoted { environment, release }) => {
                format!("the one that settled in {environment} as {release}, {}", short(digest))
            }
            None => format!("{}, from the store", short(digest)),
        },
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

fn holds(holds: &[Problem]) -> String {
    let lines = holds.iter().map(|problem| {
        let first = problem.message.lines().next().unwrap_or_default();
        let words = format!("{}: {}", problem.code, escape::line(first));
        let remedy = wrap(&escape::line(&problem.remedy), 4, 4);
        format!("  ! {}\n    {remedy}\n", wrap(&words, 4, 4))
    });
    lines.collect()
}

fn notes(plan: &Plan) -> String {
    plan.notes.iter().map(|note| format!("  ! {}\n", wrap(&escape::line(note), 4, 4))).collect()
}
