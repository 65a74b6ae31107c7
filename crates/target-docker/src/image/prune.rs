//! Removes images of ours that no kept release runs: those with our owner label, and those that we pulled. All others, and names
//! that somebody else gave to one of ours, are left as they are.
//!
//! What BuildKit keeps for its next build belongs to nobody, and the engine clears it by its own rules.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bascule_engine::ports::Unneeded;
use bollard::models::ImageSummary;
use bollard::query_parameters::{ListImagesOptions, RemoveImageOptions};
use hyper::Method;
use serde::Deserialize;

use super::DockerImages;
use super::error::ImageError;
use super::labels;
use super::reference::{Named, familiar};
use super::wire;
use crate::error::DockerError;

/// How often, and after which pause, an engine is asked that is counting for somebody else.
const USAGE_TRIES: u32 = 20;
const USAGE_PAUSE: Duration = Duration::from_millis(200);

/// What the engine's data take.
#[derive(Deserialize)]
struct Usage {
    #[serde(rename = "Images", default)]
    images: Option<Vec<ImageUsage>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageUsage {
    id: String,
    shared_size: i64,
}

impl DockerImages {
    /// What [`Self::remove_unneeded`] would remove.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn list_unneeded(&self, keep: &[String]) -> Result<Vec<Unneeded>, ImageError> {
        let images = self.unkept(keep).await?;
        let shared = self.shared(&images).await?;
        Ok(images.iter().map(|image| described(image, &shared)).collect())
    }

    /// Removes images of ours that are none of these, and says which and how much that gave back. One that a container still
    /// has stays until the container is gone.
    ///
    /// # Errors
    /// When the engine does not answer, or refuses.
    pub async fn remove_unneeded(&self, keep: &[String]) -> Result<Vec<Unneeded>, ImageError> {
        let images = self.unkept(keep).await?;
        let shared = self.shared(&images).await?;
        let mut removed = Vec::new();
        for image in &images {
            let tag = image.labels.get(labels::SOURCE).map(|source| labels::tag(source, &self.state_id));
            let is_ours = |name: &&String| name.rsplit_once(':').map(|(_, found)| found) == tag.as_deref();
            for name in image.repo_tags.iter().filter(is_ours) {
                self.remove(name).await?;
            }
            // Without a tag it is there by its digests in registries, or by its id alone.
            if self.has_tags(&image.id).await? == Some(false) {
                for name in &image.repo_digests {
                    self.remove(name).await?;
                }
                self.remove(&image.id).await?;
            }
            if self.has_tags(&image.id).await?.is_none() {
                for name in &image.repo_digests {
                    self.forget_pulled(name).await?;
                }
                removed.push(described(image, &shared));
            }
        }
        Ok(removed)
    }

    /// Removes one name of an image, and the image where it was the last one. One that is not there is removed; one that is in
    /// use stays.
    pub(super) async fn remove(&self, name: &str) -> Result<(), ImageError> {
        let doing = format!("remove the image {name}");
        let removed = self
            .connection
            .patient_call(&doing, self.patience(), |docker| async move {
                docker.remove_image(name, None::<RemoveImageOptions>, None).await
            })
            .await;
        match removed {
            Ok(_) | Err(DockerError::Refused { status: 404 | 409, .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether an image that is there has names.
    async fn has_tags(&self, id: &str) -> Result<Option<bool>, ImageError> {
        let image = self.inspect(id).await?;
        Ok(image.map(|image| image.repo_tags.is_some_and(|tags| !tags.is_empty())))
    }

    async fn unkept(&self, keep: &[String]) -> Result<Vec<ImageSummary>, ImageError> {
        let labelled = self.list(ListImagesOptions {
            filters: Some(labels::filter(&[(labels::OWNER, &self.state_id)])),
            shared_size: true,
            digests: true,
            ..Default::default()
        });
        let labelled = labelled.await?.into_iter().map(without_none);
        let kept = kept(keep);
        Ok(labelled.chain(self.pulled().await?).filter(|image| !is_kept(image, &kept)).collect())
    }

    /// Bytes that images have in common with others, by id. Engines before 24 tell it with their whole usage only.
    async fn shared(&self, images: &[ImageSummary]) -> Result<HashMap<String, i64>, ImageError> {
        let mut shared: HashMap<String, i64> =
            images.iter().map(|image| (image.id.clone(), image.shared_size)).collect();
        if shared.values().all(|bytes| *bytes >= 0) {
            return Ok(shared);
        }
        let mut tries = USAGE_TRIES;
        let usage = loop {
            match self.usage().await {
                Ok(usage) => break usage,
                // It counts for one at a time.
                Err(DockerError::Refused { .. }) if tries > 1 => tokio::time::sleep(USAGE_PAUSE).await,
                // Then what an image takes in all is what is told.
                Err(DockerError::Refused { .. }) => break None,
                Err(error) => return Err(error.into()),
            }
            tries -= 1;
        };
        for image in usage.and_then(|usage| usage.images).unwrap_or_default() {
            shared.insert(image.id, image.shared_size);
        }
        Ok(shared)
    }

    async fn usage(&self) -> Result<Option<Usage>, DockerError> {
        let request = wire::request(&self.connection, Method::GET, "/system/df", &[]).await?;
        let doing = "ask what images take";
        let answer = wire::send(&self.connection, doing, request, wire::nothing()).await?;
        answer.accepted().await?.next::<Usage>().await
    }
}

/// Old engines write `<none>` for what an image does not have.
pub(super) fn without_none(mut image: ImageSummary) -> ImageSummary {
    image.repo_tags.retain(|name| name != "<none>:<none>");
    image.repo_digests.retain(|name| !name.starts_with("<none>") && !name.ends_with("@<none>"));
    image
}

/// Ids and names by digest of what is kept, as the engine writes them.
fn kept(keep: &[String]) -> HashSet<String> {
    keep.iter()
        .filter_map(|artifact| Named::parse(artifact))
        .map(|image| match image {
            Named::Local(id) => id,
            Named::Registry { repository, digest } => format!("{}@{digest}", familiar(&repository)),
        })
        .collect()
}

fn is_kept(image: &ImageSummary, kept: &HashSet<String>) -> bool {
    kept.contains(&image.id) || image.repo_digests.iter().any(|name| kept.contains(name))
}

fn described(image: &ImageSummary, shared: &HashMap<String, i64>) -> Unneeded {
    let name = image
        .repo_tags
        .iter()
        .find(|name| name.starts_with("bascule/"))
        .or(image.repo_tags.first())
        .or(image.repo_digests.first());
    let shared = shared.get(&image.id).copied().unwrap_or_default().max(0);
    Unneeded {
        what: format!("image {}", name.unwrap_or(&image.id)),
        bytes: u64::try_from(image.size.saturating_sub(shared)).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept() {
        let (one, two) = (format!("sha256:{}", "1".repeat(64)), format!("sha256:{}", "2".repeat(64)));
        let image = |id: &str, digests: &[String]| ImageSummary {
            id: id.to_owned(),
            repo_digests: digests.to_vec(),
            ..Default::default()
        };
        let kept = kept(&[
            format!("image:{one}"),
            format!("image:docker.io/library/shop@{two}"),
            one.clone(),
            "sha256:files".to_owned(),
        ]);
        assert_eq!(kept.len(), 2);
        assert!(is_kept(&image(&one, &[]), &kept));
        assert!(!is_kept(&image(&two, &[]), &kept));
        assert!(is_kept(&image(&two, &[format!("shop@{two}")]), &kept));
        assert!(!is_kept(&image(&two, &[format!("other@{two}")]), &kept));
    }
}
