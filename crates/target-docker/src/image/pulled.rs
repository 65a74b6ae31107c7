//! Which images this control plane has pulled: one file for each, in the state folder. They carry no label of ours, so this is how
//! they are told from everybody else's.
//!
//! Noted is only what was not here in any form before, and only once it is here: after a death in the middle an image stays for
//! ever rather than that a stranger's is removed.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use bascule_instances::{durable, records};
use bascule_model::plan::hex;
use bollard::models::ImageSummary;
use bollard::query_parameters::ListImagesOptions;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::error::ImageError;
use super::labels;
use super::{DockerImages, blocking};
use crate::error::DockerError;

/// What is written of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pulled {
    /// As the engine writes it, with the digest.
    name: String,
    id: String,
}

impl DockerImages {
    /// The ids of all images, also of those without a name.
    pub(super) async fn ids(&self) -> Result<HashSet<String>, ImageError> {
        let options = ListImagesOptions { all: true, ..Default::default() };
        Ok(self.list(options).await?.into_iter().map(|image| image.id).collect())
    }

    /// Images for some question.
    pub(super) async fn list(&self, options: ListImagesOptions) -> Result<Vec<ImageSummary>, ImageError> {
        let listed = self.connection.patient_call("list the images", self.patience(), |docker| {
            let options = options.clone();
            async move { docker.list_images(Some(options)).await }
        });
        Ok(listed.await?)
    }

    /// Notes that it was pulled. `name`: as the engine writes it, with the digest.
    pub(super) async fn note_pulled(&self, name: String, id: String) -> Result<(), ImageError> {
        let (folder, path) = (self.folder_of_pulled(), self.record_of_pulled(&name));
        blocking("noting what was pulled", move || {
            durable::make_folder(&folder).map_err(DockerError::from)?;
            Ok(records::write(&path, &Pulled { name, id }).map_err(DockerError::from)?)
        })
        .await
    }

    /// Forgets it.
    pub(super) async fn forget_pulled(&self, name: &str) -> Result<(), ImageError> {
        let path = self.record_of_pulled(name);
        blocking("forgetting what was pulled", move || {
            Ok(durable::remove_file(&path).map_err(DockerError::from)?)
        })
        .await
    }

    /// What was pulled, as far as it is here and nobody else has given it a name: with all names that are to go. Others that were
    /// noted are forgotten.
    pub(super) async fn pulled(&self) -> Result<Vec<ImageSummary>, ImageError> {
        let folder = self.folder_of_pulled();
        let noted = blocking("reading what was pulled", move || {
            let names = durable::names(&folder).map_err(DockerError::from)?;
            // One that cannot be read is as if it were not there: its image stays.
            let read = |name: String| records::read::<Pulled>(&folder.join(name)).ok().flatten();
            Ok(names.into_iter().filter_map(read).collect::<Vec<_>>())
        });
        let noted: HashMap<String, String> = noted.await?.into_iter().map(|one| (one.name, one.id)).collect();
        if noted.is_empty() {
            return Ok(Vec::new());
        }
        let options = ListImagesOptions { digests: true, shared_size: true, ..Default::default() };
        let all: Vec<ImageSummary> =
            self.list(options).await?.into_iter().map(super::prune::without_none).collect();
        let here: HashSet<(&String, &String)> =
            all.iter().flat_map(|image| image.repo_digests.iter().map(|name| (name, &image.id))).collect();
        for gone in noted.iter().filter(|one| !here.contains(one)) {
            self.forget_pulled(gone.0).await?;
        }
        let is_ours = |image: &ImageSummary| {
            image.repo_tags.is_empty()
                && !image.repo_digests.is_empty()
                && image.repo_digests.iter().all(|name| noted.get(name) == Some(&image.id))
                // Those are known by their label.
                && image.labels.get(labels::OWNER) != Some(&self.state_id)
        };
        Ok(all.iter().filter(|image| is_ours(image)).cloned().collect())
    }

    fn folder_of_pulled(&self) -> PathBuf {
        self.state_dir.join("images").join("pulled")
    }

    fn record_of_pulled(&self, name: &str) -> PathBuf {
        self.folder_of_pulled().join(format!("{}.json", hex(&Sha256::digest(name))))
    }
}
