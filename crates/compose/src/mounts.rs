//! `volumes`, short and long, as volumes of a manifest: absolute folders of the machine, and named ones.

use bascule_model::manifest::VolumeText;
use bascule_yaml::{Node, Value};

use crate::interpolate::{Place, plain};
use crate::notes::Notes;

/// The volumes of a service, as texts of the manifest. `root` is the whole file: it says how volumes are called.
pub(crate) fn read(
    service: &Node,
    root: &Node,
    project: &str,
    place: &str,
    notes: &mut Notes,
) -> Vec<String> {
    let name = format!("{place}.volumes");
    let mut volumes: Vec<VolumeText> = Vec::new();
    for node in service.get("volumes").map(Node::elements).unwrap_or_default() {
        let Some(text) = one(node, root, project, &name, notes) else { continue };
        let Ok(volume) = text.parse::<VolumeText>() else {
            notes.add(node.line, name.clone(), "left out: not a volume that a manifest can have");
            continue;
        };
        if volumes.iter().any(|other| other.get().target == volume.get().target) {
            notes.add(
                node.line,
                name.clone(),
                format!("left out: there is another one at {}", volume.get().target),
            );
        } else {
            volumes.push(volume);
        }
    }
    volumes.iter().map(ToString::to_string).collect()
}

fn one(node: &Node, root: &Node, project: &str, name: &str, notes: &mut Notes) -> Option<String> {
    let at = Place { line: node.line, name };
    let (source, target, is_read_only) = match &node.value {
        Value::Map(_) => {
            let kind = node.get("type").and_then(Node::text).unwrap_or("volume");
            if !["volume", "bind"].contains(&kind) {
                let says = match kind {
                    "tmpfs" => "left out: of memory there is /tmp, with read_only = true".to_owned(),
                    _ => format!("left out: there is no mount of the type {kind} in a manifest"),
                };
                notes.add(node.line, name, says);
                return None;
            }
            let source =
                node.get("source").or_else(|| node.get("src")).and_then(Node::text).unwrap_or_default();
            let target = node.get("target").or_else(|| node.get("dst")).and_then(Node::text)?;
            let source = plain(source, &at, notes)?;
            (source, plain(target, &at, notes)?, node.get("read_only").is_some_and(Node::is_true))
        }
        _ => {
            let text = plain(node.text()?, &at, notes)?;
            let parts: Vec<&str> = text.split(':').collect();
            match parts.as_slice() {
                [target] => (String::new(), (*target).to_owned(), false),
                [source, target] => ((*source).to_owned(), (*target).to_owned(), false),
                [source, target, modes] => {
                    let is_read_only = modes.split(',').any(|mode| mode == "ro");
                    ((*source).to_owned(), (*target).to_owned(), is_read_only)
                }
                _ => {
                    notes.add(node.line, name, "left out: not a volume that a manifest can have");
                    return None;
                }
            }
        }
    };
    if source.is_empty() {
        let says = format!(
            "left out: the volume at {target} has no name, so that every container would get a new one; name it"
        );
        notes.add(node.line, name, says);
        return None;
    }
    if source.starts_with(['.', '~']) || (source.contains('/') && !source.starts_with('/')) {
        let says = format!(
            "left out: {source} is relative; the image has the project's files, else write the absolute path"
        );
        notes.add(node.line, name, says);
        return None;
    }
    if source.ends_with("docker.sock") {
        notes.add(
            node.line,
            name,
            "who may write to the engine's socket is root on this machine; is it needed?",
        );
    }
    let source =
        if source.starts_with('/') { source } else { volume_name(&source, root, project, &at, notes) };
    Some(format!("{source}:{target}{}", if is_read_only { ":ro" } else { "" }))
}

/// What the engine calls a named volume: compose puts the project's name in front, unless the file says otherwise.
fn volume_name(source: &str, root: &Node, project: &str, at: &Place<'_>, notes: &mut Notes) -> String {
    let settings = root.get("volumes").and_then(|volumes| volumes.get(source));
    let given = settings.and_then(|settings| settings.get("name")).and_then(Node::text);
    if let Some(given) = given.filter(|given| !crate::interpolate::has_variables(given)) {
        return given.to_owned();
    }
    if settings.and_then(|settings| settings.get("external")).is_some_and(Node::is_true) {
        return source.to_owned();
    }
    let name = format!("{project}_{source}");
    notes.add(
        at.line,
        at.name,
        format!("the volume {source} is written as compose calls it, {name}, so that its data is kept"),
    );
    name
}
