//! What an environment asks for before it takes a release: gathered here, decided in `engine::policy` and `engine::checklist`.

pub(crate) mod approvals;
pub(crate) mod door;
pub(crate) mod evidence;
mod few;
pub(crate) mod peer;
pub(crate) mod rehearsals;
mod stale;

use std::sync::Arc;

use async_trait::async_trait;
use bascule_engine::admission::{Admission, Prepared};
use bascule_engine::checklist::{self, Facts};
use bascule_engine::draft::Wish;
use bascule_engine::policy::{self, Freeze, Seen};
use bascule_model::freeze::FreezeWindow;
use bascule_model::gate::Decision;
use bascule_model::manifest::Gates;
use bascule_model::problem::{Code, Problem};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use self::peer::Peer;
use crate::control::Control;

/// Lets in what nothing stands against.
pub(crate) struct Gatekeeper<'a> {
    pub(crate) control: &'a Arc<Control>,
    /// Who asks.
    pub(crate) peer: Peer,
    /// How that user is called.
    pub(crate) actor: &'a str,
    /// What the environment asks of reports.
    pub(crate) gates: &'a Gates,
}

#[async_trait]
impl Admission for Gatekeeper<'_> {
    async fn admit(&self, wish: &Wish, prepared: &Prepared) -> Result<(), Problem> {
        match self.holds(wish, prepared).await?.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }
}

impl Gatekeeper<'_> {
    /// Everything that stands against a release now. A plan that others have to approve of is kept for them.
    pub(crate) async fn holds(&self, wish: &Wish, prepared: &Prepared) -> Result<Vec<Problem>, Problem> {
        let (control, policy) = (self.control, &wish.policy);
        let now = control.engine.ports().clock.now();
        let plan_hash = prepared.plan.hash();
        let (approvals, approve_with) = if policy.approvals > 0 {
            let waiting = approvals::wait(control, wish, prepared, self.peer, self.actor).await?;
            let approvals = approvals::of(control, wish.key(), &waiting.plan_hash).await?;
            let have = policy::counted(&approvals, &plan_hash, self.peer.uid, now).len();
            // Where all have approved, nobody has to come in any more.
            let approve_with = if have >= policy.approvals as usize {
                String::new()
            } else {
                control.door.open(control)?.command(&plan_hash)
            };
            (approvals, approve_with)
        } else {
            (Vec::new(), String::new())
        };
        let items = if policy.checklist { list(control, wish, prepared)? } else { Vec::new() };
        let seen = Seen {
            key: wish.key(),
            plan_hash: &plan_hash,
            asker: self.peer.uid,
            now,
            freeze: policy.freeze.iter().find_map(|window| freeze(window, now)),
            provenance: prepared.release.provenance.as_ref(),
            folder: prepared.settled.is_some().then_some(wish.provenance.as_ref()),
            approvals: &approvals,
            checklist: &items,
            approve_with: &approve_with,
            promote_from: wish.promote_from.as_ref(),
        };
        let mut holds = policy::holds(policy, &seen);
        // Others are not to be asked for what is refused all the same.
        let last =
            holds.iter().position(|problem| problem.code == Code::ApprovalNeeded).unwrap_or(holds.len());
        if let Some(stale) = self.stale(wish, prepared, now)? {
            holds.insert(last, stale);
        }
        Ok(holds)
    }

    /// Evidence of the artifact that has become too old since it was looked at.
    fn stale(&self, wish: &Wish, prepared: &Prepared, now: Timestamp) -> Result<Option<Problem>, Problem> {
        let artifact = &prepared.release.artifact;
        if artifact.is_empty() || self.gates.is_empty() {
            return Ok(None);
        }
        let record = evidence::pipeline(&self.control.state, &wish.key().app, artifact)?;
        Ok(stale::refusal(&stale::Facts {
            key: wish.key(),
            gates: self.gates,
            provenance: prepared.release.provenance.as_ref(),
            record: record.as_ref(),
            promote_from: wish.promote_from.as_ref(),
            waived: &stale::waived(&wish.source.project, now),
            now,
        }))
    }
}

/// The checklist of a release.
pub(crate) fn list(control: &Control, wish: &Wish, prepared: &Prepared) -> Result<Vec<Decision>, Problem> {
    let artifact = &prepared.release.artifact;
    let (pipeline, rehearsal) = if artifact.is_empty() {
        (None, None)
    } else {
        (
            evidence::pipeline(&control.state, &wish.key().app, artifact)?,
            evidence::rehearsal(&control.state, &wish.key().app, artifact)?,
        )
    };
    Ok(checklist::items(&Facts {
        key: wish.key(),
        release: &prepared.release,
        checks: wish.configuration.verify.len(),
        promote_from: wish.promote_from.as_ref(),
        settled: prepared.settled.as_ref(),
        pipeline: pipeline.as_ref(),
        rehearsal: rehearsal.as_ref(),
        left_out: &wish.policy.left_out,
        now: control.engine.ports().clock.now(),
    }))
}

/// A window that holds now. One whose time zone is not known might.
fn freeze(window: &FreezeWindow, now: Timestamp) -> Option<Freeze> {
    // UTC is known without a database.
    let zone = if window.zone() == "UTC" { Ok(TimeZone::UTC) } else { TimeZone::get(window.zone()) };
    let until = match zone {
        Ok(zone) => {
            let until = window.until(now, &zone)?.to_zoned_datetime(zone);
            Some(until.strftime("%a %Y-%m-%d %H:%M %Z").to_string())
        }
        Err(_) => None,
    };
    Some(Freeze { window: window.to_string(), until })
}
