//! What the shop serves: one file for each path.

pub(crate) mod download;
pub(crate) mod echo;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod home;
pub(crate) mod orders;
pub(crate) mod slow;
pub(crate) mod upload;
pub(crate) mod users;
pub(crate) mod version;
pub(crate) mod websocket;
