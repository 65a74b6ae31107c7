//! From a Deployment that runs in a cluster, and the Service in front of it, to a `bascule.toml` that takes it over. What the cluster says
//! is plain JSON of its API.

use std::fmt::Write as _;

use bascule_model::ids::{AppName, ServiceName};
use serde_json::Value;

use crate::limits;
use crate::secret::{in_words, is_secret};
use crate::write::{Rows, list, quoted};

/// What became of a Deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The text of `bascule.toml`.
    pub manifest: String,
    /// What was left out, or has to be seen to: place and sentence. Holds no value of a secret.
    pub notes: Vec<(String, String)>,
}

/// Where it is, and what the manifest's parts are called.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The context of the kubeconfig; none: its current one.
    pub context: Option<&'a str>,
    /// The namespace.
    pub namespace: &'a str,
}

/// Why nothing can be made of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeploymentError {
    /// It has no container.
    #[error("the Deployment {0} has no container")]
    NoContainer(String),
    /// No Service selects its pods.
    #[error("no Service of the namespace {0} selects the pods of the Deployment {1}")]
    NoService(String, String),
    /// Several do.
    #[error("several Services select the pods of the Deployment {deployment}: {}", services.join(", "))]
    SeveralServices {
        /// Which Deployment.
        deployment: String,
        /// Their names.
        services: Vec<String>,
    },
    /// The port cannot be told.
    #[error("no port of the Service {0} leads to a port of the container {1}")]
    NoPort(String, String),
}

/// Writes the manifest. `services` are those of the namespace; `named` is the one in front, where it was said.
///
/// # Errors
/// When it cannot be told what is in front of the pods.
pub fn from_deployment(
    deployment: &Value,
    services: &[Value],
    named: Option<&str>,
    place: Place<'_>,
) -> Result<Taken, DeploymentError> {
    let name = text(deployment, "/metadata/name");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = pod["containers"].get(0).ok_or_else(|| DeploymentError::NoContainer(name.clone()))?;
    let front = front(deployment, services, named, place.namespace)?;
    let port = port(front, container)?;
    let app = name.parse::<AppName>().map_or_else(|_| "app".to_owned(), |app| app.to_string());
    let service = text(container, "/name")
        .parse::<ServiceName>()
        .map_or_else(|_| "web".to_owned(), |it| it.to_string());
    let mut notes = Notes(Vec::new());
    let mut rows = Rows::default();
    rows.add("port", port.to_string());
    command(container, &mut rows, &mut notes);
    rows.add("instances", deployment["spec"]["replicas"].as_u64().unwrap_or(1).to_string());
    if let Some(path) = container["readinessProbe"]["httpGet"]["path"].as_str() {
        rows.add("health", format!("{{ path = {} }}", quoted(path)));
    } else if container["readinessProbe"].is_object() {
        notes.add(
            "readinessProbe",
            "left out: only a path that is asked by HTTP is taken over; a connection to the port counts here",
        );
    }
    resources(container, &mut rows, &mut notes);
    if let Some(grace) = pod["terminationGracePeriodSeconds"].as_u64().filter(|grace| *grace != 30) {
        rows.add("stop", format!("{{ grace = \"{grace}s\" }}"));
    }
    let env = env(container, &mut notes);
    left_out(deployment, pod, container, &mut notes);
    let manifest = write(&name, &app, &service, container, &rows, &env, front, place);
    Ok(Taken { manifest, notes: notes.0 })
}

struct Notes(Vec<(String, String)>);

impl Notes {
    fn add(&mut self, place: impl Into<String>, says: impl Into<String>) {
        self.0.push((place.into(), says.into()));
    }
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The Service whose selector the pods fit.
fn front<'a>(
    deployment: &Value,
    services: &'a [Value],
    named: Option<&str>,
    namespace: &str,
) -> Result<&'a Value, DeploymentError> {
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    let selects = |service: &&Value| {
        let selector = service["spec"]["selector"].as_object();
        let fits = selector.is_some_and(|selector| {
            !selector.is_empty() && selector.iter().all(|(label, value)| labels[label] == *value)
        });
        fits && named.is_none_or(|named| service["metadata"]["name"] == named)
    };
    let found: Vec<&Value> = services.iter().filter(selects).collect();
    let deployment = text(deployment, "/metadata/name");
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(DeploymentError::NoService(namespace.to_owned(), deployment)),
        several => {
            let services = several.iter().map(|one| text(one, "/metadata/name")).collect();
            Err(DeploymentError::SeveralServices { deployment, services })
        }
    }
}

