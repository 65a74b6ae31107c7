//! The judge of a bake: what was counted goes in, a verdict comes out. Pure, and asked again at every tick.
//!
//! [`judge`] decides by the rules in their order; [`Accumulator`] makes counters of an edge that was restarted go on; the tests
//! behind the rules are in [`statistics`]. What was not seen is no data, and never a pass.

mod accumulator;
mod judge;
mod judgement;
mod observation;
mod sentences;
pub mod statistics;

#[cfg(test)]
mod tests;

pub use accumulator::Accumulator;
pub use judge::{PROBE_GRACE, judge};
pub use judgement::{Criteria, Figures, Judgement, Rule, Verdict};
pub use observation::{Asker, Counts, Observation, Probes, Tally};
