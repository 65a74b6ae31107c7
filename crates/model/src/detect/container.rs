//! A Dockerfile alone: its port and its command, to be run as processes of this machine.

use super::Folder;
use super::draft::{Command, Draft, Service, one_line, whole_project};

pub(super) fn draft(folder: &dyn Folder) -> Option<Draft> {
    let text = folder.text("Dockerfile")?;
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    // The last one of each counts.
    let last = |word: &str| {
        let lines = joined.lines().rev().map(str::trim);
        lines.into_iter().find_map(|line| {
            let (instruction, rest) = line.split_once(char::is_whitespace)?;
            instruction.eq_ignore_ascii_case(word).then(|| rest.trim().to_owned())
        })
    };
    let port = last("EXPOSE").and_then(|ports| {
        let first = ports.split_whitespace().next()?.split('/').next()?.to_owned();
        first.parse::<u16>().ok().filter(|port| *port > 0)
    });
    let command = match (last("ENTRYPOINT").map(|text| read(&text)), last("CMD").map(|text| read(&text))) {
        (Some(Command::Program(mut entry)), Some(Command::Program(arguments))) => {
            entry.extend(arguments);
            Command::Program(entry)
        }
        (Some(entry), _) => entry,
        (None, Some(command)) => command,
        (None, None) => return None,
    };
    let shown = match &command {
        Command::Program(words) => words.join(" "),
        Command::Shell(line) => line.clone(),
    };
    Some(Draft {
        what: format!("a Dockerfile that runs `{}`", one_line(&shown)),
        remarks: vec![
            "The target `docker` is not in this build yet: until then the command runs as a process of this"
                .to_owned(),
            "machine, in the artifact's folder. Build what it needs in [build], and let it listen on $PORT."
                .to_owned(),
        ],
        files: whole_project(folder).into_iter().filter(|name| name != "Dockerfile").collect(),
        services: vec![Service {
            name: "web".to_owned(),
            command,
            port: Some(port.unwrap_or(3000)),
            env: Vec::new(),
        }],
        ..Draft::default()
    })
}

/// A list in JSON is a program with its arguments, anything else is for the shell.
fn read(text: &str) -> Command {
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) if words.first().is_some_and(|word| !word.trim().is_empty()) => Command::Program(words),
        _ => Command::Shell(text.to_owned()),
    }
}
