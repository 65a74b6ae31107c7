//! Decisions for those who read them: people, CI systems, code hosts.

mod junit;
mod markdown;
mod sarif;
mod text;

pub use junit::junit;
pub use markdown::markdown;
pub use sarif::sarif;
pub use text::text;

use bascule_model::gate::Decision;

/// How many hold, and how many are in the way: the last line of everything.
#[must_use]
pub fn summary(decisions: &[Decision]) -> String {
    let blocking = decisions.iter().filter(|decision| decision.blocks()).count();
    match (decisions.len(), blocking) {
        (0, _) => "no gate".to_owned(),
        (all, 0) => format!("{all} gate{}, none in the way", if all == 1 { "" } else { "s" }),
        (all, blocking) => {
            format!("{blocking} of {all} gate{} in the way", if all == 1 { "" } else { "s" })
        }
    }
}
