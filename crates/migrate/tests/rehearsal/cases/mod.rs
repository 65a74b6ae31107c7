//! Down sides, wrong and right ones. Each has tables of its own.

mod right;
mod wrong;

pub use right::RIGHT;
pub use wrong::WRONG;
