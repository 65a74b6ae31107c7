//! The app of a compose file: which services are its own, and what is said of the others.

use std::net::SocketAddr;

use bascule_model::detect::{Folder, name_like};
use bascule_yaml::{Node, Value};

use crate::build::{self, Identity};
use crate::error::ComposeError;
use crate::interpolate::{Place, plain};
use crate::notes::Notes;
use crate::service::{self, Service, Surroundings};
use crate::tasks;
use crate::write::Rows;

/// An app in the making.
#[derive(Debug, Default)]
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) build: Rows,
    pub(crate) services: Vec<Service>,
    /// What is run once in every deploy.
    pub(crate) tasks: Vec<Rows>,
    /// Their names in the compose file.
    pub(crate) taken: Vec<String>,
    /// Where users come in.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) env_file: Option<String>,
    pub(crate) notes: Notes,
}

/// Images of what runs beside an app and is no app.
const NEIGHBOURS: [&str; 34] = [
    "postgres",
    "postgis",
    "mysql",
    "mariadb",
    "mongo",
    "redis",
    "valkey",
    "keydb",
    "memcached",
    "rabbitmq",
    "nats",
    "kafka",
    "zookeeper",
    "elasticsearch",
    "opensearch",
    "kibana",
    "minio",
    "mailhog",
    "mailpit",
    "maildev",
    "adminer",
    "pgadmin4",
    "prometheus",
    "grafana",
    "loki",
    "jaeger",
    "vault",
    "consul",
    "etcd",
    "clickhouse-server",
    "influxdb",
    "localstack",
    "watchtower",
    "portainer",
];
/// Images whose work the edge does.
const PROXIES: [&str; 6] = ["nginx", "traefik", "caddy", "haproxy", "envoy", "nginx-proxy"];

pub(crate) fn read(root: &Node, folder: &dyn Folder, folder_name: &str) -> Result<App, ComposeError> {
    let mut app = App::default();
    let all = services(root, &mut app.notes)?;
    let own = own_identity(&all, &mut app.notes).ok_or(ComposeError::NoApp)?;
    let mut project = folder_name.to_lowercase();
    if let Some(name) = root.get("name") {
        let at = Place { line: name.line, name: "name" };
        project = name.text().and_then(|text| plain(text, &at, &mut app.notes)).unwrap_or(project);
    }
    let project: String =
        project.chars().filter(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).collect();
    app.name = name_like(&project).unwrap_or_else(|| "app".to_owned());
    let (mine, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|one| one.identity.as_ref() == Some(&own) && !one.has_profile);
    for one in &others {
        app.notes.add(one.node.line, one.place(), one.why_not());
    }
    let Some(first) = mine.iter().find(|one| one.node.get("build").is_some()).or(mine.first()) else {
        return Err(ComposeError::NoApp);
    };
    let (build, dockerfile) = build::read(&first.node, folder, &first.place(), &mut app.notes);
    app.build = build;
    let mut root_path_is_taken = false;
    let mut task_names: Vec<Service> = Vec::new();
    for one in tasks::in_turn(&mine) {
        let is_task = tasks::who_waits(one, &mine).is_some();
        let name = free_name(&one.name, if is_task { &task_names } else { &app.services });
        let around = Surroundings {
            root,
            project: &project,
            dockerfile: dockerfile.as_ref(),
            root_path_is_taken,
            is_alone: mine.len() == 1,
        };
        if let Some(after) = tasks::who_waits(one, &mine) {
            let node = tasks::of_one_off(&one.node);
            let read = service::read(&name, &node, &one.place(), &around, &mut app.notes);
            if let Some(task) = tasks::task(one, after, &read, &mut app.notes) {
                app.tasks.push(task);
                task_names.push(read);
                app.taken.push(one.name.clone());
            }
            continue;
        }
        let service = service::read(&name, &one.node, &one.place(), &around, &mut app.notes);
        depends_on(one, &mine, &mut app.notes);
        env_file(one, folder, &service, &mut app.env_file, &mut app.notes);
        root_path_is_taken |= service.port.is_some();
        app.listen = app.listen.or(service.port.and_then(|port| port.machine));
        app.taken.push(one.name.clone());
        app.services.push(service);
    }
    top_level(root, &mut app.notes);
    Ok(app)
}

/// A service of the file, `extends` followed.
pub(crate) struct One {
    pub(crate) name: String,
    pub(crate) node: Node,
    identity: Option<Identity>,
    has_profile: bool,
}

impl One {
    pub(crate) fn place(&self) -> String {
        format!("services.{}", self.name)
    }

    fn image_name(&self) -> Option<&str> {
        let image = self.node.get("image")?.text()?;
        image.split('@').next()?.rsplit('/').next()?.split(':').next()
    }