/// The container's port that the Service leads to.
fn port(service: &Value, container: &Value) -> Result<u64, DeploymentError> {
    let ports = service["spec"]["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = container["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of = |port: &Value| match &port["targetPort"] {
        Value::Number(number) => number.as_u64(),
        Value::String(name) => {
            own.iter().find(|one| one["name"] == name.as_str()).and_then(|one| one["containerPort"].as_u64())
        }
        _ => port["port"].as_u64(),
    };
    ports
        .iter()
        .find_map(of)
        .ok_or_else(|| DeploymentError::NoPort(text(service, "/metadata/name"), text(container, "/name")))
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn command(container: &Value, rows: &mut Rows, notes: &mut Notes) {
    let (command, args) = (words(&container["command"]), words(&container["args"]));
    let all: Vec<String> = command.iter().chain(&args).cloned().collect();
    if in_words(&all) {
        notes.add(
            "command",
            "left out: a word of it looks like a secret; write it with `${NAME}` in place of that",
        );
    } else if !command.is_empty() {
        if all.iter().any(|word| word.contains("$(")) {
            notes.add("command", "`$(NAME)` is a variable of Kubernetes and none here: write `${NAME}`");
        }
        rows.add("command", list(&all));
    } else if !args.is_empty() {
        notes.add("args", "left out: a `command` here is all that is run, also what the image puts before its arguments; write both");
    }
}

fn resources(container: &Value, rows: &mut Rows, notes: &mut Notes) {
    let of = |what: &str| {
        let quantity = |kind: &str| container["resources"][kind][what].as_str().map(str::to_owned);
        quantity("limits").or_else(|| quantity("requests"))
    };
    let memory = of("memory").map(|text| (quantity_of_memory(&text), text));
    let cpu = of("cpu").map(|text| (quantity_of_cpu(&text), text));
    let mut pairs = Vec::new();
    for (key, seen) in [("memory", memory), ("cpu", cpu)] {
        match seen {
            Some((Some(quantity), _)) => pairs.push(format!("{key} = {}", quoted(&quantity))),
            Some((None, text)) => {
                notes.add(format!("resources.{key}"), format!("left out: `{text}` cannot be written here"));
            }
            None => {}
        }
    }
    if !pairs.is_empty() {
        rows.add("resources", format!("{{ {} }}", pairs.join(", ")));
    }
}

/// `128Mi`, `1Gi`, `134217728`, `128M` (that one is in powers of ten).
fn quantity_of_memory(text: &str) -> Option<String> {
    if let Some(number) = text.strip_suffix('i') {
        return limits::memory(number);
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let factor = match &text[end..] {
        "" => 1_u64,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return None,
    };
    limits::memory(&text[..end].parse::<u64>().ok()?.checked_mul(factor)?.to_string())
}

/// `250m`, `1`, `0.5`.
fn quantity_of_cpu(text: &str) -> Option<String> {
    match text.strip_suffix('m') {
        Some(milli) => {
            let milli: u32 = milli.parse().ok()?;
            limits::cpu(&format!("{}.{:03}", milli / 1000, milli % 1000))
        }
        None => limits::cpu(text),
    }
}

fn env(container: &Value, notes: &mut Notes) -> Vec<(String, String)> {
    let mut env = Vec::new();
    for one in container["env"].as_array().into_iter().flatten() {
        let name = text(one, "/name");
        let place = format!("env.{name}");
        let from = &one["valueFrom"];
        let value = text(one, "/value");
        if let Some(secret) = from["secretKeyRef"]["name"].as_str() {
            notes.add(place, format!("it is in the Secret {secret}: `bascule secret set production {name}`, then {name} = \"${{{name}}}\""));
        } else if let Some(map) = from["configMapKeyRef"]["name"].as_str() {
            notes.add(place, format!("it is in the ConfigMap {map}: write the value"));
        } else if from.is_object() {
            notes
                .add(place, "left out: what the cluster tells of the pod; `${BASCULE_INSTANCE}` is its name");
        } else if is_secret(&name, &value) {
            notes.add(place, format!("left out: it looks like a secret; `bascule secret set production {name}`, then {name} = \"${{{name}}}\""));
        } else {
            // What is written is what arrives.
            env.push((name, value.replace('$', "$$")));
        }
    }
    for one in container["envFrom"].as_array().into_iter().flatten() {
        for (kind, what) in [("configMapRef", "ConfigMap"), ("secretRef", "Secret")] {
            if let Some(name) = one[kind]["name"].as_str() {
                notes.add(
                    "envFrom",
                    format!("left out: all of the {what} {name}; write what of it is needed"),
                );
            }
        }
    }
    env
}

/// What there is no key for, or another way.
fn left_out(deployment: &Value, pod: &Value, container: &Value, notes: &mut Notes) {
    for other in pod["containers"].as_array().into_iter().flatten().skip(1) {
        notes.add(format!("containers[{}]", text(other, "/name")), "left out: one container is the app's");
    }
    let is_said = |value: &Value| match value {
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        other => !other.is_null(),
    };
    for field in [
        "initContainers",
        "volumes",
        "nodeSelector",
        "tolerations",
        "affinity",
        "hostNetwork",
        "priorityClassName",
        "runtimeClassName",
    ] {
        if is_said(&pod[field]) {
            notes.add(field, "left out");
        }
    }
    if pod["serviceAccountName"].as_str().is_some_and(|name| name != "default") {
        notes.add("serviceAccountName", "left out: pods have no account of the cluster here");
    }
    for (field, says) in [
        ("livenessProbe", "left out: what becomes of a sick release is for the deploy to decide"),
        ("lifecycle", "left out: who is stopped was without traffic for `drain` before that"),
        ("volumeMounts", "left out"),
    ] {
        if is_said(&container[field]) {
            notes.add(field, says);
        }
    }
    let strategy = text(deployment, "/spec/strategy/type");
    if strategy == "Recreate" {
        notes.add(
            "strategy",
            "two releases stand beside each other during a deploy: this one was said to bear no other",
        );
    }
}

#[expect(clippy::too_many_arguments, reason = "each is one part of the text")]
fn write(
    name: &str,
    app: &str,
    service: &str,
    container: &Value,
    rows: &Rows,
    env: &[(String, String)],
    front: &Value,
    place: Place<'_>,
) -> String {
    let mut text = format!(
        "# How Bascule deploys this: taken from the Deployment {name} of the namespace {}.\n# `bascule schema` describes every key.\napp = {}\n",
        place.namespace,
        quoted(app)
    );
    let image = self::text(container, "/image");
    let _ = write!(text, "\n[build]\nimage = {}\n\n[services.{service}]\n", quoted(&image));
    rows.write(&mut text);
    if !env.is_empty() {
        let _ = writeln!(text, "[services.{service}.env]");
        for (name, value) in env {
            let _ = writeln!(text, "{name} = {}", quoted(value));
        }
    }
    text.push_str(
        "\n# After the switch the new release is watched this long, and goes back by itself when it does badly.\n\
         [rollout]\nbake = \"60s\"\n\n[environments.production]\ntarget = \"kubernetes\"\n",
    );
    let _ = writeln!(text, "namespace = {}", quoted(place.namespace));
    if let Some(context) = place.context {
        let _ = writeln!(text, "context = {}", quoted(context));
    }
    let kind = match self::text(front, "/spec/type").as_str() {
        kind @ ("NodePort" | "LoadBalancer") => kind.to_owned(),
        _ => "ClusterIP".to_owned(),
    };
    let node_port = front["spec"]["ports"][0]["nodePort"].as_u64().filter(|_| kind != "ClusterIP");
    let node_port = node_port.map(|port| format!(", node_port = {port}")).unwrap_or_default();
    let _ = write!(
        text,
        "# The Service that users come in by, and the Deployment whose pods the first deploy takes over as they run.\n\
         kubernetes.service = {{ name = {}, type = {}{node_port} }}\nkubernetes.adopt = {}\n",
        quoted(&self::text(front, "/metadata/name")),
        quoted(&kind),
        quoted(name)
    );
    text
}

#[cfg(test)]
mod tests {
    use bascule_model::manifest::parse;
    use serde_json::json;

    use super::*;

    fn deployment(container: &Value) -> Value {
        let mut full = json!({ "name": "main", "image": "registry.example.com/shop:1.4" });
        full.as_object_mut().unwrap().extend(container.as_object().unwrap().clone());
        json!({
            "metadata": { "name": "shop" },
            "spec": {
                "replicas": 3,
                "template": { "metadata": { "labels": { "app": "shop", "tier": "web" } }, "spec": { "containers": [full] } },
            },
        })
    }

    fn service(name: &str, selector: &Value, port: &Value) -> Value {
        json!({ "metadata": { "name": name }, "spec": { "type": "NodePort", "selector": selector, "ports": [port] } })
    }

    fn taken(container: &Value) -> Taken {
        let port = json!({ "port": 80, "targetPort": 8080, "nodePort": 30080 });
        let services = [
            service("other", &json!({ "app": "other" }), &port),
            service("front", &json!({ "app": "shop" }), &port),
        ];
        let place = Place { context: Some("prod"), namespace: "shop" };
        let taken = from_deployment(&deployment(container), &services, None, place).unwrap();
        parse(&taken.manifest, "bascule.toml")
            .unwrap_or_else(|error| panic!("{error:?}\n{}", taken.manifest));
        taken
    }

    #[test]
    fn what_a_deployment_says_is_a_manifest() {
        let taken = taken(&json!({
            "command": ["/shop", "--port"], "args": ["8080"],
            "readinessProbe": { "httpGet": { "path": "/health", "port": 8080 } },
            "resources": { "limits": { "memory": "128Mi" }, "requests": { "cpu": "250m", "memory": "64Mi" } },
            "env": [
                { "name": "MODE", "value": "costs 5$ \"a\"" },
                { "name": "API_TOKEN", "value": "hunter2hunter2" },
                { "name": "URL", "valueFrom": { "secretKeyRef": { "name": "db", "key": "url" } } },
            ],
            "livenessProbe": { "tcpSocket": { "port": 8080 } },
        }));
        for line in [
            "app = \"shop\"",
            "image = \"registry.example.com/shop:1.4\"",
            "[services.main]",
            "port = 8080",
            "command = [\"/shop\", \"--port\", \"8080\"]",
            "instances = 3",
            "health = { path = \"/health\" }",
            "resources = { memory = \"128Mi\", cpu = \"0.25\" }",
            "MODE = 'costs 5$$ \"a\"'",
            "namespace = \"shop\"",
            "context = \"prod\"",
            "kubernetes.service = { name = \"front\", type = \"NodePort\", node_port = 30080 }",
            "kubernetes.adopt = \"shop\"",
        ] {
            assert!(taken.manifest.lines().any(|it| it == line), "{line} is not in\n{}", taken.manifest);
        }
        let notes = format!("{:?}", taken.notes);
        assert!(!taken.manifest.contains("hunter2") && !notes.contains("hunter2"), "{notes}");
        for place in ["env.API_TOKEN", "env.URL", "livenessProbe"] {
            assert!(taken.notes.iter().any(|(it, _)| it == place), "{place}: {notes}");
        }
    }

    #[test]
    fn quantities_of_a_cluster() {
        for (text, memory) in [
            ("128Mi", Some("128Mi")),
            ("1Gi", Some("1Gi")),
            ("134217728", Some("128Mi")),
            ("1.5Gi", Some("1536Mi")),
            ("lots", None),
            ("1Ei", None),
        ] {
            assert_eq!(quantity_of_memory(text).as_deref(), memory, "{text}");
        }
        assert!(quantity_of_memory("100M").is_some());
        for (text, cpu) in [("250m", Some("0.25")), ("1", Some("1")), ("0.5", Some("0.5")), ("x", None)] {
            assert_eq!(quantity_of_cpu(text).as_deref(), cpu, "{text}");
        }
    }

    #[test]
    fn what_is_in_front_has_to_be_clear() {
        let port = json!({ "port": 80 });
        let place = Place { context: None, namespace: "shop" };
        let fits = json!({ "app": "shop" });
        let one = deployment(&json!({ "ports": [{ "name": "http", "containerPort": 3000 }] }));
        let named = json!({ "port": 80, "targetPort": "http" });
        for (services, said, expected) in [
            (vec![], None, Err("no Service of the namespace shop selects the pods of the Deployment shop")),
            (vec![service("a", &fits, &port), service("b", &fits, &port)], None, Err("several Services")),
            (vec![service("a", &fits, &port), service("b", &fits, &port)], Some("b"), Ok("port = 80\n")),
            (vec![service("a", &fits, &named)], None, Ok("port = 3000\n")),
            (
                vec![service("a", &fits, &json!({ "port": 80, "targetPort": "grpc" }))],
                None,
                Err("no port of the Service a"),
            ),
            (vec![service("a", &json!({}), &port)], None, Err("no Service")),
        ] {
            let taken = from_deployment(&one, &services, said, place);
            match (taken, expected) {
                (Ok(taken), Ok(line)) => assert!(taken.manifest.contains(line), "{}", taken.manifest),
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
                (other, _) => panic!("{other:?}, and not {expected:?}"),
            }
        }
    }

    #[test]
    fn arguments_alone_are_no_command() {
        let taken = taken(&json!({ "args": ["serve"] }));
        assert!(!taken.manifest.contains("command"), "{}", taken.manifest);
        assert!(taken.notes.iter().any(|(place, _)| place == "args"));
    }
}
