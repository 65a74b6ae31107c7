//! Who may come in to a service's pods, and whether that leaves users a way.

use super::resolver::Resolver;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{NetworkSettings, Reading, ServiceSettings};
use crate::release::{Network, Peer, ServiceKind};

const EXAMPLE: &str = "write network = { from = [\"app\", \"namespace/ingress-nginx\"] }, or as it is needed";

impl Resolver<'_> {
    pub(super) fn network(
        &mut self,
        name: &ServiceName,
        settings: &ServiceSettings,
        network: &NetworkSettings,
    ) -> Option<Network> {
        let Some(from) = &network.from else {
            if settings.reading == Reading::Complete {
                let message = format!("`network` of `{name}` does not say who may come in");
                let problem = Diagnostic::new(Code::MissingKey, &network.span, message);
                self.problems.push(problem.label("`from` is missing").help(EXAMPLE));
            }
            return None;
        };
        let from: Vec<Peer> = from.iter().map(|peer| peer.value.clone()).collect();
        let kubernetes = self.settings.kubernetes.as_ref();
        let kind = kubernetes.and_then(|kubernetes| kubernetes.service.as_ref()?.kind.as_ref());
        let kind = kind.map(|kind| kind.value).unwrap_or_default();
        let has_a_door = settings.port.is_some() && kind != ServiceKind::ClusterIP;
        if has_a_door && !from.iter().any(Peer::is_outside) {
            let message = format!(
                "`network` of `{name}` lets in nobody from outside of the cluster, and in {} users come in through a {}",
                self.environment,
                kind.as_str()
            );
            let problem = Diagnostic::new(Code::Conflict, &network.span, message).label("no users come in");
            self.problems.push(problem.help(
                "name the addresses that users and the cluster's nodes have, as in from = [\"10.0.0.0/8\"], or write \"everyone\"",
            ));
        }
        Some(Network { from })
    }
}
