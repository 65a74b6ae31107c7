//! A project: a folder with a `bascule.toml`, found from where the program is called, read and resolved for an environment.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bascule_engine::ports::Namespace;
use bascule_model::ids::{AppName, EnvironmentName};
use bascule_model::manifest::{self, EnvFile, Environment, EnvironmentSettings, Given, Manifest, Target};
use bascule_model::problem::{Code, Problem};

use crate::failure::Failure;
use crate::object_files::{self, Files, OnDisk};
use crate::secrets::{self, Fetched};

/// The name of the manifest.
pub const MANIFEST: &str = "bascule.toml";

/// The namespace of an environment that names none.
const NAMESPACE: &str = "default";

/// An environment as it holds, and where its configuration comes from.
pub struct Resolved {
    /// The environment.
    pub environment: Environment,
    /// The env file that was read.
    pub env_file: Option<String>,
    /// Where the secrets are from, in words, by name.
    pub sources: BTreeMap<String, String>,
}

/// Where an environment of a cluster is, by what is written of it alone; none where it is in no cluster.
#[must_use]
pub fn namespace(settings: &EnvironmentSettings) -> Option<Namespace> {
    settings.target.as_ref().filter(|target| target.value == Target::Kubernetes)?;
    let name = settings.namespace.as_ref().map_or(NAMESPACE, |namespace| &namespace.value);
    let context = settings.context.as_ref().map(|context| context.value.clone());
    Some(Namespace { context, name: name.to_owned() })
}

/// A folder with a manifest.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder, absolute and without symbolic links.
    pub folder: PathBuf,
}

impl Project {
    /// The project in the folder that was named, or in the nearest one above `here` (itself included).
    ///
    /// # Errors
    /// `MANIFEST_UNREADABLE` when there is no manifest.
    pub fn find(here: &Path, named: Option<&Path>) -> Result<Self, Problem> {
        let folder = match named {
            Some(named) => Some(here.join(named)).filter(|folder| folder.join(MANIFEST).is_file()),
            None => here.ancestors().find(|folder| folder.join(MANIFEST).is_file()).map(Path::to_owned),
        };
        let Some(folder) = folder else {
            let place = match named {
                Some(named) => format!("{} has no {MANIFEST}", named.display()),
                None => format!("neither {} nor a folder above it has a {MANIFEST}", here.display()),
            };
            return Err(Problem::new(
                Code::ManifestUnreadable,
                format!("looking for the project: {place}"),
                "write one with `bascule init`, or name the project with --project DIR",
            ));
        };
        let folder = folder.canonicalize().map_err(|error| unreadable(&folder, &error))?;
        Ok(Self { folder })
    }

    /// The manifest as it is written.
    ///
    /// # Errors
    /// When it cannot be read, and every mistake in it.
    pub fn manifest(&self) -> Result<Manifest, Failure> {
        let text = self.text()?;
        Ok(manifest::parse(&text, MANIFEST)?)
    }

    fn text(&self) -> Result<String, Problem> {
        let path = self.folder.join(MANIFEST);
        std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))
    }

    /// The app's name, also of a manifest that has mistakes elsewhere.
    ///
    /// # Errors
    /// When the name cannot be made out.
    pub fn app(&self) -> Result<AppName, Failure> {
        let text = self.text()?;
        match manifest::parse(&text, MANIFEST) {
            Ok(manifest) => Ok(manifest.app.value),
            Err(diagnostics) => named_app(&text).ok_or_else(|| diagnostics.into()),
        }
    }

    /// The environments that the manifest names; none when it has mistakes.
    pub fn environments(&self) -> Vec<EnvironmentName> {
        self.manifest().map(|manifest| manifest.environments.into_keys().collect()).unwrap_or_default()
    }

    /// The manifest as it holds for one environment: `variables` is the caller's own environment.
    ///
    /// # Errors
    /// When a file or a secret cannot be read, and every mistake.
    pub fn resolve(
        &self,
        environment: &EnvironmentName,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Environment, Failure> {
        Ok(self.resolve_in_full(environment, variables)?.environment)
    }

    /// The same, with what is known of where things come from.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_in_full(
        &self,
        environment: &EnvironmentName,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Resolved, Failure> {
        self.resolve_manifest(&self.manifest()?, environment, variables, None)
    }

    /// The same for a manifest of this project that was read elsewhere. `committed` are the files of a commit: an env file that
    /// is in it is taken from there, and files of objects are taken from nowhere else.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_manifest(
        &self,
        manifest: &Manifest,
        environment: &EnvironmentName,
        variables: &dyn Fn(&str) -> Option<String>,
        committed: Option<&dyn Files>,
    ) -> Result<Resolved, Failure> {
        let (name, is_named) = match manifest.env_file(environment.as_str()) {
            Some(named) => (named.to_owned(), true),
            None => (format!(".env.{environment}"), false),
        };
        let is_known = manifest.environments.contains_key(environment);
        let text = match committed.and_then(|committed| committed.text(&name).ok()) {
            Some(text) => Some(text),
            None if is_named || is_known => self.env_file(&name)?,
            None => None,
        };
        let fetched = if is_known {
            secrets::fetch(&self.folder, manifest, environment, variables)?
        } else {
            Fetched { values: BTreeMap::new(), sources: BTreeMap::new() }
        };
        let kubernetes =
            manifest.environments.get(environment).and_then(|settings| settings.kubernetes.as_ref());
        let patterns = kubernetes.and_then(|kubernetes| kubernetes.manifests.as_ref()).into_iter().flatten();
        let here = OnDisk(&self.folder);
        let objects =
            object_files::read(committed.unwrap_or(&here), patterns.map(|pattern| pattern.value.as_str()))?;
        let given = Given {
            variables,
            env_file: text.as_deref().map(|text| EnvFile { name: &name, text }),
            secrets: fetched.values,
            objects,
        };
        let resolved = manifest::resolve_with(manifest, environment.as_str(), &given)?;
        Ok(Resolved {
            environment: resolved,
            env_file: text.is_some().then_some(name),
            sources: fetched.sources,
        })
    }

    /// The text of an env file; none when it is not there, which the manifest's diagnostics say with its place.
    fn env_file(&self, name: &str) -> Result<Option<String>, Problem> {
        let path = self.folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&path, &error)),
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    Problem::new(
        Code::ManifestUnreadable,
        format!("reading {}: {error}", path.display()),
        "make it a text file that this user can read",
    )
}

/// `app = "name"` before the first section, whatever the rest looks like.
fn named_app(text: &str) -> Option<AppName> {
    text.lines().map(str::trim).take_while(|line| !line.starts_with('[')).find_map(|line| {
        let value = line.strip_prefix("app")?.trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'')?;
        value[1..].split(quote).next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_manifest_above_is_the_project() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        std::fs::create_dir_all(&inner).unwrap();
        std::fs::write(root.path().join(MANIFEST), "app = \"x\"").unwrap();
        let found = Project::find(&inner, None).unwrap();
        assert_eq!(found.folder, root.path().canonicalize().unwrap());
        let refused = Project::find(&inner, Some(Path::new("."))).unwrap_err();
        assert_eq!(refused.code, Code::ManifestUnreadable);
    }

    #[test]
    fn the_name_is_found_in_a_broken_manifest() {
        assert_eq!(named_app("# x\n app = 'shop' # y\n[services").unwrap().as_str(), "shop");
        assert_eq!(named_app("[services.web]\napp = \"web\""), None);
        assert_eq!(named_app("application = \"web\""), None);
        assert_eq!(named_app("app = \"No Name\""), None);
    }
}
