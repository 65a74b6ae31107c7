//! Logs of instances: written by the instances themselves, bounded by rotation, read by position.
//!
//! An instance holds its log open for append, so that the control plane's death costs no line. A position counts bytes ever
//! written: it stays good through rotation. The log and three older parts are kept, each about as long as the limit.

pub(crate) mod position;
pub(crate) mod read;
pub(crate) mod rotate;

/// How many older parts are kept.
pub(crate) const OLDER_PARTS: u32 = 3;
