//! `build` and `image`: what the app's containers are made of.

use bascule_model::detect::Folder;
use bascule_model::detect::dockerfile::{self, Dockerfile};
use bascule_model::manifest::{ImageName, RelativePath};
use bascule_yaml::{Node, Value};

use crate::interpolate::{Place, kept, plain};
use crate::notes::Notes;
use crate::secret;
use crate::service::{is_variable_name, pairs};
use crate::write::{Rows, inline, quoted};

/// What tells one image from another: services of the same are services of one app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Built from this folder, Dockerfile and stage.
    Built { context: String, dockerfile: String, target: String },
    /// Taken by name.
    Named(String),
}

/// The identity of a service's image; none: it has neither `build` nor `image`.
pub(crate) fn identity(service: &Node) -> Option<Identity> {
    let Some(build) = service.get("build") else {
        return Some(Identity::Named(service.get("image")?.text()?.to_owned()));
    };
    let text = |key: &str| build.get(key).and_then(Node::text).unwrap_or_default().to_owned();
    let (context, dockerfile, target) = match build.text() {
        Some(context) => (context.to_owned(), String::new(), String::new()),
        None => (text("context"), text("dockerfile"), text("target")),
    };
    let clean = |path: &str| path.trim_start_matches("./").trim_end_matches('/').to_owned();
    let context = if ["", "."].contains(&context.as_str()) { String::new() } else { clean(&context) };
    let dockerfile = if dockerfile == "Dockerfile" { String::new() } else { clean(&dockerfile) };
    Some(Identity::Built { context, dockerfile, target })
}

/// `[build]` of the manifest, and the Dockerfile where it is there to be read.
pub(crate) fn read(
    service: &Node,
    folder: &dyn Folder,
    place: &str,
    notes: &mut Notes,
) -> (Rows, Option<Dockerfile>) {
    let mut rows = Rows::default();
    let Some(build) = service.get("build") else {
        return (named(service, place, notes), None);
    };
    let name = format!("{place}.build");
    let at = Place { line: build.line, name: &name };
    let mut text = |key: &str| plain(build.get(key)?.text()?, &at, notes);
    let (context, file, target) = match build.text() {
        Some(_) => (None, None, None),
        None => (text("context"), text("dockerfile"), text("target")),
    };
    let context = match build.text() {
        Some(context) => plain(context, &at, notes),
        None => context,
    };
    let context = context.unwrap_or_else(|| ".".to_owned());
    let path = context.parse::<RelativePath>().ok().filter(|_| !context.contains("://"));
    if path.is_none() {
        let says = format!(
            "{context} is not a folder inside of this one: write bascule.toml where `context` is below it; here it says the folder itself"
        );
        notes.add(build.line, format!("{name}.context"), says);
    }
    let context = path.unwrap_or_else(RelativePath::whole);
    let file = file.unwrap_or_else(|| "Dockerfile".to_owned());
    // There it begins at the context, here at the manifest's folder.
    let whole = if context == RelativePath::whole() { file.clone() } else { format!("{context}/{file}") };
    let dockerfile = resolved(&whole).unwrap_or_else(|| {
        notes.add(
            build.line,
            format!("{name}.dockerfile"),
            format!("{file} is outside of this folder: write its place here"),
        );
        "Dockerfile".to_owned()
    });
    rows.add("dockerfile", quoted(&dockerfile));
    if context != RelativePath::whole() {
        rows.add("context", quoted(context.as_str()));
    }
    let is_stage = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    let target = target.filter(|target| is_stage(target));
    if let Some(target) = &target {
        rows.add("target", quoted(target));
    }
    options(build, service, &name, &mut rows, notes);
    let facts = folder.text(&dockerfile).and_then(|text| dockerfile::read(&text, target.as_deref()));
    (rows, facts)
}

/// A path with `..` inside of it taken out; none when it leads out of the folder.
fn resolved(path: &str) -> Option<String> {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    let path = segments.join("/");
    path.parse::<RelativePath>().ok().map(|path| path.to_string())
}

