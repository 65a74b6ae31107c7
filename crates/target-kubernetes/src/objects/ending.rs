//! How the pods of a release end that comes and goes pod by pod: whatever ends one, it goes on answering while it is taken out of the
//! Services, and for as long as requests in flight are waited for. The cluster itself does that, so that nobody of ours has to be there.

use std::time::Duration;

use bascule_model::release::{Release, Service};
use serde_json::{Value, json};

/// So long nodes may take until they send nobody to a pod any more, once it is taken out of the Services.
const NODES: Duration = Duration::from_secs(3);

/// What an API server has for pods that wait before they are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waits {
    /// A wait of its own (Kubernetes 1.30 and later).
    ByItself,
    /// None: the image's own `sleep` is run.
    WithSleep,
}

impl Waits {
    /// Of a server of that version, as it says it (`1`, `20+`).
    pub(crate) fn of(major: &str, minor: &str) -> Self {
        let number = |text: &str| {
            let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
            digits.parse::<u32>().unwrap_or(0)
        };
        if (number(major), number(minor)) >= (1, 30) { Self::ByItself } else { Self::WithSleep }
    }
}

/// Seconds that a pod of a service goes on answering after it was told to end; none where it is simply told to.
pub(crate) fn wait(release: &Release, service: &Service) -> Option<u64> {
    let goes_by_itself = release.rollout.rolling.is_some() && service.traffic.is_some();
    goes_by_itself.then(|| {
        let drain = service.drain.max(NODES);
        drain.as_secs() + u64::from(drain.subsec_nanos() > 0)
    })
}

/// Seconds from when a pod is told to end until it is killed.
pub(crate) fn grace(release: &Release, service: &Service) -> u64 {
    service.stop.grace.as_secs().max(1) + wait(release, service).unwrap_or(0)
}

/// The container's `lifecycle`. Where the image's `sleep` is needed, a pod without it does not start, so that none without it is ever
/// given users.
pub(crate) fn lifecycle(release: &Release, service: &Service, waits: Waits) -> Option<Value> {
    let seconds = wait(release, service)?;
    Some(match waits {
        Waits::ByItself => json!({ "preStop": { "sleep": { "seconds": seconds } } }),
        Waits::WithSleep => json!({
            "postStart": { "exec": { "command": ["sleep", "0"] } },
            "preStop": { "exec": { "command": ["sleep", seconds.to_string()] } },
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_their_versions_in_many_ways() {
        for (major, minor, expected) in [
            ("1", "20", Waits::WithSleep),
            ("1", "29+", Waits::WithSleep),
            ("1", "30", Waits::ByItself),
            ("1", "33+", Waits::ByItself),
            ("2", "0", Waits::ByItself),
            ("", "", Waits::WithSleep),
        ] {
            assert_eq!(Waits::of(major, minor), expected, "{major}.{minor}");
        }
    }
}
