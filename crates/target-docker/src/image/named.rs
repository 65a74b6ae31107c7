//! An image that is there already, by its name: which digest that stands for, and getting it.
//!
//! A name of an image that was made on this engine and never was in a registry stands for that image. Any other is asked for in
//! its registry; where that does not answer, and the engine has the image, the digest is the engine's.

use bascule_engine::ports::{Made, Making};
use bascule_model::release::Configuration;
use bollard::models::ImageInspect;

use super::DockerImages;
use super::error::ImageError;
use super::output::Output;
use super::reference::{Named, Reference, familiar};
use super::registry::Registries;

/// What a name stands for.
pub(super) struct Resolved {
    pub(super) image: Named,
    /// What there is to say of where that is known from.
    says: Option<String>,
}

impl DockerImages {
    /// What a name stands for now.
    pub(super) async fn resolve(
        &self,
        reference: &Reference,
        values: &Configuration,
    ) -> Result<Resolved, ImageError> {
        let of_registry = |digest: &str| Named::Registry {
            repository: reference.repository.clone(),
            digest: digest.to_owned(),
        };
        if let Some(digest) = &reference.digest {
            return Ok(Resolved { image: of_registry(digest), says: None });
        }
        let local = self.inspect(&format!("{}:{}", reference.repository, reference.tag_or_latest())).await?;
        let local =
            local.and_then(|image| Some((image.id.clone()?, digest_in(&image, &reference.repository))));
        if let Some((id, None)) = local {
            let says =
                format!("{reference} was made on this machine and is in no registry: it is taken by its id");
            return Ok(Resolved { image: Named::Local(id), says: Some(says) });
        }
        let keychain = self.keychain(Some(&reference.repository), values);
        let registries = Registries { connection: &self.connection, keychain: &keychain };
        match (registries.digest(reference).await, local) {
            (Ok(digest), _) => Ok(Resolved { image: of_registry(&digest), says: None }),
            (Err(error), Some((_, Some(digest)))) if !error.is_passing() => {
                let says = format!("{error}; {reference} is taken as this machine has it");
                Ok(Resolved { image: of_registry(&digest), says: Some(says) })
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Gets it, where it is not here.
    pub(super) async fn make_named(
        &self,
        making: &Making<'_>,
        reference: &Reference,
    ) -> Result<Made, ImageError> {
        let mut output = Output::open(making.log, making.note, making.redactor)?;
        let Resolved { image, says } = self.resolve(reference, making.values).await?;
        if let Some(says) = &says {
            output.line(says)?;
        }
        let got = self.get(&image, making.values, &mut output).await?;
        let says = match got {
            Got::WasHere => says,
            Got::Pulled => Some(format!("pulled {}", image.name())),
        };
        Ok(Made { digest: image.to_string(), says })
    }

    /// Pulls an image where it is not here, and makes sure that it is the one that was meant.
    pub(super) async fn get(
        &self,
        image: &Named,
        values: &Configuration,
        output: &mut Output<'_>,
    ) -> Result<Got, ImageError> {
        let name = image.name();
        if let Some(found) = self.inspect(&name).await? {
            return is_what_it_says(image, &found).map(|()| Got::WasHere);
        }
        let Named::Registry { repository, digest } = image else {
            let words = "the engine does not have it any more".to_owned();
            return Err(ImageError::NoSuchImage { name, words });
        };
        let keychain = self.keychain(Some(repository), values);
        let registries = Registries { connection: &self.connection, keychain: &keychain };
        let reference = Reference { repository: repository.clone(), tag: None, digest: Some(digest.clone()) };
        let before = self.ids().await?;
        let mut attempt = 0;
        while let Err(error) = registries.pull(&reference, output).await {
            self.wait_for_engine(error, &mut attempt, output).await?;
        }
        match self.inspect(&name).await? {
            Some(found) => {
                is_what_it_says(image, &found)?;
                if let Some(id) = found.id.filter(|id| !before.contains(id)) {
                    self.note_pulled(format!("{}@{digest}", familiar(repository)), id).await?;
                }
                Ok(Got::Pulled)
            }
            None => Err(ImageError::Changed {
                name,
                words: "the engine pulled it and does not know it".to_owned(),
            }),
        }
    }
}

/// Where an image was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Got {
    WasHere,
    Pulled,
}

/// The digest that an image has in a repository, where it came from there or went there.
fn digest_in(image: &ImageInspect, repository: &str) -> Option<String> {
    image.repo_digests.iter().flatten().find_map(|name| {
        let (found, digest) = name.split_once('@')?;
        (found == familiar(repository)).then(|| digest.to_owned())
    })
}

fn is_what_it_says(image: &Named, found: &ImageInspect) -> Result<(), ImageError> {
    let is_so = match image {
        Named::Local(id) => found.id.as_ref() == Some(id),
        Named::Registry { repository, digest } => {
            let wanted = format!("{}@{digest}", familiar(repository));
            found.repo_digests.iter().flatten().any(|name| *name == wanted)
        }
    };
    if is_so {
        return Ok(());
    }
    let words = "the engine has another one by this name".to_owned();
    Err(ImageError::Changed { name: image.name(), words })
}
