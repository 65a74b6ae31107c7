//! Runs instances as containers of this machine's Docker Engine, and builds, fetches and keeps the images that they are made
//! from.
//!
//! Two things implement the engine's ports: [`DockerTarget`] starts, watches and stops containers, [`DockerImages`] makes images
//! and knows them by their digest. Containers outlive the control plane; the next one finds them again by their labels.
//!
//! Nothing without our owner label is ever touched.

mod connection;
mod error;
mod image;

pub use connection::{Connection, EngineFacts};
pub use error::DockerError;
pub use image::{Builder, DockerImages, DockerImagesOptions, ImageError, Network};
