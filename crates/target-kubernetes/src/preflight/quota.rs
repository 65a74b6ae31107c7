//! Whether a quota leaves room. Exact, in thousandths. Pure.

use std::collections::BTreeMap;

use bascule_model::release::{Before, Release, Rolling, Service};
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::ResourceExt as _;

/// What quotas call Deployments.
const DEPLOYMENTS: &str = "count/deployments.apps";
/// What quotas call Jobs.
const JOBS: &str = "count/jobs.batch";

/// What a release needs, by the names that quotas have for it, in thousandths.
pub(super) fn needed(release: &Release) -> BTreeMap<&'static str, u128> {
    let mut needed: BTreeMap<&'static str, u128> = BTreeMap::new();
    for service in &release.services {
        for (name, amount) in of_one(service) {
            *needed.entry(name).or_default() += amount * u128::from(service.instances);
        }
    }
    for (name, amount) in of_tasks(release, &needed) {
        *needed.entry(name).or_default() += amount;
    }
    let deployments = u128::try_from(release.services.len()).unwrap_or(0) * 1000;
    needed.insert(DEPLOYMENTS, deployments);
    needed
}

/// What the tasks of a release need beside its instances: one pod at a time. One that is over before any of them starts needs what they
/// have then.
fn of_tasks(release: &Release, instances: &BTreeMap<&'static str, u128>) -> BTreeMap<&'static str, u128> {
    let mut most: BTreeMap<&'static str, u128> = BTreeMap::new();
    for task in &release.tasks {
        for (name, amount) in release.service(&task.service).map(of_one).unwrap_or_default() {
            let there = match task.before {
                Before::Start => instances.get(name).copied().unwrap_or(0),
                Before::Switch => 0,
            };
            let more = most.entry(name).or_default();
            *more = (*more).max(amount.saturating_sub(there));
        }
    }
    if !release.tasks.is_empty() {
        most.insert(JOBS, 1000);
    }
    most
}

/// What one pod of a service needs.
fn of_one(service: &Service) -> BTreeMap<&'static str, u128> {
    let mut all = BTreeMap::from([("pods", 1000), ("count/pods", 1000)]);
    if let Some(bytes) = service.limits.memory {
        all.extend(
            ["memory", "requests.memory", "limits.memory"].map(|name| (name, u128::from(bytes) * 1000)),
        );
    }
    if let Some(millis) = service.limits.cpu_millis {
        all.extend(["cpu", "requests.cpu", "limits.cpu"].map(|name| (name, u128::from(millis))));
    }
    all
}

/// What a release needs beside the live one that goes pod by pod as it comes: the most of what is there at the beginning, when the first
/// have come and nobody has gone, and at the end, when nearly all have come. Between the two it lies between them.
pub(super) fn needed_to_roll(
    release: &Release,
    live: &Release,
    rolling: Rolling,
) -> BTreeMap<&'static str, u128> {
    let mut all: BTreeMap<&'static str, u128> = BTreeMap::new();
    for service in &release.services {
        let former = live.service(&service.name);
        let (old, new) = (former.map_or(0, |former| former.instances), service.instances);
        let most = old.max(new).saturating_add(rolling.max_surge);
        let each_new = of_one(service);
        let each_old = former.map(of_one).unwrap_or_default();
        for (name, amount) in &each_new {
            let old_amount = each_old.get(name).copied().unwrap_or(0);
            let there = u128::from(old) * old_amount;
            // Old ones are all there still, or new ones all there already.
            let beginning = there + u128::from(new.min(most - old)) * amount;
            let end = u128::from(new) * amount + u128::from(old.min(most - new)) * old_amount;
            *all.entry(*name).or_default() += beginning.max(end).saturating_sub(there);
        }
    }
    for (name, amount) in of_tasks(release, &all) {
        *all.entry(name).or_default() += amount;
    }
    all.insert(DEPLOYMENTS, needed(release).remove(DEPLOYMENTS).unwrap_or(0));
    all
}

