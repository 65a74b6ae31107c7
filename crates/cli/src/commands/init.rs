//! `init`: writes a short commented manifest for what is found in the folder, or in a compose file. Never over one that is there.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bascule_compose::{Note, convert};
use bascule_model::detect::{Detected, Folder, detect};
use bascule_model::problem::{Code, Problem};
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::project::MANIFEST;
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::{GOOD, WARNING, paint};
use crate::text::wrap::wrap;

const AFTER_HELP: &str = "\
Examples:
  bascule init                     look at this folder and write bascule.toml
  bascule init --stdout            only show what would be written
  bascule init --from docker-compose.yml
                                   take over what a compose file says
  bascule init --project ~/shop    for another folder";

/// Options of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Print the manifest and write nothing
    #[arg(long)]
    stdout: bool,

    /// Take over what a compose file says, and list what it does not; bascule.toml lands beside it
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// What is to be written, and what there is to say of it.
struct Draft {
    folder: PathBuf,
    detected: Detected,
    /// What was left out of a compose file.
    notes: Vec<Note>,
}

/// Runs it.
///
/// # Errors
/// When there is a manifest already, or the folder cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let draft = match &args.from {
        Some(file) => from_compose(&context.folder().join(file))?,
        None => from_folder(&context.folder())?,
    };
    let Draft { folder, detected, notes } = draft;
    let path = folder.join(MANIFEST);
    if !args.stdout {
        write_new(&path, &detected.manifest)?;
    }
    match (context.screen.format, args.stdout) {
        (Format::Text, true) => {
            if !notes.is_empty() {
                context.screen.note(&shown(&notes));
            }
            context.screen.out(&detected.manifest)
        }
        (Format::Text, false) => {
            let notes = if notes.is_empty() { String::new() } else { format!("\n\n{}", shown(&notes)) };
            context.screen.out(&format!("{}{notes}", next_steps(&detected)))
        }
        (Format::Json, _) => context.screen.json(&json!({
            "detected": detected.what,
            "manifest": detected.manifest,
            "file": path,
            "written": !args.stdout,
            "notes": notes
                .iter()
                .map(|note| json!({ "line": note.line, "place": note.place, "says": note.says }))
                .collect::<Vec<_>>(),
        })),
    }
}

fn from_folder(folder: &Path) -> Result<Draft, Problem> {
    let folder = folder.canonicalize().map_err(|error| unusable(folder, &error))?;
    let detected = detect(&OnDisk { root: folder.clone() }, &name_of(&folder));
    Ok(Draft { folder, detected, notes: Vec::new() })
}

/// The manifest of a compose file, whose paths begin at its own folder.
fn from_compose(file: &Path) -> Result<Draft, Problem> {
    let unreadable = |error: &io::Error| {
        Problem::new(
            Code::Usage,
            format!("reading the compose file {}: {error}", file.display()),
            "name one that is there, as in `bascule init --from docker-compose.yml`",
        )
    };
    let file = file.canonicalize().map_err(|error| unreadable(&error))?;
    let size = std::fs::metadata(&file).map_err(|error| unreadable(&error))?.len();
    if size > LARGEST {
        return Err(unreadable(&io::Error::other("it is larger than 1 MiB")));
    }
    let text = std::fs::read_to_string(&file).map_err(|error| unreadable(&error))?;
    let folder = file.parent().map(Path::to_owned).unwrap_or_default();
    let converted = convert(&text, &name_of(&file), &OnDisk { root: folder.clone() }, &name_of(&folder))?;
    let services = converted.services.join(", ");
    let what = format!("a compose file with {services}");
    Ok(Draft { folder, detected: Detected { what, manifest: converted.manifest }, notes: converted.notes })
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What was left out or means something else now.
fn shown(notes: &[Note]) -> String {
    let mut lines = vec![paint(WARNING, "not as in the compose file:")];
    for note in notes {
        lines.push(wrap(
            &format!("line {}, {}: {}", note.line, escape::line(&note.place), escape::line(&note.says)),
            2,
            4,
        ));
    }
    lines.join("\n")
}

/// Writes a file that must not be there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Problem> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Problem::new(
            Code::Usage,
            format!("{} is there already, and is left as it is", path.display()),
            "look at what would be written with `bascule init --stdout`",
        ),
        _ => unusable(path, &error),
    })
}

fn unusable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Code::Usage,
        format!("writing a manifest: {}: {error}", path.display()),
        "name a folder that this user can write with --project DIR, or print it with --stdout",
    )
}

fn next_steps(detected: &Detected) -> String {
    let found = wrap(&format!("found {}", escape::line(&detected.what)), 0, 2);
    let environment = first_environment(&detected.manifest);
    format!(
        "{found}\n{}\n\nnext:\n  look at it, it is short\n  bascule validate\n  bascule plan {environment}\n  bascule deploy {environment}",
        paint(GOOD, &format!("wrote {MANIFEST}")),
    )
}

fn first_environment(manifest: &str) -> String {
    let parsed = bascule_model::manifest::parse(manifest, MANIFEST).ok();
    let name = parsed.and_then(|manifest| manifest.environments.into_keys().next());
    name.map_or_else(|| "ENV".to_owned(), |name| name.to_string())
}

/// The project's files, as far as detection may look: nothing outside of the project, no large files.
struct OnDisk {
    root: PathBuf,
}

/// A file that tells what a project is does so in fewer bytes.
const LARGEST: u64 = 1 << 20;

impl Folder for OnDisk {
    fn names(&self, path: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.root.join(path)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let is_folder = entry.path().is_dir();
                let name = entry.file_name().into_string().ok()?;
                Some(if is_folder { format!("{name}/") } else { name })
            })
            .collect();
        names.sort();
        names
    }

    fn text(&self, path: &str) -> Option<String> {
        let path = self.root.join(path);
        let metadata = std::fs::metadata(&path).ok()?;
        (metadata.is_file() && metadata.len() <= LARGEST).then(|| std::fs::read_to_string(&path).ok())?
    }
}
