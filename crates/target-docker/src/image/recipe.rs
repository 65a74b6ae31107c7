//! A build as it is now: the Dockerfile's text, and what the build sees of its folder.
//!
//! `<Dockerfile>.dockerignore` beside the Dockerfile goes before the context's `.dockerignore`.

use std::fs;
use std::path::{Path, PathBuf};

use bascule_model::release::{ImageBuild, Source};
use sha2::{Digest as _, Sha256};

use super::context::{Context, Entry};
use super::error::{ImageError, file};
use super::fingerprint;
use super::ignore::Ignore;

/// A Dockerfile that is larger than this is something else.
const LARGEST_DOCKERFILE: u64 = 1 << 20;

/// Everything that a build is made of.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) build: ImageBuild,
    /// The text of the Dockerfile.
    pub(super) dockerfile: String,
    /// Where it lies.
    pub(super) dockerfile_path: PathBuf,
    pub(super) dockerfile_entry: Entry,
    /// The text of what leaves files out, and where it lies.
    pub(super) ignore_text: Option<(PathBuf, String)>,
    pub(super) ignore: Ignore,
    pub(super) context: Context,
    /// SHA-256 over all of it but the images that it stands on.
    pub(super) files: Sha256,
}

impl Recipe {
    /// Reads it.
    pub(super) fn read(source: &Source, build: &ImageBuild, state: &Path) -> Result<Self, ImageError> {
        let mut recipe = Self::walk(source, build, state)?;
        recipe.files = fingerprint::of_files(&recipe)?;
        Ok(recipe)
    }

    /// Reads it without the contents of its files.
    fn walk(source: &Source, build: &ImageBuild, state: &Path) -> Result<Self, ImageError> {
        let dockerfile_path = source.project.join(&build.dockerfile);
        let metadata = match fs::metadata(&dockerfile_path) {
            Ok(metadata) if metadata.is_file() && metadata.len() <= LARGEST_DOCKERFILE => metadata,
            Ok(_) => {
                return Err(ImageError::NoDockerfile {
                    path: dockerfile_path,
                    is_there: "it is no text file",
                });
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ImageError::NoDockerfile {
                    path: dockerfile_path,
                    is_there: "there is no such file",
                });
            }
            Err(error) => return Err(file("read", &dockerfile_path)(error)),
        };
        let dockerfile = fs::read_to_string(&dockerfile_path).map_err(file("read", &dockerfile_path))?;
        let folder = source.project.join(&build.context);
        if !folder.is_dir() {
            return Err(ImageError::NoContext { path: folder });
        }
        let ignore_text = ignore_text(&dockerfile_path, &folder)?;
        let ignore = match &ignore_text {
            None => Ignore::default(),
            Some((path, text)) => Ignore::parse(text)
                .map_err(|error| ImageError::BadIgnore { path: path.clone(), detail: error.to_string() })?,
        };
        let context = Context::walk(&folder, &ignore, state)?;
        let name = dockerfile_path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let dockerfile_entry = Entry::of_file(name, &metadata);
        Ok(Self {
            build: build.clone(),
            dockerfile,
            dockerfile_path,
            dockerfile_entry,
            ignore_text,
            ignore,
            context,
            files: Sha256::new(),
        })
    }

    /// Whether nothing of it was written to since it was read.
    pub(super) fn is_still_so(&self, source: &Source, state: &Path) -> Result<bool, ImageError> {
        let now = Self::walk(source, &self.build, state)?;
        Ok(now.dockerfile == self.dockerfile
            && now.ignore_text == self.ignore_text
            && now.context == self.context)
    }

    /// The Dockerfile relative to the context, where it lies in it.
    pub(super) fn dockerfile_in_context(&self) -> Option<String> {
        let dockerfile = self.dockerfile_path.canonicalize().ok()?;
        let folder = self.context.folder.canonicalize().ok()?;
        Some(dockerfile.strip_prefix(folder).ok()?.to_str()?.to_owned())
    }

    /// The build in words, as one would type it; no value of an argument, no secret.
    pub(super) fn says(&self) -> String {
        let ImageBuild { dockerfile, context, target, args, platform, secrets } = &self.build;
        let mut words = vec!["docker build".to_owned(), format!("-f {dockerfile}")];
        words.extend(target.iter().map(|target| format!("--target {target}")));
        words.extend(platform.iter().map(|platform| format!("--platform {platform}")));
        words.extend(args.keys().map(|name| format!("--build-arg {name}")));
        words.extend(secrets.iter().map(|name| format!("--secret {name}")));
        words.push(context.clone());
        words.join(" ")
    }
}

fn ignore_text(dockerfile: &Path, folder: &Path) -> Result<Option<(PathBuf, String)>, ImageError> {
    let mut beside = dockerfile.as_os_str().to_owned();
    beside.push(".dockerignore");
    for path in [PathBuf::from(beside), folder.join(".dockerignore")] {
        match fs::read(&path) {
            Ok(bytes) => return Ok(Some((path, String::from_utf8_lossy(&bytes).into_owned()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(file("read", &path)(error)),
        }
    }
    Ok(None)
}
