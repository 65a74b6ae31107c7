//! Where a container is not as it was made: what is so now, and what was mended a while ago.

use std::time::Duration;

use bascule_model::release::Limits;
use jiff::Timestamp;

use crate::seen::{Container, Phase, SeenLimits};

/// So long what was mended is still told.
const TOLD: Duration = Duration::from_mins(10);
/// So much of it is kept for each instance.
const KEPT: usize = 5;

/// What is known of one instance. Sentences without its name.
#[derive(Debug, Default)]
pub(crate) struct Drift {
    /// What is so now.
    pub(crate) now: Vec<String>,
    mended: Vec<(Timestamp, String)>,
}

impl Drift {
    /// Notes that something was put right.
    pub(crate) fn mended(&mut self, at: Timestamp, what: impl Into<String>) {
        if self.mended.len() == KEPT {
            self.mended.remove(0);
        }
        self.mended.push((at, what.into()));
    }

    /// All there is to say.
    pub(crate) fn sentences(&self, name: &str, now: Timestamp) -> Vec<String> {
        let recent = |at: &Timestamp| Duration::try_from(now.duration_since(*at)).is_ok_and(|ago| ago < TOLD);
        let mended = self.mended.iter().filter(|(at, _)| recent(at));
        let mended = mended.map(|(at, what)| format!("{name} {what} ({at:.0})"));
        self.now.iter().map(|what| format!("{name} {what}")).chain(mended).collect()
    }
}

/// A way in which a container that is there differs from how it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Its limits are others.
    Limits(String),
    /// It is not in its network any more, or under another address there.
    Network,
    /// It is paused.
    Paused,
    /// The engine would start it again by itself.
    RestartPolicy,
}

impl Difference {
    /// What is so, after the instance's name.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Limits(detail) => format!("has other limits than the manifest says: {detail}"),
            Self::Network => "is not in its network under its address".to_owned(),
            Self::Paused => "is paused".to_owned(),
            Self::RestartPolicy => "has got a restart policy of its own".to_owned(),
        }
    }

    /// What was done about it, after the instance's name.
    pub(crate) fn mended(&self) -> String {
        match self {
            Self::Limits(detail) => format!("had other limits ({detail}); they were put right"),
            Self::Network => "had been taken out of its network; it was put back".to_owned(),
            Self::Paused => "had been paused; it was let go on".to_owned(),
            Self::RestartPolicy => "had got a restart policy; it was taken away".to_owned(),
        }
    }
}

/// Compares what is there with what the release says. Pure.
pub(crate) fn differences(
    container: &Container,
    limits: &Limits,
    address: Option<std::net::Ipv4Addr>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    let wanted = SeenLimits {
        memory: limits.memory.unwrap_or_default(),
        nano_cpus: limits.cpu_millis.unwrap_or_default().saturating_mul(1_000_000),
        pids: limits.pids.unwrap_or_default(),
    };
    let parts: Vec<String> = [
        ("memory", wanted.memory, container.limits.memory, 1, "bytes"),
        ("cpu", wanted.nano_cpus, container.limits.nano_cpus, 1_000_000, "thousandths of a core"),
        ("pids", wanted.pids, container.limits.pids, 1, "processes"),
    ]
    .into_iter()
    .filter(|(_, wanted, is, ..)| wanted != is)
    .map(|(what, wanted, is, unit, name)| {
        let told = |value: u64| if value == 0 { "none".to_owned() } else { format!("{}", value / unit) };
        format!("{what} {} instead of {} {name}", told(is), told(wanted))
    })
    .collect();
    if !parts.is_empty() {
        found.push(Difference::Limits(parts.join(", ")));
    }
    if matches!(container.phase, Phase::Running { .. } | Phase::Paused { .. })
        && address.is_some()
        && container.address != address
    {
        found.push(Difference::Network);
    }
    if matches!(container.phase, Phase::Paused { .. }) {
        found.push(Difference::Paused);
    }
    if container.restarts_itself {
        found.push(Difference::RestartPolicy);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bascule_model::evidence::Exit;

    use super::*;

    fn container() -> Container {
        Container {
            id: "c".to_owned(),
            spec: None,
            phase: Phase::Running { pid: 7 },
            started_at: None,
            finished: None,
            ran: None,
            exit: Exit::Unknown,
            own_check: None,
            host_port: None,
            address: Some(Ipv4Addr::new(10, 0, 0, 7)),
            limits: SeenLimits { memory: 64, nano_cpus: 500_000_000, pids: 0 },
            restarts_itself: false,
        }
    }

    #[test]
    fn differences_are_seen_and_told() {
        let limits = Limits { memory: Some(64), cpu_millis: Some(500), pids: None };
        let address = Some(Ipv4Addr::new(10, 0, 0, 7));
        assert_eq!(differences(&container(), &limits, address), []);
        let other = Container {
            limits: SeenLimits { memory: 128, nano_cpus: 0, pids: 0 },
            address: None,
            phase: Phase::Paused { pid: 7 },
            restarts_itself: true,
            ..container()
        };
        let found = differences(&other, &limits, address);
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!(
            found[0],
            Difference::Limits(
                "memory 128 instead of 64 bytes, cpu none instead of 500 thousandths of a core".to_owned()
            )
        );
    }

    #[test]
    fn what_was_mended_is_told_for_a_while() {
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        let mut drift = Drift::default();
        for second in 0..7 {
            drift.mended(at(second), "was removed by hand");
        }
        assert_eq!(drift.sentences("web-1", at(7)).len(), KEPT);
        assert_eq!(drift.sentences("web-1", at(601)).len(), KEPT);
        assert!(drift.sentences("web-1", at(1000)).is_empty());
    }
}
