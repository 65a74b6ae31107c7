//! This machine's container engine for front ends, with or without a control plane.

pub use bascule_target_docker::{Engine, Survey};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bascule_model::problem::Problem;
use bascule_target_docker::{Connection, DockerImages, DockerImagesOptions};

use crate::identity;

/// Looks at the engine that a control plane with this `DOCKER_HOST` would use: where it is asked, and what was seen.
pub async fn survey(docker_host: Option<&str>) -> (PathBuf, Survey) {
    let connection = Connection::new(Connection::socket_of(docker_host));
    let seen = connection.survey().await;
    (connection.socket().to_owned(), seen)
}

/// Removes every image that control planes of this state folder have made or pulled, for when the folder is to go. None of them
/// may run, and nothing of the folder's may be deployed any more.
///
/// # Errors
/// When the engine does not answer, or refuses.
pub async fn forget_images(state: &Path, docker_host: Option<&str>) -> Result<(), Problem> {
    let images = DockerImages::open(DockerImagesOptions {
        connection: Arc::new(Connection::new(Connection::socket_of(docker_host))),
        state_id: identity::of(state)?,
        state_dir: state.to_owned(),
        home: None,
        docker_config: None,
    });
    images.remove_unneeded(&[]).await.map(drop).map_err(Problem::from)
}
