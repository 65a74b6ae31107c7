//! What keeps a release out of an environment: freezes, files that are in no commit, approvals that are missing, items of the
//! checklist. Pure: what was seen comes in, what stands in the way comes out, the first first.

use std::collections::BTreeSet;

use bascule_model::gate::{Decision, Provenance};
use bascule_model::ids::{EnvironmentKey, EnvironmentName};
use bascule_model::manifest::Policy;
use bascule_model::problem::{Code, Problem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::planner;

/// The kind of deed that an approval is in the audit trail.
pub const APPROVED: &str = "approved";

/// Somebody else's yes to one plan. Soft: users of one machine are told apart by its kernel, and root can be any of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The plan's hash.
    pub plan: String,
    /// The user's number, as the kernel told it.
    pub uid: u32,
    /// How the user is called.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
}

/// A freeze that holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// As the manifest has it.
    pub window: String,
    /// Its end in the window's own clock; none: its time zone is not known here, so that nobody can tell.
    pub until: Option<String>,
}

/// What was seen.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Where.
    pub key: &'a EnvironmentKey,
    /// The plan's hash.
    pub plan_hash: &'a str,
    /// Who asks, as the kernel told it.
    pub asker: u32,
    /// Now.
    pub now: Timestamp,
    /// The first freeze that holds.
    pub freeze: Option<Freeze>,
    /// The commit.
    pub provenance: Option<&'a Provenance>,
    /// Where the artifact comes from elsewhere: the commit of the folder that says the rest (services, configuration, policy), where
    /// that is known; none where the folder is all there is.
    pub folder: Option<Option<&'a Provenance>>,
    /// Approvals, of this and other plans.
    pub approvals: &'a [Approval],
    /// The checklist; empty where none is asked for.
    pub checklist: &'a [Decision],
    /// The command by which others approve.
    pub approve_with: &'a str,
    /// The environment that the artifact is promoted from.
    pub promote_from: Option<&'a EnvironmentName>,
}

/// Everything that keeps the release out.
#[must_use]
pub fn holds(policy: &Policy, seen: &Seen<'_>) -> Vec<Problem> {
    let all = [frozen(seen), dirty(policy, seen), failed(seen), unapproved(policy, seen)];
    all.into_iter().flatten().collect()
}

/// The approvals of a plan that count: one for each user who is not the one that asks.
#[must_use]
pub fn counted<'a>(approvals: &'a [Approval], plan: &str, asker: u32, now: Timestamp) -> Vec<&'a Approval> {
    let mut users = BTreeSet::new();
    let holds = |one: &&Approval| one.plan == plan && one.uid != asker && one.at <= now && now < one.until;
    approvals.iter().filter(holds).filter(|one| users.insert(one.uid)).collect()
}

fn frozen(seen: &Seen<'_>) -> Option<Problem> {
    let Freeze { window, until } = seen.freeze.as_ref()?;
    let place = planner::named(seen.key);
    let rollback = format!("`bascule rollback {}` is not frozen", seen.key.environment);
    Some(match until {
        Some(until) => Problem::new(
            Code::Frozen,
            format!("nothing is deployed to {place} until {until}: it is frozen by \"{window}\""),
            format!("deploy it then, or change `freeze` in a commit; {rollback}"),
        ),
        None => Problem::new(
            Code::Frozen,
            format!("{place} may be frozen by \"{window}\": this machine does not know its time zone"),
            format!("correct the zone's name, or install the package `tzdata`; {rollback}"),
        ),
    })
}

fn dirty(policy: &Policy, seen: &Seen<'_>) -> Option<Problem> {
    if policy.allow_dirty {
        return None;
    }
    let why = match seen.provenance {
        Some(provenance) if !provenance.dirty => match seen.folder {
            None => return None,
            Some(Some(here)) if !here.dirty => return None,
            Some(Some(here)) => format!("the folder holds files that are not in commit {}", here.commit),
            Some(None) => "nothing says which commit the folder's manifest is of".to_owned(),
        },
        Some(provenance) => format!("it holds files that are not in commit {}", provenance.commit),
        None => "nothing says which commit it is made of".to_owned(),
    };
    Some(Problem::new(
        Code::DirtyRefused,
        format!("{} takes only what is in a commit, and {why}", planner::named(seen.key)),
        "commit what is there (`git status` shows it) and deploy that; or write `allow_dirty = true` in its policy",
    ))
}

