//! A Dockerfile: its image is built and run as containers of this machine's Docker Engine.

use super::Folder;
use super::dockerfile::{self, Dockerfile};
use super::draft::{Command, Draft, Service, one_line};
use crate::manifest::{Signal, User};

/// The port where none is said: the manifest's comment tells so.
const PORT: u16 = 3000;

pub(super) fn draft(folder: &dyn Folder, language: Option<&Draft>) -> Option<Draft> {
    let file = ["Dockerfile", "Containerfile"].into_iter().find(|name| folder.text(name).is_some())?;
    let image = dockerfile::read(&folder.text(file)?, None)?;
    let compose = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
    let compose = compose.into_iter().find(|name| folder.text(name).is_some());
    let remarks = compose
        .map(|name| format!("There is a {name}: `bascule init --from {name}` takes more from it."))
        .into_iter()
        .collect();
    let runs =
        if image.runs.is_empty() { String::new() } else { format!(" that runs `{}`", one_line(&image.runs)) };
    let of = language.map(|language| format!(", with {}", language.what)).unwrap_or_default();
    Some(Draft {
        what: format!("a {file}{runs}{of}"),
        name: language.and_then(|language| language.name.clone()),
        remarks,
        dockerfile: Some(file.to_owned()),
        services: vec![Service {
            name: "web".to_owned(),
            command: Command::OfImage,
            port: Some(image.port.unwrap_or(PORT)),
            env: Vec::new(),
            lines: lines(&image),
            health_path: image.health_path,
        }],
        ..Draft::default()
    })
}

/// What is said beyond the port, each a line of the manifest.
fn lines(image: &Dockerfile) -> Vec<String> {
    let mut lines = Vec::new();
    if image.port.is_none() {
        lines.push("# The Dockerfile has no EXPOSE: write the port that the app listens on.".to_owned());
    }
    let user = image.user.as_deref().map(str::parse::<User>);
    let is_root = match &user {
        None => true,
        Some(Ok(user)) => user.is_root(),
        Some(Err(_)) => false,
    };
    if is_root {
        let why =
            if user.is_some() { "The Dockerfile says USER root." } else { "The Dockerfile names no USER." };
        lines.push(format!("# {why} Better: let it name one, and take this line out."));
        lines.push("allow_root = true".to_owned());
    }
    let signals = Signal::ALL.map(Signal::as_str);
    let signal =
        image.stop_signal.as_deref().map(|signal| format!("SIG{}", signal.trim_start_matches("SIG")));
    if let Some(signal) = signal.filter(|signal| signals.contains(&signal.as_str()) && signal != signals[0]) {
        lines.push(format!("stop = {{ signal = \"{signal}\" }}"));
    }
    lines
}
