//! Whether a control plane and an edge run on the state folder. Neither has to: they are started when needed.

use std::net::SocketAddr;

use bascule_edge::EdgeClient;
use bascule_server::api::EnvironmentStatus;
use bascule_server::client::Client;

use super::Finding;
use crate::context::Context;

/// What the control plane said.
pub struct Reached {
    /// Whether it runs.
    pub finding: Finding,
    /// The addresses that it has opened for users: taken, but by ourselves.
    pub listening: Vec<SocketAddr>,
}

/// Asks the control plane.
pub async fn control_plane(context: &Context) -> Reached {
    const CHECK: &str = "control plane";
    let none = |finding| Reached { finding, listening: Vec::new() };
    let Ok(state) = context.state() else {
        return none(Finding::good(CHECK, "does not run"));
    };
    let client = Client::new(&state);
    let Some(hello) = client.hello().await else {
        return none(Finding::good(CHECK, "does not run; the first command that needs it starts it"));
    };
    let own = env!("CARGO_PKG_VERSION");
    let finding = if hello.version == own {
        Finding::good(CHECK, format!("runs (pid {}, version {own})", hello.pid))
    } else {
        Finding::warning(
            CHECK,
            format!("runs in version {} (pid {}); this program is {own}", hello.version, hello.pid),
            format!("`kill {}`: the next command starts the new one, traffic goes on", hello.pid),
        )
    };
    let all: Vec<EnvironmentStatus> = client.get("/v1/environments").await.unwrap_or_default();
    let listening = all.iter().filter_map(|one| one.listen.as_ref()?.parse().ok()).collect();
    Reached { finding, listening }
}

/// Asks the edge.
pub async fn edge(context: &Context) -> Finding {
    const CHECK: &str = "edge";
    let Ok(state) = context.state() else {
        return Finding::good(CHECK, "does not run");
    };
    match EdgeClient::connect(&state).await {
        Ok(edge) => Finding::good(CHECK, format!("runs (pid {}, version {})", edge.pid(), edge.version())),
        Err(_) => Finding::good(CHECK, "does not run; the control plane starts it"),
    }
}
