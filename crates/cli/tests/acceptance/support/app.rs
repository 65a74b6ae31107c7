//! An app and its manifest: the shop, with what a scenario changes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::fixture::Fixture;

/// The environment that everything is deployed to.
pub const ENVIRONMENT: &str = "staging";

/// An app. Values are written into the manifest as they are: texts need their quotes.
#[derive(Debug, Clone)]
pub struct App {
    /// Its name.
    pub name: String,
    /// Where users come to.
    pub door: SocketAddr,
    /// `hosts`.
    pub hosts: Vec<String>,
    /// The variables of the environment.
    pub env: BTreeMap<String, String>,
    /// `[rollout]`
    pub rollout: BTreeMap<&'static str, String>,
    /// `[build]`
    pub build: BTreeMap<&'static str, String>,
    /// `[services.web]`
    pub web: BTreeMap<&'static str, String>,
    /// `[services.web.health]`
    pub health: BTreeMap<&'static str, String>,
    /// Instances of `web`.
    pub instances: usize,
    /// Instances of services that `more` adds.
    pub others: usize,
    /// Whatever else, at the end.
    pub more: String,
    /// Whatever else its environment says.
    pub place: String,
    target: &'static str,
    project: PathBuf,
}

impl App {
    /// The shop in a project folder, with short times.
    pub fn shop(name: &str, project: &Path, fixture: &dyn Fixture) -> Self {
        std::fs::create_dir_all(project).unwrap();
        let mut app = Self {
            name: name.to_owned(),
            door: free_door(),
            hosts: Vec::new(),
            env: BTreeMap::new(),
            rollout: BTreeMap::new(),
            build: BTreeMap::new(),
            web: BTreeMap::new(),
            target: fixture.target(),
            health: BTreeMap::new(),
            instances: 1,
            others: 0,
            more: String::new(),
            place: String::new(),
            project: project.to_owned(),
        };
        fixture.put_shop(&mut app);
        app.web.insert("command", r#"["./app", "--port", "$PORT"]"#.to_owned());
        app.web.insert("port", "3000".to_owned());
        app.web.insert("drain", r#""5s""#.to_owned());
        app.health.insert("path", r#""/health""#.to_owned());
        app.health.insert("interval", r#""200ms""#.to_owned());
        app.health.insert("start_period", r#""2s""#.to_owned());
        app.rollout.insert("bake", r#""100ms""#.to_owned());
        app.rollout.insert("deadline", r#""20s""#.to_owned());
        app.version("1");
        app
    }

    /// The folder of its manifest.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// Sets the version that it tells.
    pub fn version(&mut self, version: &str) -> &mut Self {
        self.set("SHOP_VERSION", version)
    }

    /// Sets a variable of the app.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable back.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.env.remove(name);
        self
    }

    /// Processes of a release that runs.
    pub fn processes(&self) -> usize {
        self.instances + self.others
    }

    /// Puts an executable script into the project.
    pub fn script(&self, name: &str, body: &str) {
        let path = self.project.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes `bascule.toml`.
    pub fn write(&self) {
        std::fs::write(self.project.join("bascule.toml"), self.manifest()).unwrap();
    }

    fn manifest(&self) -> String {
        let mut text = format!("app = {:?}\n", self.name);
        section(&mut text, "build", &self.build);
        section(&mut text, "services.web", &self.web);
        let _ = writeln!(text, "instances = {}", self.instances);
        section(&mut text, "services.web.health", &self.health);
        section(&mut text, "rollout", &self.rollout);
        let _ = writeln!(text, "{}", self.more);
        let _ = writeln!(
            text,
            "[environments.{ENVIRONMENT}]\ntarget = {:?}\nlisten = \"{}\"",
            self.target, self.door
        );
        text.push_str(&self.place);
        if !self.hosts.is_empty() {
            let _ = writeln!(text, "hosts = {:?}", self.hosts);
        }
        let env: Vec<String> = self.env.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
        let _ = writeln!(text, "env = {{ {} }}", env.join(", "));
        text
    }
}

fn section(text: &mut String, name: &str, values: &BTreeMap<&'static str, String>) {
    if values.is_empty() {
        return;
    }
    let _ = writeln!(text, "[{name}]");
    for (key, value) in values {
        let _ = writeln!(text, "{key} = {value}");
    }
}

/// A port that nobody listens on, below those that the kernel gives to others and those that instances get, and another one for each
/// test process.
pub fn free_door() -> SocketAddr {
    free_door_in(10_000..15_000)
}

/// The same from other ports.
pub fn free_door_in(ports: std::ops::Range<u16>) -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(31) + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = ports.start + u16::try_from(number % u32::from(ports.end - ports.start)).unwrap_or(0);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
