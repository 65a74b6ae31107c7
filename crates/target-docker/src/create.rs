//! How a container is made: from the release and its values to the request that the engine gets.

pub(crate) mod body;
pub(crate) mod fingerprint;
pub(crate) mod image;
pub(crate) mod users;