fn failed(seen: &Seen<'_>) -> Option<Problem> {
    let blocking: Vec<&Decision> = seen.checklist.iter().filter(|item| item.blocks()).collect();
    let first = blocking.first()?;
    let names: Vec<&str> = blocking.iter().map(|item| item.gate.as_str()).collect();
    let lines: Vec<String> = blocking.iter().map(|item| format!("\n  {}: {}", item.gate, item.why)).collect();
    Some(Problem::new(
        Code::ChecklistFailed,
        format!(
            "{} of {} items of the checklist of {} do not pass: {}{}",
            blocking.len(),
            seen.checklist.len(),
            planner::named(seen.key),
            names.join(", "),
            lines.concat()
        ),
        format!(
            "{}; `bascule checklist {}` shows all of it",
            first.remedy.as_deref().unwrap_or("see to the first"),
            seen.key.environment
        ),
    ))
}

fn unapproved(policy: &Policy, seen: &Seen<'_>) -> Option<Problem> {
    let have = counted(seen.approvals, seen.plan_hash, seen.asker, seen.now);
    let wanted = policy.approvals as usize;
    if have.len() >= wanted {
        return None;
    }
    let by: Vec<String> = have.iter().map(|one| one.actor.clone()).collect();
    let so_far = if by.is_empty() { "none yet".to_owned() } else { format!("so far by {}", by.join(", ")) };
    let people = if wanted == 1 { "another user has" } else { "other users have" };
    let count = if wanted == 1 { String::new() } else { format!("{wanted} ") };
    Some(Problem::new(
        Code::ApprovalNeeded,
        format!(
            "{count}{people} to approve of plan {} for {}; {so_far}",
            seen.plan_hash,
            planner::named(seen.key)
        ),
        format!("let them run `{}`, then run {}", seen.approve_with, approved_command(seen)),
    ))
}

