//! A manifest in the making, and how it is written down.

use super::Folder;
use crate::ids::{AppName, NAME_MAX, ServiceName};
use crate::manifest::{InstanceText, RelativePath, command_text};

/// What is known of an app.
#[derive(Debug, Clone, Default)]
pub(super) struct Draft {
    /// For a person.
    pub(super) what: String,
    /// The name that the project says of itself.
    pub(super) name: Option<String>,
    /// A remark above the services, each line without `#`.
    pub(super) remarks: Vec<String>,
    /// The build's command, for the shell.
    pub(super) build: Option<String>,
    /// What the artifact holds.
    pub(super) files: Vec<String>,
    /// The Dockerfile, where instances are containers; then the two above are empty.
    pub(super) dockerfile: Option<String>,
    pub(super) services: Vec<Service>,
    /// What is run once in every deploy: name, and what the shell runs.
    pub(super) tasks: Vec<(String, String)>,
}

/// A service in the making.
#[derive(Debug, Clone)]
pub(super) struct Service {
    pub(super) name: String,
    pub(super) command: Command,
    /// None for a worker.
    pub(super) port: Option<u16>,
    /// Plain values.
    pub(super) env: Vec<(&'static str, &'static str)>,
    /// More lines of the manifest, as they stand.
    pub(super) lines: Vec<String>,
    /// The path that tells whether it is well.
    pub(super) health_path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Program(Vec<String>),
    Shell(String),
    /// What the image runs.
    OfImage,
}

impl Service {
    /// The service that answers requests.
    pub(super) fn web(port: u16, command: &[&str]) -> Self {
        let arguments = command.iter().map(|argument| (*argument).to_owned()).collect();
        Self {
            name: "web".to_owned(),
            command: Command::Program(arguments),
            port: Some(port),
            env: Vec::new(),
            lines: Vec::new(),
            health_path: None,
        }
    }
}

/// A text in the quotes of TOML.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A text of the project as it may stand in a comment: on one line, at most 60 characters.
pub(super) fn one_line(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

fn quoted_list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    let line = quoted.join(", ");
    if line.len() <= 90 { format!("[{line}]") } else { format!("[\n    {},\n]", quoted.join(",\n    ")) }
}

