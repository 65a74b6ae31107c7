//! Reads `[rollout]`.

use super::keys;
use super::reader::{Node, Reader};
use super::scalars::{PERCENT, duration, number, parsed, word};
use super::service::{DAY, HOUR, MOMENT};
use crate::manifest::types::{OnNoData, RolloutSettings, Strategy};
use crate::units::Duration;

const MONTH: Duration = Duration::from_seconds(30 * 86_400);

/// The words of `strategy`.
pub(crate) const STRATEGIES: [(&str, Strategy); 2] =
    [("blue-green", Strategy::BlueGreen), ("rolling", Strategy::Rolling)];

/// The words of `on_no_data`.
pub(crate) const ON_NO_DATA: [(&str, OnNoData); 3] =
    [("probe", OnNoData::Probe), ("wait", OnNoData::Wait), ("fail", OnNoData::Fail)];

/// `[rollout]`
pub(crate) fn rollout<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<RolloutSettings> {
    let section = reader.section(node, place, &keys::ROLLOUT)?;
    Some(RolloutSettings {
        strategy: section.read(reader, "strategy", |r, key, node| word(r, key, node, &STRATEGIES)),
        max_unavailable: section
            .read(reader, "max_unavailable", |r, key, node| number(r, key, node, 0..=1_000)),
        max_surge: section.read(reader, "max_surge", |r, key, node| number(r, key, node, 1..=1_000)),
        deadline: section.read(reader, "deadline", |r, key, node| duration(r, key, node, MOMENT..=DAY)),
        bake: section.read(reader, "bake", |r, key, node| duration(r, key, node, Duration::ZERO..=DAY)),
        max_error_rate: section.read(reader, "max_error_rate", |r, key, node| parsed(r, key, node, &PERCENT)),
        max_p95: section.read(reader, "max_p95", |r, key, node| duration(r, key, node, MOMENT..=HOUR)),
        min_requests: section
            .read(reader, "min_requests", |r, key, node| number(r, key, node, 0..=1_000_000_000)),
        on_no_data: section.read(reader, "on_no_data", |r, key, node| word(r, key, node, &ON_NO_DATA)),
        warm: section.read(reader, "warm", |r, key, node| duration(r, key, node, Duration::ZERO..=MONTH)),
        keep: section.read(reader, "keep", |r, key, node| number(r, key, node, 1..=1_000)),
    })
}
