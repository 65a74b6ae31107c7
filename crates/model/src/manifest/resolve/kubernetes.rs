//! Where in which cluster an environment is, and what has no meaning there.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;

use super::resolver::Resolver;
use super::service::Services;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{
    Located, ObserveSettings, ProbeSettings, Reading, ScaleSettings, ServiceSettings, Target,
};
use crate::release::{Cluster, Observe, Pods, ProbeLoad, Scale, ServiceKind};

/// The namespace of whoever names none.
const NAMESPACE: &str = "default";
/// The share of the requested cores that is aimed at when nothing is said, in percent.
const CPU: u32 = 80;

impl Resolver<'_> {
    /// None where the target is no cluster.
    pub(super) fn cluster(&mut self, services: &Services) -> Option<Cluster> {
        if self.target() != Target::Kubernetes {
            self.check_no_cluster();
            return None;
        }
        let kubernetes = self.settings.kubernetes.as_ref();
        let service = kubernetes.and_then(|kubernetes| kubernetes.service.as_ref());
        let pull_secrets = kubernetes.and_then(|kubernetes| kubernetes.pull_secrets.as_ref());
        let kind = service.and_then(|service| service.kind.as_ref());
        let node_port = service.and_then(|service| service.node_port.as_ref());
        let resolved = kind.map(|kind| kind.value).unwrap_or_default();
        if let Some(port) = node_port.filter(|_| resolved == ServiceKind::ClusterIP) {
            let message = "`node_port` has no use: a ClusterIP has no port of the nodes";
            let problem =
                Diagnostic::new(Code::Conflict, &port.span, message).label("for NodePort and LoadBalancer");
            self.problems.push(problem.help("write service = { type = \"NodePort\", node_port = 30080 }"));
        }
        let text = |setting: &Option<Located<String>>| setting.as_ref().map(|setting| setting.value.clone());
        let (observe, probe) = self.figures();
        let patches = self.patches(services);
        let namespace = text(&self.settings.namespace).unwrap_or_else(|| NAMESPACE.to_owned());
        let manifests = self.extra_objects(&namespace);
        let route = self.route(services);
        Some(Cluster {
            context: text(&self.settings.context),
            namespace,
            service: resolved,
            node_port: node_port.map(|port| port.value),
            service_name: service.and_then(|service| text(&service.name)),
            route,
            adopt: kubernetes.and_then(|kubernetes| text(&kubernetes.adopt)),
            observe,
            probe,
            mirror: kubernetes
                .and_then(|kubernetes| kubernetes.mirror.as_ref())
                .is_none_or(|mirror| mirror.value),
            pull_secrets: pull_secrets.into_iter().flatten().map(|name| name.value.clone()).collect(),
            patches,
            manifests,
        })
    }

    /// Where the figures of a bake come from: from who is nearer to the environment, a Prometheus or requests of our own.
    fn figures(&mut self) -> (Option<Observe>, Option<ProbeLoad>) {
        let tables = [self.settings.observe.as_ref(), self.manifest.observe.as_ref()];
        let says = |one: &&ObserveSettings| one.prometheus.is_some() || one.probe.is_some();
        let Some(nearest) = tables.into_iter().flatten().find(says) else { return (None, None) };
        let Some(probe) = &nearest.probe else { return (self.observe(), None) };
        if nearest.prometheus.is_some() {
            let message = "`probe` is for where no Prometheus counts users' requests, and here is one";
            let problem = Diagnostic::new(Code::Conflict, &probe.span, message).label("beside `prometheus`");
            self.problems.push(problem.help("leave one of them out"));
        }
        (None, self.probe(probe))
    }

    fn probe(&mut self, probe: &ProbeSettings) -> Option<ProbeLoad> {
        let Some(rate) = &probe.rate else {
            let message = "`probe` does not say how many requests";
            let problem = Diagnostic::new(Code::MissingKey, &probe.span, message).label("`rate` is missing");
            self.problems.push(problem.help("write probe = { rate = 20 }: so many in a second"));
            return None;
        };
        Some(ProbeLoad { rate: rate.value, path: probe.path.as_ref().map(|path| path.value.clone()) })
    }

    /// Who is asked for users' requests: nobody where no address is said.
    fn observe(&self) -> Option<Observe> {
        let settings = [self.settings.observe.as_ref(), self.manifest.observe.as_ref()];
        let text = |of: fn(&ObserveSettings) -> &Option<Located<String>>| {
            settings.into_iter().flatten().find_map(|one| of(one).as_ref()).map(|it| it.value.clone())
        };
        let by = settings.into_iter().flatten().find_map(|one| one.by.as_ref());
        Some(Observe {
            prometheus: text(|one| &one.prometheus)?,
            by: by.map(|by| by.value).unwrap_or_default(),
            requests: text(|one| &one.requests),
            errors: text(|one| &one.errors),
            latency: text(|one| &one.latency),
        })
    }

    /// Where users come in when nothing says so: the port of this node, where it has one.
    pub(super) fn door_of(cluster: Option<&Cluster>, usual: SocketAddr) -> SocketAddr {
        let port = cluster.and_then(|cluster| cluster.node_port);
        port.map_or(usual, |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    fn check_no_cluster(&mut self) {
        let settings = self.settings;
        let service = settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.service.as_ref());
        let observe = settings.observe.as_ref();
        let pull_secret =
            settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.pull_secrets.as_ref()?.first());
        let adopt = settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.adopt.as_ref());
        let patch = settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.patches.as_ref()?.first());
        let files =
            settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.manifests.as_ref()?.first());
        let kubernetes = settings.kubernetes.as_ref();
        let switch = kubernetes.and_then(|kubernetes| kubernetes.switch.as_ref());
        let route = kubernetes.and_then(|kubernetes| kubernetes.route.as_ref());
        let mirror = kubernetes.and_then(|kubernetes| kubernetes.mirror.as_ref());
        let places: [(&str, Option<Range<usize>>); 14] = [
            ("namespace", settings.namespace.as_ref().map(|it| it.span.clone())),
            ("context", settings.context.as_ref().map(|it| it.span.clone())),
            ("service", service.and_then(|it| it.kind.as_ref()).map(|it| it.span.clone())),
            ("observe", observe.and_then(|it| it.prometheus.as_ref()).map(|it| it.span.clone())),
            ("probe", observe.and_then(|it| it.probe.as_ref()).map(|it| it.span.clone())),
            ("name", service.and_then(|it| it.name.as_ref()).map(|it| it.span.clone())),
            ("switch", switch.map(|it| it.span.clone())),
            ("route", route.map(|it| it.span.clone())),
            ("mirror", mirror.map(|it| it.span.clone())),
            ("adopt", adopt.map(|it| it.span.clone())),
            ("pull_secrets", pull_secret.map(|it| it.span.clone())),
            ("manifests", files.map(|it| it.span.clone())),
            ("patches", patch.map(|it| it.span.clone())),
            ("node_port", service.and_then(|it| it.node_port.as_ref()).map(|it| it.span.clone())),
        ];
        for (key, span) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` has no use: {} is in no cluster", self.environment);
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("for Kubernetes only");
            self.problems.push(problem.help("write target = \"kubernetes\" here, or leave this out"));
        }
    }

    /// What the cluster may do about the number of pods; nothing where the target is no cluster.
    pub(super) fn pods(&mut self, name: &ServiceName, settings: &ServiceSettings) -> Pods {
        if self.target() != Target::Kubernetes {
            return Pods::default();
        }
        Pods {
            scale: settings.scale.as_ref().and_then(|scale| self.scale(name, settings, scale)),
            max_unavailable: settings.max_unavailable.as_ref().map(|most| most.value),
            network: settings.network.as_ref().and_then(|network| self.network(name, settings, network)),
        }
    }

    fn scale(
        &mut self,
        name: &ServiceName,
        settings: &ServiceSettings,
        scale: &ScaleSettings,
    ) -> Option<Scale> {
        let cpu = settings.resources.as_ref().and_then(|resources| resources.cpu.as_ref());
        if cpu.is_none() && settings.reading == Reading::Complete {
            let message = format!("`scale` of `{name}` has nothing to go by: its share of cores is not said");
            let problem = Diagnostic::new(Code::MissingKey, &scale.span, message);
            self.problems.push(
                problem
                    .label("needs `resources.cpu`")
                    .help("write resources = { cpu = \"500m\" }, or as it is needed"),
            );
        }
        let min = scale.min.as_ref().map_or(1, |min| min.value);
        let Some(max) = &scale.max else {
            if settings.reading == Reading::Complete {
                let message = format!("`scale` of `{name}` does not say how many instances there may be");
                let problem = Diagnostic::new(Code::MissingKey, &scale.span, message);
                self.problems.push(
                    problem
                        .label("`max` is missing")
                        .help("write scale = { min = 2, max = 10, cpu = \"70%\" }"),
                );
            }
            return None;
        };
        if max.value < min {
            let message = format!("`scale` of `{name}`: `max` = {} is less than `min` = {min}", max.value);
            let problem = Diagnostic::new(Code::Conflict, &max.span, message);
            self.problems.push(problem.label(format!("expected {min} or more")));
            return None;
        }
        let cpu = scale.cpu.as_ref().map_or(CPU, |cpu| cpu.value.parts_per_million() / 10_000);
        Some(Scale { min, max: max.value, cpu })
    }

    /// What only clusters have must not be set where there is none.
    pub(super) fn check_no_pods(&mut self, settings: &ServiceSettings) {
        let mut targets = self.manifest.environments.values().filter_map(|one| one.target.as_ref());
        if targets.any(|target| target.value == Target::Kubernetes) {
            return;
        }
        let places = [
            ("scale", settings.scale.as_ref().map(|it| it.span.clone())),
            ("max_unavailable", settings.max_unavailable.as_ref().map(|it| it.span.clone())),
            ("network", settings.network.as_ref().map(|it| it.span.clone())),
        ];
        for (key, span) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` has no use: no environment is in a cluster");
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("for Kubernetes only");
            self.problems
                .push(problem.help("write target = \"kubernetes\" in an environment, or leave this out"));
        }
    }

    /// What containers of this machine have, and pods do not.
    pub(super) fn check_pods(&mut self, settings: &ServiceSettings) {
        if self.target() != Target::Kubernetes {
            return;
        }
        let pids = settings.resources.as_ref().and_then(|resources| resources.pids.as_ref());
        let volume = settings.volumes.iter().flatten().next();
        let places = [
            (
                "volumes",
                volume.map(|it| it.span.clone()),
                "what a volume of this machine holds is not in a cluster",
            ),
            (
                "resources.pids",
                pids.map(|it| it.span.clone()),
                "Kubernetes limits processes by node, not by pod",
            ),
        ];
        for (key, span, why) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` cannot be had in {}: {why}", self.environment);
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("not on Kubernetes");
            self.problems.push(problem.help("say it in the environments on Docker alone"));
        }
    }
}
