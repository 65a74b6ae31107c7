//! What `switch = "route"` needs, and what has no meaning beside it.

use std::ops::Range;

use super::merge;
use super::resolver::Resolver;
use super::service::Services;
use crate::ids::{ServiceName, Slot};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{KubernetesSettings, RouteSettings, Strategy, SwitchBy};
use crate::release::{Route, ServiceKind};

const EXAMPLE: &str =
    "write route = { kind = \"Ingress\", name = \"shop\" }, or as it is called in the namespace";
const SELECTOR: &str = "write switch = \"selector\", or leave this out";

impl Resolver<'_> {
    /// The object whose backends are swapped to move users; none where what Services select is.
    pub(super) fn route(&mut self, services: &Services) -> Option<Route> {
        let kubernetes = self.settings.kubernetes.as_ref()?;
        let switch = kubernetes.switch.as_ref();
        let Some(switch) = switch.filter(|switch| switch.value == SwitchBy::Route) else {
            if let Some(route) = &kubernetes.route {
                let message = "`route` has no use: users are moved by what a Service selects";
                let problem = Diagnostic::new(Code::Conflict, &route.span, message)
                    .label("for switch = \"route\" only");
                self.problems.push(problem.help("write switch = \"route\" beside it, or leave it out"));
            }
            return None;
        };
        self.check_beside_route(kubernetes, &switch.span);
        let Some(route) = &kubernetes.route else {
            let message = "`switch` does not say whose backends are to be swapped";
            let problem = Diagnostic::new(Code::MissingKey, &switch.span, message);
            self.problems.push(problem.label("`route` is missing").help(EXAMPLE));
            return None;
        };
        self.check_routed(route, services);
        let (Some(kind), Some(name)) = (&route.kind, &route.name) else {
            for (key, is_said) in [("kind", route.kind.is_some()), ("name", route.name.is_some())] {
                if !is_said {
                    let message = format!("`route` does not say its `{key}`");
                    let problem = Diagnostic::new(Code::MissingKey, &route.span, message);
                    self.problems.push(problem.label(format!("`{key}` is missing")).help(EXAMPLE));
                }
            }
            return None;
        };
        let named = route.services.iter().flatten().map(|service| service.value.clone());
        Some(Route { kind: kind.value, name: name.value.clone(), services: named.collect() })
    }

    /// What says otherwise who is live, or how users come in.
    fn check_beside_route(&mut self, kubernetes: &KubernetesSettings, switch: &Range<usize>) {
        let rollout = merge::rollout(self.manifest.rollout.as_ref(), self.settings.rollout.as_ref());
        if rollout.strategy == Strategy::Rolling {
            let message = "with \"rolling\" one Service leads to both releases, and a route leads to one of two Services";
            let problem =
                Diagnostic::new(Code::Conflict, switch, message).label("not with strategy = \"rolling\"");
            self.problems
                .push(problem.help("write strategy = \"blue-green\" here, or switch = \"selector\""));
        }
        if let Some(adopt) = &kubernetes.adopt {
            let message = "what is taken over has one Service of its own, and a route leads to one of two";
            let problem =
                Diagnostic::new(Code::Conflict, &adopt.span, message).label("not with switch = \"route\"");
            self.problems.push(problem.help(SELECTOR));
        }
        let service = kubernetes.service.as_ref();
        let kind = service.and_then(|service| service.kind.as_ref());
        let balanced = kind.filter(|kind| kind.value == ServiceKind::LoadBalancer);
        let places = [
            (
                "node_port",
                service.and_then(|service| service.node_port.as_ref()).map(|it| it.span.clone()),
                "two Services cannot have one port of the nodes",
            ),
            (
                "name",
                service.and_then(|service| service.name.as_ref()).map(|it| it.span.clone()),
                "there are two Services, blue and green",
            ),
            ("type", balanced.map(|it| it.span.clone()), "users would come in by two load balancers"),
        ];
        for (key, span, why) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` cannot be had with switch = \"route\": {why}");
            let problem =
                Diagnostic::new(Code::Conflict, &span, message).label("not with switch = \"route\"");
            self.problems.push(problem.help(SELECTOR));
        }
    }

    /// Whether users can come to the services that are named, and to the one that says who is live.
    fn check_routed(&mut self, route: &RouteSettings, services: &Services) {
        let with_port: Vec<_> =
            services.iter().filter(|(_, (service, _))| service.traffic.is_some()).collect();
        for named in route.services.iter().flatten() {
            let is_known = services.contains_key(&named.value);
            if is_known && !with_port.iter().any(|(name, _)| **name == named.value) {
                let message = format!("`services`: `{}` has no `port`", named.value);
                let problem = Diagnostic::new(Code::Conflict, &named.span, message);
                self.problems
                    .push(problem.label("no users come to it").help("leave it out, or write its `port`"));
            }
        }
        let is_routed = |name: &ServiceName| {
            route.services.as_ref().is_none_or(|all| all.iter().any(|one| one.value == *name))
        };
        let is_root = |service: &crate::manifest::types::Service| {
            service.traffic.as_ref().is_some_and(|traffic| traffic.path.as_str() == "/")
        };
        let lead = with_port.iter().find(|(_, (service, _))| is_root(service)).or(with_port.first());
        if let Some((name, _)) = lead.filter(|(name, _)| !is_routed(name)) {
            let message = format!("`services` leaves out `{name}`, which says who is live");
            let problem = Diagnostic::new(Code::Conflict, &route.span, message);
            let help = format!("name `{name}` as well");
            self.problems.push(problem.label(format!("without `{name}`")).help(help));
        }
        // Each of two Services is called by its slot.
        for (name, _) in with_port.iter().filter(|(name, _)| is_routed(name)) {
            let twin = Slot::ALL.map(|slot| format!("{name}-{slot}"));
            if let Some((other, _)) =
                services.iter().find(|(other, _)| twin.iter().any(|it| it == other.as_str()))
            {
                let message = format!(
                    "the service `{other}` is called as one of the two Services of `{name}` would be"
                );
                let problem = Diagnostic::new(Code::Conflict, &route.span, message);
                self.problems.push(problem.label("one name for two").help("call one of them otherwise"));
            }
        }
    }
}
