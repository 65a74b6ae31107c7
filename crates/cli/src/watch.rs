//! Following a run: its lines as they come, on whatever is watched, until the last one.

mod display;
mod follow;
mod live;
pub mod pipeline;
mod plain;
pub mod steps;

pub use display::Display;
pub use follow::follow;