/// A name that is allowed, as near to the given one as can be.
pub(super) fn name_like(text: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.rsplit('/').next().unwrap_or(text).chars().flat_map(char::to_lowercase) {
        if c.is_ascii_lowercase() || (c.is_ascii_digit() && !name.is_empty()) {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(NAME_MAX);
    let name = name.trim_end_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}

/// Everything in the project that an interpreter may need: no hidden files, no tests, nothing that is made anew.
pub(super) fn whole_project(folder: &dyn Folder) -> Vec<String> {
    const NOT_NEEDED: [&str; 14] = [
        "target/",
        "tests/",
        "test/",
        "docs/",
        "coverage/",
        "tmp/",
        "log/",
        "logs/",
        "venv/",
        "env/",
        "__pycache__/",
        "README.md",
        "LICENSE",
        "bascule.toml",
    ];
    let mut names = folder.names("");
    let is_plain = |name: &str| !name.contains(char::is_control) && name.parse::<RelativePath>().is_ok();
    names.retain(|name| !name.starts_with('.') && !NOT_NEEDED.contains(&name.as_str()) && is_plain(name));
    names.sort();
    names
}

/// The folders that a compiled program often reads from.
pub(super) fn data_folders(folder: &dyn Folder) -> Vec<String> {
    const USUAL: [&str; 7] =
        ["assets/", "config/", "migrations/", "public/", "static/", "templates/", "views/"];
    let names = folder.names("");
    USUAL.into_iter().filter(|usual| names.iter().any(|name| name == usual)).map(str::to_owned).collect()
}

impl Draft {
    /// The text of `bascule.toml`.
    pub(super) fn manifest(&self, folder_name: &str) -> String {
        let name = self.name.as_deref().and_then(name_like).or_else(|| name_like(folder_name));
        let name =
            name.filter(|name| AppName::new(name.as_str()).is_ok()).unwrap_or_else(|| "app".to_owned());
        let mut text =
            format!("# How Bascule deploys this: {}.\n# `bascule schema` describes every key.\n", self.what);
        text.push_str(&format!("app = {}\n", quoted(&name)));
        if self.build.is_some() || !self.files.is_empty() {
            text.push_str("\n# Runs here. What `files` names is the artifact; each lands under its last name.\n[build]\n");
            if let Some(build) = &self.build {
                text.push_str(&format!("command = {}\n", quoted(&command_text(build))));
            }
            text.push_str(&format!("files = {}\n", quoted_list(&self.files)));
        }
        if let Some(dockerfile) = &self.dockerfile {
            text.push_str(&format!(
                "\n# The image is built here, from all of this folder but what .dockerignore leaves out.\n[build]\ndockerfile = {}\n",
                quoted(dockerfile)
            ));
        }
        for remark in &self.remarks {
            text.push_str(&format!("\n# {remark}"));
        }
        if !self.remarks.is_empty() {
            text.push('\n');
        }
        for (at, service) in self.services.iter().enumerate() {
            service.write(&mut text, at == 0);
        }
        for (name, line) in &self.tasks {
            let line = InstanceText::literal(line);
            text.push_str(&format!(
                "\n# Run once in every deploy, before the new release is started.\n[[tasks]]\nname = {}\ncommand = {}\n",
                quoted(name),
                quoted(line.as_source())
            ));
            // Without a port nothing says whose configuration it gets.
            let has_web = self.services.iter().any(|service| service.port.is_some());
            if let Some(first) = self.services.first().filter(|_| !has_web && self.services.len() > 1) {
                text.push_str(&format!("service = {}\n", quoted(&first.name)));
            }
        }
        text.push_str(
            "\n# After the switch the new release is watched this long, and goes back by itself when it does badly.\n\
             [rollout]\nbake = \"60s\"\n\n[environments.staging]\n",
        );
        let target = if self.dockerfile.is_some() { "target = \"docker\"\n" } else { "" };
        text.push_str(target);
        text.push_str(
            "listen = \"127.0.0.1:8080\"\n\
             # env = { LOG_LEVEL = \"debug\", TOKEN = \"${TOKEN}\" }   # ${TOKEN}: from your own environment\n\
             # env_file = \".env.staging\"\n\n[environments.production]\n",
        );
        text.push_str(target);
        text.push_str("listen = \"127.0.0.1:8081\"\n");
        let first_web = self.services.iter().find(|service| service.port.is_some());
        if let Some(web) = first_web {
            text.push_str(&format!("instances.{} = 2\n", web.name));
        }
        text
    }
}

impl Service {
    fn write(&self, text: &mut String, is_first: bool) {
        text.push_str(&format!("\n[services.{}]\n", self.name));
        if self.command == Command::OfImage {
            text.push_str(
                "# The image's own command. It listens on all addresses of its container, at this port.\n",
            );
        } else if self.port.is_some() && is_first {
            text.push_str("# Each instance gets a port of its own in $PORT, and has to listen there.\n");
        }
        // A worker has no port: what looks like one is the shell's to fill in.
        let ours = |word: &str| match self.port {
            Some(_) => command_text(word),
            None => InstanceText::literal(word).as_source().to_owned(),
        };
        match &self.command {
            Command::Shell(line) => text.push_str(&format!("command = {}\n", quoted(&ours(line)))),
            Command::Program(arguments) => {
                let arguments: Vec<String> = arguments.iter().map(|argument| ours(argument)).collect();
                text.push_str(&format!("command = {}\n", quoted_list(&arguments)));
            }
            Command::OfImage => {}
        }
        if let Some(port) = self.port {
            text.push_str(&format!("port = {port}\n"));
        }
        if !self.env.is_empty() {
            let entries: Vec<String> =
                self.env.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
            text.push_str(&format!("env = {{ {} }}\n", entries.join(", ")));
        }
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        if let Some(path) = &self.health_path {
            text.push_str(&format!("health.path = {}\n", quoted(path)));
        } else if self.port.is_some() && is_first {
            text.push_str(&format!(
                "# Ready is who takes connections. Better, if the app has such a page:\n# [services.{}.health]\n\
                 # path = \"/health\"\n",
                self.name
            ));
        }
    }
}

/// A service's name out of any word; `number` tells it from others that would be called the same.
pub(super) fn service_name(word: &str, taken: &[Service]) -> String {
    let base = name_like(word)
        .filter(|name| ServiceName::new(name.as_str()).is_ok())
        .unwrap_or("service".to_owned());
    let base: String = base.chars().take(NAME_MAX - 3).collect::<String>().trim_end_matches('-').to_owned();
    let is_free = |name: &str| taken.iter().all(|service| service.name != name);
    (1_u32..)
        .map(|n| if n == 1 { base.clone() } else { format!("{base}-{n}") })
        .find(|name| is_free(name))
        .unwrap_or(base)
}
