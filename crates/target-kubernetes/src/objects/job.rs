//! A command beside the instances: a Job with one pod that is made as those of the service's Deployment are, but for its command, its
//! streams and its labels. No Service selects it, and it goes with the Deployment that it was made from.

use std::collections::BTreeMap;

use bascule_engine::ports::ExecSpec;
use bascule_model::ids::TaskName;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::ResourceExt as _;

use super::configuration::literal;
use super::pod;
use crate::names;

/// Seconds after which a command ends, whoever has forgotten it.
const LONGEST: i64 = 12 * 60 * 60;
/// Seconds for which one that has ended is kept, where nobody is left to remove it.
const KEPT: i32 = 60;
/// Seconds that a command which is no longer wanted has to end, and a task.
const GRACE: i64 = 2;
const TASK_GRACE: i64 = 10;
/// Waits for one line, and becomes the command: so that nothing is written before somebody is attached to it. Whoever is cut off before
/// that line has started nothing.
const GATE: &str = r#"read -r _ && exec "$@""#;

/// How the command is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// By the image's shell, once somebody is attached.
    AtTheGate,
    /// At once: the image has no shell. It has no input.
    AtOnce,
}

/// Who makes it.
pub(crate) struct Maker<'a> {
    /// The state folder.
    pub(crate) owner: &'a str,
    /// The control plane: what one that is gone has left behind is told from what goes on.
    pub(crate) process: &'a str,
}

/// What tells a task's Job from that of any other command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tasked<'a> {
    pub(crate) name: &'a TaskName,
    /// Seconds after which the cluster ends it, whoever has forgotten it.
    pub(crate) longest: i64,
}

