//! What is made in the cluster. Pure: the same release and values give the same objects, byte for byte.

pub(crate) mod budget;
pub(crate) mod configuration;
pub(crate) mod deployment;
pub(crate) mod job;
pub(crate) mod lease;
pub(crate) mod pod;
pub(crate) mod scaler;
pub(crate) mod service;
