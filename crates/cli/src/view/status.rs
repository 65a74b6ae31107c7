//! How environments are: who has the traffic, what stands by, which run is under way, and where seen and recorded differ.

use bascule_model::evidence::InstanceState;
use bascule_server::api::{ActiveRun, EnvironmentStatus, InstanceView, SlotStatus};

use crate::provenance;
use crate::text::style::{BAD, DIM, GOOD, STRONG, WARNING, paint};
use crate::text::table::{Cell, Table};
use crate::text::wrap::{shortened, wrap};
use crate::text::{escape, number};
use crate::view::Now;

/// One environment.
pub fn status(status: &EnvironmentStatus, now: &Now) -> String {
    let title = format!("{}/{}", status.app, status.environment);
    let door = status.listen.as_ref().map(|listen| format!("  http://{listen}")).unwrap_or_default();
    let mut text = format!("{}{door}\n", paint(STRONG, &title));
    text.push_str(&slot("live", status.live.as_ref(), now));
    text.push_str(&slot("standby", status.standby.as_ref(), now));
    if let Some(run) = &status.run {
        text.push_str(&active(run, now));
    }
    for sentence in &status.drift {
        text.push_str(&format!("  {} {}\n", paint(WARNING, "!"), wrap(&escape::line(sentence), 4, 4)));
    }
    text
}

fn slot(name: &str, slot: Option<&SlotStatus>, now: &Now) -> String {
    let Some(slot) = slot else {
        return format!("  {name:<8} {}\n", paint(DIM, "none"));
    };
    let mut text = format!("  {name:<8} {} in {}", slot.release, slot.slot);
    if let Some(since) = slot.since {
        text.push_str(&format!(" since {} ({} ago)", now.clock(since), now.ago(since)));
    }
    if let Some(until) = slot.warm_until {
        text.push_str(&format!(", warm until {}", now.clock(until)));
    }
    text.push('\n');
    if let Some(provenance) = &slot.provenance {
        text.push_str(&format!("           commit {}\n", provenance::words(provenance)));
    }
    let mut table = Table::default();
    for instance in &slot.instances {
        table.row(row(instance));
    }
    text.push_str(&table.render(11));
    if let Some(requests) = slot.requests {
        let errors = number::count(slot.errors.unwrap_or(0));
        let in_flight = number::count(slot.in_flight.unwrap_or(0));
        text.push_str(&format!(
            "           {}, {errors} failed, {in_flight} in flight\n",
            number::of(requests, "request")
        ));
    }
    text
}

fn row(instance: &InstanceView) -> [Cell; 4] {
    let status = &instance.status;
    let (state, mut words) = state(&status.state);
    let style = match (instance.healthy, &status.state) {
        (Some(false), _) => BAD,
        (Some(true), InstanceState::Running { .. }) => GOOD,
        (None, InstanceState::Running { .. }) => DIM,
        _ => WARNING,
    };
    match (instance.healthy, &status.state) {
        (Some(true), _) => words.push("healthy".to_owned()),
        (Some(false), _) => {
            let why = instance.health.as_deref().map(escape::line).unwrap_or_default();
            words.push(format!("unhealthy: {}", shortened(&why, 120)));
        }
        (None, InstanceState::Running { .. }) => words.push("not probed yet".to_owned()),
        (None, _) => {}
    }
    if status.restarts > 0 {
        words.push(number::of(u64::from(status.restarts), "restart"));
    }
    [
        format!("{}-{}", status.service, status.n).into(),
        status.address.map(|address| address.to_string()).unwrap_or_default().into(),
        state.into(),
        Cell::styled(words.join(", "), style),
    ]
}

/// A short word, and what there is to add.
fn state(state: &InstanceState) -> (String, Vec<String>) {
    match state {
        InstanceState::Running { pid: 0 } => ("runs".to_owned(), Vec::new()),
        InstanceState::Running { pid } => (format!("pid {pid}"), Vec::new()),
        InstanceState::BackOff { exit, .. } => {
            ("waits".to_owned(), vec![format!("starts again after {exit}")])
        }
        InstanceState::CrashLoop { exit } => {
            ("crash loop".to_owned(), vec![format!("left alone after {exit}")])
        }
        InstanceState::CannotStart { reason } => {
            ("cannot start".to_owned(), vec![shortened(&escape::line(reason), 120)])
        }
        InstanceState::Waiting { reason } => {
            ("waits".to_owned(), vec![shortened(&escape::line(reason), 120)])
        }
        InstanceState::Stopping { pid: 0 } => ("stopping".to_owned(), Vec::new()),
        InstanceState::Stopping { pid } => (format!("stopping {pid}"), Vec::new()),
        InstanceState::Gone => ("gone".to_owned(), vec!["nothing of it is there".to_owned()]),
    }
}

fn active(run: &ActiveRun, now: &Now) -> String {
    let step = run.step.as_ref().map(|step| format!(", at {step}")).unwrap_or_default();
    let mut text = format!(
        "  {:<8} {} {} by {}{step}, for {}\n",
        "run",
        run.id,
        run.kind.as_str(),
        escape::line(&run.actor),
        now.ago(run.since)
    );
    if let Some(problem) = &run.stuck {
        let why = escape::line(problem.message.lines().next().unwrap_or_default());
        text.push_str(&format!("           {}: {}\n", paint(BAD, "stuck"), wrap(&why, 18, 11)));
        text.push_str(&format!("           bascule run show {}\n", run.id));
    }
    text
}