/// What would be passed, one sentence each, once what is `freed` is gone. A quota for some kinds of pods only says nothing here.
pub(super) fn lacks(
    quota: &ResourceQuota,
    needed: &BTreeMap<&'static str, u128>,
    freed: &[BTreeMap<&'static str, u128>],
) -> Vec<String> {
    let spec = quota.spec.as_ref();
    if spec.is_some_and(|spec| spec.scopes.is_some() || spec.scope_selector.is_some()) {
        return Vec::new();
    }
    let hard = spec.and_then(|spec| spec.hard.as_ref());
    let used = quota.status.as_ref().and_then(|status| status.used.as_ref());
    let amount_of =
        |of: Option<&BTreeMap<String, k8s_openapi::apimachinery::pkg::api::resource::Quantity>>,
         name: &str| {
            of.and_then(|all| all.get(name)).and_then(|quantity| thousandths(&quantity.0))
        };
    needed
        .iter()
        .filter_map(|(name, needs)| {
            let limit = amount_of(hard, name)?;
            let given_back: u128 = freed.iter().filter_map(|one| one.get(name)).sum();
            let now = amount_of(used, name).unwrap_or(0).saturating_sub(given_back);
            (now + needs > limit).then(|| {
                format!(
                    "the quota {} allows {} of {name}, {} are used and {} more are needed",
                    quota.name_any(),
                    shown(limit),
                    shown(now),
                    shown(*needs)
                )
            })
        })
        .collect()
}

fn shown(thousandths: u128) -> String {
    if thousandths.is_multiple_of(1000) {
        (thousandths / 1000).to_string()
    } else {
        format!("{thousandths}m")
    }
}

/// A quantity as Kubernetes writes it (`500m`, `1Gi`, `2`, `1e3`), in thousandths; none when it is none.
pub(super) fn thousandths(text: &str) -> Option<u128> {
    const SUFFIXES: [(&str, u128); 13] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("Ei", 1 << 60),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("E", 1_000_000_000_000_000_000),
        ("", 1),
    ];
    if let Some(number) = text.strip_suffix('m') {
        return number.parse().ok();
    }
    if let Some((number, exponent)) = text.split_once(['e', 'E']).filter(|(_, exponent)| !exponent.is_empty())
    {
        let power = 10_u128.checked_pow(exponent.parse().ok()?)?;
        return decimal(number)?.checked_mul(power);
    }
    let (number, factor) =
        SUFFIXES.iter().find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))?;
    decimal(number)?.checked_mul(factor)
}

/// A number with at most three digits behind the point, in thousandths; further ones are rounded up.
fn decimal(text: &str) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    if !part.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{part:0<3}");
    let more = u128::from(padded[3..].chars().any(|c| c != '0'));
    Some(whole.checked_mul(1000)? + padded[..3].parse::<u128>().ok()? + more)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_read_exactly() {
        for (text, expected) in [
            ("500m", Some(500)),
            ("2", Some(2000)),
            ("0.5", Some(500)),
            ("1.5Gi", Some(1_610_612_736_000)),
            ("1Ki", Some(1_024_000)),
            ("1k", Some(1_000_000)),
            ("1e3", Some(1_000_000)),
            ("1E", Some(1_000_000_000_000_000_000_000)),
            ("0.0001", Some(1)),
            ("", Some(0)),
            ("x", None),
            ("1x", None),
        ] {
            assert_eq!(thousandths(text), expected, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_beside_what_is_there_is_said() {
        let quota: ResourceQuota = serde_json::from_value(json!({
            "metadata": { "name": "small" },
            "spec": { "hard": { "pods": "3", "requests.cpu": "1" } },
            "status": { "used": { "pods": "2", "requests.cpu": "400m" } },
        }))
        .unwrap();
        let needed = BTreeMap::from([("pods", 2000), ("requests.cpu", 600)]);
        assert_eq!(
            lacks(&quota, &needed, &[]),
            ["the quota small allows 3 of pods, 2 are used and 2 more are needed"]
        );
        assert!(lacks(&quota, &BTreeMap::from([("pods", 1000)]), &[]).is_empty());
        assert!(
            lacks(&quota, &needed, &[BTreeMap::from([("pods", 1000)])]).is_empty(),
            "who stands by goes first"
        );
    }

    #[test]
    fn a_roll_needs_the_most_of_its_beginning_and_its_end() {
        let release = |instances: u32, memory: u64| -> Release {
            let service = json!({
                "name": "web", "command": [], "traffic": null, "instances": instances, "drain": 0,
                "stop": { "signal": 15, "grace": 0 }, "limits": { "memory": memory, "cpu_millis": null },
                "health": { "probe": { "by": "connect" }, "interval": 0, "timeout": 0, "start_period": 0, "healthy_after": 1, "unhealthy_after": 1 },
                "configuration": {},
            });
            serde_json::from_value(json!({
                "id": "r1-abcdef", "number": 1, "key": "shop/staging", "target": "kubernetes", "artifact": "",
                "listen": "127.0.0.1:80", "hosts": [], "services": [service], "content": "", "created_at": "2026-11-26T12:00:00Z",
                "rollout": {
                    "deadline": 0, "bake": 0, "max_error_rate": 0.0, "max_p95": 0, "min_requests": 0, "on_no_data": "probe", "warm": 0,
                    "keep": 1,
                },
            }))
            .unwrap()
        };
        let rolling = Rolling { max_unavailable: 0, max_surge: 1 };
        for ((old, each_old), (new, each_new), pods, memory) in [
            ((3, 10), (3, 10), 1, 10),
            // The last of the former ones is there beside all of the new ones.
            ((3, 10), (3, 20), 1, 3 * 20 + 10 - 3 * 10),
            ((3, 20), (3, 10), 1, 10),
            ((2, 10), (5, 10), 4, 40),
            ((5, 10), (2, 10), 1, 10),
        ] {
            let needed = needed_to_roll(&release(new, each_new), &release(old, each_old), rolling);
            assert_eq!((needed["pods"], needed["memory"]), (pods * 1000, memory * 1000), "{old} to {new}");
        }
    }
}