    fn why_not(&self) -> String {
        if self.has_profile {
            return "not taken: it only runs with a profile; run such a task with `bascule exec`, or write it as a service".to_owned();
        }
        match (&self.identity, self.image_name()) {
            (Some(Identity::Built { context, .. }), _) => {
                let from = if context.is_empty() { "another Dockerfile or stage" } else { context };
                format!(
                    "not taken: it is built from {from}, and one app has one image; give it a bascule.toml of its own"
                )
            }
            (Some(Identity::Named(_)), Some(image)) if PROXIES.contains(&image) => format!(
                "not taken: Bascule's edge takes the requests in place of {image}; keep it in the compose file where it does more"
            ),
            (Some(Identity::Named(_)), image) => format!(
                "not taken: a service with an image of its own ({}) is not run by Bascule; keep it in the compose file",
                image.unwrap_or("?")
            ),
            (None, _) => "not taken: it has neither `build` nor `image`".to_owned(),
        }
    }
}

fn services(root: &Node, notes: &mut Notes) -> Result<Vec<One>, ComposeError> {
    let wrong = |line: usize, says: &str| ComposeError::NotCompose { line, says: says.to_owned() };
    let Some(services) = root.get("services") else {
        let is_first_version =
            root.entries().iter().any(|(_, node)| node.get("image").or(node.get("build")).is_some());
        let says = if is_first_version {
            "it is of the first version, without `services`: put all of it under `services:`"
        } else {
            "it has no `services`"
        };
        return Err(wrong(root.line, says));
    };
    if services.entries().is_empty() {
        return Err(wrong(services.line, "`services` names none"));
    }
    let mut found = Vec::new();
    for (name, node) in services.entries() {
        if name.starts_with("x-") {
            continue;
        }
        if !matches!(node.value, Value::Map(_)) {
            return Err(wrong(node.line, &format!("the service `{name}` is no map of keys")));
        }
        let node = extended(node, services, &format!("services.{name}"), 0, notes);
        let has_profile = node.get("profiles").is_some_and(|profiles| !profiles.elements().is_empty());
        found.push(One { name: name.clone(), identity: build::identity(&node), node, has_profile });
    }
    // A service may name the image that another one builds.
    let built: Vec<_> = found
        .iter()
        .filter(|one| one.node.get("build").is_some())
        .filter_map(|one| Some((one.node.get("image")?.text()?.to_owned(), one.identity.clone()?)))
        .collect();
    for one in &mut found {
        if let Some(Identity::Named(name)) = &one.identity
            && let Some((_, identity)) = built.iter().find(|(image, _)| image == name)
        {
            one.identity = Some(identity.clone());
        }
    }
    Ok(found)
}

/// A service with what it extends, where that is in the same file.
fn extended(node: &Node, services: &Node, place: &str, depth: usize, notes: &mut Notes) -> Node {
    let Some(extends) = node.get("extends") else { return node.clone() };
    let name = extends.text().or_else(|| extends.get("service").and_then(Node::text)).unwrap_or_default();
    let base = services.get(name).filter(|_| extends.get("file").is_none() && depth < 8);
    let Some(base) = base else {
        notes.add(
            extends.line,
            format!("{place}.extends"),
            "left out: only services of the same file are followed",
        );
        return node.clone();
    };
    let base = extended(base, services, place, depth + 1, notes);
    let mut entries = node.entries().to_vec();
    for (key, below) in base.entries() {
        match entries.iter_mut().find(|(own, _)| own == key) {
            None => entries.push((key.clone(), below.clone())),
            Some((_, own)) => {
                if let (Value::Map(own), Value::Map(below)) = (&mut own.value, &below.value) {
                    let more: Vec<_> = below
                        .iter()
                        .filter(|(key, _)| own.iter().all(|(name, _)| name != key))
                        .cloned()
                        .collect();
                    own.extend(more);
                }
            }
        }
    }
    Node { line: node.line, style: node.style, value: Value::Map(entries) }
}

