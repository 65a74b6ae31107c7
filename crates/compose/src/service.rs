//! One service of the app: from the keys of a compose service to the rows of `[services.NAME]`.

use bascule_model::detect::dockerfile::Dockerfile;
use bascule_model::manifest::{Capability, HostEntry, InstanceText, Signal, User, command_text};
use bascule_yaml::{Node, Value};

use crate::configuration::{environment, secret_files};
use crate::interpolate::{Place, plain};
use crate::leftovers::leftovers;
use crate::notes::Notes;
use crate::ports::Port;
use crate::words::command_words;
use crate::write::{Rows, list, quoted};
use crate::{health, limits, mounts, ports, secret};

/// A service as it is written down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) comments: Vec<String>,
    pub(crate) rows: Rows,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) health: Rows,
    pub(crate) port: Option<Port>,
}

/// What a service is read with.
pub(crate) struct Surroundings<'a> {
    /// The whole file.
    pub(crate) root: &'a Node,
    /// The compose project's name.
    pub(crate) project: &'a str,
    pub(crate) dockerfile: Option<&'a Dockerfile>,
    /// Another service already takes the requests to `/`.
    pub(crate) root_path_is_taken: bool,
    /// It is the only service.
    pub(crate) is_alone: bool,
}

/// Whether a manifest's `env` may have this name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Names and values of a map, or of a list of `NAME=value`; none: the value comes from outside. With the line of each.
pub(crate) fn pairs(node: &Node) -> Vec<(String, Option<String>, usize)> {
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .map(|(name, node)| (name.clone(), node.text().map(str::to_owned), node.line))
            .collect(),
        _ => node
            .elements()
            .iter()
            .filter_map(|element| {
                let text = element.text()?;
                let (name, value) = match text.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (text, None),
                };
                Some((name.to_owned(), value, element.line))
            })
            .collect(),
    }
}

/// Reads a service. `name` is what the manifest calls it.
pub(crate) fn read(
    name: &str,
    service: &Node,
    place: &str,
    around: &Surroundings<'_>,
    notes: &mut Notes,
) -> Service {
    let mut made = Service { name: name.to_owned(), ..Service::default() };
    made.port = ports::read(service, place, notes);
    let is_whole_image = service.get("command").is_none() && service.get("entrypoint").is_none();
    if made.port.is_none() && (is_whole_image || around.is_alone) {
        made.port =
            around.dockerfile.and_then(|file| file.port).map(|container| Port { container, machine: None });
    }
    let has_port = made.port.is_some();
    command(service, place, around, has_port, &mut made, notes);
    if let Some(port) = made.port {
        made.rows.add("port", port.container.to_string());
        if around.root_path_is_taken {
            made.rows.add("path", quoted(&format!("/{name}")));
            let says = format!(
                "another service takes the requests to /: this one gets those below /{name}; or give it `hosts`"
            );
            notes.add(service.line, place, says);
        }
    }
    instances(service, place, has_port, &mut made, notes);
    resources(service, place, &mut made, notes);
    stop(service, place, &mut made, notes);
    user(service, place, around, &mut made, notes);
    made.rows_from(service, place, around, notes);
    made.env = environment(service, place, notes);
    secret_files(service, place, around.root, &mut made, notes);
    made.health = health::read(service, place, has_port, notes);
    if has_port
        && service.get("healthcheck").is_none()
        && let Some(path) = around.dockerfile.and_then(|file| file.health_path.as_deref())
    {
        made.health.add("path", quoted(path));
    }
    leftovers(service, place, notes);
    made
}

fn command(
    service: &Node,
    place: &str,
    around: &Surroundings<'_>,
    has_port: bool,
    made: &mut Service,
    notes: &mut Notes,
) {
    let (entry, command) = (service.get("entrypoint"), service.get("command"));
    let Some(node) = command.or(entry) else { return };
    let name = format!("{place}.{}", if command.is_some() { "command" } else { "entrypoint" });
    let mut all = Vec::new();
    match entry {
        Some(entry) => all.extend(command_words(entry).unwrap_or_default()),
        None => match around.dockerfile {
            Some(file) => all.extend(file.entrypoint.iter().cloned()),
            None => {
                let says = "it takes the place of the image's entry point too: write that in front of it, where the image has one";
                notes.add(node.line, name.clone(), says);
            }
        },
    }
    match command.map(command_words) {
        Some(Some(words)) => all.extend(words),
        Some(None) => {
            notes.add(node.line, name, "left out: its quotes do not close");
            return;
        }
        None => {}
    }
    if all.is_empty() || all.first().is_some_and(|program| program.trim().is_empty()) {
        return;
    }
    if secret::in_words(&all) {
        let says = "left out: it has something like a secret in it, which everyone on the machine could read; let the program read that from its environment";
        notes.add(node.line, name, says);
        return;
    }
    let at = Place { line: node.line, name: &name };
    let mut words = Vec::new();
    for word in &all {
        let Some(word) = plain(word, &at, notes) else { return };
        words.push(if has_port {
            command_text(&word)
        } else {
            InstanceText::literal(&word).as_source().to_owned()
        });
    }
    made.rows.add("command", list(&words));
}

