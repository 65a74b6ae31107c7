//! The Lease of an environment: who is at work there. It tells engines with different journals of each other; among those with one
//! journal the journal decides, and the generation says who came later. Pure.

use bascule_engine::home::of_owner;
use bascule_engine::ports::Claim;
use bascule_model::ids::{EnvironmentKey, Generation, RunId};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt as _;

use crate::moment;
use crate::names;

/// So long it holds without being renewed.
pub(crate) const HOLDS: SignedDuration = SignedDuration::from_secs(15);

/// What a Lease that is there means for whoever wants it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It can be taken: given back, run out, or held by somebody who was before us by the journal that we share.
    Free,
    /// A later engine with our journal has it.
    Fenced,
    /// An engine with another journal has it.
    Held {
        /// Who, in words.
        holder: String,
        /// When it was renewed last.
        renewed: Timestamp,
    },
    /// Bascule did not make it.
    Foreign,
}

/// What is made of one that is there. `owner` tells those who write to our journal.
pub(crate) fn judge(there: &Lease, owner: &str, fence: Generation, now: Timestamp) -> Standing {
    let said = |name: &str| there.annotations().get(name).map(String::as_str);
    let Some(its_owner) = said(names::OWNER) else { return Standing::Foreign };
    if its_owner == owner {
        let its =
            said(names::GENERATION).and_then(|text| text.parse().ok()).map_or(Generation(0), Generation);
        return if its > fence { Standing::Fenced } else { Standing::Free };
    }
    match holder(there, now) {
        Some((holder, renewed)) => Standing::Held { holder, renewed },
        None => Standing::Free,
    }
}

/// Who has it, in words, and when that was said last; none where nobody does any more.
pub(crate) fn holder(there: &Lease, now: Timestamp) -> Option<(String, Timestamp)> {
    let said = |name: &str| there.annotations().get(name).map(String::as_str);
    let spec = there.spec.as_ref()?;
    let holder = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
    let renewed = spec.renew_time.as_ref().map(moment::of_micro)?;
    let holds = SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or_default().into());
    if renewed.checked_add(holds).is_ok_and(|until| until <= now) {
        return None;
    }
    let (run, actor) = (said(names::RUN).unwrap_or("a run"), said(names::ACTOR).unwrap_or("somebody"));
    Some((format!("{run} of {actor} ({holder})"), renewed))
}

/// The machine and the state folder of who has it, or had it until it ran out; none where it was given back.
pub(crate) fn home(there: &Lease) -> Option<String> {
    let holder = there.spec.as_ref()?.holder_identity.as_deref().filter(|holder| !holder.is_empty())?;
    Some(of_owner(holder).to_owned())
}

/// The run that had it last, and the generation of that, where it is said.
pub(crate) fn last(there: &Lease) -> Option<(RunId, Generation)> {
    let said = |name: &str| there.annotations().get(name);
    Some((RunId::from_text(said(names::RUN)?.clone()), Generation(said(names::GENERATION)?.parse().ok()?)))
}

/// The object as it is when we have it; `there` is what it was, and who wrote to that one since makes this one refused.
pub(crate) fn taken(
    claim: &Claim,
    owner: &str,
    fence: Generation,
    now: Timestamp,
    there: Option<&Lease>,
) -> Lease {
    let mut metadata = ObjectMeta {
        name: Some(names::lease(&claim.key)),
        labels: Some(names::of_environment(&claim.key)),
        ..ObjectMeta::default()
    };
    let former = there.and_then(|there| there.spec.as_ref());
    metadata.resource_version = there.and_then(|there| there.metadata.resource_version.clone());
    let values = [
        (names::OWNER, owner.to_owned()),
        (names::GENERATION, fence.0.to_string()),
        (names::RUN, claim.run.to_string()),
        (names::ACTOR, claim.actor.clone()),
    ];
    metadata.annotations = Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    let its_holder = former.and_then(|former| former.holder_identity.as_ref());
    let transitions = former.and_then(|former| former.lease_transitions).unwrap_or_default();
    let is_kept = its_holder == Some(&claim.owner);
    let since = former.filter(|_| is_kept).and_then(|former| former.acquire_time.clone());
    Lease {
        metadata,
        spec: Some(LeaseSpec {
            holder_identity: Some(claim.owner.clone()),
            lease_duration_seconds: i32::try_from(HOLDS.as_secs()).ok(),
            lease_transitions: Some(if is_kept || former.is_none() { transitions } else { transitions + 1 }),
            acquire_time: since.or_else(|| moment::micro(now)),
            renew_time: moment::micro(now),
            ..LeaseSpec::default()
        }),
    }
}

