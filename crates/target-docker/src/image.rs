//! Images: built from a Dockerfile or taken by name, kept by this machine's engine, and pushed to a registry where the manifest
//! names one. Each is known by its digest alone: an id of this engine, or a digest in a registry.
//!
//! What we build carries labels that say whose it is and what it was built from, so that the same sources are not built twice,
//! and nobody else's image is ever removed.

mod build;
mod buildkit;
mod commit;
mod context;
mod credentials;
mod dockerfile;
mod error;
mod fingerprint;
mod ignore;
mod labels;
mod make;
mod named;
mod output;
mod pattern;
mod prune;
mod pulled;
mod recipe;
mod reference;
mod registry;
mod tail;
mod tar;
mod verify;
mod wire;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bascule_engine::ports::{Artifacts, Made, Making, PortError, Presence, Unneeded};
use bascule_model::plan::ArtifactPlan;
use bascule_model::release::{Configuration, ImageBuild, ImageFrom, Source};
use bollard::models::ImageInspect;

use crate::connection::Connection;
use crate::error::DockerError;
pub(crate) use build::is_switched_off;
pub use build::{Builder, Network};
use credentials::Keychain;
pub use error::ImageError;
use recipe::Recipe;
use reference::{Reference, host};

/// How long an engine that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for one that nobody has seen yet: it may not be there at all.
const PATIENCE_WITH_STRANGERS: Duration = Duration::from_secs(2);

/// What images need from the wiring.
#[derive(Debug, Clone)]
pub struct DockerImagesOptions {
    /// The way to the engine.
    pub connection: Arc<Connection>,
    /// Tells this control plane's images from another one's on the same engine.
    pub state_id: String,
    /// The state folder; it is never part of what a build sees.
    pub state_dir: PathBuf,
    /// The user's folder, for Docker's configuration (`.docker/config.json`).
    pub home: Option<PathBuf>,
    /// What `DOCKER_CONFIG` names: the folder of Docker's configuration, in place of the one in `home`.
    pub docker_config: Option<PathBuf>,
}

/// Images of one engine.
#[derive(Debug, Clone)]
pub struct DockerImages {
    connection: Arc<Connection>,
    state_id: String,
    state_dir: PathBuf,
    docker_config: Option<PathBuf>,
    builder: Builder,
    network: Network,
}

impl DockerImages {
    /// Images of the engine at the other end of the connection. Asks it nothing yet.
    #[must_use]
    pub fn open(options: DockerImagesOptions) -> Self {
        let DockerImagesOptions { connection, state_id, state_dir, home, docker_config } = options;
        let folder = docker_config.or_else(|| home.map(|home| home.join(".docker")));
        let docker_config = folder.map(|folder| folder.join("config.json"));
        Self {
            connection,
            state_id,
            state_dir,
            docker_config,
            builder: Builder::default(),
            network: Network::default(),
        }
    }

    /// With this builder.
    #[must_use]
    pub fn with_builder(self, builder: Builder) -> Self {
        Self { builder, ..self }
    }

    /// With this network for the steps of builds.
    #[must_use]
    pub fn with_network(self, network: Network) -> Self {
        Self { network, ..self }
    }

    fn patience(&self) -> Duration {
        if self.connection.has_answered() { PATIENCE } else { PATIENCE_WITH_STRANGERS }
    }

    /// The logins that a source's registry and its base images need.
    fn keychain(&self, repository: Option<&str>, values: &Configuration) -> Keychain {
        let own = repository.zip(values.registry.clone()).map(|(name, login)| (host(name).to_owned(), login));
        Keychain { file: self.docker_config.clone(), own }
    }

    /// The image that the engine has by this name.
    async fn inspect(&self, name: &str) -> Result<Option<ImageInspect>, ImageError> {
        let doing = format!("look at the image {name}");
        let inspected = self
            .connection
            .patient_call(&doing, self.patience(), |docker| async move { docker.inspect_image(name).await })
            .await;
        match inspected {
            Ok(image) => Ok(Some(image)),
            Err(DockerError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// What is to be built, with its fingerprint.
    async fn recipe(&self, source: &Source, build: &ImageBuild) -> Result<(Arc<Recipe>, String), ImageError> {
        let (source, build, state) = (source.clone(), build.clone(), self.state_dir.clone());
        let recipe = blocking("reading the sources", move || Recipe::read(&source, &build, &state)).await?;
        let mut bases = BTreeMap::new();
        for name in dockerfile::images(&recipe.dockerfile, &recipe.build.args) {
            let id = self.inspect(&name).await.unwrap_or_default().and_then(|image| image.id);
            bases.insert(name, id);
        }
        let fingerprint = fingerprint::with_bases(&recipe.files, &bases);
        Ok((Arc::new(recipe), fingerprint))
    }

    async fn plan(&self, source: &Source, values: &Configuration) -> Result<ArtifactPlan, ImageError> {
        let image = source.image.as_ref().ok_or(ImageError::NoImage)?;
        match &image.from {
            ImageFrom::Build(build) => {
                let (recipe, fingerprint) = self.recipe(source, build).await?;
                Ok(ArtifactPlan::Build { command: recipe.says(), source: fingerprint })
            }
            ImageFrom::Named(name) => {
                let found = self.resolve(&Reference::parse(name), values).await?;
                Ok(ArtifactPlan::Image { reference: name.clone(), digest: found.image.to_string() })
            }
        }
    }
}

#[async_trait]
impl Artifacts for DockerImages {
    async fn survey(&self, source: &Source, values: &Configuration) -> Result<ArtifactPlan, PortError> {
        Ok(self.plan(source, values).await?)
    }

    async fn make(&self, making: &Making<'_>) -> Result<Made, PortError> {
        let image = making.source.image.as_ref().ok_or(ImageError::NoImage)?;
        Ok(match &image.from {
            ImageFrom::Build(build) => self.make_by_build(making, build, image.repository.as_deref()).await?,
            ImageFrom::Named(name) => self.make_named(making, &Reference::parse(name)).await?,
        })
    }

    async fn verify(&self, digest: &str, values: &Configuration) -> Result<Presence, PortError> {
        Ok(self.presence(digest, values).await?)
    }

    async fn prune(&self, keep: &[String]) -> Result<(), PortError> {
        self.remove_unneeded(keep).await?;
        Ok(())
    }

    async fn unneeded(&self, keep: &[String]) -> Result<Vec<Unneeded>, PortError> {
        Ok(self.list_unneeded(keep).await?)
    }
}

/// Work that waits for files.
async fn blocking<T: Send + 'static>(
    doing: &'static str,
    work: impl FnOnce() -> Result<T, ImageError> + Send + 'static,
) -> Result<T, ImageError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ImageError::Ended { doing })?
}
