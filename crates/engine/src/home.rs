//! Where an environment is at home, for control planes that share a journal.
//!
//! Processes and containers run on one machine, and what Bascule knows of them lies in that machine's state folder: only its control
//! plane acts for such an environment. A cluster can be reached from everywhere; there the lease alone decides. Where the journal is not
//! shared, an environment in a cluster is at home here until another control plane has taken it over.

use bascule_journal::{EnvironmentRecord, Lease, Take};
use bascule_model::problem::{Code, Problem};
use bascule_model::release::TargetKind;
use jiff::Timestamp;

use crate::planner;

/// A running engine's name: its process, and the home that it acts for.
#[derive(Debug, Clone)]
pub struct Seat {
    process: u64,
    home: String,
    shares: Shares,
}

/// Whether others write to the same journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shares {
    /// The journal lies in the state folder: whoever has the folder's lock is alone.
    Nothing,
    /// The journal is in a database: there may be others, on other machines.
    Journal,
}

impl Seat {
    /// The engine of process `process`, whose state folder is at `home`.
    #[must_use]
    pub fn new(process: u64, home: String, shares: Shares) -> Self {
        Self { process, home, shares }
    }

    /// How it is named in leases.
    #[must_use]
    pub fn owner(&self) -> String {
        format!("{}@{}", self.process, self.home)
    }

    /// Whether there may be others who write to the journal.
    pub(crate) fn shares_the_journal(&self) -> bool {
        self.shares == Shares::Journal
    }

    /// The machine and the state folder.
    pub(crate) fn home(&self) -> &str {
        &self.home
    }

    /// What the record of an environment says of its home, after a run of a release of this kind began here.
    pub(crate) fn home_after(&self, target: TargetKind) -> Option<String> {
        (self.shares_the_journal() && target != TargetKind::Kubernetes).then(|| self.home.clone())
    }

    /// Whether this engine may look after an environment, and begin runs of it.
    #[must_use]
    pub fn is_home_of(&self, environment: &EnvironmentRecord) -> bool {
        // What was taken over is not known here any more: not even that nothing of it runs.
        let is_empty =
            self.shares == Shares::Journal && environment.live.is_none() && environment.standby.is_none();
        // Without a shared journal only what was left to somebody has a home; where that is this one, it was claimed and not taken in.
        let is_named = self.shares == Shares::Journal && environment.home.as_ref() == Some(&self.home);
        is_empty || is_named || environment.home.is_none()
    }

    /// How an unfinished run of a shared journal that nobody here drives is taken over, if it is.
    pub(crate) fn takes(
        &self,
        lease: Option<&Lease>,
        target: Option<TargetKind>,
        now: Timestamp,
    ) -> Option<Take> {
        // Nobody holds it.
        let Some(lease) = lease else { return Some(Take::IfFree) };
        let home = of_owner(&lease.owner);
        if home == self.home {
            return Some(Take::FromTheDead);
        }
        // Another machine's run may be under way there: only its lease says that it is not.
        let can_be_driven_here = target == Some(TargetKind::Kubernetes);
        (can_be_driven_here && lease.until <= now).then_some(Take::IfFree)
    }
}

/// Machine and state folder of whoever is named so: [`Seat::owner`].
#[must_use]
pub fn of_owner(owner: &str) -> &str {
    owner.split_once('@').map_or(owner, |(_, home)| home)
}

/// Why nothing is begun here.
pub(crate) fn elsewhere(environment: &EnvironmentRecord, seat: &Seat) -> Problem {
    let home = environment.home.as_deref().unwrap_or("another machine");
    if seat.shares == Shares::Nothing {
        return taken_over_seen_from(&seat.home, home);
    }
    Problem::new(
        Code::EnvironmentElsewhere,
        format!(
            "{} runs at {home}: its instances and what is known of them are there",
            planner::named(&environment.key)
        ),
        format!(
            "run the command there; to bring the environment here, end it there first with `bascule down {}`",
            environment.key.environment
        ),
    )
}

/// The same, for an engine that may be the one that has taken it over, and died before it had noted that.
pub(crate) fn taken_over_seen_from(own: &str, home: &str) -> Problem {
    if home != own {
        return taken_over(home);
    }
    Problem::new(
        Code::EnvironmentElsewhere,
        "taking the environment over was cut off: it was claimed where it runs, and is not known here yet",
        "run `bascule run resume ENV` again",
    )
}

/// Why an engine stops that had the environment once.
pub(crate) fn taken_over(home: &str) -> Problem {
    Problem::new(
        Code::EnvironmentElsewhere,
        format!(
            "another control plane has taken the environment over: {home}; what happened since is known there, and nothing was changed \
             from here"
        ),
        "run the command there; `bascule run resume ENV` here takes the environment over again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use bascule_model::ids::{Generation, ReleaseId, RunId, Slot};
    use bascule_model::plan::Standing;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    fn lease(owner: &str) -> Lease {
        Lease {
            key: "shop/staging".parse().unwrap(),
            run: RunId::from_text("run-1"),
            owner: owner.to_owned(),
            generation: Generation(1),
            since: at(0),
            until: at(15),
        }
    }

    #[test]
    fn who_takes_an_unfinished_run_over() {
        let (process, cluster) = (Some(TargetKind::Process), Some(TargetKind::Kubernetes));
        let cases = [
            // A former process of this folder.
            ("7@a:/state", process, 1, Some(Take::FromTheDead)),
            ("7@a:/state", cluster, 1, Some(Take::FromTheDead)),
            // Another machine's: never what runs there, and a cluster's only when its time is over.
            ("7@b:/state", process, 1, None),
            ("7@b:/state", process, 99, None),
            ("7@b:/state", cluster, 1, None),
            ("7@b:/state", cluster, 15, Some(Take::IfFree)),
            ("7@b:/state", None, 99, None),
        ];
        for (owner, target, now, expected) in cases {
            let seat = Seat::new(9, "a:/state".to_owned(), Shares::Journal);
            let take = seat.takes(Some(&lease(owner)), target, at(now));
            assert_eq!(take, expected, "{owner} {target:?} {now}");
        }
    }

    #[test]
    fn an_environment_is_at_home_where_its_instances_are() {
        let mut environment = EnvironmentRecord::new("shop/staging".parse().unwrap());
        let here = Seat::new(9, "a:/state".to_owned(), Shares::Journal);
        environment.home = Some("b:/state".to_owned());
        assert!(here.is_home_of(&environment), "nothing of it runs there any more");
        environment.live = Some(Standing { release: ReleaseId::new(1, "abcdef"), slot: Slot::Blue });
        assert!(!here.is_home_of(&environment));
        let alone = Seat::new(9, "a:/state".to_owned(), Shares::Nothing);
        assert!(!alone.is_home_of(&environment), "it was taken over");
        for seat in [&here, &alone] {
            let problem = elsewhere(&environment, seat);
            assert!(problem.message.contains("b:/state"), "{problem}");
        }
        environment.home = Some("a:/state".to_owned());
        assert!(here.is_home_of(&environment) && !alone.is_home_of(&environment));
        let cut = elsewhere(&environment, &alone);
        assert!(cut.message.contains("cut off") && cut.remedy.contains("run resume"), "{cut}");
        environment.home = Some("b:/state".to_owned());
        environment.live = None;
        assert!(here.is_home_of(&environment) && !alone.is_home_of(&environment));
        for home in [here.home_after(TargetKind::Process), here.home_after(TargetKind::Kubernetes)] {
            environment.home = home;
            assert!(here.is_home_of(&environment));
        }
        assert_eq!(environment.home, None, "a cluster is reached from everywhere");
    }
}
