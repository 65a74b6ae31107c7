//! The load against the real example application: all is well, an injected error is no loss, a stop is polite.

use crate::server::{Server, load_until, reach};
use anyhow::Result;
use bascule_load::{Cause, Kind, Profile};

/// Some of each kind, with short bodies: these tests are about counting, not about volume.
fn some_of_each(shop: &Server) -> Profile {
    Profile {
        http1: 4,
        http2: 4,
        slow: 2,
        slow_for: std::time::Duration::from_millis(20),
        downloads: 2,
        uploads: 4,
        body_bytes: 300_000,
        events: 2,
        event_ticks: 2,
        websockets: 2,
        rate_per_second: Some(200.0),
        ..shop.profile()
    }
}

#[tokio::test]
async fn every_kind_succeeds_and_nothing_is_lost() -> Result<()> {
    let shop = Server::shop(&[("SHOP_VERSION", "1")])?;
    let figures = load_until(some_of_each(&shop), |figures| {
        figures.kinds.len() == 7
            && figures.kinds.iter().all(|(kind, counts)| *kind == Kind::Websocket || counts.ok >= 4)
            && figures.websockets.echoed >= 4
            && figures.events.completed >= 2
    })
    .await?;
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert_eq!((figures.injected(), figures.retries().unsent, figures.retries().reused), (0, 0, 0));
    for (kind, counts) in &figures.kinds {
        assert_eq!(counts.under_way(), 0, "{kind:?} left something under way: {counts:?}");
    }
    assert_eq!(figures.websockets.left, 2);
    assert_eq!(figures.websockets.opened, 2);
    assert!(figures.versions["1"].answers >= 20);
    let latency = figures.latency;
    assert!(0 < latency.p50_us && latency.p50_us <= latency.p999_us && latency.p999_us <= latency.max_us);
    assert!(figures.max_gap_ms > 0.0);
    shop.stop()
}

#[tokio::test]
async fn figures_survive_json() -> Result<()> {
    let shop = Server::shop(&[])?;
    let figures = load_until(some_of_each(&shop), |figures| figures.ok() >= 20).await?;
    let text = serde_json::to_string(&figures)?;
    assert!(text.contains(r#""http1":{"started":"#), "{text}");
    assert_eq!(serde_json::from_str::<bascule_load::Figures>(&text)?, figures);
    shop.stop()
}

#[tokio::test]
async fn errors_that_the_shop_was_told_to_make_are_not_losses() -> Result<()> {
    let shop = Server::shop(&[("SHOP_FAULT_ERROR_RATE", "50%")])?;
    let profile = Profile { rate_per_second: None, ..some_of_each(&shop) };
    let figures = load_until(profile, |figures| {
        [Kind::Http1, Kind::Http2, Kind::Slow, Kind::Download, Kind::Upload, Kind::Events]
            .iter()
            .all(|kind| figures.kinds.get(kind).is_some_and(|counts| counts.injected >= 2 && counts.ok >= 2))
    })
    .await?;
    assert_eq!(figures.failed(), 0, "{:#?}", figures.failures);
    assert_eq!(figures.kinds[&Kind::Websocket].injected, 0);
    shop.stop()
}

#[tokio::test]
async fn a_shop_that_stops_ends_its_streams_politely() -> Result<()> {
    let shop = Server::shop(&[])?;
    let profile = Profile { events: 3, event_ticks: 1_000_000, websockets: 3, ..shop.profile() };
    let load = bascule_load::start(profile)?;
    reach(&load, |figures| figures.events.ticks >= 6 && figures.websockets.echoed >= 3).await?;
    shop.stop()?;
    let figures = reach(&load, |figures| {
        let ended: u64 = figures.websockets.closed.values().sum::<u64>() + figures.events.farewells;
        figures.failed_by(Cause::Refused) > 0
            && figures.kinds.values().all(|counts| counts.ok >= 3)
            && ended >= figures.websockets.opened + figures.events.opened
    })
    .await?;
    // Whoever was told to go may come again before the door is closed, and is told again: what was opened ended politely.
    assert_eq!(figures.websockets.closed.get(&1001), Some(&figures.websockets.opened));
    assert_eq!(figures.events.farewells, figures.events.opened);
    assert!(figures.websockets.opened >= 3 && figures.events.opened >= 3, "{figures:#?}");
    assert_eq!((figures.websockets.cut, figures.events.cut, figures.events.ended_early), (0, 0, 0));
    // Nobody listens there any more: connections are refused, or reset when they were waiting to be accepted.
    let unconnected = [Cause::Refused, Cause::Reset, Cause::Closed].map(|cause| figures.failed_by(cause));
    assert_eq!(figures.failed(), unconnected.iter().sum::<u64>(), "{:#?}", figures.failures);
    load.stop().await;
    Ok(())
}
