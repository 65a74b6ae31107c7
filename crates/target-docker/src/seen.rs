//! What the engine says of a container, in the words of this room. Pure.

use std::net::Ipv4Addr;
use std::time::Duration;

use bascule_model::evidence::{Exit, OwnCheck, Status};
use bollard::models::{
    ContainerInspectResponse, ContainerState, ContainerStateStatusEnum, Health, HealthStatusEnum,
    RestartPolicyNameEnum,
};
use jiff::Timestamp;

use crate::names;

/// The longest output of a check that is kept, in bytes.
const LONGEST_OUTPUT: usize = 1024;

/// What is there under an instance's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// Nothing.
    Missing,
    /// A container without our label.
    Stranger,
    /// One of ours.
    Ours(Box<Container>),
}

/// A container of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) id: String,
    /// The keyed hash of how it was made.
    pub(crate) spec: Option<String>,
    pub(crate) phase: Phase,
    pub(crate) started_at: Option<Timestamp>,
    /// When it ended, as the engine says it.
    pub(crate) finished: Option<String>,
    /// How long its last run was.
    pub(crate) ran: Option<Duration>,
    pub(crate) exit: Exit,
    pub(crate) own_check: Option<OwnCheck>,
    /// The port of this machine that leads to it.
    pub(crate) host_port: Option<u16>,
    /// Its address in its environment's network.
    pub(crate) address: Option<Ipv4Addr>,
    pub(crate) limits: SeenLimits,
    /// The engine would start it again by itself.
    pub(crate) restarts_itself: bool,
}

/// Limits as they are in effect; 0 is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SeenLimits {
    pub(crate) memory: u64,
    pub(crate) nano_cpus: u64,
    pub(crate) pids: u64,
}

/// Where in its life a container is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It never ran.
    Created,
    Running {
        pid: u32,
    },
    Paused {
        pid: u32,
    },
    Ended,
    /// On its way out.
    Removing,
}

/// Reads an inspection.
pub(crate) fn seen(state_id: &str, network: &str, answer: ContainerInspectResponse) -> Seen {
    let config = answer.config.unwrap_or_default();
    let labels = config.labels.unwrap_or_default();
    if labels.get(names::OWNER).map(String::as_str) != Some(state_id) {
        return Seen::Stranger;
    }
    let state = answer.state.unwrap_or_default();
    let settings = answer.network_settings.unwrap_or_default();
    let host = answer.host_config.unwrap_or_default();
    let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).unwrap_or_default();
    let started_at = state.started_at.as_deref().and_then(time);
    let finished_at = state.finished_at.as_deref().and_then(time);
    let ran = match (started_at, finished_at) {
        // Of a run of a millisecond the engine may note the end before the beginning.
        (Some(started), Some(finished)) => {
            Some(Duration::try_from(finished.duration_since(started)).unwrap_or_default())
        }
        _ => None,
    };
    let ports = settings.ports.unwrap_or_default();
    let policy = host.restart_policy.and_then(|policy| policy.name);
    Seen::Ours(Box::new(Container {
        id: answer.id.unwrap_or_default(),
        spec: labels.get(names::SPEC).cloned(),
        phase: phase(&state),
        started_at,
        finished: finished_at.and(state.finished_at.clone()),
        ran,
        exit: exit(state.exit_code.unwrap_or_default(), state.oom_killed.unwrap_or_default()),
        own_check: state.health.as_ref().and_then(own_check),
        host_port: ports
            .into_values()
            .flatten()
            .flatten()
            .find_map(|binding| binding.host_port.and_then(|port| port.parse().ok())),
        address: settings
            .networks
            .and_then(|mut networks| networks.remove(network))
            .and_then(|endpoint| endpoint.ipam_config?.ipv4_address)
            .and_then(|address| address.parse().ok()),
        limits: SeenLimits {
            memory: number(host.memory),
            nano_cpus: number(host.nano_cpus),
            pids: number(host.pids_limit),
        },
        restarts_itself: !matches!(
            policy,
            None | Some(RestartPolicyNameEnum::EMPTY | RestartPolicyNameEnum::NO)
        ),
    }))
}