/// The same a moment later.
pub(crate) fn renewed(there: &Lease, now: Timestamp) -> Lease {
    let mut lease = written_by_us(there);
    if let Some(spec) = &mut lease.spec {
        spec.renew_time = moment::micro(now);
    }
    lease
}

/// The same when nobody has it any more.
pub(crate) fn given_back(there: &Lease) -> Lease {
    let mut lease = written_by_us(there);
    if let Some(spec) = &mut lease.spec {
        spec.holder_identity = None;
    }
    lease
}

/// Without what the API server notes by itself.
fn written_by_us(there: &Lease) -> Lease {
    let mut lease = there.clone();
    lease.metadata.managed_fields = None;
    lease
}

/// Whether it is still held as it was when it was written like that.
pub(crate) fn is_held_as(there: &Lease, written: &Lease) -> bool {
    let said = |lease: &Lease, name: &str| lease.annotations().get(name).cloned();
    let holder = |lease: &Lease| lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
    [names::OWNER, names::GENERATION].iter().all(|name| said(there, name) == said(written, name))
        && holder(there) == holder(written)
}

/// Whether it is of that environment: two names that were cut may be one.
pub(crate) fn is_of(there: &Lease, key: &EnvironmentKey) -> bool {
    let has = |name: &str, value: &str| there.labels().get(name).is_some_and(|it| it == value);
    has(names::APP, key.app.as_str()) && has(names::ENVIRONMENT, key.environment.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + seconds).unwrap()
    }

    fn claim(owner: &str) -> Claim {
        Claim {
            key: "shop/staging".parse().unwrap(),
            run: RunId::from_text("run-1"),
            owner: owner.to_owned(),
            actor: "ada@web1".to_owned(),
        }
    }

    #[test]
    fn who_may_take_it() {
        let held = taken(&claim("7@web1:/state"), "journal-1", Generation(4), at(0), None);
        let back = given_back(&held);
        let cases = [
            // Our journal: its generations decide, whatever the time is.
            (&held, "journal-1", 4, 1, Standing::Free),
            (&held, "journal-1", 5, 1, Standing::Free),
            (&held, "journal-1", 3, 99, Standing::Fenced),
            (&back, "journal-1", 3, 99, Standing::Fenced),
            // Another one: its generations mean nothing to us.
            (&back, "journal-2", 1, 1, Standing::Free),
            (&held, "journal-2", 9, 15, Standing::Free),
        ];
        for (there, owner, fence, now, expected) in cases {
            assert_eq!(judge(there, owner, Generation(fence), at(now)), expected, "{owner} {fence} {now}");
        }
        let Standing::Held { holder, renewed } = judge(&held, "journal-2", Generation(9), at(14)) else {
            panic!("it is held");
        };
        assert_eq!(holder, "run-1 of ada@web1 (7@web1:/state)");
        assert_eq!(renewed, at(0));
        let later = super::renewed(&held, at(10));
        assert!(matches!(judge(&later, "journal-2", Generation(9), at(24)), Standing::Held { .. }));
        assert_eq!(judge(&Lease::default(), "journal-1", Generation(1), at(0)), Standing::Foreign);
    }

    #[test]
    fn a_change_of_hands_is_counted() {
        let first = taken(&claim("one"), "journal-1", Generation(1), at(0), None);
        let again = taken(&claim("one"), "journal-1", Generation(2), at(5), Some(&first));
        let other = taken(&claim("two"), "journal-1", Generation(3), at(9), Some(&given_back(&again)));
        let of = |lease: &Lease| {
            let spec = lease.spec.as_ref().unwrap();
            let since = spec.acquire_time.as_ref().map(moment::of_micro).unwrap();
            (spec.lease_transitions.unwrap(), since)
        };
        assert_eq!(of(&first), (0, at(0)));
        assert_eq!(of(&again), (0, at(0)));
        assert_eq!(of(&other), (1, at(9)));
        assert!(is_of(&other, &"shop/staging".parse().unwrap()));
        assert!(!is_of(&other, &"shop/production".parse().unwrap()));
    }
}