fn instances(service: &Node, place: &str, has_port: bool, made: &mut Service, notes: &mut Notes) {
    let deploy = service.get("deploy");
    let Some(node) = deploy.and_then(|deploy| deploy.get("replicas")).or_else(|| service.get("scale")) else {
        return;
    };
    let name = format!("{place}.replicas");
    let count = node.text().and_then(|text| plain(text, &Place { line: node.line, name: &name }, notes));
    let least = u32::from(has_port);
    match count.map(|count| count.parse::<u32>()) {
        Some(Ok(count)) if (least..=1000).contains(&count) => made.rows.add("instances", count.to_string()),
        Some(_) => notes.add(node.line, name, format!("left out: not a number from {least} to 1000")),
        None => {}
    }
}

fn resources(service: &Node, place: &str, made: &mut Service, notes: &mut Notes) {
    let limits = service.get("deploy").and_then(|deploy| deploy.get("resources")?.get("limits"));
    let new = |key: &str| limits.and_then(|limits| limits.get(key));
    let mut found = Vec::new();
    let sources = [
        ("memory", new("memory").or_else(|| service.get("mem_limit"))),
        ("cpu", new("cpus").or_else(|| service.get("cpus"))),
        ("pids", new("pids").or_else(|| service.get("pids_limit"))),
    ];
    for (key, node) in sources {
        let Some(node) = node else { continue };
        let name = format!("{place}.resources.{key}");
        let Some(text) =
            node.text().and_then(|text| plain(text, &Place { line: node.line, name: &name }, notes))
        else {
            continue;
        };
        let value = match key {
            "memory" => limits::memory(&text).map(|size| quoted(&size)),
            "cpu" => limits::cpu(&text).map(|share| quoted(&share)),
            _ => text.parse::<u32>().ok().filter(|n| (1..=4_194_304).contains(n)).map(|n| n.to_string()),
        };
        match value {
            Some(value) => found.push(format!("{key} = {value}")),
            None => notes.add(node.line, name, "left out: not a limit that a container can have"),
        }
    }
    if !found.is_empty() {
        made.rows.add("resources", format!("{{ {} }}", found.join(", ")));
    }
    let deploy = service.get("deploy").map(Node::entries).unwrap_or_default();
    for (key, node) in deploy.iter().filter(|(key, _)| !["replicas", "resources"].contains(&key.as_str())) {
        let says = match key.as_str() {
            "update_config" | "rollback_config" => {
                "left out: [rollout] says how a release comes in and goes back"
            }
            "restart_policy" => "left out: an instance that ends is always started again",
            _ => "left out: Bascule has no such key",
        };
        notes.add(node.line, format!("{place}.deploy.{key}"), says);
    }
    let resources = service.get("deploy").and_then(|deploy| deploy.get("resources"));
    if let Some(node) = resources.and_then(|resources| resources.get("reservations")) {
        notes.add(
            node.line,
            format!("{place}.deploy.resources.reservations"),
            "left out: there are limits, and nothing is set aside",
        );
    }
}

fn stop(service: &Node, place: &str, made: &mut Service, notes: &mut Notes) {
    let mut found = Vec::new();
    if let Some(node) = service.get("stop_signal") {
        let given = node.text().unwrap_or_default().to_ascii_uppercase();
        let signal = Signal::ALL
            .map(Signal::as_str)
            .into_iter()
            .find(|known| *known == given || known.trim_start_matches("SIG") == given);
        match signal {
            Some(signal) => found.push(format!("signal = {}", quoted(signal))),
            None => notes.add(
                node.line,
                format!("{place}.stop_signal"),
                "left out: not a signal that a manifest can name",
            ),
        }
    }
    if let Some(node) = service.get("stop_grace_period") {
        match node.text().and_then(limits::duration) {
            Some(grace) => found.push(format!("grace = {}", quoted(&grace))),
            None => notes.add(
                node.line,
                format!("{place}.stop_grace_period"),
                "left out: not a duration up to 1h",
            ),
        }
    }
    if !found.is_empty() {
        made.rows.add("stop", format!("{{ {} }}", found.join(", ")));
    }
}

