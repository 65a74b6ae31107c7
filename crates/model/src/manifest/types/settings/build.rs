//! `[build]` as it is written.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;

use super::{CommandSettings, Located, Reading};
use crate::manifest::schema;
use crate::manifest::types::build::RelativePath;
use crate::manifest::types::image::{ImageName, Repository};
use crate::manifest::types::templated::Templated;

/// What makes the artifact. Without it the artifact is empty, and the commands are found on the machine.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Build", deny_unknown_fields)]
pub struct BuildSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// Run in the project's folder before the files are collected, as in `"cargo build --release"`. Without it `files` are
    /// taken as they are. May use `${NAME}` for what the manifest itself spells out.
    pub command: Option<CommandSettings>,
    /// Files and folders that the artifact holds, relative to the manifest's folder. Each lands under its last name:
    /// `target/release/shop` is `./shop` for the commands, `.` is everything in the manifest's folder.
    #[schemars(with = "Option<Vec<schema::FilePath>>")]
    pub files: Option<Vec<Located<RelativePath>>>,
    /// For containers: the Dockerfile that the image is built from. `command` and `files` are not used for containers.
    #[schemars(with = "Option<schema::FilePath>")]
    pub dockerfile: Option<Located<RelativePath>>,
    /// For containers: the folder that the build sees, less what its `.dockerignore` leaves out.
    #[schemars(with = "Option<schema::FilePath>", extend("default" = "."))]
    pub context: Option<Located<RelativePath>>,
    /// For containers: the stage of the Dockerfile that is built. Without it the last one.
    #[schemars(length(min = 1))]
    pub target: Option<Located<String>>,
    /// For containers: build arguments. They stand in the image for everyone to read: `${NAME}` only with what the manifest
    /// itself spells out.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, String>>")]
    pub args: Option<BTreeMap<String, Located<String>>>,
    /// For containers: what the image is built for, as in `linux/arm64`. Without it the engine's own.
    #[schemars(with = "Option<schema::PlatformName>")]
    pub platform: Option<Located<String>>,
    /// For containers: secrets of the build, for `RUN --mount=type=secret,id=NAME`; no layer keeps them. May use `${NAME}`.
    #[schemars(with = "Option<BTreeMap<schema::VariableName, String>>")]
    pub secrets: Option<BTreeMap<String, Located<String>>>,
    /// For containers: the image, when none is built, as in `registry.example.com/shop:1.2`. The digest that it has when the
    /// plan is made is what runs. May use `${NAME}` for what the manifest itself spells out.
    #[schemars(with = "Option<String>")]
    pub image: Option<Located<Templated<ImageName>>>,
    /// For containers: where a built image is pushed to, as in `registry.example.com/shop`. Without it the image stays here.
    #[schemars(with = "Option<String>")]
    pub repository: Option<Located<Repository>>,
    /// For containers: who one is at the registry. Without it, whom the Docker configuration says.
    pub registry: Option<RegistrySettings>,
    /// Something in it could not be read.
    #[schemars(skip)]
    pub(crate) reading: Reading,
}

/// Who one is at a registry.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Registry", deny_unknown_fields, extend("required" = ["username", "password"]))]
pub struct RegistrySettings {
    /// Where it stands.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// The name. May use `${NAME}`.
    pub username: Option<Located<String>>,
    /// The password or token. May use `${NAME}`.
    pub password: Option<Located<String>>,
}
