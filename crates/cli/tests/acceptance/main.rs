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
        #[cfg(feature = "docker")]
        mod docker {
            $(
                #[test]
                fn $scenario() {
                    if let Some(docker) = crate::support::fixture::Docker::start() {
                        super::$scenario(&docker);
                    }
                }
            )+
        }
    };
}

/// Makes one test of each scenario that only processes can be put into.
macro_rules! on_processes {
    ($($scenario:ident),+ $(,)?) => {
        mod process_only {
            $(
                #[test]
                fn $scenario() {
                    super::$scenario(&crate::support::fixture::Process);
                }
            )+
        }
    };
}

/// Makes one test of each scenario for each kind of database on processes, and for PostgreSQL beside containers.
macro_rules! on_each_database {
    ($($scenario:ident),+ $(,)?) => {
        on_each_database!(@processes postgres, Postgres, $($scenario),+);
        on_each_database!(@processes mariadb, MariaDb, $($scenario),+);
        on_each_database!(@processes sqlite, Sqlite, $($scenario),+);
        #[cfg(feature = "docker")]
        mod docker {
            use crate::databases::register::Place;
            use crate::databases::server::Kind;
            use crate::support::fixture::Docker;

            $(
                #[test]
                fn $scenario() {
                    if let Some(docker) = Docker::start() {
                        super::$scenario(Place { fixture: &docker, kind: Kind::Postgres });
                    }
                }
            )+
        }
    };
    (@processes $name:ident, $kind:ident, $($scenario:ident),+) => {
        mod $name {
            use crate::databases::register::Place;
            use crate::databases::server::Kind;
            use crate::support::fixture::Process;

            $(
                #[test]
                fn $scenario() {
                    super::$scenario(Place { fixture: &Process, kind: Kind::$kind });
                }
            )+
        }
    };
}

/// Makes one test of each scenario that only containers can be put into.
#[cfg(feature = "docker")]
macro_rules! on_docker {
    ($($scenario:ident),+ $(,)?) => {
        mod docker_only {
            $(
                #[test]
                fn $scenario() {
                    if let Some(docker) = crate::support::fixture::Docker::start() {
                        super::$scenario(&docker);
                    }
                }
            )+
        }
    };
}

mod support;

mod bad;
#[cfg(all(feature = "docker", feature = "kubernetes"))]
mod clusters;
mod databases;
#[cfg(feature = "failpoints")]
mod kill;
mod load;
mod pipeline;
#[cfg(feature = "failpoints")]
mod promotion;
mod secrets;
#[cfg(feature = "failpoints")]
mod shared_journal;
mod truth;
