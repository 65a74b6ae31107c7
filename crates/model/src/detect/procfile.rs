//! A Procfile: each line a service, `web` gets the requests. Build and files come from the language beside it.

use super::Folder;
use super::draft::{Command, Draft, Service, service_name, whole_project};

pub(super) fn draft(folder: &dyn Folder, language: Option<&Draft>) -> Option<Draft> {
    let text = folder.text("Procfile")?;
    let files = language.map_or_else(|| whole_project(folder), |language| language.files.clone());
    let beside = language.and_then(|language| language.services.first());
    let (mut services, mut tasks): (Vec<Service>, Vec<(String, String)>) = (Vec::new(), Vec::new());
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((word, command)) = line.split_once(':') else { continue };
        let (word, command) = (word.trim(), command.trim());
        let is_word =
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !is_word || command.is_empty() {
            continue;
        }
        if word == "release" {
            tasks.push((word.to_owned(), at_its_landing(command, &files)));
            continue;
        }
        let is_web = word == "web";
        services.push(Service {
            name: service_name(word, &services),
            command: Command::Shell(at_its_landing(command, &files)),
            port: is_web.then(|| beside.and_then(|service| service.port).unwrap_or(3000)),
            env: beside.map(|service| service.env.clone()).unwrap_or_default(),
            lines: Vec::new(),
            health_path: None,
        });
    }
    if services.is_empty() {
        return None;
    }
    services.sort_by_key(|service| service.port.is_none());
    let of = language.map(|language| format!(", with {}", language.what)).unwrap_or_default();
    Some(Draft {
        what: format!("a Procfile{of}"),
        name: language.and_then(|language| language.name.clone()),
        build: language.and_then(|language| language.build.clone()),
        tasks,
        files,
        services,
        ..Draft::default()
    })
}

/// A command that calls a built file by its place in the project calls it by its place in the artifact.
fn at_its_landing(command: &str, files: &[String]) -> String {
    let place = |word: &str| {
        let file =
            files.iter().find(|file| !file.ends_with('/') && word.trim_start_matches("./") == **file)?;
        Some(format!("./{}", file.rsplit('/').next().unwrap_or(file)))
    };
    let (first, rest) = command.split_once(' ').map_or((command, None), |(first, rest)| (first, Some(rest)));
    match (place(first), rest) {
        (Some(first), Some(rest)) => format!("{first} {rest}"),
        (Some(first), None) => first,
        (None, _) => command.to_owned(),
    }
}
