//! The state folder: what this target writes of its own, beside what all of them share.

pub(crate) use bascule_instances::{durable, fence, layout};

pub(crate) mod records;
