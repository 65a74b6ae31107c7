//! What is made in the cluster. Pure: the same release and values give the same objects, byte for byte.

pub(crate) mod budget;
pub(crate) mod configuration;
pub(crate) mod deployment;
pub(crate) mod ending;
pub(crate) mod extra;
pub(crate) mod job;
pub(crate) mod known;
pub(crate) mod lease;
pub(crate) mod mirror;
pub(crate) mod network;
pub(crate) mod pod;
pub(crate) mod route;
pub(crate) mod scaler;
pub(crate) mod service;
