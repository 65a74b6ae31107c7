//! The real engine over a simulated world: random failures, crashes before and after every effect, restarts, and two engines racing
//! for a lease. Time is virtual, so thousands of runs take seconds. A seed that fails is printed and replays:
//! `BASCULE_SEED=123 cargo nextest run -p bascule-engine --test simulation`.

mod chance;
mod fakes;
mod scenario;
mod world;

use scenario::Scenario;

/// Seeds of one test.
const SEEDS: u64 = 1500;

fn each_seed(name: &str, run: impl Fn(u64) -> Result<(), String>) {
    #[expect(clippy::disallowed_methods, reason = "a test may be told which seed to replay")]
    let only = std::env::var("BASCULE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = only.map_or_else(|| (0..SEEDS).collect(), |seed| vec![seed]);
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
