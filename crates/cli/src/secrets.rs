//! The secrets of an environment as this machine has them: the key, the store, and what `[secrets]` names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bascule_model::ids::EnvironmentName;
use bascule_model::manifest::{GivenSecret, Manifest, SecretFrom};
use bascule_model::problem::{Code, Problem};
use bascule_secrets::provider::{self, Line, Source, Surroundings, TIMEOUT};
use bascule_secrets::store::{self, EnvelopeKey, Owner, Store};

/// The variables that say where the key is. The control plane is started without them.
pub const KEY_VARIABLES: [&str; 3] = ["BASCULE_KEY", "BASCULE_KEY_FILE", "BASCULE_KEY_COMMAND"];

/// The caller's environment.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The store of one environment.
pub struct Place {
    /// The project's folder.
    pub project: PathBuf,
    /// Whose it is.
    pub owner: Owner,
}

impl Place {
    /// Names it.
    pub fn of(project: &Path, manifest: &Manifest, environment: &EnvironmentName) -> Self {
        let owner = Owner { app: manifest.app.value.to_string(), environment: environment.to_string() };
        Self { project: project.to_owned(), owner }
    }

    /// Its file.
    pub fn file(&self) -> PathBuf {
        store::file_of(&self.project, &self.owner.environment)
    }

    /// The store, open; none where there is no file.
    ///
    /// # Errors
    /// When there is a file, and no key for it, or it was changed by other means.
    pub fn open(&self, variables: Variables<'_>) -> Result<Option<Store>, Problem> {
        let file = self.file();
        if !file.exists() {
            return Ok(None);
        }
        let key = key(&self.project, variables)?.ok_or_else(|| no_key(&file, variables))?;
        Store::open(&file, &self.owner, &key).map_err(|error| error.problem())
    }
}

/// The key that this machine has: of `BASCULE_KEY`, of the file that `BASCULE_KEY_FILE` names, of what `BASCULE_KEY_COMMAND` writes,
/// or of the user's own file; none when there is none of these.
///
/// # Errors
/// When there is something that is no key, or that others can read.
pub fn key(project: &Path, variables: Variables<'_>) -> Result<Option<EnvelopeKey>, Problem> {
    let [text, file, command] = KEY_VARIABLES.map(variables);
    if let Some(text) = text {
        return EnvelopeKey::from_text(&text, KEY_VARIABLES[0]).map(Some).map_err(|error| error.problem());
    }
    if let Some(file) = file {
        let file = project.join(file);
        let key = EnvelopeKey::from_file(&file).map_err(|error| error.problem())?;
        return key.map(Some).ok_or_else(|| {
            Problem::new(
                Code::SecretKey,
                format!("the key file {}, which BASCULE_KEY_FILE names, is not there", file.display()),
                "put the key there, with mode 0600, or name another file",
            )
        });
    }
    if let Some(line) = command {
        let text = provider::run(KEY_VARIABLES[0], Line::Shell(&line), project, TIMEOUT);
        let text = text.map_err(|error| Problem { code: Code::SecretKey, ..error.problem() })?;
        return EnvelopeKey::from_text(text.expose(), KEY_VARIABLES[2])
            .map(Some)
            .map_err(|error| error.problem());
    }
    match user_file(variables) {
        Some(file) => EnvelopeKey::from_file(&file).map_err(|error| error.problem()),
        None => Ok(None),
    }
}

/// The user's own key file.
pub fn user_file(variables: Variables<'_>) -> Option<PathBuf> {
    // A relative one is to be ignored, says the XDG base directory specification.
    let xdg = variables("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || variables("HOME").map(|home| PathBuf::from(home).join(".config"));
    Some(xdg.or_else(home)?.join("bascule/secrets.key"))
}

/// What is said where a store cannot be opened for want of a key.
pub fn no_key(file: &Path, variables: Variables<'_>) -> Problem {
    let place =
        user_file(variables).map_or_else(String::new, |file| format!(", or put it into {}", file.display()));
    Problem::new(
        Code::SecretKey,
        format!("{} is sealed, and there is no key on this machine", file.display()),
        format!(
            "ask whoever made it for the key, and give it in BASCULE_KEY, in the file that BASCULE_KEY_FILE names (mode 0600), by \
             BASCULE_KEY_COMMAND{place}"
        ),
    )
}

/// What the secrets of an environment are.
pub struct Fetched {
    /// The values by name.
    pub values: BTreeMap<String, GivenSecret>,
    /// Where each is from, in words: `store`, `env:NAME`, `file:PATH`, `command`.
    pub sources: BTreeMap<String, String>,
}

/// Has every secret of an environment: all that the store has, and what `[secrets]` names elsewhere. What the caller's own
/// environment says is not asked for again.
///
/// # Errors
/// When one cannot be had.
pub fn fetch(
    project: &Path,
    manifest: &Manifest,
    environment: &EnvironmentName,
    variables: Variables<'_>,
) -> Result<Fetched, Problem> {
    let store = Place::of(project, manifest, environment).open(variables)?;
    let mut fetched = Fetched { values: BTreeMap::new(), sources: BTreeMap::new() };
    for (name, version, value) in store.iter().flat_map(Store::values) {
        let value = GivenSecret { value: value.expose().to_owned(), version: Some(version) };
        fetched.values.insert(name.to_owned(), value);
        fetched.sources.insert(name.to_owned(), "store".to_owned());
    }
    let around = Surroundings { project, variables, store: store.as_ref(), timeout: TIMEOUT };
    for (name, settings) in manifest.secrets(environment.as_str()) {
        let (source, words) = source(name, &settings.from.value);
        if variables(name).is_some() {
            fetched.values.remove(name);
            continue;
        }
        let found = provider::fetch(name, &source, &around).map_err(|error| {
            let problem = error.problem();
            Problem { remedy: problem.remedy.replace(" ENV ", &format!(" {environment} ")), ..problem }
        })?;
        let value = GivenSecret { value: found.value.expose().to_owned(), version: found.version };
        fetched.values.insert(name.to_owned(), value);
        fetched.sources.insert(name.to_owned(), words);
    }
    Ok(fetched)
}

fn source<'a>(name: &'a str, from: &'a SecretFrom) -> (Source<'a>, String) {
    match from {
        SecretFrom::Store => (Source::Store, "store".to_owned()),
        SecretFrom::Env(variable) => {
            let variable = variable.as_deref().unwrap_or(name);
            (Source::Env(variable), format!("env:{variable}"))
        }
        SecretFrom::File(path) => (Source::File(Path::new(path)), format!("file:{path}")),
        SecretFrom::Shell(line) => (Source::Command(Line::Shell(line)), "command".to_owned()),
        SecretFrom::Program(words) => (Source::Command(Line::Program(words)), "command".to_owned()),
    }
}
