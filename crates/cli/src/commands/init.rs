//! `init`: writes a short commented manifest for what is found in the folder. Never over one that is there.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bascule_model::detect::{Detected, Folder, detect};
use bascule_model::problem::{Code, Problem};
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::project::MANIFEST;
use crate::screen::Format;
use crate::text::escape;
use crate::text::style::{GOOD, paint};
use crate::text::wrap::wrap;

const AFTER_HELP: &str = "\
Examples:
  bascule init                     look at this folder and write bascule.toml
  bascule init --stdout            only show what would be written
  bascule init --project ~/shop    for another folder";

/// Options of `init`.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Print the manifest and write nothing
    #[arg(long)]
    stdout: bool,
}

/// Runs it.
///
/// # Errors
/// When there is a manifest already, or the folder cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let folder = context.folder();
    let folder = folder.canonicalize().map_err(|error| unusable(&folder, &error))?;
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let detected = detect(&OnDisk { root: folder.clone() }, &name);
    let path = folder.join(MANIFEST);
    if !args.stdout {
        write_new(&path, &detected.manifest)?;
    }
    match (context.screen.format, args.stdout) {
        (Format::Text, true) => context.screen.out(&detected.manifest),
        (Format::Text, false) => context.screen.out(&next_steps(&detected)),
        (Format::Json, _) => context.screen.json(&json!({
            "detected": detected.what,
            "manifest": detected.manifest,
            "file": path,
            "written": !args.stdout,
        })),
    }
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
