//! What tells one build from another: a SHA-256 over everything that it sees.
//!
//! Each part is preceded by its length, so that no two lists of parts give the same bytes. Values of secrets have no part in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bascule_model::plan::hex;
use sha2::{Digest as _, Sha256};

use super::context::Kind;
use super::error::{ImageError, file};
use super::recipe::Recipe;

/// Changed when the same files are to give another image than before.
const VERSION: &[u8] = b"bascule image 1";

/// Over the Dockerfile, the settings and the files, with their contents.
pub(super) fn of_files(recipe: &Recipe) -> Result<Sha256, ImageError> {
    let mut hash = Sha256::new();
    let build = &recipe.build;
    part(&mut hash, VERSION);
    part(&mut hash, recipe.dockerfile.as_bytes());
    for setting in [&build.target, &build.platform] {
        part(&mut hash, setting.as_deref().unwrap_or_default().as_bytes());
    }
    for (name, value) in &build.args {
        part(&mut hash, name.as_bytes());
        part(&mut hash, value.as_bytes());
    }
    part(&mut hash, b"secrets");
    for name in &build.secrets {
        part(&mut hash, name.as_bytes());
    }
    part(&mut hash, b"files");
    for entry in &recipe.context.entries {
        part(&mut hash, entry.path.as_bytes());
        part(&mut hash, &entry.mode.to_be_bytes());
        match &entry.kind {
            Kind::Folder => part(&mut hash, b"folder"),
            Kind::Link { target } => {
                part(&mut hash, b"link");
                part(&mut hash, target.as_bytes());
            }
            Kind::File { .. } => {
                let path = recipe.context.path(entry);
                part(&mut hash, &contents(&path).map_err(file("read", &path))?);
            }
        }
    }
    Ok(hash)
}

/// With the images that the build stands on, by name: their ids on this engine, none where it has to fetch them.
pub(super) fn with_bases(files: &Sha256, bases: &BTreeMap<String, Option<String>>) -> String {
    let mut hash = files.clone();
    part(&mut hash, b"bases");
    for (name, id) in bases {
        part(&mut hash, name.as_bytes());
        part(&mut hash, id.as_deref().unwrap_or_default().as_bytes());
    }
    hex(&hash.finalize())
}

fn part(hash: &mut Sha256, bytes: &[u8]) {
    hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(bytes);
}

fn contents(path: &Path) -> io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            read => hash.update(&buffer[..read]),
        }
    }
}
