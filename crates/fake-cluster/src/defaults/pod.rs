//! Defaults of pods and of templates of pods.

use serde_json::{Value, json};

use crate::object::default;

/// Whose specification it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Pod,
    Template,
}

/// Fills in `spec.template`.
pub(super) fn template(new: &mut Value) {
    default(new, &["spec", "template", "metadata"], json!({}));
    default(new, &["spec", "template", "spec"], json!({}));
    specification(&mut new["spec"]["template"]["spec"], Of::Template);
}

/// Fills in the specification of a pod.
pub(super) fn specification(pod: &mut Value, kind: Of) {
    default(pod, &["restartPolicy"], json!("Always"));
    default(pod, &["dnsPolicy"], json!("ClusterFirst"));
    default(pod, &["terminationGracePeriodSeconds"], json!(30));
    default(pod, &["schedulerName"], json!("default-scheduler"));
    default(pod, &["securityContext"], json!({}));
    if kind == Of::Pod {
        default(pod, &["enableServiceLinks"], json!(true));
    }
    for list in ["containers", "initContainers"] {
        for container in pod[list].as_array_mut().into_iter().flatten() {
            fill_container(container);
        }
        if pod[list].is_null() {
            crate::object::set(pod, &[list], Value::Null);
        }
    }
}

fn fill_container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map_or("latest", |(_, tag)| tag);
    let pull = if tag == "latest" && !image.contains('@') { "Always" } else { "IfNotPresent" };
    default(container, &["imagePullPolicy"], json!(pull));
    default(container, &["terminationMessagePath"], json!("/dev/termination-log"));
    default(container, &["terminationMessagePolicy"], json!("File"));
    default(container, &["resources"], json!({}));
    for port in container["ports"].as_array_mut().into_iter().flatten() {
        default(port, &["protocol"], json!("TCP"));
    }
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) else { continue };
        default(probe, &["timeoutSeconds"], json!(1));
        default(probe, &["periodSeconds"], json!(10));
        default(probe, &["successThreshold"], json!(1));
        default(probe, &["failureThreshold"], json!(3));
        if probe["httpGet"].is_object() {
            default(probe, &["httpGet", "scheme"], json!("HTTP"));
        }
    }
    for variable in container["env"].as_array_mut().into_iter().flatten() {
        if variable["valueFrom"]["fieldRef"].is_object() {
            default(variable, &["valueFrom", "fieldRef", "apiVersion"], json!("v1"));
        }
    }
}
