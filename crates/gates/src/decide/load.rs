//! `p95` and `error_rate`.

use bascule_model::gate::ReportKind;
use bascule_model::manifest::{Gate, Metric, Operator};
use bascule_model::units::Ratio;

use super::{Kept, Seen, read_all, without};
use crate::load::Load;
use crate::read;

/// All reports of load as one, and what is wrong with them.
pub(super) struct Evidence<'a> {
    kept: &'a [Kept<'a>],
    all: Option<Load>,
    bad: Vec<String>,
}

impl<'a> Evidence<'a> {
    /// Reads them.
    pub fn read(kept: &'a [Kept<'a>]) -> Self {
        let (good, bad) = read_all(kept, read::load);
        Self { kept, all: good.into_iter().reduce(Load::with), bad }
    }

    /// One of the gates over requests.
    pub fn judge(&self, metric: Metric, gate: &Gate) -> Seen {
        if let Some(nothing) = without(ReportKind::Load, self.kept, &self.bad) {
            return nothing;
        }
        let load = self.all.unwrap_or_default();
        if load.requests < gate.min_requests {
            let why = format!(
                "{} requests were made, and fewer than {} tell nothing",
                load.requests, gate.min_requests
            );
            return Seen::nothing(why, "make more requests, or lower `min_requests` of the gate");
        }
        if metric == Metric::ErrorRate { error_rate(&load, gate) } else { p95(&load, gate) }
    }
}

fn error_rate(load: &Load, gate: &Gate) -> Seen {
    let percent =
        Ratio::of(load.errors, load.requests).and_then(|ratio| ratio.times(100)).unwrap_or(Ratio::ZERO);
    let shown = percent.beside(gate.condition.limit);
    let value = format!("{shown}% ({} of {} requests)", load.errors, load.requests);
    let why = format!("{} of {} requests failed: {shown}%", load.errors, load.requests);
    if gate.condition.holds(percent) {
        return Seen::pass(value, why);
    }
    Seen::fail(
        value,
        why,
        "find out why they failed: their statuses are in the load tool's report".to_owned(),
    )
}

fn p95(load: &Load, gate: &Gate) -> Seen {
    let Some(p95) = load.p95 else {
        return Seen::nothing(
            "the load tool tells no 95th percentile",
            "have it print percentiles (wrk: --latency; k6: summaryTrendStats with p(95))",
        );
    };
    let shown = p95.beside(gate.condition.limit);
    let holds = gate.condition.holds(p95);
    if load.is_bound {
        // Below the bound nothing is known: it can show that a time is short enough, and nothing else.
        let is_upper = matches!(gate.condition.operator, Operator::AtMost | Operator::Less);
        let value = format!("at most {shown} ms, the 99th percentile ({} requests)", load.requests);
        return if holds && is_upper {
            Seen::pass(value, format!("99 % of {} requests took at most {shown} ms", load.requests))
        } else {
            Seen::nothing(
                format!("the load tool tells the 99th percentile only, {shown} ms"),
                "use one that tells the 95th",
            )
        };
    }
    let value = format!("{shown} ms ({} requests)", load.requests);
    let why = format!("95 % of {} requests took at most {shown} ms", load.requests);
    if holds {
        return Seen::pass(value, why);
    }
    Seen::fail(
        value,
        why,
        "make it faster, or give it more to run on: the slow requests are in the load tool's report"
            .to_owned(),
    )
}