fn user(service: &Node, place: &str, around: &Surroundings<'_>, made: &mut Service, notes: &mut Notes) {
    let name = format!("{place}.user");
    let node = service.get("user");
    let text = node.and_then(|node| plain(node.text()?, &Place { line: node.line, name: &name }, notes));
    let user = text.as_deref().and_then(|text| text.parse::<User>().ok());
    if let Some(user) = &user {
        made.rows.add("user", quoted(user.as_str()));
    } else if let Some(node) = node {
        notes.add(node.line, name.clone(), "left out: not a user that could be taken over");
    }
    let of_image = around.dockerfile.map(|file| file.user.as_deref().map(str::parse::<User>));
    let is_root = match (&user, &of_image) {
        (Some(user), _) => user.is_root(),
        (None, Some(None)) => true,
        (None, Some(Some(Ok(user)))) => user.is_root(),
        (None, _) => false,
    };
    if is_root {
        made.rows.add("allow_root", "true");
        notes.add(
            node.map_or(service.line, |node| node.line),
            name,
            "its containers run as root, so that allow_root = true is written; better let them run as another user",
        );
    } else if user.is_none() && of_image.is_none() {
        notes.add(
            service.line,
            name,
            "if its image runs as root, it is refused: then name a `user`, or write allow_root = true",
        );
    }
}

impl Service {
    /// What is a row of its own and needs no second look.
    fn rows_from(&mut self, service: &Node, place: &str, around: &Surroundings<'_>, notes: &mut Notes) {
        let mut capabilities: Vec<String> = Vec::new();
        for node in service.get("cap_add").map(Node::elements).unwrap_or_default() {
            match node.text().and_then(|text| text.parse::<Capability>().ok()) {
                Some(capability) if !capabilities.contains(&capability.to_string()) => {
                    capabilities.push(capability.to_string());
                }
                Some(_) => {}
                None => notes.add(
                    node.line,
                    format!("{place}.cap_add"),
                    "left out: name the capabilities, one by one",
                ),
            }
        }
        if !capabilities.is_empty() {
            self.rows.add("capabilities", list(&capabilities));
        }
        if service.get("read_only").is_some_and(Node::is_true) {
            self.rows.add("read_only", "true");
        }
        let volumes = mounts::read(service, around.root, around.project, place, notes);
        if !volumes.is_empty() {
            self.rows.add("volumes", list(&volumes));
        }
        let hosts = extra_hosts(service, place, notes);
        if !hosts.is_empty() {
            self.rows.add("extra_hosts", list(&hosts));
        }
        if let Some(node) = service.get("restart")
            && node
                .text()
                .is_some_and(|text| text == "no" || text == "false" || text.starts_with("on-failure"))
        {
            let says = "an instance that ends is always started again: a task that ends by itself is no service, run it with `bascule exec`";
            notes.add(node.line, format!("{place}.restart"), says);
        }
    }
}

fn extra_hosts(service: &Node, place: &str, notes: &mut Notes) -> Vec<String> {
    let Some(node) = service.get("extra_hosts") else { return Vec::new() };
    let name = format!("{place}.extra_hosts");
    let texts: Vec<(String, usize)> = match &node.value {
        Value::Map(entries) => entries
            .iter()
            .map(|(host, address)| (format!("{host}:{}", address.text().unwrap_or_default()), address.line))
            .collect(),
        _ => node
            .elements()
            .iter()
            .map(|element| (element.text().unwrap_or_default().replacen('=', ":", 1), element.line))
            .collect(),
    };
    let mut hosts: Vec<String> = Vec::new();
    for (text, line) in texts {
        let text = plain(&text, &Place { line, name: &name }, notes);
        match text.and_then(|text| text.parse::<HostEntry>().ok()) {
            Some(entry) if !hosts.contains(&entry.to_string()) => hosts.push(entry.to_string()),
            Some(_) => {}
            None => notes.add(line, name.clone(), "left out: not a name and its address"),
        }
    }
    hosts
}
