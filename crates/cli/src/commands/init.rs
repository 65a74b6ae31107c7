//! `init`: writes a short commented manifest for what is found in the folder, or in a compose file. Never over one that is there.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bascule_compose::{Note, convert};
#[cfg(feature = "kubernetes")]
use bascule_compose::{Place, from_deployment};
use bascule_model::detect::{Detected, Folder, detect};
use bascule_model::problem::{Code, Problem};
use serde::Serialize;
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
  bascule init --from-cluster shop/web
                                   take over what runs in a cluster
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

    /// Take over a Deployment that runs in a cluster: the first deploy gets its pods as they are
    #[arg(long, value_name = "NAMESPACE/DEPLOYMENT", conflicts_with = "from")]
    from_cluster: Option<String>,

    /// The Service that its users come in by [default: the only one that selects its pods]
    #[arg(long, value_name = "NAME", requires = "from_cluster")]
    service: Option<String>,

    /// The context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", requires = "from_cluster")]
    context: Option<String>,
}

/// What is to be written, and what there is to say of it.
struct Draft {
    folder: PathBuf,
    detected: Detected,
    /// What was left out of a compose file, or of a Deployment.
    notes: Vec<Left>,
    /// What it was taken from, in a sentence.
    source: &'static str,
}

/// Something that was left out, or means something else now.
#[derive(Serialize)]
struct Left {
    /// Its line in the file, where there is one.
    line: Option<usize>,
    /// Its place.
    place: String,
    /// What became of it.
    says: String,
}

impl From<Note> for Left {
    fn from(note: Note) -> Self {
        Self { line: Some(note.line), place: note.place, says: note.says }
    }
}

/// Runs it.
///
/// # Errors
/// When there is a manifest already, or the folder cannot be written.
pub fn run(args: &Args, context: &Context) -> Result<(), Failure> {
    let draft = match (&args.from, &args.from_cluster) {
        (Some(file), _) => from_compose(&context.folder().join(file))?,
        (None, Some(name)) => from_cluster(name, args, context)?,
        (None, None) => from_folder(&context.folder())?,
    };
    let Draft { folder, detected, notes, source } = draft;
    let path = folder.join(MANIFEST);
    if !args.stdout {
        write_new(&path, &detected.manifest)?;
    }
    match (context.screen.format, args.stdout) {
        (Format::Text, true) => {
            if !notes.is_empty() {
                context.screen.note(&shown(&notes, source));
            }
            context.screen.out(&detected.manifest)
        }
        (Format::Text, false) => {
            let notes =
                if notes.is_empty() { String::new() } else { format!("\n\n{}", shown(&notes, source)) };
            context.screen.out(&format!("{}{notes}", next_steps(&detected)))
        }
        (Format::Json, _) => context.screen.json(&json!({
            "detected": detected.what,
            "manifest": detected.manifest,
            "file": path,
            "written": !args.stdout,
            "notes": notes,
        })),
    }
}

fn from_folder(folder: &Path) -> Result<Draft, Problem> {
    let folder = folder.canonicalize().map_err(|error| unusable(folder, &error))?;
    let detected = detect(&OnDisk { root: folder.clone() }, &name_of(&folder));
    Ok(Draft { folder, detected, notes: Vec::new(), source: "" })
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
    let notes = converted.notes.into_iter().map(Left::from).collect();
    let detected = Detected { what, manifest: converted.manifest };
    Ok(Draft { folder, detected, notes, source: "the compose file" })
}

/// The manifest that takes a Deployment over. Nothing is changed in the cluster.
#[cfg(feature = "kubernetes")]
fn from_cluster(name: &str, args: &Args, context: &Context) -> Result<Draft, Failure> {
    let usage = |message: String, remedy: &str| Problem::new(Code::Usage, message, remedy);
    let Some((namespace, deployment)) =
        name.split_once('/').filter(|(one, other)| !one.is_empty() && !other.is_empty())
    else {
        let message = format!("{name} is no namespace and Deployment");
        return Err(usage(message, "write both, as in `bascule init --from-cluster shop/web`").into());
    };
    let folder = context.folder();
    let folder = folder.canonicalize().map_err(|error| unusable(&folder, &error))?;
    let kubeconfig = context.machine.variable("KUBECONFIG");
    let home = context.machine.variable("HOME");
    let at = args.context.as_deref();
    let (found, services) = context.block_on(async {
        let place = (namespace, deployment);
        Ok(bascule_server::cluster::deployment(kubeconfig.as_deref(), home.as_deref(), at, place).await?)
    })?;
    let place = Place { context: at, namespace };
    let taken = from_deployment(&found, &services, args.service.as_deref(), place).map_err(|error| {
        usage(
            error.to_string(),
            "name the Service that its users come in by, as in `--service web`: it has to select the pods",
        )
    })?;
    let notes = taken.notes.into_iter().map(|(place, says)| Left { line: None, place, says }).collect();
    let what = format!("the Deployment {deployment} in the namespace {namespace}; nothing was changed there");
    let detected = Detected { what, manifest: taken.manifest };
    Ok(Draft { folder, detected, notes, source: "the Deployment" })
}

#[cfg(not(feature = "kubernetes"))]
fn from_cluster(_: &str, _: &Args, _: &Context) -> Result<Draft, Failure> {
    let words = "this build of Bascule has no target kubernetes";
    Err(Problem::new(Code::Usage, words, "install one that has it (feature `kubernetes`)").into())
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What was left out or means something else now.
fn shown(notes: &[Left], source: &str) -> String {
    let mut lines = vec![paint(WARNING, &format!("not as in {source}:"))];
    for note in notes {
        let line = note.line.map(|line| format!("line {line}, ")).unwrap_or_default();
        let words = format!("{line}{}: {}", escape::line(&note.place), escape::line(&note.says));
        lines.push(wrap(&words, 2, 4));
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
