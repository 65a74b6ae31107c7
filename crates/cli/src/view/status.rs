//! How environments are: who has the traffic, what stands by, which run is under way, and where seen and recorded differ.

use bascule_model::evidence::InstanceState;
use bascule_server::api::{ActiveRun, EnvironmentStatus, InstanceView, SlotStatus};

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
        text.push_str(&format!(" since {} ({})", now.clock(since), now.ago(since)));
    }
    if let Some(until) = slot.warm_until {
        text.push_str(&format!(", warm until {}", now.clock(until)));
    }
    text.push('\n');
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

fn row(instance: &InstanceView) -> [Cell; 5] {
    let status = &instance.status;
    let health = match (instance.healthy, &status.state) {
        (Some(true), _) => Cell::styled("healthy", GOOD),
        (Some(false), _) => {
            let why = instance.health.as_deref().map(escape::line).unwrap_or_default();
            Cell::styled(shortened(&format!("unhealthy: {why}"), 30), BAD)
        }
        (None, InstanceState::Running { .. }) => Cell::styled("not probed yet", DIM),
        (None, _) => "".into(),
    };
    let restarts = match status.restarts {
        0 => String::new(),
        restarts => number::of(u64::from(restarts), "restart"),
    };
    [
        format!("{}-{}", status.service, status.n).into(),
        state(&status.state),
        status.address.map(|address| address.to_string()).unwrap_or_default().into(),
        health,
        restarts.into(),
    ]
}

fn state(state: &InstanceState) -> Cell {
    match state {
        InstanceState::Running { pid } => format!("pid {pid}").into(),
        InstanceState::BackOff { exit, .. } => {
            Cell::styled(shortened(&format!("waits to start again after {exit}"), 36), WARNING)
        }
        InstanceState::CrashLoop { exit } => Cell::styled(shortened(&format!("crash loop, {exit}"), 36), BAD),
        InstanceState::CannotStart { reason } => {
            Cell::styled(shortened(&format!("cannot start: {}", escape::line(reason)), 36), BAD)
        }
        InstanceState::Stopping { pid } => format!("stopping, pid {pid}").into(),
        InstanceState::Gone => Cell::styled("gone", BAD),
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
