//! What every store of the journal has to hold, whatever it is made of. A new store adds itself with [`contract!`].

mod adoption;
mod events;
mod leases;
mod lists;

pub use adoption::*;
pub use events::*;
pub use leases::*;
pub use lists::*;

/// Makes one test of each promise, each with a journal of its own. `$make` is an async function that answers a journal and
/// whatever has to live as long as it; nothing, and says so, where the machine lacks what the store is made of.
macro_rules! contract {
    ($store:ident, $make:expr) => {
        contract!(@each $store, $make,
            a_run_and_its_release_read_back_as_they_were_written,
            a_lease_is_held_by_one,
            an_unfinished_run_keeps_its_environment_when_its_lease_has_run_out,
            a_plan_for_what_is_no_more_does_not_begin,
            a_lease_of_the_dead_is_taken,
            generations_only_grow,
            who_lost_the_lease_changes_nothing,
            a_lease_is_renewed_by_its_holder_alone,
            what_is_not_there_cannot_be_resumed,
            events_are_numbered_and_fold_to_the_state,
            an_event_is_written_once,
            an_illegal_event_changes_nothing,
            a_state_that_does_not_follow_is_refused,
            a_commit_changes_everything_at_once,
            what_is_written_together_is_all_there_or_not_at_all,
            what_is_announced_is_owed_until_it_ends,
            the_audit_trail_is_a_chain,
            runs_come_newest_first,
            releases_come_newest_first,
            environments_are_kept_apart,
            an_environment_is_changed_by_who_saw_the_last_generation,
            many_writers_at_once_lose_nothing,
            what_another_journal_told_is_taken_over_whole,
            what_is_known_better_is_not_taken_over,
            a_run_that_went_another_way_is_not_taken_over,
        );
    };
    (@each $store:ident, $make:expr, $($promise:ident,)*) => {
        mod $store {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                let Some((journal, _kept)) = $make().await else { return };
                crate::contract::$promise(&journal).await;
            })*
        }
    };
}
