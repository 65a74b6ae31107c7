//! What an image says of itself, as far as it decides how its containers are made.

use std::time::Duration;

use bascule_model::release::{RootUser, Service};

use crate::connection::Connection;
use crate::create::users;
use crate::error::DockerError;
use crate::shared::Shared;

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
pub(crate) async fn check_user(
    shared: &Shared,
    image: &Image,
    service: &Service,
    patience: Duration,
) -> Result<(), DockerError> {
    let container = service.container.as_ref();
    if container.is_some_and(|container| container.root == RootUser::Allowed) {
        return Ok(());
    }
    let user = container.and_then(|container| container.user.as_deref()).unwrap_or(&image.user);
    let (name, of, service) = (User::parse(user), image.reference.clone(), service.name.to_string());
    match name {
        User::Root => Err(DockerError::Root { service, image: of }),
        User::Other => Ok(()),
        User::Named(name) => match users::number(shared, &image.reference, name, patience).await? {
            Some(0) => Err(DockerError::RootByName { service, user: name.to_owned(), image: of }),
            Some(_) => Ok(()),
            None => Err(DockerError::NoUser { service, user: name.to_owned(), image: of }),
        },
    }
}

/// What `USER[:GROUP]` alone says about root.
#[derive(Debug, PartialEq, Eq)]
enum User<'a> {
    /// By its usual name, by number, or by saying nothing.
    Root,
    /// By another number.
    Other,
    /// The image knows.
    Named(&'a str),
}

impl<'a> User<'a> {
    /// A number is a number to the engine also where the image has a user of such a name.
    fn parse(text: &'a str) -> Self {
        let name = text.split(':').next().unwrap_or_default().trim();
        match name.parse::<i64>() {
            Ok(0) => Self::Root,
            Ok(_) => Self::Other,
            Err(_) if name.is_empty() || name == "root" => Self::Root,
            Err(_) => Self::Named(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_has_many_names() {
        for root in ["", "root", "0", "0:0", "root:app", "00", "+0", "-0", ":1000"] {
            assert_eq!(User::parse(root), User::Root, "{root}");
        }
        for other in ["1000", "1000:0", "01"] {
            assert_eq!(User::parse(other), User::Other, "{other}");
        }
        for (text, name) in [("app", "app"), ("rooty", "rooty"), ("app:root", "app"), ("0x0", "0x0")] {
            assert_eq!(User::parse(text), User::Named(name), "{text}");
        }
    }

    #[test]
    fn artifacts_name_images() {
        assert_eq!(reference("image:sha256:ab"), "sha256:ab");
        assert_eq!(reference("image:127.0.0.1:5000/shop@sha256:ab"), "127.0.0.1:5000/shop@sha256:ab");
    }
}
