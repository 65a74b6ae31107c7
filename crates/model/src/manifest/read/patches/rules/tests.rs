use serde_json::json;

use super::*;

/// Changes of the pods' `spec`.
fn of_pod(spec: &Value) -> Value {
    json!({ "spec": { "template": { "spec": spec } } })
}

/// Changes of the service's own container.
fn of_app(container: &Value) -> Value {
    let mut container = container.clone();
    container["name"] = json!(CONTAINER);
    of_pod(&json!({ "containers": [container] }))
}

#[test]
fn what_people_need_is_taken() {
    for changes in [
        json!({ "metadata": { "labels": { "team": "shop", "env": "live" }, "annotations": { "example.com/owner": "x" } } }),
        json!({ "spec": { "template": { "metadata": { "annotations": { "sidecar.istio.io/inject": "true" }, "labels": { "a": "b" } } } } }),
        of_pod(
            &json!({ "nodeSelector": { "disk": "ssd", "env": "live" }, "tolerations": [{ "key": "gpu", "operator": "Exists" }] }),
        ),
        of_pod(
            &json!({ "affinity": { "nodeAffinity": {} }, "priorityClassName": "high", "runtimeClassName": "gvisor" }),
        ),
        of_pod(
            &json!({ "hostAliases": [{ "ip": "10.0.0.1", "hostnames": ["db"] }], "dnsConfig": { "options": [{ "name": "ndots", "value": "1" }] } }),
        ),
        of_pod(&json!({ "serviceAccountName": "shop", "automountServiceAccountToken": true })),
        of_pod(&json!({ "securityContext": { "fsGroup": 1000, "supplementalGroups": [1] } })),
        of_pod(
            &json!({ "volumes": [{ "name": "data", "emptyDir": {} }, { "name": "tmp", "$patch": "delete" }] }),
        ),
        of_pod(
            &json!({ "topologySpreadConstraints": [{ "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule" }] }),
        ),
        of_pod(
            &json!({ "containers": [{ "name": "proxy", "image": "p:1", "command": ["p"], "ports": [{ "containerPort": 9000 }],
            "env": [{ "name": "A", "value": "b" }], "securityContext": { "runAsUser": 1 } }] }),
        ),
        of_pod(&json!({ "initContainers": [{ "name": "wait", "image": "w:1", "args": ["x"] }] })),
        of_app(
            &json!({ "volumeMounts": [{ "mountPath": "/data", "name": "data" }], "lifecycle": { "preStop": { "exec": { "command": ["sleep", "5"] } } } }),
        ),
        of_app(
            &json!({ "livenessProbe": { "httpGet": { "path": "/", "port": "http" } }, "terminationMessagePolicy": "FallbackToLogsOnError" }),
        ),
        of_app(
            &json!({ "env": [{ "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "status.hostIP" } } }] }),
        ),
        of_app(&json!({ "resources": { "limits": { "nvidia.com/gpu": 1, "ephemeral-storage": "1Gi" } } })),
        of_app(&json!({ "securityContext": { "seccompProfile": { "type": "Localhost" } } })),
    ] {
        assert_eq!(refusals(&changes), [], "{changes}");
    }
}

#[test]
fn what_bascule_decides_is_refused_with_its_path() {
    let pod = "spec.template.spec";
    let app = "spec.template.spec.containers[app]";
    let table = [
        (json!({ "spec": { "replicas": 3 } }), "spec.replicas".to_owned()),
        (json!({ "spec": { "selector": {} } }), "spec.selector".to_owned()),
        (json!({ "spec": { "strategy": {} } }), "spec.strategy".to_owned()),
        (json!({ "spec": { "paused": true } }), "spec.paused".to_owned()),
        (json!({ "spec": { "template": { "kind": "x" } } }), "spec.template.kind".to_owned()),
        (json!({ "spec": 3 }), "spec".to_owned()),
        (json!({ "spec": { "template": { "spec": "x" } } }), pod.to_owned()),
        (json!({ "metadata": { "name": "x" } }), "metadata.name".to_owned()),
        (
            json!({ "metadata": { "labels": { "bascule.dev/slot": "blue" } } }),
            "metadata.labels.bascule.dev/slot".to_owned(),
        ),
        (
            json!({ "metadata": { "annotations": { "bascule.dev/owner": "x" } } }),
            "metadata.annotations.bascule.dev/owner".to_owned(),
        ),
        (json!({ "metadata": { "labels": { "a": 1 } } }), "metadata.labels.a".to_owned()),
        (
            json!({ "spec": { "template": { "metadata": { "labels": { "app.kubernetes.io/name": "x" } } } } }),
            "spec.template.metadata.labels.app.kubernetes.io/name".to_owned(),
        ),
        (of_pod(&json!({ "restartPolicy": "Never" })), format!("{pod}.restartPolicy")),
        (
            of_pod(&json!({ "terminationGracePeriodSeconds": 1 })),
            format!("{pod}.terminationGracePeriodSeconds"),
        ),
        (of_pod(&json!({ "imagePullSecrets": [{ "name": "x" }] })), format!("{pod}.imagePullSecrets")),
        (of_pod(&json!({ "hostNetwork": true })), format!("{pod}.hostNetwork")),
        (
            of_pod(&json!({ "securityContext": { "runAsUser": 0 } })),
            format!("{pod}.securityContext.runAsUser"),
        ),
        (
            of_pod(&json!({ "volumes": [{ "name": "secrets", "emptyDir": {} }] })),
            format!("{pod}.volumes[secrets]"),
        ),
        (of_pod(&json!({ "volumes": [{ "emptyDir": {} }] })), format!("{pod}.volumes[0]")),
        (
            of_pod(&json!({ "volumes": [{ "name": "a", "$patch": "replace" }] })),
            format!("{pod}.volumes[a].$patch"),
        ),
        (of_pod(&json!({ "$patch": "replace" })), format!("{pod}.$patch")),
        (of_pod(&json!({ "$retainKeys": ["a"] })), format!("{pod}.$retainKeys")),
        (of_pod(&json!({ "initContainers": [{ "name": "app" }] })), format!("{pod}.initContainers[app]")),
        (
            of_pod(
                &json!({ "containers": [{ "name": "p", "ports": [{ "containerPort": 1, "hostPort": 1 }] }] }),
            ),
            format!("{pod}.containers[p].ports[0].hostPort"),
        ),
        (of_app(&json!({ "$patch": "delete" })), app.to_owned()),
        (of_app(&json!({ "image": "x" })), format!("{app}.image")),
        (of_app(&json!({ "command": ["x"] })), format!("{app}.command")),
        (of_app(&json!({ "args": ["x"] })), format!("{app}.args")),
        (of_app(&json!({ "ports": [{ "containerPort": 1 }] })), format!("{app}.ports")),
        (of_app(&json!({ "envFrom": [] })), format!("{app}.envFrom")),
        (of_app(&json!({ "readinessProbe": {} })), format!("{app}.readinessProbe")),
        (of_app(&json!({ "startupProbe": {} })), format!("{app}.startupProbe")),
        (
            of_app(&json!({ "securityContext": { "runAsUser": 0 } })),
            format!("{app}.securityContext.runAsUser"),
        ),
        (
            of_app(&json!({ "securityContext": { "privileged": true } })),
            format!("{app}.securityContext.privileged"),
        ),
        (
            of_app(&json!({ "resources": { "limits": { "memory": "1Gi" } } })),
            format!("{app}.resources.limits.memory"),
        ),
        (
            of_app(&json!({ "resources": { "requests": { "cpu": 1 } } })),
            format!("{app}.resources.requests.cpu"),
        ),
        (of_app(&json!({ "env": [{ "name": "A", "value": "b" }] })), format!("{app}.env[A]")),
        (of_app(&json!({ "env": [{ "name": "PORT", "valueFrom": {} }] })), format!("{app}.env[PORT]")),
        (
            of_app(&json!({ "env": [{ "name": "BASCULE_SLOT", "valueFrom": {} }] })),
            format!("{app}.env[BASCULE_SLOT]"),
        ),
        (
            of_app(&json!({ "volumeMounts": [{ "mountPath": "/run/secrets/", "name": "x" }] })),
            format!("{app}.volumeMounts[/run/secrets/]"),
        ),
    ];
    for (changes, path) in table {
        let told: Vec<String> = refusals(&changes).iter().map(|one| in_words(&one.path)).collect();
        assert_eq!(told, [path], "{changes}");
    }
}

#[test]
fn every_rule_has_a_reason_and_a_remedy() {
    let all = [&SPEC[..], &POD, &POD_SECURITY, &APP, &APP_SECURITY, &AMOUNTS];
    for (key, why, remedy) in all.into_iter().flatten() {
        assert!(!key.is_empty() && why.len() > 10 && remedy.len() > 10, "{key}: {why}; {remedy}");
    }
}

/// A Deployment as the target makes it, with all that it may have.
fn deployment() -> Value {
    let labels = json!({ "app.kubernetes.io/managed-by": "bascule", "bascule.dev/service": "web" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": "shop-web-r1", "labels": labels, "annotations": { "bascule.dev/owner": "x" } },
        "spec": {
            "replicas": 2, "revisionHistoryLimit": 0, "progressDeadlineSeconds": 60,
            "selector": { "matchLabels": { "bascule.dev/release": "r1" } },
            "template": { "metadata": { "labels": labels }, "spec": {
                "automountServiceAccountToken": false, "enableServiceLinks": false, "terminationGracePeriodSeconds": 10,
                "imagePullSecrets": [{ "name": "registry" }],
                "hostAliases": [{ "ip": "10.0.0.1", "hostnames": ["db"] }],
                "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
                "topologySpreadConstraints": [{ "topologyKey": "kubernetes.io/hostname", "maxSkew": 1 }],
                "volumes": [{ "name": "secrets", "secret": { "secretName": "s" } }, { "name": "tmp", "emptyDir": {} }],
                "containers": [{
                    "name": "app", "image": "i", "imagePullPolicy": "Never", "command": ["serve"],
                    "env": [{ "name": "BASCULE_SLOT", "value": "blue" }, { "name": "PORT", "value": "1" }],
                    "envFrom": [{ "configMapRef": { "name": "c" } }],
                    "ports": [{ "name": "http", "containerPort": 1 }],
                    "readinessProbe": { "periodSeconds": 1 }, "startupProbe": { "periodSeconds": 1 },
                    "resources": { "limits": { "cpu": "1", "memory": "1" }, "requests": { "cpu": "1", "memory": "1" } },
                    "securityContext": {
                        "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] }, "readOnlyRootFilesystem": true,
                        "runAsNonRoot": true, "runAsUser": 1, "runAsGroup": 1,
                    },
                    "volumeMounts": [{ "mountPath": "/run/secrets", "name": "secrets" }, { "mountPath": "/tmp", "name": "tmp" }],
                }],
            } },
        },
    })
}

/// What of it a patch may change.
const OPEN: [&str; 7] = [
    "automountServiceAccountToken",
    "enableServiceLinks",
    "hostAliases",
    "securityContext.seccompProfile",
    "topologySpreadConstraints",
    "volumes[tmp]",
    "containers[app].volumeMounts[/tmp]",
];

/// Every place in a value with what is there, a list with a key element by element.
fn places(value: &Value, path: &mut Vec<Step>, all: &mut Vec<(Vec<Step>, Value)>) {
    all.push((path.clone(), value.clone()));
    let list = match path.last() {
        Some(Step::Key(name)) => merge_key(name),
        _ => None,
    };
    for (name, value) in value.as_object().into_iter().flatten() {
        path.push(Step::Key(name.clone()));
        places(value, path, all);
        path.pop();
    }
    if let (Some(key), Some(elements)) = (list, value.as_array()) {
        for (at, element) in elements.iter().enumerate() {
            let name = element[key].as_str().map_or_else(|| element[key].to_string(), str::to_owned);
            path.push(Step::Element { at, name: Some(name) });
            places(element, path, all);
            path.pop();
        }
    }
}

/// Changes that say this at that place.
fn saying(path: &[Step], value: Value, within: Option<&str>) -> Value {
    match path {
        [] => value,
        [Step::Key(name), rest @ ..] => {
            let mut fields = json!({});
            fields[name] = saying(rest, value, Some(name));
            fields
        }
        [Step::Element { name, .. }, rest @ ..] => {
            let mut element = saying(rest, value, None);
            if let (true, Some(key)) = (element.is_object(), within.and_then(merge_key)) {
                let name = name.clone().unwrap_or_default();
                element[key] = name.parse().map_or(json!(name), |number: u32| json!(number));
            }
            json!([element])
        }
    }
}

/// Whatever is said at whatever place, and is taken, leaves everything that is Bascule's as it is.
#[test]
fn what_is_taken_changes_nothing_that_is_ours() {
    let deployment = deployment();
    let mut all = Vec::new();
    places(&deployment, &mut Vec::new(), &mut all);
    let is_open = |path: &[Step]| {
        let words = in_words(path);
        let pod = words.strip_prefix("spec.template.spec.");
        pod.is_some_and(|words| OPEN.iter().any(|open| words.starts_with(open)))
    };
    let kept: Vec<&(Vec<Step>, Value)> = all
        .iter()
        .filter(|(path, value)| !is_open(path) && !value.is_object() && !value[0].is_object())
        .collect();
    assert!(kept.len() >= 40, "{}", kept.len());
    let (mut taken, mut refused) = (0, 0);
    for (path, _) in &all {
        for value in [
            json!("other"),
            json!(7),
            json!({}),
            json!([]),
            json!({ "x": "y" }),
            json!({ "$patch": "delete" }),
            json!([{ "name": "x" }]),
        ] {
            let changes = saying(path, value, None);
            if !changes.is_object() || !refusals(&changes).is_empty() {
                refused += 1;
                continue;
            }
            taken += 1;
            let mut merged = deployment.clone();
            // Only these two are read of a patch.
            for key in ["metadata", "spec"] {
                if let Some(changes) = changes.get(key) {
                    crate::release::patch::merge(&mut merged[key], changes);
                }
            }
            let mut after = Vec::new();
            places(&merged, &mut Vec::new(), &mut after);
            for (path, value) in &kept {
                let there =
                    after.iter().any(|(other, now)| in_words(other) == in_words(path) && now == value);
                assert!(there, "{changes} changes {}", in_words(path));
            }
        }
    }
    assert!(taken > 30 && refused > 100, "{taken} taken, {refused} refused");
}
