//! From a resolved manifest to what a release holds: public parts here, values apart. Pure but for the vault's fingerprints.

mod database;
mod image;

use std::collections::BTreeMap;
use std::path::PathBuf;

use bascule_model::gate::Provenance;
use bascule_model::ids::{EnvironmentKey, EnvironmentName, ReleaseId, ServiceName};
use bascule_model::manifest::{self, CheckRequest, Environment, InstanceText, Policy, Secrets, Value};
use bascule_model::plan::hex;
use bascule_model::release::{
    Action, Check, Configuration, Expect, Health, Limits, OnNoData, Probe, Release, Rolling, Rollout,
    Service, Source, Stop, TargetKind, Task, Traffic,
};
use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub use self::database::{access as database_access, backups as backup_policy};
use crate::ports::Vault;

/// A release that has no number yet, its values, and what its artifact is made from.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The release; id, number and artifact are still to come.
    pub release: Release,
    /// Its values.
    pub configuration: Configuration,
    /// What its artifact is made from.
    pub source: Source,
    /// Exactly this artifact, as [`Release::artifact`]; none: it is made, or it is the one that settled in `promote_from`.
    pub artifact: Option<String>,
    /// The commit that the folder, or the artifact that is named, is of.
    pub provenance: Option<Provenance>,
    /// The environment whose settled artifacts are taken, and no others.
    pub promote_from: Option<EnvironmentName>,
    /// What has to be so before the environment takes a release.
    pub policy: Policy,
}

impl Wish {
    /// The environment it is for.
    #[must_use]
    pub fn key(&self) -> &EnvironmentKey {
        &self.release.key
    }
}

/// Makes a wish of an environment.
#[must_use]
pub fn draft(environment: &Environment, project: PathBuf, vault: &dyn Vault, now: Timestamp) -> Wish {
    let secrets = &environment.secrets;
    let configuration = Configuration {
        env: environment
            .services
            .iter()
            .map(|(name, service)| (name.clone(), exposed(&service.env, secrets)))
            .collect(),
        verify: environment.verify.iter().map(|one| check(one, secrets)).collect(),
        secrets: secrets.iter().map(|(name, secret)| (name.to_string(), secret.expose().clone())).collect(),
        build_secrets: image::build_secrets(environment),
        registry: image::credentials(environment),
        database: database::access(environment),
    };
    let services = environment
        .services
        .iter()
        .map(|(name, written)| service(name, written, &configuration, vault))
        .collect();
    let mut release = Release {
        id: ReleaseId::from_text(""),
        number: 0,
        key: environment.key(),
        target: match environment.target {
            manifest::Target::Process => TargetKind::Process,
            manifest::Target::Docker => TargetKind::Docker,
            manifest::Target::Kubernetes => TargetKind::Kubernetes,
        },
        artifact: String::new(),
        drift: environment.drift,
        cluster: environment.cluster.clone(),
        listen: environment.listen,
        hosts: environment.hosts.iter().map(ToString::to_string).collect(),
        services,
        rollout: rollout(&environment.rollout),
        tasks: environment.tasks.iter().map(task).collect(),
        schema: None,
        secrets: environment.secret_versions.clone(),
        provenance: None,
        content: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
    };
    release.content = content(&release, &configuration, vault);
    release.created_at = now;
    let source = Source {
        project,
        command: environment.build.command.as_deref().map(shell_line),
        files: environment.build.files.iter().map(ToString::to_string).collect(),
        image: environment.build.image.as_ref().map(image::source),
        migrations: database::source(environment),
    };
    Wish {
        release,
        configuration,
        source,
        artifact: None,
        provenance: None,
        promote_from: environment.promote_from.clone(),
        policy: environment.policy.clone(),
    }
}

fn task(written: &manifest::Task) -> Task {
    Task {
        name: written.name.clone(),
        service: written.service.clone(),
        command: written.command.clone(),
        before: written.before,
        timeout: written.timeout.get(),
    }
}

fn exposed(values: &BTreeMap<String, Value>, secrets: &Secrets) -> BTreeMap<String, InstanceText> {
    values.iter().filter_map(|(name, value)| Some((name.clone(), value.expose(secrets)?.clone()))).collect()
}

