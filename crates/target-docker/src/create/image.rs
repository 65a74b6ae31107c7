//! What an image says of itself, as far as it decides how its containers are made.

use std::time::Duration;

use bascule_model::release::{RootUser, Service};

use crate::connection::Connection;
use crate::error::DockerError;

/// What is known of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Image {
    /// By what the engine finds it.
    pub(crate) reference: String,
    /// Who it runs as; empty: root.
    pub(crate) user: String,
    /// Whether it names something to run.
    pub(crate) has_command: bool,
}

/// The engine's name of an artifact: what follows `image:`.
pub(crate) fn reference(artifact: &str) -> &str {
    artifact.strip_prefix("image:").unwrap_or(artifact)
}

/// Asks the engine.
pub(crate) async fn look(
    connection: &Connection,
    artifact: &str,
    patience: Duration,
) -> Result<Image, DockerError> {
    let reference = reference(artifact);
    let doing = format!("look at the image {reference}");
    let answer = connection
        .patient_call(&doing, patience, |docker| async move { docker.inspect_image(reference).await })
        .await;
    let found = match answer {
        Err(error) if error.is_missing() => {
            return Err(DockerError::NoImage { image: reference.to_owned() });
        }
        answer => answer?,
    };
    let config = found.config.unwrap_or_default();
    let names = |command: Option<Vec<String>>| command.is_some_and(|command| !command.is_empty());
    Ok(Image {
        reference: reference.to_owned(),
        user: config.user.unwrap_or_default(),
        has_command: names(config.cmd) || names(config.entrypoint),
    })
}

/// Refuses a service that would run as root without having been allowed to.
pub(crate) fn check_user(image: &Image, service: &Service) -> Result<(), DockerError> {
    let container = service.container.as_ref();
    let user = container.and_then(|container| container.user.as_deref()).unwrap_or(&image.user);
    let allowed = container.is_some_and(|container| container.root == RootUser::Allowed);
    if allowed || !is_root(user) {
        return Ok(());
    }
    Err(DockerError::Root { service: service.name.to_string(), image: image.reference.clone() })
}

/// Whether `USER[:GROUP]` is root by name or number; nobody named is root too.
fn is_root(user: &str) -> bool {
    let user = user.split(':').next().unwrap_or_default().trim();
    user.is_empty() || user == "root" || user.parse::<u64>().is_ok_and(|number| number == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_many_names() {
        for root in ["", "root", "0", "0:0", "root:app", "00", ":1000"] {
            assert!(is_root(root), "{root}");
        }
        for other in ["app", "1000", "1000:0", "rooty", "app:root"] {
            assert!(!is_root(other), "{other}");
        }
    }

    #[test]
    fn artifacts_name_images() {
        assert_eq!(reference("image:sha256:ab"), "sha256:ab");
        assert_eq!(reference("image:127.0.0.1:5000/shop@sha256:ab"), "127.0.0.1:5000/shop@sha256:ab");
    }
}
