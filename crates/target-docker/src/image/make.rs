//! An image of our own: taken where it was built from the same sources before, else built; then pushed where a registry is
//! named.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use bascule_engine::ports::{Made, Making};
use bascule_model::release::ImageBuild;
use bollard::query_parameters::{ListImagesOptions, TagImageOptions};
use jiff::Timestamp;

use super::build::{self, Order, Outcome};
use super::error::ImageError;
use super::labels::{self, Labels};
use super::output::Output;
use super::recipe::Recipe;
use super::reference::{Named, Reference};
use super::registry::Registries;
use super::{DockerImages, blocking, commit};
use crate::error::DockerError;

/// How often a build is begun whose engine went away.
const ATTEMPTS: usize = 3;

/// An image of ours that is there.
struct Built {
    id: String,
    labels: HashMap<String, String>,
}

impl DockerImages {
    /// Makes an image that is built.
    pub(super) async fn make_by_build(
        &self,
        making: &Making<'_>,
        build: &ImageBuild,
        repository: Option<&str>,
    ) -> Result<Made, ImageError> {
        let mut output = Output::open(making.log, making.note, making.redactor)?;
        let (recipe, fingerprint) = self.recipe(making.source, build).await?;
        let name = format!("bascule/{}", making.key.app);
        let tag = labels::tag(&fingerprint, &self.state_id);
        let before = match self.built_before(making, &fingerprint).await? {
            Some(built) => self.tag_if_there(&built.id, &name, &tag).await?.then_some(built),
            None => None,
        };
        let (id, mut says) = match before {
            Some(built) => {
                let says = labels::unchanged(&built.labels);
                output.line(&says)?;
                (built.id, Some(says))
            }
            None => {
                self.refuse_strangers(&format!("{name}:{tag}")).await?;
                let order = Order {
                    recipe: &recipe,
                    fingerprint: &fingerprint,
                    tag: format!("{name}:{tag}"),
                    labels: self.labels(making, &fingerprint).await?,
                    network: self.network,
                    secrets: &making.values.build_secrets,
                    keychain: self.keychain(repository, making.values),
                };
                (self.build(&order, making, &mut output).await?, None)
            }
        };
        let Some(repository) = repository else {
            return Ok(Made { digest: Named::Local(id).to_string(), says });
        };
        let to = Reference { repository: repository.to_owned(), tag: Some(tag.clone()), digest: None };
        self.refuse_strangers(&to.to_string()).await?;
        self.tag(&id, repository, &tag).await?;
        let keychain = self.keychain(Some(repository), making.values);
        let registries = Registries { connection: &self.connection, keychain: &keychain };
        let mut attempt = 0;
        let digest = loop {
            match registries.push(&to, &mut output).await {
                Ok(digest) => break digest,
                Err(error) => self.wait_for_engine(error, &mut attempt, &mut output).await?,
            }
        };
        let pushed = format!("pushed to {to}, {digest}");
        output.line(&pushed)?;
        says = Some(says.map_or(pushed.clone(), |says| format!("{says}; {pushed}")));
        Ok(Made { digest: Named::Registry { repository: repository.to_owned(), digest }.to_string(), says })
    }

    /// An image of ours that was built from the same sources, the newest first.
    async fn built_before(
        &self,
        making: &Making<'_>,
        fingerprint: &str,
    ) -> Result<Option<Built>, ImageError> {
        let wanted = [
            (labels::OWNER, self.state_id.as_str()),
            (labels::APP, making.key.app.as_str()),
            (labels::SOURCE, fingerprint),
        ];
        let options = ListImagesOptions { filters: Some(labels::filter(&wanted)), ..Default::default() };
        let found = self
            .connection
            .patient_call("look for an image of the same sources", self.patience(), |docker| {
                let options = options.clone();
                async move { docker.list_images(Some(options)).await }
            })
            .await?;
        let newest = found.into_iter().max_by_key(|image| image.created);
        Ok(newest.map(|image| Built { id: image.id, labels: image.labels }))
    }