/// The image of the app: what is built here, else what gets requests and is no neighbour; the one with most services.
fn own_identity(all: &[One], notes: &mut Notes) -> Option<Identity> {
    let candidates: Vec<&One> = all.iter().filter(|one| !one.has_profile && one.identity.is_some()).collect();
    let is_built = |one: &&&One| matches!(one.identity, Some(Identity::Built { .. }));
    let has_port = |one: &One| one.node.get("ports").or_else(|| one.node.get("expose")).is_some();
    let mut pool: Vec<&One> = candidates.iter().filter(is_built).copied().collect();
    if pool.is_empty() {
        let is_neighbour = |one: &One| {
            one.image_name().is_some_and(|name| NEIGHBOURS.contains(&name) || PROXIES.contains(&name))
        };
        pool = candidates.into_iter().filter(|one| !is_neighbour(one)).collect();
        if !pool.iter().any(|one| has_port(one)) && pool.len() != 1 {
            return None;
        }
    }
    let weight = |one: &One| {
        let same = || all.iter().filter(|other| other.identity == one.identity && !other.has_profile);
        (same().any(has_port), same().count())
    };
    let best = pool.iter().rev().max_by_key(|one| weight(one))?;
    let kinds = pool.iter().filter(|one| one.identity != best.identity).count();
    if kinds > 0 {
        let says = format!(
            "one app has one image: that of `{}` is taken, since most services have it or it gets requests",
            best.name
        );
        notes.add(best.node.line, best.place(), says);
    }
    best.identity.clone()
}

fn depends_on(one: &One, mine: &[One], notes: &mut Notes) {
    let Some(node) = one.node.get("depends_on") else { return };
    let names: Vec<&str> = match &node.value {
        Value::Map(entries) => entries.iter().map(|(name, _)| name.as_str()).collect(),
        _ => node.elements().iter().filter_map(Node::text).collect(),
    };
    let place = format!("{}.depends_on", one.place());
    let (inside, outside): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| mine.iter().any(|one| one.name == *name));
    // Who is waited for to its end is a task, and those are over before anything starts.
    let waits = |name: &&str| !tasks::is_waited_for(name, &one.node);
    if inside.iter().any(waits) {
        notes.add(
            node.line,
            place.clone(),
            "left out: the services of an app start together, and none waits for another",
        );
    }
    for name in outside {
        let says = format!(
            "left out: `{name}` has to run before a deploy. Its name means nothing in the app's network: publish its port on this machine, \
             and write extra_hosts = [\"{name}:host-gateway\"]"
        );
        notes.add(node.line, place.clone(), says);
    }
}

fn env_file(
    one: &One,
    folder: &dyn Folder,
    service: &Service,
    taken: &mut Option<String>,
    notes: &mut Notes,
) {
    let place = format!("{}.env_file", one.place());
    for node in one.node.get("env_file").map(Node::elements).unwrap_or_default() {
        let text = node.text().or_else(|| node.get("path").and_then(Node::text)).unwrap_or_default();
        let at = Place { line: node.line, name: &place };
        let Some(path) = plain(text, &at, notes)
            .filter(|path| !path.trim().is_empty() && !path.contains(char::is_control))
        else {
            continue;
        };
        let path = path.trim_start_matches("./").to_owned();
        match taken {
            Some(taken) if *taken == path => {}
            Some(taken) => {
                let says = format!(
                    "left out: an environment has one env file, here {taken}; put the lines of {path} into it"
                );
                notes.add(node.line, place.clone(), says);
                continue;
            }
            None => {
                notes.add(
                    node.line,
                    place.clone(),
                    format!("{path} is the env file of both environments, for all services"),
                );
                *taken = Some(path.clone());
            }
        }
        // There `environment` is stronger than the file, here the file than `env` of a service.
        let text = folder.text(&path).unwrap_or_default();
        let in_file = |name: &str| {
            text.lines().any(|line| {
                line.trim()
                    .trim_start_matches("export ")
                    .split('=')
                    .next()
                    .is_some_and(|key| key.trim() == name)
            })
        };
        for (name, _) in service.env.iter().filter(|(name, _)| in_file(name)) {
            let says = format!(
                "{path} sets {name} too, and is the stronger one here: write it in `env` of an environment, or take it out of the file"
            );
            notes.add(node.line, place.clone(), says);
        }
    }
}

fn top_level(root: &Node, notes: &mut Notes) {
    const READ: [&str; 5] = ["name", "version", "services", "volumes", "secrets"];
    for (key, node) in root.entries() {
        if READ.contains(&key.as_str()) || key.starts_with("x-") {
            continue;
        }
        let says = match key.as_str() {
            "networks" => "left out: Bascule makes one network for each app and environment",
            "include" => "left out: what other files say is not read; name the file that has the app",
            "configs" => "left out: put the files into the image, or mount a folder with `volumes`",
            _ => "left out: Bascule has no such key",
        };
        notes.add(node.line, key.clone(), says);
    }
}

pub(crate) fn free_name(word: &str, taken: &[Service]) -> String {
    let base = name_like(word).unwrap_or_else(|| "service".to_owned());
    let base: String = base.chars().take(36).collect::<String>().trim_end_matches('-').to_owned();
    let is_free = |name: &str| taken.iter().all(|service| service.name != name);
    (1_u32..)
        .map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") })
        .find(|name| is_free(name))
        .unwrap_or(base)
}
