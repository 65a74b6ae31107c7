//! Edges, instances, clients and load for the tests.

pub mod client;
pub mod edge;
pub mod instance;
pub mod load;
pub mod scripted;
pub mod websocket;

use std::time::Duration;

/// How long a test waits for something that has to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a question is answered with yes.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut question: F) {
    let asking = async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, asking).await.is_ok(), "waited in vain: {what}");
}
