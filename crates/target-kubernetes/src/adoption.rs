//! Taking over a Deployment that somebody else made, as the first release of an environment, and giving it back. Neither starts nor stops
//! a pod.
//!
//! A Deployment cannot be renamed, and what it selects cannot be changed. Its ReplicaSet can be handed on: the Deployment is removed without
//! what it owns, the ReplicaSet gets our labels, and a Deployment of ours that has the very template of the ReplicaSet finds it and takes it
//! for its own. What the first one was is noted at the ReplicaSet before anything else is done, so that every step can be made again, and
//! all of it be undone.

mod check;
mod give_back;
mod hand;
mod objects;
mod read;
mod service;
mod take;

pub(crate) use self::check::check;
pub(crate) use self::give_back::{give_back, is_lent};
pub use self::read::read_deployment;
pub(crate) use self::service::{Adopted, hand_back, take_service, wants};
pub(crate) use self::take::take;
