//! The engine's checks, carried out by the health crate.

use std::net::SocketAddr;

use async_trait::async_trait;
use bascule_engine::ports::{CheckPlace, Checker};
use bascule_model::evidence::{CheckResult, ProbeResult};
use bascule_model::release::{Check, Health};

/// Asks over HTTP and TCP, and runs command checks.
#[derive(Debug, Default)]
pub struct RealChecker;

#[async_trait]
impl Checker for RealChecker {
    async fn probe(&self, address: SocketAddr, health: &Health) -> ProbeResult {
        bascule_health::probe(address, health).await
    }

    async fn check(&self, check: &Check, at: &CheckPlace) -> CheckResult {
        let place = bascule_health::Place {
            address: at.address,
            host: at.host.clone(),
            env: at.env.clone(),
            folder: at.folder.clone(),
        };
        bascule_health::check(check, &place).await
    }
}
