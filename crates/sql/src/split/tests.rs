//! Statements of each dialect, what is refused, and properties.

mod dialects;
mod properties;
