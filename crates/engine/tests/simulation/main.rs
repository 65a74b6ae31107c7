//! The real engine over a simulated world: random failures, crashes before and after every effect, restarts, and two engines racing
//! for a lease. Time is virtual, so thousands of runs take seconds. A seed that fails is printed and replays:
//! `BASCULE_SEED=123 cargo nextest run -p bascule-engine --test simulation`. `BASCULE_SEEDS=20000` plays more than the usual ones.

mod chance;
mod database;
mod fakes;
mod roll;
mod scenario;
mod world;
mod writes;

use bascule_engine::executor::Driven;
use bascule_model::run::Outcome;
use scenario::Scenario;

/// Seeds of one test.
const SEEDS: u64 = 1500;
/// Of one in which a switch is dozens of turns.
const SEEDS_OF_A_ROLL: u64 = 400;

fn each_seed(name: &str, run: impl Fn(u64) -> Result<(), String>) {
    each_of(SEEDS, name, run);
}

fn each_of(count: u64, name: &str, run: impl Fn(u64) -> Result<(), String>) {
    #[expect(clippy::disallowed_methods, reason = "a test may be told which seeds to play")]
    let told = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let seeds = match told("BASCULE_SEED") {
        Some(seed) => seed..=seed,
        None => 0..=told("BASCULE_SEEDS").unwrap_or(count) - 1,
    };
    for seed in seeds {
        if let Err(why) = run(seed) {
            panic!("{name}: seed {seed} fails (replay it with BASCULE_SEED={seed}): {why}");
        }
    }
}

fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
        .block_on(work)
}

#[test]
fn every_deploy_ends_true_whatever_fails() {
    each_seed("failures", |seed| in_virtual_time(Scenario::new(seed).with_failures().play()));
}

#[test]
fn every_deploy_survives_crashes_at_any_point() {
    each_seed("crashes", |seed| in_virtual_time(Scenario::new(seed).with_failures().with_crashes().play()));
}

#[test]
fn an_engine_that_slept_through_its_lease_changes_nothing() {
    each_seed("stalls", |seed| in_virtual_time(Scenario::new(seed).with_failures().with_stalls().play()));
}

#[test]
fn every_run_can_be_aborted_at_any_time() {
    each_seed("aborts", |seed| in_virtual_time(Scenario::new(seed).with_crashes().with_aborts().play()));
}

#[test]
fn a_release_that_comes_instance_by_instance_ends_true_whatever_fails() {
    each_of(SEEDS_OF_A_ROLL, "rolls", |seed| {
        in_virtual_time(Scenario::new(seed).that_rolls().with_failures().with_crashes().with_aborts().play())
    });
}

#[test]
fn an_engine_that_slept_in_the_midst_of_a_roll_changes_nothing() {
    each_of(SEEDS_OF_A_ROLL, "rolls and stalls", |seed| {
        in_virtual_time(Scenario::new(seed).that_rolls().with_failures().with_stalls().play())
    });
}

#[test]
fn a_release_with_tasks_ends_true_whatever_fails() {
    each_of(SEEDS_OF_A_ROLL, "tasks", |seed| {
        in_virtual_time(Scenario::new(seed).with_tasks().with_failures().with_crashes().with_aborts().play())
    });
}

#[test]
fn an_engine_that_slept_in_the_midst_of_a_task_changes_nothing() {
    each_of(SEEDS_OF_A_ROLL, "tasks and stalls", |seed| {
        in_virtual_time(Scenario::new(seed).with_tasks().with_failures().with_stalls().play())
    });
}

#[test]
fn the_end_of_a_step_and_the_begin_of_the_next_are_one_write() {
    let (writes, driven) = in_virtual_time(writes::of_a_deploy(true));
    assert_eq!(driven, Driven::Over(Outcome::Live));
    let steps = ["lease", "artifact", "start", "ready", "verify", "switch", "bake", "verify-live", "settle"];
    let mut expected = vec!["step_started lease".to_owned()];
    expected.extend(steps.windows(2).map(|two| format!("step_done {}, step_started {}", two[0], two[1])));
    expected.push("step_done settle, finished ".to_owned());
    assert_eq!(writes, expected);

    // What follows a failure is decided when the failure is on disk.
    let (writes, driven) = in_virtual_time(writes::of_a_deploy(false));
    assert_eq!(driven, Driven::Over(Outcome::RolledBack));
    assert!(writes.contains(&"step_failed verify".to_owned()), "{writes:?}");
    assert_eq!(writes.last().map(String::as_str), Some("finished "));
}
