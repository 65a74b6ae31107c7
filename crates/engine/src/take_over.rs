//! Going on with what another control plane began, without its journal: what it kept where the environment is, is looked at, claimed
//! there in one write, and taken into this journal. From then on a run that is not over is left over here like one that a crash left.
//!
//! Whoever had the environment before has a lower generation, for good: it is refused wherever it writes, and told where the environment is.

mod place;

use bascule_journal::{EnvironmentRecord, JournalError, Recorded, RunRecord, Take};
use bascule_model::ids::{EnvironmentKey, Generation, RunId};
use bascule_model::problem::{Code, Problem};
use bascule_model::run::Next;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;
use crate::mirror::{Mirrored, Takeover, generation_after};
use crate::planner::named;
use crate::ports::{KeptRun, Namespace};

/// How often somebody else may be quicker.
const ATTEMPTS: u32 = 3;

/// What there was to go on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "found", rename_all = "snake_case")]
pub enum Resumed {
    /// A run of this control plane is under way, or waits for a person.
    Here {
        /// Which one.
        run: RunId,
        /// Whether it waits for a person.
        awaits_person: bool,
    },
    /// Whoever had it has taken it down: nothing of it is left, and it can be deployed from here.
    TakenDown {
        /// The run that was unfinished here until then; it was ended, as what it had made is gone.
        ended: Option<RunId>,
    },
    /// Nothing: this control plane has the environment, and no run of it is unfinished.
    Nothing,
    /// It was taken over.
    TakenOver {
        /// Its last run.
        run: RunId,
        /// Whether that was over.
        is_over: bool,
        /// Whether it waits for a person.
        awaits_person: bool,
        /// The machine and the state folder that had it.
        from: String,
    },
}

impl Engine {
    /// Goes on with an environment that is in a cluster, wherever it was begun. `project`: the folder of its manifest here. Not to be
    /// dropped half way: what was claimed would not be taken in, until this is called again.
    ///
    /// # Errors
    /// `LEASE_HELD` while somebody is at work there, `MIRROR_UNUSABLE` where nothing is kept or it does not say enough,
    /// `ENVIRONMENT_ELSEWHERE` where this journal knows of it otherwise, and what the cluster refuses.
    pub async fn take_over(
        &self,
        place: &Namespace,
        key: &EnvironmentKey,
        project: Option<&str>,
        actor: &str,
    ) -> Result<Resumed, Problem> {
        if self.seat.shares_the_journal() {
            return Err(shared(key));
        }
        let turn = self.taking_over.of(key);
        let _turn = turn.lock().await;
        let known = self.journal.environment(key).await?;
        let is_here = known.as_ref().is_some_and(|known| self.seat.is_home_of(known));
        let unfinished = self.journal.active(key).await?;
        if let (true, Some(run)) = (is_here, &unfinished) {
            let awaits_person = run.state.next() == Next::AwaitPerson;
            return Ok(Resumed::Here { run: run.id.clone(), awaits_person });
        }
        let traffic = &self.ports.traffic;
        for _ in 0..ATTEMPTS {
            let Some(kept) = traffic.kept(place, key).await.map_err(Problem::from)? else {
                return self.without_mirror(place, key, known, unfinished, is_here, actor).await;
            };
            let highest = known.as_ref().map_or(Generation(0), |known| known.generation);
            if known.is_some() && kept.is_ours && highest >= kept.generation {
                return Ok(Resumed::Nothing);
            }
            refuse_other_history(known.as_ref(), &kept)?;
            let mut mirrored = self.usable(place, key, &kept).await?;
            let events = self.journal.events(mirrored.run(), 0).await?;
            // Claimed from here before, and gone on with by nobody since: what is known here is at least what is kept.
            if kept.home == self.seat.home()
                && Recorded::go_on_from(mirrored.events(), &events)
                && let (Some(known), Some(run)) = (&known, self.journal.run(mirrored.run()).await?)
            {
                mirrored.told_by(known, run, events.clone());
            }
            let is_in_the_way = unfinished.as_ref().is_some_and(|run| run.id != *mirrored.run());
            if is_in_the_way || !Recorded::go_on_from(&events, mirrored.events()) {
                let run = unfinished.map_or_else(|| mirrored.run().clone(), |run| run.id);
                return Err(JournalError::Parted(run).into());
            }
            let last = kept.last.as_ref().map_or(Generation(0), |(_, generation)| *generation);
            let generation = generation_after(kept.generation.max(last).max(highest));
            let home = self.seat.home();
            let taken = traffic.take_from(place, key, &kept, generation, home).await;
            if !taken.map_err(Problem::from)? {
                continue;
            }
            let (run, is_over) = (mirrored.run().clone(), mirrored.is_over());
            let awaits_person = mirrored.awaits_person();
            let takeover = Takeover {
                owner: kept.owner,
                generation,
                project: project.map(str::to_owned),
                actor: actor.to_owned(),
            };
            self.adopt(mirrored, takeover).await?;
            return Ok(Resumed::TakenOver { run, is_over, awaits_person, from: kept.home });
        }
        Err(Problem::new(
            Code::LeaseHeld,
            format!("others take {} over at the same moment", named(key)),
            "run the same command again, and only on one machine",
        ))
    }