fn service(
    name: &ServiceName,
    written: &manifest::Service,
    configuration: &Configuration,
    vault: &dyn Vault,
) -> Service {
    let values = configuration.env.get(name).into_iter().flatten();
    Service {
        name: name.clone(),
        command: written.command.clone(),
        container: written.container.clone(),
        secret_files: written.secret_files.clone(),
        traffic: written.traffic.as_ref().map(|traffic| Traffic {
            port: traffic.port,
            path: traffic.path.to_string(),
            hosts: traffic.hosts.iter().map(ToString::to_string).collect(),
        }),
        instances: written.instances,
        pods: written.pods.clone(),
        drain: written.drain.get(),
        stop: Stop { signal: signal_number(written.stop.signal), grace: written.stop.grace.get() },
        limits: Limits {
            memory: written.resources.memory.map(manifest_bytes),
            cpu_millis: written.resources.cpu.map(|cpu| u64::from(cpu.millicores())),
            pids: written.resources.pids,
        },
        health: health(&written.health),
        configuration: values
            .map(|(key, value)| (key.clone(), vault.fingerprint(value.as_source())))
            .collect(),
    }
}

fn manifest_bytes(size: bascule_model::units::ByteSize) -> u64 {
    size.bytes()
}

fn health(written: &manifest::Health) -> Health {
    Health {
        probe: match &written.probe {
            manifest::Probe::Http { path } => Probe::Http { path: path.clone() },
            manifest::Probe::Tcp => Probe::Connect,
            manifest::Probe::Running => Probe::Uptime,
        },
        interval: written.interval.get(),
        timeout: written.timeout.get(),
        start_period: written.start_period.get(),
        healthy_after: written.healthy_after,
        unhealthy_after: written.unhealthy_after,
    }
}

fn rollout(written: &manifest::Rollout) -> Rollout {
    Rollout {
        deadline: written.deadline.get(),
        bake: written.bake.get(),
        max_error_rate: written.max_error_rate.fraction(),
        max_p95: written.max_p95.get(),
        min_requests: written.min_requests,
        on_no_data: match written.on_no_data {
            manifest::OnNoData::Probe => OnNoData::Probe,
            manifest::OnNoData::Wait => OnNoData::Wait,
            manifest::OnNoData::Fail => OnNoData::Fail,
        },
        warm: written.warm.get(),
        keep: written.keep,
        rolling: (written.strategy == manifest::Strategy::Rolling)
            .then_some(Rolling { max_unavailable: written.max_unavailable, max_surge: written.max_surge }),
    }
}

fn check(written: &manifest::Check, secrets: &Secrets) -> Check {
    // Instance variables have no meaning in a request: it is the same for every instance.
    let text = |value: &Value| value.expose(secrets).map(|text| text.render(|_| None)).unwrap_or_default();
    let (service, action) = match &written.request {
        CheckRequest::Http { service, method, path, headers, body } => (
            Some(service.clone()),
            Action::Request {
                method: method.as_str().to_owned(),
                path: text(path),
                headers: headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
                body: body.as_ref().map(text),
            },
        ),
        CheckRequest::Command { service, arguments } => {
            (service.clone(), Action::Command { command: arguments.clone() })
        }
    };
    Check {
        name: written.name.clone(),
        action,
        service,
        expect: Expect {
            status: written.expect.status,
            within_ms: Some(written.expect.within.milliseconds()),
            json: written.expect.json.as_ref().map(ToString::to_string),
            contains: written.expect.contains.as_ref().map(text),
        },
        retries: written.retry.map_or(0, |retry| retry.times),
        over: written.retry.map(|retry| retry.over.get()).unwrap_or_default(),
    }
}

/// What makes two releases the same but for their artifact: public parts as they are, values by keyed fingerprint.
fn content(release: &Release, configuration: &Configuration, vault: &dyn Vault) -> String {
    let verify = serde_json::to_string(&configuration.verify).unwrap_or_default();
    let all = json!({ "release": release, "verify": vault.fingerprint(&verify) });
    hex(&Sha256::digest(all.to_string()))
}

/// The numbers of Linux on x86-64 and ARM.
fn signal_number(signal: manifest::Signal) -> i32 {
    match signal {
        manifest::Signal::Hup => 1,
        manifest::Signal::Int => 2,
        manifest::Signal::Quit => 3,
        manifest::Signal::Kill => 9,
        manifest::Signal::Usr1 => 10,
        manifest::Signal::Usr2 => 12,
        manifest::Signal::Term => 15,
        manifest::Signal::Winch => 28,
    }
}

/// A line for `sh -c` that runs exactly these arguments. A command that was written as one text comes as `/bin/sh -c TEXT` already.
fn shell_line(arguments: &[String]) -> String {
    match arguments {
        [shell, option, line] if (shell == "sh" || shell == "/bin/sh") && option == "-c" => line.clone(),
        _ => arguments.iter().map(|argument| quoted(argument)).collect::<Vec<_>>().join(" "),
    }
}

fn quoted(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !argument.is_empty() && argument.chars().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}
