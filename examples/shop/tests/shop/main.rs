//! The shop as a program: what it answers, how it stops, and that each fault does what it says.

mod answers;
mod faults;
mod program;
