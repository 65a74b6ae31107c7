//! The Docker Engine: whether it is there and fit, who may use it, how containers are reached, the room for images.
//!
//! Where no environment of the project runs containers, an engine that is not there is no finding.

use std::path::Path;

use bascule_model::manifest::Manifest;
use bascule_server::container_engine::{Engine, Survey, survey};

use super::Finding;
use rustix::fs::statvfs;

use crate::context::Context;
use crate::text::number;

const CHECK: &str = "docker engine";
/// Images and their builds soon take this much, bytes.
const LITTLE_ROOM: u64 = 5 << 30;

/// All that can be said of it.
pub async fn engine(context: &Context) -> Vec<Finding> {
    let manifest = context.project().ok().and_then(|project| project.manifest().ok());
    let wanted = manifest.map(|manifest| environments(&manifest)).unwrap_or_default();
    let (socket, seen) = survey(context.machine.variable("DOCKER_HOST").as_deref()).await;
    match seen {
        Survey::Fit(engine) => found(&engine, &wanted),
        _ if wanted.is_empty() => {
            vec![Finding::good(CHECK, "not needed: no environment here runs containers")]
        }
        missing => vec![lacking(&missing, &socket, &wanted)],
    }
}

/// The environments that run containers.
fn environments(manifest: &Manifest) -> Vec<String> {
    let runs = manifest.environments.iter().filter(|(_, settings)| {
        settings.target.as_ref().is_some_and(|target| target.value.runs_containers())
    });
    runs.map(|(name, _)| name.to_string()).collect()
}

fn lacking(seen: &Survey, socket: &Path, wanted: &[String]) -> Finding {
    let (socket, names) = (socket.display(), wanted.join(", "));
    match seen {
        Survey::NoSocket => Finding::stops(
            CHECK,
            format!("the target of {names} is docker, and there is no Docker Engine at {socket}"),
            "install it (on Debian: `apt install docker.io`) and start it (`systemctl start docker`), or name its \
             socket with DOCKER_HOST=unix:///PATH",
        ),
        Survey::Forbidden { group } => Finding::stops(
            CHECK,
            format!("the target of {names} is docker, and this user may not use {socket}"),
            match group {
                Some(group) => format!(
                    "let the user into the socket's group ({group}): `usermod -aG docker USER` as root, then log in \
                     again; whoever may use the engine is as good as root"
                ),
                None => {
                    "run as root, or use a rootless engine (DOCKER_HOST=unix:///run/user/UID/docker.sock)"
                        .to_owned()
                }
            },
        ),
        Survey::Silent { detail } => Finding::stops(
            CHECK,
            format!(
                "the target of {names} is docker, and the Docker Engine at {socket} does not answer: {detail}"
            ),
            "`systemctl restart docker`, then `journalctl -u docker` says why it does not come up",
        ),
        Survey::TooOld { detail } => {
            Finding::stops(CHECK, detail.clone(), "install Docker Engine 20.10 or later")
        }
        Survey::Fit(_) => Finding::good(CHECK, "it answers"),
    }
}

fn found(engine: &Engine, wanted: &[String]) -> Vec<Finding> {
    let Engine { version, api, .. } = engine;
    let of =
        if wanted.is_empty() { "; no environment here runs containers".to_owned() } else { String::new() };
    let mut findings = vec![Finding::good(CHECK, format!("version {version} answers (API {api}){of}"))];
    if wanted.is_empty() {
        return findings;
    }
    findings.push(Finding::good(
        "docker reach",
        if engine.has_reachable_addresses() {
            "the edge goes to containers' own addresses"
        } else {
            "its containers' addresses cannot be reached from here: a port on 127.0.0.1 is published for each"
        },
    ));
    findings.push(if engine.has_buildkit {
        Finding::good("docker build", "with BuildKit")
    } else {
        Finding::warning(
            "docker build",
            "the classic builder: `secrets` of [build] and RUN --mount are not to be had",
            "take `\"buildkit\": false` out of the engine's daemon.json, or use an engine that has BuildKit",
        )
    });
    if !engine.lacks.is_empty() {
        let names = engine.lacks.join(", ");
        findings.push(Finding::warning(
            "docker limits",
            format!("limits of {names} are not enforced by this engine's kernel"),
            "boot with the control groups for them (cgroup v2), or give the rootless engine's user these controllers",
        ));
    }
    findings.extend(engine.data.as_deref().and_then(room));
    findings
}

/// The room where images and containers lie; none where this user cannot look.
fn room(data: &Path) -> Option<Finding> {
    const CHECK: &str = "docker room";
    let disk = statvfs(data).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let says = format!("{} free in {}", number::bytes(free), data.display());
    Some(if free < LITTLE_ROOM {
        Finding::warning(CHECK, says, "`bascule prune`, then `docker system df` shows what else there is")
    } else {
        Finding::good(CHECK, says)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Grade;

    fn wanted() -> Vec<String> {
        vec!["staging".to_owned()]
    }

    #[test]
    fn each_thing_that_is_missing_has_its_fix() {
        let socket = Path::new("/var/run/docker.sock");
        for (seen, fix) in [
            (Survey::NoSocket, "systemctl start docker"),
            (Survey::Forbidden { group: Some(998) }, "usermod -aG docker"),
            (Survey::Forbidden { group: None }, "rootless"),
            (Survey::Silent { detail: "refused".to_owned() }, "journalctl"),
            (Survey::TooOld { detail: "old".to_owned() }, "20.10"),
        ] {
            let finding = lacking(&seen, socket, &wanted());
            assert_eq!(finding.grade, Grade::Stops);
            assert!(finding.fix.unwrap().contains(fix), "{seen:?}");
        }
    }

    #[test]
    fn an_engine_that_nobody_needs_is_one_line() {
        let engine = Engine { lacks: vec!["memory"], ..Engine::default() };
        assert_eq!(found(&engine, &[]).len(), 1);
        let findings = found(&engine, &wanted());
        assert_eq!(findings.iter().filter(|one| one.grade == Grade::Warning).count(), 2);
        assert!(findings.iter().all(|one| one.grade != Grade::Stops));
    }
}