    async fn build(
        &self,
        order: &Order<'_>,
        making: &Making<'_>,
        output: &mut Output<'_>,
    ) -> Result<String, ImageError> {
        output.line(&order.recipe.says())?;
        let mut attempt = 0;
        let id = loop {
            let broken = match build::build(&self.connection, self.builder, order, output).await {
                Ok(Outcome::Built(id)) => break id,
                Ok(Outcome::Failed(failure)) => return Err(failure.told(order.recipe, output.path())),
                Ok(Outcome::BrokeOff) => {
                    let err = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
                    self.connection.error("build the image", err.into()).into()
                }
                Err(error) => error,
            };
            self.wait_for_engine(broken, &mut attempt, output).await?;
        };
        // Files that were written to while they were read may have been built half old, half new.
        if !self.is_still_so(order.recipe, making).await? {
            self.remove(&order.tag).await?;
            return Err(ImageError::Moved);
        }
        let image = self.inspect(&id).await?;
        let is_ours = image
            .as_ref()
            .and_then(|image| image.config.as_ref()?.labels.as_ref())
            .is_some_and(|found| order.labels.iter().all(|(name, value)| found.get(*name) == Some(value)));
        if !is_ours {
            let words = "the engine has another one by the id that it gave".to_owned();
            return Err(ImageError::Changed { name: id, words });
        }
        Ok(id)
    }

    async fn is_still_so(&self, recipe: &Arc<Recipe>, making: &Making<'_>) -> Result<bool, ImageError> {
        let (recipe, source, state) = (Arc::clone(recipe), making.source.clone(), self.state_dir.clone());
        blocking("looking at the sources again", move || recipe.is_still_so(&source, &state)).await
    }

    /// Waits for an engine that went away in the middle of something, so that it can be begun again. Any other error, and one
    /// that comes again and again, is handed back.
    pub(super) async fn wait_for_engine(
        &self,
        error: ImageError,
        attempt: &mut usize,
        output: &mut Output<'_>,
    ) -> Result<(), ImageError> {
        *attempt += 1;
        if !error.is_passing() || *attempt >= ATTEMPTS {
            return Err(error);
        }
        output.line(&format!("{error}; it is waited for"))?;
        output.note("waiting for the Docker Engine");
        self.connection
            .patient_call("wait for the Docker Engine", self.patience(), |docker| async move {
                docker.ping().await
            })
            .await?;
        Ok(())
    }

    async fn labels(&self, making: &Making<'_>, fingerprint: &str) -> Result<Labels, ImageError> {
        let project = making.source.project.clone();
        let commit = blocking("reading the commit", move || Ok(commit::head(Path::new(&project)))).await?;
        // The engine's clock: that of an image that was built somewhere else is another one.
        let info = self
            .connection
            .patient_call("ask the Docker Engine for the time", self.patience(), |docker| async move {
                docker.info().await
            })
            .await?;
        let created = info.system_time.and_then(|time| time.parse::<Timestamp>().ok());
        let created =
            created.map(|time| Timestamp::from_second(time.as_second()).unwrap_or(time).to_string());
        let mut labels = Labels::from([
            (labels::OWNER, self.state_id.clone()),
            (labels::APP, making.key.app.to_string()),
            (labels::ENVIRONMENT, making.key.environment.to_string()),
            (labels::SOURCE, fingerprint.to_owned()),
            (labels::PLAN, making.plan_hash.to_owned()),
            (labels::CREATED, created.unwrap_or_default()),
        ]);
        labels.extend(commit.map(|commit| (labels::COMMIT, commit)));
        Ok(labels)
    }

    /// Names an image. False: somebody removed it meanwhile.
    async fn tag_if_there(&self, id: &str, repository: &str, tag: &str) -> Result<bool, ImageError> {
        match self.tag(id, repository, tag).await {
            Ok(()) => Ok(true),
            Err(ImageError::Engine(DockerError::Refused { status: 404, .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn tag(&self, id: &str, repository: &str, tag: &str) -> Result<(), ImageError> {
        let doing = format!("name the image {repository}:{tag}");
        self.connection
            .patient_call(&doing, self.patience(), |docker| {
                let options =
                    TagImageOptions { repo: Some(repository.to_owned()), tag: Some(tag.to_owned()) };
                async move { docker.tag_image(id, Some(options)).await }
            })
            .await?;
        Ok(())
    }

    /// A name that somebody else gave to an image is left to them.
    async fn refuse_strangers(&self, name: &str) -> Result<(), ImageError> {
        let Some(image) = self.inspect(name).await? else { return Ok(()) };
        let labels = image.config.and_then(|config| config.labels).unwrap_or_default();
        if labels.get(labels::OWNER) == Some(&self.state_id) {
            return Ok(());
        }
        Err(ImageError::NameTaken { name: name.to_owned() })
    }
}