    /// Nothing is kept: nothing of it stands, or it was begun without this.
    async fn without_mirror(
        &self,
        place: &Namespace,
        key: &EnvironmentKey,
        known: Option<EnvironmentRecord>,
        unfinished: Option<RunRecord>,
        is_here: bool,
        actor: &str,
    ) -> Result<Resumed, Problem> {
        let Some(mut known) = known else { return Err(nothing_kept(key)) };
        // What is not to be seen in another place may well stand where it was put.
        self.refuse_another_place(place, &known, unfinished.as_ref()).await?;
        let stands = match self.live_release(&known).await? {
            Some(live) => {
                let live = self.ports.traffic.made_live(place, &[&live]).await;
                live.map_err(Problem::from)?.is_some()
            }
            None => false,
        };
        if stands {
            return if is_here { Ok(Resumed::Nothing) } else { Err(nothing_kept(key)) };
        }
        if is_here && known.live.is_none() && known.standby.is_none() {
            return Ok(Resumed::Nothing);
        }
        // Whoever had taken it over has taken it down, and with it what an unfinished run had made.
        let ended = unfinished.map(|run| run.id);
        if let Some(run) = &ended {
            let mut begun = self.resume(run, Take::FromTheDead).await?;
            known.generation = begun.end_as_gone(known.home.clone(), actor).await?;
        }
        known.home = None;
        known.owner = None;
        known.live = None;
        known.live_since = None;
        known.standby = None;
        self.journal.put_environment(&known).await?;
        Ok(Resumed::TakenDown { ended })
    }

    /// What is kept, where it says enough to go on from and nobody is at work.
    async fn usable(
        &self,
        place: &Namespace,
        key: &EnvironmentKey,
        kept: &KeptRun,
    ) -> Result<Mirrored, Problem> {
        if let Some((holder, since)) = &kept.at_work {
            let age = self.ports.clock.now().duration_since(*since).as_secs();
            return Err(Problem::new(
                Code::LeaseHeld,
                format!("{holder} is at work in {}: it said so {age} s ago", named(key)),
                "wait until its run is over, or end it there; one that is dead is passed by 15 s after its last word",
            ));
        }
        let mirrored = Mirrored::read(&kept.mirrored)?;
        if let Some((run, generation)) = &kept.last
            && run != mirrored.run()
            && *generation >= mirrored.generation()
        {
            let words = format!("{run} was at work after it, and what that did was not kept");
            return Err(too_old(&mirrored, &words, &kept.home));
        }
        let is_its_own = kept.last.as_ref().is_some_and(|(run, _)| run == mirrored.run());
        if is_its_own && kept.given_back && !mirrored.is_over() {
            return Err(too_old(&mirrored, "that run is over, and how it ended was not kept", &kept.home));
        }
        let live = self.ports.traffic.made_live(place, &mirrored.releases()).await;
        let live = live.map_err(Problem::from)?;
        if !mirrored.explains(live.as_ref()) {
            let live = live.map_or_else(|| "nobody".to_owned(), |release| release.to_string());
            let words = format!("the traffic is with {live}, of which it does not know");
            return Err(too_old(&mirrored, &words, &kept.home));
        }
        Ok(mirrored)
    }
}

/// A journal that knows what stands there from elsewhere cannot know this as well.
fn refuse_other_history(known: Option<&EnvironmentRecord>, kept: &KeptRun) -> Result<(), Problem> {
    let Some(known) = known.filter(|_| !kept.is_ours) else { return Ok(()) };
    if known.live.is_none() && known.standby.is_none() {
        return Ok(());
    }
    Err(Problem::new(
        Code::EnvironmentElsewhere,
        format!(
            "this state folder has a history of its own of {}, and what is kept in the cluster is of {}",
            named(&known.key),
            kept.home
        ),
        "name another state folder with --state",
    ))
}

fn nothing_kept(key: &EnvironmentKey) -> Problem {
    Problem::new(
        Code::MirrorUnusable,
        format!("nothing is kept in the cluster of the last run of {}", named(key)),
        "look at the namespace and the context in bascule.toml; where it was never deployed: `bascule deploy ENV`",
    )
}

fn too_old(mirrored: &Mirrored, words: &str, home: &str) -> Problem {
    Problem::new(
        Code::MirrorUnusable,
        format!("what is kept of {} is too old to go on from: {words}", mirrored.run()),
        format!("go on from {home}"),
    )
}

fn shared(key: &EnvironmentKey) -> Problem {
    Problem::new(
        Code::Usage,
        format!(
            "the journal of {} is shared: every control plane that has it goes on with its runs",
            named(key)
        ),
        "nothing to do: when a machine dies, another one goes on as soon as the lease has run out (15 s)",
    )
}
