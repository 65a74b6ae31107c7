//! The whole of Bascule, driven as its users drive it: the program, a real app, real traffic, real kills.
//!
//! Every scenario is written against [`support::fixture::Fixture`], so that a target joins by one line in [`on_each_target`].
//! What a scenario started is stopped by pid when it ends, however it ends. Conditions are states, waited for with a bound.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that cannot go on ends here; figures are for its reader"
)]

/// Makes one test of each scenario for each target.
macro_rules! on_each_target {
    ($($scenario:ident),+ $(,)?) => {
        mod process {
            $(
                #[test]
                fn $scenario() {
                    super::$scenario(&crate::support::fixture::Process);
                }
            )+
        }
    };
}

mod support;

mod bad;
#[cfg(feature = "failpoints")]
mod kill;
mod load;
mod truth;
