//! Pipelines: from a commit to a release that is live, what keeps one from it, and runners and control planes that are killed.

#[cfg(feature = "docker")]
mod containers;
mod gates;
mod guestbook;
mod kills;
mod project;
mod refusals;
mod secrets;
mod ships;
