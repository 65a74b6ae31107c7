//! Runs instances as containers of this machine's Docker Engine, and builds, fetches and keeps the images that they are made
//! from.
//!
//! Two things implement the engine's ports: [`DockerTarget`] starts, watches and stops containers, [`DockerImages`] makes images
//! and knows them by their digest. Containers outlive the control plane; the next one finds them again by their names and labels.
//!
//! Nothing without our owner label is ever touched.

mod connection;
mod create;
mod drift;
mod error;
mod exec;
mod image;
mod link;
mod listening;
mod logs;
mod names;
mod network;
mod record;
mod seen;
mod shared;
mod slot;
mod supervise;
mod survey;
mod target;
mod warnings;

pub use connection::{Connection, EngineFacts};
pub use error::DockerError;
pub use image::{Builder, DockerImages, DockerImagesOptions, ImageError, Network};
pub use shared::Reach;
pub use survey::{Engine, Survey};
pub use target::{DockerOptions, DockerTarget};
