//! What `bascule init` writes: a look at a project's files, and a short commented `bascule.toml` that fits them.
//!
//! Pure: the project is seen through [`Folder`]. Holds: what comes out is a manifest without mistakes, whatever the files say.

mod cargo;
mod container;
pub mod dockerfile;
mod draft;
mod go;
mod node;
mod other;
mod procfile;
mod python;
mod ruby;

/// A project's files, as far as they are looked at.
pub trait Folder {
    /// The names in a folder of the project (`""` is the project itself), a folder's with `/` at its end; none when it is not there.
    fn names(&self, path: &str) -> Vec<String>;

    /// The text of a file of the project; none when it is not there, not text or too big to be meant.
    fn text(&self, path: &str) -> Option<String>;
}

/// A name that is allowed for an app or a service, as near to the given one as can be.
#[must_use]
pub fn name_like(text: &str) -> Option<String> {
    draft::name_like(text).filter(|name| crate::ids::AppName::new(name.as_str()).is_ok())
}

/// What was found, and the manifest for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detected {
    /// What was recognized, for a person, as in "a Cargo package with the program `shop`".
    pub what: String,
    /// The text of `bascule.toml`.
    pub manifest: String,
}

/// Looks at a project. `name` is its folder's, for an app that says no name of its own.
#[must_use]
pub fn detect(folder: &dyn Folder, name: &str) -> Detected {
    let languages = [cargo::draft, node::draft, go::draft, python::draft, ruby::draft];
    let language = languages.into_iter().find_map(|draft| draft(folder));
    // Whoever wrote a Dockerfile means containers.
    let draft = container::draft(folder, language.as_ref())
        .or_else(|| procfile::draft(folder, language.as_ref()))
        .or(language)
        .or_else(|| other::static_site(folder))
        .unwrap_or_else(|| other::unknown(folder));
    Detected { what: draft.what.clone(), manifest: draft.manifest(name) }
}