/// The Job of a command; none where the Deployment has no container. A Deployment that is not made yet does not own it.
pub(crate) fn job(
    deployment: &Deployment,
    spec: &ExecSpec,
    name: &str,
    (begin, task): (Begin, Option<Tasked<'_>>),
    maker: &Maker<'_>,
) -> Option<Job> {
    let template = deployment.spec.as_ref()?.template.spec.clone()?;
    let of_ours = template.containers.iter().find(|one| one.name == pod::CONTAINER);
    // In what was taken over the app's container may be called otherwise.
    let container =
        Container { name: pod::CONTAINER.to_owned(), ..of_ours.or(template.containers.first())?.clone() };
    let mut labels = names::of_environment(&spec.slot.key);
    labels.insert(names::EXEC.to_owned(), spec.service.to_string());
    labels.extend(task.map(|task| (names::TASK.to_owned(), task.name.to_string())));
    let annotations = BTreeMap::from([
        (names::OWNER.to_owned(), maker.owner.to_owned()),
        (names::PROCESS.to_owned(), maker.process.to_owned()),
    ]);
    let owner = deployment.uid().map(|uid| OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "Deployment".to_owned(),
        name: deployment.name_any(),
        uid,
        ..OwnerReference::default()
    });
    let is_open = begin == Begin::AtTheGate;
    let given: Vec<String> = spec.command.iter().map(|text| literal(text)).collect();
    let (program, arguments) = match begin {
        Begin::AtTheGate => (["/bin/sh", "-c", GATE, "sh"].map(str::to_owned).to_vec(), given),
        Begin::AtOnce => (given, Vec::new()),
    };
    let container = Container {
        command: Some(program),
        args: (!arguments.is_empty()).then_some(arguments),
        stdin: is_open.then_some(true),
        stdin_once: is_open.then_some(true),
        tty: (is_open && spec.terminal.is_some()).then_some(true),
        // It is no instance: nobody asks how it is, and nobody is sent to it.
        startup_probe: None,
        readiness_probe: None,
        liveness_probe: None,
        lifecycle: None,
        ports: None,
        ..container
    };
    let pod = PodSpec {
        containers: vec![container],
        init_containers: None,
        restart_policy: Some("Never".to_owned()),
        termination_grace_period_seconds: Some(if task.is_some() { TASK_GRACE } else { GRACE }),
        topology_spread_constraints: None,
        ..template
    };
    Some(Job {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some(labels.clone()),
            annotations: Some(annotations),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            backoff_limit: Some(0),
            active_deadline_seconds: Some(task.map_or(LONGEST, |task| task.longest)),
            ttl_seconds_after_finished: Some(KEPT),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta { labels: Some(labels), ..ObjectMeta::default() }),
                spec: Some(pod),
            },
            ..JobSpec::default()
        }),
        ..Job::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made(begin: Begin) -> serde_json::Value {
        made_of(begin, None, &json!("u-1"))
    }

    fn made_of(begin: Begin, task: Option<Tasked<'_>>, uid: &serde_json::Value) -> serde_json::Value {
        let deployment: Deployment = serde_json::from_value(json!({
            "metadata": { "name": "shop-web-r1-abcdef", "uid": uid },
            "spec": { "selector": {}, "template": {
                "metadata": { "labels": { names::RELEASE: "r1-abcdef", names::SERVICE: "web" } },
                "spec": {
                    "automountServiceAccountToken": false,
                    "imagePullSecrets": [{ "name": "registry" }],
                    "containers": [
                        {
                            "name": "app", "image": "shop@sha256:1", "command": ["serve"], "args": ["--all"],
                            "envFrom": [{ "secretRef": { "name": "shop-web-1" } }],
                            "readinessProbe": {}, "ports": [{ "name": "http", "containerPort": 8080 }],
                            "securityContext": { "runAsNonRoot": true },
                        },
                        { "name": "sidecar", "image": "side" },
                    ],
                },
            } },
        }))
        .unwrap();
        let key: bascule_model::ids::EnvironmentKey = "shop/staging".parse().unwrap();
        let spec = ExecSpec {
            slot: bascule_engine::ports::SlotRef {
                key,
                slot: bascule_model::ids::Slot::Blue,
                release: bascule_model::ids::ReleaseId::from_text("r1-abcdef"),
            },
            service: "web".parse().unwrap(),
            command: vec!["rake".to_owned(), "a $$ $(b)".to_owned()],
            terminal: None,
        };
        let maker = Maker { owner: "state-1", process: "p-1" };
        serde_json::to_value(job(&deployment, &spec, "shop-web-exec-1", (begin, task), &maker).unwrap())
            .unwrap()
    }

    #[test]
    fn it_is_as_an_instance_and_none_of_them() {
        let job = made(Begin::AtTheGate);
        let (spec, pod) = (&job["spec"], &job["spec"]["template"]["spec"]);
        let containers = pod["containers"].as_array().unwrap();
        assert_eq!(
            containers.len(),
            1,
            "what runs beside an instance would keep the Job from its end: {pod}"
        );
        let container = &containers[0];
        assert_eq!(container["image"], "shop@sha256:1");
        assert_eq!(pod["imagePullSecrets"], json!([{ "name": "registry" }]));
        assert_eq!(container["envFrom"][0]["secretRef"]["name"], "shop-web-1");
        assert_eq!(container["securityContext"]["runAsNonRoot"], true);
        assert_eq!(container["args"], json!(["rake", "a $$$$ $$(b)"]));
        assert_eq!((&container["stdin"], &container["stdinOnce"]), (&json!(true), &json!(true)));
        for left_out in ["readinessProbe", "ports", "tty"] {
            assert!(container.get(left_out).is_none(), "{left_out}: {container}");
        }
        assert_eq!((&pod["restartPolicy"], &spec["backoffLimit"]), (&json!("Never"), &json!(0)));
        assert_eq!(job["metadata"]["ownerReferences"][0]["uid"], "u-1");
        // No Service and no Deployment takes it for one of theirs.
        let labels = &spec["template"]["metadata"]["labels"];
        assert!(labels.get(names::RELEASE).is_none() && labels.get(names::SERVICE).is_none(), "{labels}");
    }

    #[test]
    fn without_a_shell_the_command_is_all_that_runs() {
        let container = made(Begin::AtOnce)["spec"]["template"]["spec"]["containers"][0].clone();
        assert_eq!(container["command"], json!(["rake", "a $$$$ $$(b)"]));
        for left_out in ["args", "stdin", "stdinOnce"] {
            assert!(container.get(left_out).is_none(), "{left_out}: {container}");
        }
    }

    #[test]
    fn a_task_has_its_own_end_and_no_owner_before_its_deployment() {
        let name = "migrate".parse().unwrap();
        let task = Some(Tasked { name: &name, longest: 660 });
        let job = made_of(Begin::AtOnce, task, &json!(null));
        assert_eq!(job["metadata"]["labels"][names::TASK], "migrate");
        assert!(job["metadata"].get("ownerReferences").is_none(), "{job}");
        assert_eq!(job["spec"]["activeDeadlineSeconds"], 660);
        let usual = made(Begin::AtOnce);
        assert!(usual["metadata"]["labels"].get(names::TASK).is_none(), "{usual}");
    }
}
