//! Plans that wait for others to approve of them, and who did.
//!
//! An approval is a row of the audit trail. It is bound to the plan's hash, and so used once: the hash names the number of the
//! release, which is given to one run only.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bascule_engine::admission::Prepared;
use bascule_engine::draft::Wish;
use bascule_engine::policy::{APPROVED, Approval, counted};
use bascule_journal::Deed;
use bascule_model::ids::EnvironmentKey;
use bascule_model::plan::ArtifactPlan;
use bascule_model::problem::{Code, Problem};
use jiff::{SignedDuration, Timestamp};

use super::evidence;
use super::peer::Peer;
use crate::api::{ApproveRequest, Approved, WaitingPlan};
use crate::control::Control;

/// How long a plan that waits is kept: as long as an approval can hold.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Keeps a plan for others to look at and approve of.
pub(crate) async fn wait(
    control: &Control,
    wish: &Wish,
    prepared: &Prepared,
    peer: Peer,
    actor: &str,
) -> Result<WaitingPlan, Problem> {
    let plan_hash = prepared.plan.hash();
    let path = file(control, &plan_hash);
    // Who asked first has asked, whoever asks after.
    if let Some(waiting) = evidence::read::<WaitingPlan>(&path)? {
        return Ok(waiting);
    }
    let now = control.engine.ports().clock.now();
    forget(control, now);
    let waiting = WaitingPlan {
        plan: prepared.plan.clone(),
        plan_hash,
        number: prepared.release.number,
        approvals: wish.policy.approvals,
        valid_s: wish.policy.approvals_for.get().as_secs(),
        asked_by: actor.to_owned(),
        asked_uid: peer.uid,
        asked_at: now,
    };
    evidence::write(&path, &waiting)?;
    Ok(waiting)
}

/// The approvals of a plan, with those that hold no longer.
///
/// # Errors
/// When the journal cannot be read.
pub(crate) async fn of(
    control: &Control,
    key: &EnvironmentKey,
    plan: &str,
) -> Result<Vec<Approval>, Problem> {
    let since = control.engine.ports().clock.now().checked_sub(KEPT).unwrap_or(Timestamp::MIN);
    let rows = control.engine.journal().deeds(key, APPROVED, since).await?;
    let approvals = rows.iter().filter_map(|row| serde_json::from_str::<Approval>(&row.detail).ok());
    Ok(approvals.filter(|approval| approval.plan == plan).collect())
}

/// The plan of that hash, if it waits.
///
/// # Errors
/// `APPROVAL_REFUSED` when none does, or its time is over.
pub(crate) async fn waiting(control: &Control, plan: &str) -> Result<WaitingPlan, Problem> {
    let is_hash = plan.len() == 64 && plan.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = if is_hash { evidence::read::<WaitingPlan>(&file(control, plan))? } else { None };
    let Some(waiting) = found else {
        return Err(refused(
            format!("no plan {plan} waits for approval"),
            "take the whole hash from `bascule plan`, which also makes it wait",
        ));
    };
    let key = &waiting.plan.key;
    let record = control.engine.journal().environment(key).await?;
    if record.is_some_and(|record| record.last_number >= waiting.number) {
        return Err(refused(
            format!("plan {plan} is over: another release of {} has its number", key.environment),
            format!("let who asked make a new one with `bascule plan {}`", key.environment),
        ));
    }
    Ok(waiting)
}

/// Approves of a plan. Doing it again while it holds changes nothing.
///
/// # Errors
/// `APPROVAL_REFUSED` for who asked, and for a plan that does not wait.
pub(crate) async fn approve(
    control: &Control,
    peer: Peer,
    request: &ApproveRequest,
) -> Result<Approved, Problem> {
    let waiting = waiting(control, &request.plan).await?;
    let key = waiting.plan.key.clone();
    let actor = called(&request.actor, peer);
    if peer.uid == waiting.asked_uid {
        return Err(refused(
            format!("{actor} asked for this plan, and others have to approve of it"),
            "another user of this machine has to run the same command",
        ));
    }
    let now = control.engine.ports().clock.now();
    let before = of(control, &key, &request.plan).await?;
    let holds = |one: &&Approval| one.uid == peer.uid && one.at <= now && now < one.until;
    let approval = if let Some(approval) = before.iter().find(holds) {
        approval.clone()
    } else {
        let valid = SignedDuration::from_secs(i64::try_from(waiting.valid_s).unwrap_or(i64::MAX));
        let until = now.checked_add(valid).unwrap_or(Timestamp::MAX);
        let approval = Approval { plan: request.plan.clone(), uid: peer.uid, actor, at: now, until };
        let deed = Deed {
            at: now,
            actor: approval.actor.clone(),
            action: APPROVED,
            key: key.clone(),
            detail: serde_json::to_string(&approval).unwrap_or_default(),
        };
        control.engine.journal().note(&deed).await?;
        approval
    };
    let all = of(control, &key, &request.plan).await?;
    let have = counted(&all, &request.plan, waiting.asked_uid, now).len();
    Ok(Approved { approval, have, wanted: waiting.approvals, plan: waiting.plan })
}

/// What the user calls itself, which nobody checked, and the number, which the kernel told.
fn called(name: &str, peer: Peer) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    format!("{name} (uid {})", peer.uid)
}

/// Opens the door again where a plan still waits: whoever was told the command may run it after a restart, too.
///
/// # Errors
/// When the journal cannot be read, or the door cannot be opened.
pub(crate) async fn open_again(control: &Arc<Control>) -> Result<(), Problem> {
    for plan in all(&control.state) {
        let Ok(plan) = waiting(control, &plan.plan_hash).await else { continue };
        let approvals = of(control, &plan.plan.key, &plan.plan_hash).await?;
        let now = control.engine.ports().clock.now();
        if counted(&approvals, &plan.plan_hash, plan.asked_uid, now).len() < plan.approvals as usize {
            return control.door.open(control).map(drop);
        }
    }
    Ok(())
}

/// The folder of plans that wait.
pub(crate) fn folder(state: &Path) -> PathBuf {
    state.join("waiting")
}

/// The plans that wait, or have waited. One that cannot be read is said where somebody asks for it.
pub(crate) fn all(state: &Path) -> Vec<WaitingPlan> {
    let files = std::fs::read_dir(folder(state)).into_iter().flatten().flatten();
    files.filter_map(|entry| evidence::read::<WaitingPlan>(&entry.path()).ok().flatten()).collect()
}

/// The artifacts that plans of pipelines wait for: no release has them yet.
pub(crate) fn artifacts(state: &Path) -> BTreeSet<String> {
    let named = all(state).into_iter().filter_map(|waiting| match waiting.plan.artifact {
        ArtifactPlan::Store { digest } => Some(digest),
        _ => None,
    });
    named.collect()
}

fn file(control: &Control, plan: &str) -> PathBuf {
    folder(&control.state).join(format!("{plan}.json"))
}

/// Removes plans that waited too long. What cannot be removed now is removed another time.
fn forget(control: &Control, now: Timestamp) {
    let since = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
    for entry in std::fs::read_dir(folder(&control.state)).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_old = evidence::read::<WaitingPlan>(&path)
            .ok()
            .flatten()
            .is_some_and(|waiting| waiting.asked_at < since);
        if is_old {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn refused(message: String, remedy: impl Into<String>) -> Problem {
    Problem::new(Code::ApprovalRefused, message, remedy)
}