fn phase(state: &ContainerState) -> Phase {
    let pid = state.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or_default();
    match state.status {
        Some(ContainerStateStatusEnum::CREATED) => Phase::Created,
        Some(ContainerStateStatusEnum::PAUSED) => Phase::Paused { pid },
        Some(ContainerStateStatusEnum::REMOVING) => Phase::Removing,
        Some(ContainerStateStatusEnum::RUNNING | ContainerStateStatusEnum::STOPPING) => {
            Phase::Running { pid }
        }
        _ if state.running == Some(true) => Phase::Running { pid },
        _ => Phase::Ended,
    }
}

/// A moment that the engine tells; its zero (year 1) is none.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().filter(|moment: &Timestamp| moment.as_second() > 0)
}

/// The engine tells of a signal as shells do: 128 and its number.
pub(crate) fn exit(code: i64, out_of_memory: bool) -> Exit {
    let code = i32::try_from(code).unwrap_or(-1);
    match code {
        129..=192 => Exit::Signal { signal: code - 128, out_of_memory },
        // The first process of a container may outlive the one that was killed, and end by its own will then.
        _ if out_of_memory => Exit::Signal { signal: 9, out_of_memory },
        _ => Exit::Code { code },
    }
}

fn own_check(health: &Health) -> Option<OwnCheck> {
    let status = match health.status? {
        HealthStatusEnum::HEALTHY => Status::Pass,
        HealthStatusEnum::UNHEALTHY => Status::Fail,
        HealthStatusEnum::STARTING => Status::NoData,
        HealthStatusEnum::NONE | HealthStatusEnum::EMPTY => return None,
    };
    let last = health.log.iter().flatten().next_back();
    let output = last.and_then(|result| result.output.as_deref()).unwrap_or_default().trim();
    Some(OwnCheck { status, output: shortened(output) })
}

fn shortened(text: &str) -> String {
    if text.len() <= LONGEST_OUTPUT {
        return text.to_owned();
    }
    let cut = (0..=LONGEST_OUTPUT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{} …", &text[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inspect(json: serde_json::Value) -> Seen {
        seen("s1", "net", serde_json::from_value(json).unwrap())
    }

    #[test]
    fn what_has_not_our_label_is_a_strangers() {
        assert_eq!(inspect(serde_json::json!({"Id": "x", "Config": {"Labels": {}}})), Seen::Stranger);
        let other = serde_json::json!({"Id": "x", "Config": {"Labels": {"bascule.owner": "s2"}}});
        assert_eq!(inspect(other), Seen::Stranger);
    }

    #[test]
    fn an_inspection_is_read() {
        let Seen::Ours(container) = inspect(serde_json::json!({
            "Id": "abc",
            "Config": {"Labels": {"bascule.owner": "s1", "bascule.spec": "h"}},
            "State": {
                "Status": "exited", "ExitCode": 137, "OOMKilled": true, "Pid": 0,
                "StartedAt": "2026-11-25T10:00:00.5Z", "FinishedAt": "2026-11-25T10:00:02Z",
                "Health": {"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": " no disk\n"}]},
            },
            "HostConfig": {"Memory": 1024, "NanoCpus": 0, "PidsLimit": null,
                "RestartPolicy": {"Name": "always"}},
            "NetworkSettings": {
                "Ports": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}], "81/tcp": null},
                "Networks": {"net": {"IPAMConfig": {"IPv4Address": "10.0.0.7"}, "IPAddress": ""}},
            },
        })) else {
            panic!("it is ours")
        };
        assert_eq!(container.phase, Phase::Ended);
        assert_eq!(container.exit, Exit::Signal { signal: 9, out_of_memory: true });
        assert_eq!(container.ran, Some(Duration::from_millis(1500)));
        assert_eq!(
            container.own_check,
            Some(OwnCheck { status: Status::Fail, output: "no disk".to_owned() })
        );
        assert_eq!(container.host_port, Some(49153));
        assert_eq!(container.address, Some(Ipv4Addr::new(10, 0, 0, 7)));
        assert_eq!(container.limits, SeenLimits { memory: 1024, nano_cpus: 0, pids: 0 });
        assert!(container.restarts_itself);
    }

    #[test]
    fn exits_are_told_as_what_they_were() {
        assert_eq!(exit(0, false), Exit::Code { code: 0 });
        assert_eq!(exit(127, false), Exit::Code { code: 127 });
        assert_eq!(exit(143, false), Exit::Signal { signal: 15, out_of_memory: false });
        assert_eq!(exit(1, true), Exit::Signal { signal: 9, out_of_memory: true });
    }
}
