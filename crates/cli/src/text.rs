//! Text for people: 80 columns, readable without colour, nothing in it that a terminal would obey.

pub mod escape;
pub mod number;
pub mod style;
pub mod table;
pub mod time;
pub mod wrap;