/// What deploys the plan when it is approved. What a pipeline asked for comes from its commit: the folder has to be there too.
fn approved_command(seen: &Seen<'_>) -> String {
    let (environment, hash) = (&seen.key.environment, seen.plan_hash);
    let command = match seen.promote_from {
        Some(from) => format!("`bascule promote {from} {environment} --plan {hash}`"),
        None => format!("`bascule deploy {environment} --plan {hash}`"),
    };
    let folder = seen.folder.unwrap_or(seen.provenance);
    match folder.filter(|folder| folder.pipeline.is_some()) {
        Some(folder) if folder.dirty => format!("{command} in the project's folder as it was shipped"),
        Some(folder) => format!("{command} in the project's folder at commit {}", folder.commit),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use bascule_model::gate::GateStatus;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn approval(plan: &str, uid: u32, from: i64, until: i64) -> Approval {
        Approval { plan: plan.to_owned(), uid, actor: format!("u{uid}"), at: at(from), until: at(until) }
    }

    fn item(gate: &str, status: GateStatus) -> Decision {
        Decision {
            gate: gate.to_owned(),
            status,
            required: true,
            condition: String::new(),
            value: None,
            why: format!("{gate} was not seen"),
            remedy: Some("`bascule ship`".to_owned()),
            evidence: Vec::new(),
            waiver: None,
        }
    }

    fn production() -> EnvironmentKey {
        EnvironmentKey { app: "shop".parse().unwrap(), environment: "production".parse().unwrap() }
    }

    fn nothing_seen(key: &EnvironmentKey) -> Seen<'_> {
        Seen {
            key,
            plan_hash: "h",
            asker: 1,
            now: at(100),
            freeze: None,
            provenance: None,
            folder: None,
            approvals: &[],
            checklist: &[],
            approve_with: "bascule approve h",
            promote_from: None,
        }
    }

    fn codes(policy: &Policy, seen: &Seen<'_>) -> Vec<&'static str> {
        holds(policy, seen).iter().map(|problem| problem.code.as_str()).collect()
    }

    #[test]
    fn what_is_promoted_from_a_folder_with_changes_is_not_in_a_commit() {
        let policy = Policy { allow_dirty: false, ..Policy::default() };
        let key = production();
        let of = |dirty: bool| Provenance { commit: "c0ffee".to_owned(), dirty, pipeline: None };
        let (clean, changed) = (of(false), of(true));
        for (folder, refused) in
            [(None, false), (Some(Some(&clean)), false), (Some(Some(&changed)), true), (Some(None), true)]
        {
            let seen = Seen { provenance: Some(&clean), folder, ..nothing_seen(&key) };
            assert_eq!(codes(&policy, &seen).contains(&"DIRTY_REFUSED"), refused, "{folder:?}");
        }
    }

    #[test]
    fn only_another_users_approval_of_this_plan_counts_while_it_holds() {
        let (policy, key) = (Policy { approvals: 1, ..Policy::default() }, production());
        for (approval, is_enough) in [
            (approval("h", 2, 50, 200), true),
            (approval("h", 1, 50, 200), false),
            (approval("g", 2, 50, 200), false),
            (approval("h", 2, 0, 100), false),
            (approval("h", 2, 0, 101), true),
            (approval("h", 2, 101, 200), false),
        ] {
            let seen = Seen { approvals: std::slice::from_ref(&approval), ..nothing_seen(&key) };
            assert_eq!(codes(&policy, &seen).is_empty(), is_enough, "{approval:?}");
        }
        assert_eq!(codes(&policy, &nothing_seen(&key)), ["APPROVAL_NEEDED"]);
    }

    #[test]
    fn what_is_to_be_typed_when_it_is_approved_is_said_as_a_whole() {
        let (policy, key) = (Policy { approvals: 1, ..Policy::default() }, production());
        let staging = "staging".parse().unwrap();
        let of = |pipeline: Option<&str>| Provenance {
            commit: "c0ffee".to_owned(),
            dirty: false,
            pipeline: pipeline.map(str::to_owned),
        };
        let (shipped, by_hand) = (of(Some("ship-1")), of(None));
        for (promote_from, provenance, folder, command) in [
            (None, &by_hand, None, "`bascule deploy production --plan h`"),
            (
                None,
                &shipped,
                None,
                "`bascule deploy production --plan h` in the project's folder at commit c0ffee",
            ),
            (Some(&staging), &shipped, Some(Some(&by_hand)), "`bascule promote staging production --plan h`"),
            (
                Some(&staging),
                &shipped,
                Some(Some(&shipped)),
                "`bascule promote staging production --plan h` in the project's folder at commit c0ffee",
            ),
        ] {
            let seen = Seen { promote_from, provenance: Some(provenance), folder, ..nothing_seen(&key) };
            let remedy = holds(&policy, &seen).remove(0).remedy;
            assert_eq!(remedy, format!("let them run `bascule approve h`, then run {command}"));
        }
    }

    #[test]
    fn a_user_counts_once() {
        let (policy, key) = (Policy { approvals: 2, ..Policy::default() }, production());
        let twice = [approval("h", 2, 0, 200), approval("h", 2, 1, 200)];
        let seen = Seen { approvals: &twice, ..nothing_seen(&key) };
        assert_eq!(codes(&policy, &seen), ["APPROVAL_NEEDED"]);
        let two = [approval("h", 2, 0, 200), approval("h", 3, 1, 200)];
        assert!(codes(&policy, &Seen { approvals: &two, ..nothing_seen(&key) }).is_empty());
    }

    #[test]
    fn what_stands_in_the_way_comes_in_order() {
        let (policy, key) = (Policy { approvals: 1, allow_dirty: false, ..Policy::default() }, production());
        let list = [item("tests", GateStatus::NoData), item("critical", GateStatus::Pass)];
        let freeze = Some(Freeze { window: "Sat..Sun".to_owned(), until: None });
        let seen = Seen { freeze, checklist: &list, ..nothing_seen(&key) };
        assert_eq!(codes(&policy, &seen), ["FROZEN", "DIRTY_REFUSED", "CHECKLIST_FAILED", "APPROVAL_NEEDED"]);
        assert!(codes(&Policy::default(), &nothing_seen(&key)).is_empty());
    }

    #[test]
    fn only_a_clean_commit_is_clean() {
        let (policy, key) = (Policy { allow_dirty: false, ..Policy::default() }, production());
        let commit = |dirty| Provenance { commit: "c0".to_owned(), dirty, pipeline: None };
        for (provenance, is_admitted) in
            [(None, false), (Some(commit(true)), false), (Some(commit(false)), true)]
        {
            let seen = Seen { provenance: provenance.as_ref(), ..nothing_seen(&key) };
            assert_eq!(codes(&policy, &seen).is_empty(), is_admitted, "{provenance:?}");
        }
    }
}
