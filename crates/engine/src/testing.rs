//! Tests: releases to decide about.

use std::collections::BTreeMap;
use std::time::Duration;

use bascule_model::ids::{EnvironmentKey, ReleaseId};
use bascule_model::manifest::{BackupWhen, Rehearse};
use bascule_model::release::{
    Health, Limits, OnDrift, OnNoData, Pods, Probe, Release, Rollout, Service, Stop, TargetKind, Traffic,
};
use bascule_model::schema::{BackupPolicy, Schema, SchemaOrder, SchemaPolicy};
use jiff::Timestamp;

/// What [`release`] runs.
pub(crate) const ARTIFACT: &str = "sha256:aa";

/// An environment of the shop.
pub(crate) fn key(environment: &str) -> EnvironmentKey {
    EnvironmentKey { app: "shop".parse().unwrap(), environment: environment.parse().unwrap() }
}

/// A set of one migration.
pub(crate) fn schema(set: &str) -> Schema {
    Schema {
        dialect: "PostgreSQL".to_owned(),
        set: set.to_owned(),
        versions: vec!["1".to_owned()],
        contracts: Vec::new(),
        order: SchemaOrder::Phases,
        policy: SchemaPolicy {
            lock_timeout: Duration::ZERO,
            watch: Duration::ZERO,
            soft_drop_for: Duration::ZERO,
            backup: BackupWhen::Never,
            rehearse: Rehearse::Never,
            smoke: Vec::new(),
            backups: BackupPolicy {
                every_seconds: None,
                keep: 1,
                max_age_seconds: None,
                region: String::new(),
            },
        },
    }
}

/// A release with everything that is asked for, and these keys.
pub(crate) fn release(environment: &str, configuration: &[&str]) -> Release {
    Release {
        id: ReleaseId::from_text("r7-aaaaaa"),
        number: 7,
        key: key(environment),
        target: TargetKind::Process,
        artifact: ARTIFACT.to_owned(),
        drift: OnDrift::Repair,
        cluster: None,
        listen: ([127, 0, 0, 1], 8080).into(),
        hosts: Vec::new(),
        services: vec![Service {
            name: "web".parse().unwrap(),
            command: Vec::new(),
            container: None,
            secret_files: Vec::new(),
            traffic: Some(Traffic { port: 3000, path: "/".to_owned(), hosts: Vec::new() }),
            instances: 1,
            pods: Pods::default(),
            drain: Duration::ZERO,
            stop: Stop { signal: 15, grace: Duration::ZERO },
            limits: Limits::default(),
            health: Health {
                probe: Probe::Connect,
                interval: Duration::from_secs(1),
                timeout: Duration::from_secs(1),
                start_period: Duration::from_secs(1),
                healthy_after: 1,
                unhealthy_after: 1,
            },
            configuration: configuration.iter().map(|&name| (name.to_owned(), "f".to_owned())).collect(),
        }],
        rollout: Rollout {
            deadline: Duration::from_secs(1),
            bake: Duration::from_secs(60),
            max_error_rate: 0.001,
            max_p95: Duration::from_secs(2),
            min_requests: 100,
            on_no_data: OnNoData::Probe,
            warm: Duration::ZERO,
            keep: 1,
            rolling: None,
        },
        tasks: Vec::new(),
        schema: Some(schema("s1")),
        secrets: BTreeMap::new(),
        provenance: None,
        content: String::new(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}
