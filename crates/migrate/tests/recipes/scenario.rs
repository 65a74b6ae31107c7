//! What a recipe is tested with.

/// Rows that both releases write.
pub const SHARED: u64 = 8;
/// Rows that are there before.
pub const ROWS: u64 = 2_000;

/// A statement of a release, with `{new}` for the id of a new row, `{row}` for that of a row that is there, `{value}` for a text and
/// `{number}` for a number below 1,000.
pub struct Write {
    pub sql: &'static str,
    /// What counts one when the other release sees it; empty where there is nothing to see.
    pub seen: &'static str,
}

/// A recipe, with the two releases.
pub struct Scenario {
    /// Makes the tables, with [`ROWS`] rows, numbered from 1. `{rows}` is a query for the numbers, as `g`.
    pub setup: &'static str,
    /// The recipe's line.
    pub recipe: &'static str,
    pub former: &'static [Write],
    pub new: &'static [Write],
    /// Counts rows that are not as both releases have them, before the contract.
    pub differs: &'static str,
    /// Counts rows that are not right for the new release, after the contract.
    pub wrong: &'static str,
    /// Counts rows that are not right for the former one, when all was taken back.
    pub wrong_again: &'static str,
    /// Counts rows that are not right for the former release, when the contract was undone.
    pub wrong_undone: &'static str,
}
