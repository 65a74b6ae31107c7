//! A look at this machine's container engine for front ends, with or without a control plane.

pub use bascule_target_docker::{Engine, Survey};

use std::path::PathBuf;

use bascule_target_docker::Connection;

/// Looks at the engine that a control plane with this `DOCKER_HOST` would use: where it is asked, and what was seen.
pub async fn survey(docker_host: Option<&str>) -> (PathBuf, Survey) {
    let connection = Connection::new(Connection::socket_of(docker_host));
    let seen = connection.survey().await;
    (connection.socket().to_owned(), seen)
}