fn options(build: &Node, service: &Node, name: &str, rows: &mut Rows, notes: &mut Notes) {
    let (mut args, mut secrets) = (Vec::new(), Vec::new());
    for (key, value, line) in build.get("args").map(pairs).unwrap_or_default() {
        let place = format!("{name}.args.{key}");
        let at = Place { line, name: &place };
        if !is_variable_name(&key) {
            notes.add(line, place, "left out: not a name for a variable");
            continue;
        }
        let is_secret = match &value {
            Some(value) => secret::is_secret(&key, value),
            None => true,
        };
        if is_secret {
            let says = "not copied: it comes from outside, or looks like a secret, and build arguments stand in the image for everyone to read; \
                 it is a secret of the build here: use it with RUN --mount=type=secret,id=";
            notes.add(line, place, format!("{says}{key}"));
            secrets.push((key.clone(), format!("${{{key}}}")));
        } else if let Some(value) = value.and_then(|value| plain(&value, &at, notes)) {
            args.push((key, value.replace('$', "$$")));
        }
    }
    for node in build.get("secrets").map(Node::elements).unwrap_or_default() {
        let id = node.text().or_else(|| node.get("source").and_then(Node::text)).unwrap_or_default();
        let place = format!("{name}.secrets");
        if is_variable_name(id) {
            let value = kept(&format!("${{{id}}}"), &Place { line: node.line, name: &place }, notes);
            notes.add(
                node.line,
                place,
                format!("its value comes from {id} in the env file or your shell, not from a file"),
            );
            secrets.extend(value.map(|value| (id.to_owned(), value)));
        } else {
            notes.add(
                node.line,
                place,
                "left out: a secret of the build has a name of letters, digits and _",
            );
        }
    }
    secrets.dedup_by(|a, b| a.0 == b.0);
    if !args.is_empty() {
        rows.add("args", inline(&args));
    }
    if !secrets.is_empty() {
        rows.add("secrets", inline(&secrets));
    }
    let platforms = build.get("platforms").map(Node::elements).unwrap_or_default();
    let platform = service.get("platform").or_else(|| platforms.first());
    if let Some(platform) = platform.and_then(Node::text).filter(|text| is_platform(text)) {
        rows.add("platform", quoted(platform));
    }
    if platforms.len() > 1 {
        notes.add(
            build.line,
            format!("{name}.platforms"),
            "only the first one is built: what runs here is of one platform",
        );
    }
    const KNOWN: [&str; 6] = ["context", "dockerfile", "target", "args", "secrets", "platforms"];
    for (key, node) in
        build.entries().iter().filter(|(key, _)| !KNOWN.contains(&key.as_str()) && !key.starts_with("x-"))
    {
        let says = match key.as_str() {
            "ssh" => "left out: builds get no SSH agent; fetch with a secret of the build",
            "cache_from" | "cache_to" | "no_cache" | "pull" => {
                "left out: the engine's own build cache is used"
            }
            "dockerfile_inline" => "left out: write it to a Dockerfile",
            "additional_contexts" => "left out: a build sees one folder, `context`",
            _ => "left out: a build here has no such option",
        };
        notes.add(node.line, format!("{name}.{key}"), says);
    }
}

fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let is_word =
        |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (2..=3).contains(&parts.len()) && parts.iter().all(is_word)
}

fn named(service: &Node, place: &str, notes: &mut Notes) -> Rows {
    let mut rows = Rows::default();
    let name = format!("{place}.image");
    let Some(node) = service.get("image") else { return rows };
    let at = Place { line: node.line, name: &name };
    let image =
        node.text().and_then(|text| plain(text, &at, notes)).and_then(|text| text.parse::<ImageName>().ok());
    match image {
        Some(image) => rows.add("image", quoted(image.as_str())),
        None => {
            notes.add(node.line, name, "its name could not be taken over: write `image` in [build] yourself");
            rows.add("image", quoted("registry.example.com/app:latest"));
        }
    }
    if let Value::Text(platform) = &service.get("platform").map_or(Value::Null, |node| node.value.clone()) {
        notes.add(
            node.line,
            format!("{place}.platform"),
            format!("left out: an image that is taken is that of this engine's platform, not {platform}"),
        );
    }
    rows
}
