//! The file as text: TOML, a value a line, in the order of names and versions.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use super::{StoreError, is_name};

const FORM: i64 = 1;
const HEAD: &str = "\
# Secrets, sealed. Made to be committed: without the key nobody can read them.
# `bascule secret` changes this file; what is changed by hand is refused.
";
/// A store is a text of some lines; what is longer is something else.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What stands in the file.
pub(super) struct Text {
    pub(super) app: String,
    pub(super) environment: String,
    /// Which envelope key opens the data key.
    pub(super) key: String,
    pub(super) data_key: String,
    /// The seal over all lines of values.
    pub(super) list: String,
    pub(super) values: BTreeMap<(String, u32), String>,
}

impl Text {
    pub(super) fn read(path: &Path, text: &str) -> Result<Self, StoreError> {
        let unreadable = |why: &str| StoreError::Form { path: path.to_owned(), why: why.to_owned() };
        // The parser's own message shows the line.
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line =
                error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
            unreadable(&format!("line {line} is not TOML"))
        })?;
        if table.get("form").and_then(toml::Value::as_integer) != Some(FORM) {
            return Err(unreadable("it is not of form 1: a newer version of Bascule may have written it"));
        }
        let take = |key: &str| {
            let text = table.get(key).and_then(toml::Value::as_str);
            text.map(str::to_owned).ok_or_else(|| unreadable(&format!("`{key}` is missing")))
        };
        let mut values = BTreeMap::new();
        for (place, line) in table.get("values").and_then(toml::Value::as_table).into_iter().flatten() {
            let parts = place.split_once('@').filter(|(name, _)| is_name(name));
            let parts = parts.and_then(|(name, version)| Some((name.to_owned(), version.parse().ok()?)));
            let (Some(parts), Some(line)) = (parts, line.as_str()) else {
                let shown: String = place.chars().filter(|c| !c.is_control()).take(60).collect();
                return Err(unreadable(&format!("`{shown}` is not NAME@VERSION with a sealed text")));
            };
            values.insert(parts, line.to_owned());
        }
        Ok(Self {
            app: take("app")?,
            environment: take("environment")?,
            key: take("key")?,
            data_key: take("data_key")?,
            list: take("list")?,
            values,
        })
    }

    pub(super) fn write(&self) -> String {
        let Self { app, environment, key, data_key, list, values } = self;
        let mut text = format!(
            "{HEAD}form = {FORM}\napp = \"{app}\"\nenvironment = \"{environment}\"\nkey = \"{key}\"\n\
             data_key = \"{data_key}\"\nlist = \"{list}\"\n\n[values]\n"
        );
        for ((name, version), line) in values {
            text.push_str(&format!("\"{name}@{version}\" = \"{line}\"\n"));
        }
        text
    }
}

/// The text at a path; none when there is nothing.
pub(super) fn read(path: &Path) -> Result<Option<String>, StoreError> {
    let failed = |source| StoreError::File { doing: "reading the store", path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

/// Writes all of it or nothing: aside, to the disk, then in its place.
pub(super) fn write(path: &Path, folder: &Path, text: &str) -> Result<(), StoreError> {
    let failed = |source| StoreError::File { doing: "writing the store", path: path.to_owned(), source };
    let mut aside = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder).map_err(failed)?;
    aside.write_all(text.as_bytes()).map_err(failed)?;
    aside.as_file().sync_all().map_err(failed)?;
    aside.persist(path).map_err(|error| failed(error.error))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}
