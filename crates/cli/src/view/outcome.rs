//! The last word of a command that made a run: how it ended, who has the traffic, what to do next.

use bascule_model::plan::RunKind;
use bascule_model::run::Outcome;
use bascule_server::api::{EnvironmentStatus, OutcomeLine};

use crate::text::style::{BAD, GOOD, WARNING, paint};
use crate::text::table::Table;
use crate::text::{escape, time};
use crate::view::Now;

/// The result block. `status` is how the environment is now, where that is known.
pub fn outcome(line: &OutcomeLine, status: Option<&EnvironmentStatus>, now: &Now) -> String {
    let mut text = format!("{}\n", headline(line));
    let mut table = Table::default();
    let mut row = |name: &str, value: String| table.row([name.into(), value.into()]);
    if let Some(live) = status.and_then(|status| status.live.as_ref())
        && Some(&live.release) == line.live_release.as_ref()
    {
        row("slot", live.slot.to_string());
    }
    if let Some(listen) = status.and_then(|status| status.listen.as_deref()) {
        row("address", format!("http://{listen}"));
    }
    if let Some(millis) = line.switch_ms {
        row("switch", time::took(std::time::Duration::from_secs_f64(millis.max(0.0) / 1000.0)));
    }
    if let Some(bake) = &line.bake {
        row("bake", escape::line(bake));
    }
    row("report", format!("bascule run show {}", line.run));
    if let Some(next) = next(line, status, now) {
        row("next", next);
    }
    text.push_str(&table.render(2));
    text
}

fn headline(line: &OutcomeLine) -> String {
    let place = format!("{} of {}", line.environment, line.app);
    let traffic = match &line.live_release {
        Some(live) => format!("{live} has the traffic of {place}"),
        None => format!("nobody has the traffic of {place}"),
    };
    let traffic_of = line.live_release.as_ref().map_or("the live release", |live| live.as_str());
    match (line.outcome, line.run_kind) {
        (Outcome::Live, RunKind::Deploy | RunKind::Rollback) => format!("{}: {traffic}", paint(GOOD, "live")),
        (Outcome::Live, RunKind::Down) => {
            format!("{}: nothing of {place} runs any more", paint(GOOD, "done"))
        }
        (Outcome::Live, RunKind::Contract) => {
            format!("{}: the database of {place} has only what {traffic_of} needs", paint(GOOD, "done"))
        }
        (Outcome::Live, RunKind::Revert) => {
            format!("{}: the database of {place} is as {traffic_of} knows it", paint(GOOD, "done"))
        }
        (Outcome::Live, RunKind::Undrop) => {
            format!("{}: what was dropped softly from the database of {place} is back", paint(GOOD, "done"))
        }
        (Outcome::Live, RunKind::Retire) => {
            let which = line.release.as_ref().map_or("the standby release", |release| release.as_str());
            format!("{}: {which} is stopped; {traffic}", paint(GOOD, "done"))
        }
        (Outcome::Refused, _) => format!("{}: nothing was touched; {traffic}", paint(WARNING, "refused")),
        (Outcome::RolledBack, _) => format!("{}: {traffic}", paint(BAD, "rolled back")),
        (Outcome::Stuck, _) => format!("{}: a person must decide; {traffic}", paint(BAD, "stuck")),
        (Outcome::Failed, _) => {
            format!("{}: it did not get to its end; {traffic}", paint(BAD, "failed"))
        }
    }
}

/// What one may do now.
fn next(line: &OutcomeLine, status: Option<&EnvironmentStatus>, now: &Now) -> Option<String> {
    let environment = &line.environment;
    match line.outcome {
        Outcome::Live if matches!(line.run_kind, RunKind::Deploy | RunKind::Rollback) => {
            let standby = status?.standby.as_ref()?;
            let until = now.clock(standby.warm_until?);
            let release = &standby.release;
            Some(match line.run_kind {
                RunKind::Deploy => {
                    format!("`bascule rollback {environment}` brings {release} back at once until {until}")
                }
                _ => format!(
                    "{release} stays warm until {until}: `bascule rollback {environment} --to {release}` brings it back at once"
                ),
            })
        }
        // The remedy of the error says it.
        _ => None,
    }
}
