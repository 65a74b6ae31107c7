//! Reads `[build]`.

use std::ops::Range;

use super::command::command;
use super::configuration::{build_texts, hidden_text};
use super::keys;
use super::reader::{Node, Reader, shortened};
use super::scalars::{FILE, Kind, TEXT, array, parsed, templated, text};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{BuildSettings, Located, Reading, RegistrySettings, RelativePath};

const IMAGE: Kind = Kind {
    what: "the name of an image",
    help: "write [HOST[:PORT]/]PATH[:TAG], as in \"registry.example.com/shop:1.2\"",
};

const REPOSITORY: Kind = Kind {
    what: "the name of a repository",
    help: "write HOST[:PORT]/PATH without a tag, as in \"registry.example.com/shop\"",
};

const PLATFORM: Kind = Kind { what: "a platform", help: "write OS/ARCHITECTURE, as in \"linux/arm64\"" };

/// `[build]`
pub(crate) fn build<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<BuildSettings> {
    let section = reader.section(node, place, &keys::BUILD)?;
    let before = reader.problems.len();
    let mut settings = BuildSettings {
        span: span.clone(),
        command: section.read(reader, "command", command),
        files: section.read(reader, "files", |r, key, node| {
            array(
                r,
                key,
                node,
                "write a list, as in [\"target/release/shop\", \"static/\"]",
                |r, key, element| parsed(r, key, element, &FILE),
            )
        }),
        dockerfile: section.read(reader, "dockerfile", |r, key, node| parsed(r, key, node, &FILE)),
        context: section.read(reader, "context", |r, key, node| parsed(r, key, node, &FILE)),
        target: section.read(reader, "target", stage),
        args: section.read(reader, "args", build_texts),
        platform: section.read(reader, "platform", platform),
        secrets: section.read(reader, "secrets", build_texts),
        image: section.read(reader, "image", |r, key, node| templated(r, key, node, &IMAGE)),
        repository: section.read(reader, "repository", |r, key, node| parsed(r, key, node, &REPOSITORY)),
        registry: section.get("registry").and_then(|(span, node)| registry(reader, node, &span, place)),
        reading: Reading::Complete,
    };
    if reader.problems.len() > before {
        settings.reading = Reading::Partial;
    }
    if let Some(files) = &settings.files {
        report_same_landing(reader, files);
    }
    Some(settings)
}

/// Reports the second of two files that would land at the same place of the artifact.
fn report_same_landing(reader: &mut Reader, files: &[Located<RelativePath>]) {
    for (at, file) in files.iter().enumerate() {
        let Some(first) = files[..at].iter().find(|earlier| earlier.value.landing() == file.value.landing())
        else {
            continue;
        };
        let message = format!("two of `files` land at {} in the artifact", shortened(file.value.landing()));
        reader.report(
            Diagnostic::new(Code::Conflict, &file.span, message)
                .label("leave this one out")
                .related(&first.span, "first here")
                .help("what `files` names lands under its last name; take the folder around both, or rename one"),
        );
    }
}

/// The name of a stage.
fn stage(reader: &mut Reader, key: &'static str, node: &Node<'_>) -> Option<Located<String>> {
    let stage = text(reader, key, node, &TEXT)?;
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
    if !stage.value.is_empty() && stage.value.bytes().all(is_word) {
        return Some(stage);
    }
    let problem = Diagnostic::new(Code::BadValue, &stage.span, format!("`{key}` is not the name of a stage"));
    reader.report(problem.label("expected a name").help("write what the Dockerfile says after AS"));
    None
}

fn platform(reader: &mut Reader, key: &'static str, node: &Node<'_>) -> Option<Located<String>> {
    let platform = text(reader, key, node, &PLATFORM)?;
    let parts: Vec<&str> = platform.value.split('/').collect();
    let is_word =
        |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if (2..=3).contains(&parts.len()) && parts.iter().all(is_word) {
        return Some(platform);
    }
    let message = format!("`{key}`: \"{}\" is not a platform", shortened(&platform.value));
    let problem = Diagnostic::new(Code::BadValue, &platform.span, message);
    reader.report(problem.label("expected a platform").help(PLATFORM.help));
    None
}

fn registry<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<RegistrySettings> {
    reader.hide(node);
    let section = reader.section(node, format!("`registry` of {place}"), &keys::REGISTRY)?;
    Some(RegistrySettings {
        span: span.clone(),
        username: section.read(reader, "username", hidden_text),
        password: section.read(reader, "password", hidden_text),
    })
}
