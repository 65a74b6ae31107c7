//! What is done next with an instance: what is there and what is recorded goes in, one step comes out. Pure.

use bascule_model::release::OnDrift;

use crate::record::{InstanceRecord, Left};
use crate::seen::{Container, Phase, Seen};

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing is there, and nothing was: make it and start it.
    Make,
    /// Somebody removed it: make it anew and start it.
    MakeAnew,
    /// It is there and does not run: start it.
    Begin,
    /// Somebody stopped it: start it.
    BeginAnew,
    /// It is ours, and not what was made last: take it away and make it.
    Replace,
    /// Another's: touch nothing.
    Refuse,
    /// It runs.
    Watch { pid: u32 },
    /// It ended, and nobody has decided about that yet.
    Decide,
    /// Somebody removed or stopped it, and the policy is to say so only.
    Leave(Left),
    /// It is on its way out: look again in a moment.
    LookAgain,
}

/// Decides. `told_to_stop`: somebody told this container to stop.
pub(crate) fn decide(seen: &Seen, record: &InstanceRecord, policy: OnDrift, told_to_stop: bool) -> Step {
    let container = match seen {
        Seen::Stranger => return Step::Refuse,
        Seen::Missing => return missing(record, policy),
        Seen::Ours(container) => container,
    };
    match container.phase {
        Phase::Removing => Step::LookAgain,
        _ if record.spec.is_none() || container.spec != record.spec => Step::Replace,
        Phase::Running { pid } | Phase::Paused { pid } => Step::Watch { pid },
        Phase::Created => Step::Begin,
        Phase::Ended => ended(container, record, policy, told_to_stop),
    }
}

fn missing(record: &InstanceRecord, policy: OnDrift) -> Step {
    match (record.left, &record.container, policy) {
        (_, None, _) => Step::Make,
        (_, Some(_), OnDrift::Repair) => Step::MakeAnew,
        (_, Some(_), OnDrift::Report) => Step::Leave(Left::Removed),
    }
}

fn ended(container: &Container, record: &InstanceRecord, policy: OnDrift, told_to_stop: bool) -> Step {
    let is_new = container.finished != record.ended;
    match policy {
        // The order may be told again later: it says nothing about an end that was decided upon.
        OnDrift::Report if told_to_stop && is_new => Step::Leave(Left::Stopped),
        OnDrift::Report if record.left == Some(Left::Stopped) && !is_new => Step::Leave(Left::Stopped),
        OnDrift::Repair if told_to_stop && is_new => Step::BeginAnew,
        _ if is_new => Step::Decide,
        _ => Step::Begin,
    }
}

#[cfg(test)]
mod tests {
    use bascule_model::evidence::Exit;

    use super::*;
    use crate::seen::SeenLimits;

    fn ours(phase: Phase, spec: &str, finished: Option<&str>) -> Seen {
        Seen::Ours(Box::new(Container {
            id: "c".to_owned(),
            spec: Some(spec.to_owned()),
            phase,
            started_at: None,
            finished: finished.map(str::to_owned),
            ran: None,
            exit: Exit::Code { code: 1 },
            own_check: None,
            host_port: None,
            address: None,
            limits: SeenLimits::default(),
            restarts_itself: false,
        }))
    }

    fn made(ended: Option<&str>, left: Option<Left>) -> InstanceRecord {
        InstanceRecord {
            spec: Some("s".to_owned()),
            container: Some("c".to_owned()),
            ended: ended.map(str::to_owned),
            left,
            ..InstanceRecord::default()
        }
    }

    #[test]
    fn each_state_has_its_step() {
        use OnDrift::{Repair, Report};
        let fresh = InstanceRecord::default();
        let begun = InstanceRecord { spec: Some("s".to_owned()), ..InstanceRecord::default() };
        let running = Phase::Running { pid: 7 };
        let table = [
            ("nothing yet", Seen::Missing, fresh.clone(), Repair, false, Step::Make),
            ("death before the engine was asked", Seen::Missing, begun.clone(), Report, false, Step::Make),
            (
                "death before it was started",
                ours(Phase::Created, "s", None),
                begun.clone(),
                Repair,
                false,
                Step::Begin,
            ),
            (
                "death after it was started",
                ours(running, "s", None),
                begun,
                Repair,
                false,
                Step::Watch { pid: 7 },
            ),
            (
                "a former form of it",
                ours(running, "old", None),
                made(None, None),
                Repair,
                false,
                Step::Replace,
            ),
            ("one that no record knows", ours(running, "s", None), fresh, Repair, false, Step::Replace),
            ("another's", Seen::Stranger, made(None, None), Repair, false, Step::Refuse),
            ("removed", Seen::Missing, made(None, None), Repair, false, Step::MakeAnew),
            (
                "removed, to be told",
                Seen::Missing,
                made(None, None),
                Report,
                false,
                Step::Leave(Left::Removed),
            ),
            ("ended", ours(Phase::Ended, "s", Some("t1")), made(None, None), Report, false, Step::Decide),
            (
                "decided upon",
                ours(Phase::Ended, "s", Some("t1")),
                made(Some("t1"), None),
                Report,
                false,
                Step::Begin,
            ),
            (
                "ended again",
                ours(Phase::Ended, "s", Some("t2")),
                made(Some("t1"), None),
                Repair,
                false,
                Step::Decide,
            ),
            ("stopped", ours(Phase::Ended, "s", Some("t1")), made(None, None), Repair, true, Step::BeginAnew),
            (
                "stopped and begun",
                ours(Phase::Ended, "s", Some("t1")),
                made(Some("t1"), None),
                Repair,
                true,
                Step::Begin,
            ),
            (
                "stopped, to be told",
                ours(Phase::Ended, "s", Some("t1")),
                made(None, None),
                Report,
                true,
                Step::Leave(Left::Stopped),
            ),
            (
                "ended with the engine, which tells of its order later",
                ours(Phase::Ended, "s", Some("t1")),
                made(Some("t1"), None),
                Report,
                true,
                Step::Begin,
            ),
            (
                "stopped, to be told, a control plane ago",
                ours(Phase::Ended, "s", Some("t1")),
                made(Some("t1"), Some(Left::Stopped)),
                Report,
                false,
                Step::Leave(Left::Stopped),
            ),
            (
                "paused",
                ours(Phase::Paused { pid: 7 }, "s", None),
                made(None, None),
                Report,
                false,
                Step::Watch { pid: 7 },
            ),
            (
                "on its way out",
                ours(Phase::Removing, "s", None),
                made(None, None),
                Repair,
                false,
                Step::LookAgain,
            ),
        ];
        for (name, seen, record, policy, told, expected) in table {
            assert_eq!(decide(&seen, &record, policy, told), expected, "{name}");
        }
    }
}
