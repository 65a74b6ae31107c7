//! Services, complete: defaults filled in, and what does not go together refused.

use std::collections::BTreeMap;

use super::command::{IN_INSTANCE, IN_WORKER};
use super::merge;
use super::resolver::Resolver;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{
    DRAIN, Health, HealthSettings, Located, Probe, Reading, Resources, Service, ServiceSettings, Stop,
    Traffic, Value,
};
use crate::release::Container;

/// Services with the settings they come from, overrides merged.
pub(super) type Services = BTreeMap<ServiceName, (Service, ServiceSettings)>;

impl Resolver<'_> {
    pub(super) fn services(&mut self, shared: &BTreeMap<String, Value>) -> Services {
        let (manifest, overrides) = (self.manifest, &self.settings.services);
        let mut services = Services::new();
        for (name, settings) in &manifest.services {
            let mut settings = merge::service(settings, overrides.get(name));
            let count = self.settings.instances.as_ref().and_then(|counts| counts.get(name));
            if let Some(count) = count {
                settings.instances = Some(count.clone());
            }
            let service = self.service(name, &settings, shared);
            services.insert(name.clone(), (service, settings));
        }
        self.check_routes(&services);
        services
    }

    fn service(
        &mut self,
        name: &ServiceName,
        settings: &ServiceSettings,
        shared: &BTreeMap<String, Value>,
    ) -> Service {
        let open = if settings.port.is_some() { &IN_INSTANCE } else { &IN_WORKER };
        if settings.reading == Reading::Complete {
            self.check_service(name, settings);
        }
        let env = self.service_env(name, shared, open);
        self.check_secret_files(name, settings, &env);
        let secret_files = self.secret_files(settings, &env);
        let (container, secret_files) = match self.container(name, settings) {
            Some(container) => (Some(Container { secret_files, ..container }), Vec::new()),
            None => (None, secret_files),
        };
        let usage = format!("the command of [services.{name}]");
        let command = settings.command.as_ref().map(|command| self.command(command, &usage, open));
        let pods = self.pods(name, settings);
        let stop = settings.stop.clone().unwrap_or_default();
        let resources = settings.resources.clone().unwrap_or_default();
        Service {
            command: command.unwrap_or_default(),
            container,
            secret_files,
            traffic: settings.port.as_ref().map(|port| Traffic {
                port: port.value,
                path: settings.path.as_ref().map(|path| path.value.clone()).unwrap_or_default(),
                hosts: match &settings.hosts {
                    Some(hosts) => hosts.iter().map(|host| host.value.clone()).collect(),
                    None => self.hosts(),
                },
            }),
            instances: match &pods.scale {
                Some(scale) => scale.min,
                None => settings.instances.as_ref().map_or(1, |instances| instances.value),
            },
            pods,
            drain: value_or(settings.drain.as_ref(), DRAIN),
            stop: Stop {
                signal: value_or(stop.signal.as_ref(), Stop::default().signal),
                grace: value_or(stop.grace.as_ref(), Stop::default().grace),
            },
            resources: Resources {
                memory: resources.memory.map(|memory| memory.value),
                cpu: resources.cpu.map(|cpu| cpu.value),
                pids: resources.pids.map(|pids| pids.value),
            },
            health: health(settings),
            env,
        }
    }

    fn check_service(&mut self, name: &ServiceName, settings: &ServiceSettings) {
        self.check_no_container(settings);
        self.check_no_pods(settings);
        if settings.command.is_none() && !self.target().runs_containers() {
            self.problems.push(
                Diagnostic::new(
                    Code::MissingKey,
                    &settings.span,
                    format!("the service `{name}` has no command"),
                )
                .label("`command` is missing")
                .help("write what an instance runs, as in command = [\"./shop\", \"--port\", \"$PORT\"]"),
            );
        }
        if settings.port.is_none() {
            self.check_worker(name, settings);
        } else if let Some(none) = settings.instances.as_ref().filter(|instances| instances.value == 0) {
            let message = format!("`{name}` gets requests, and no instance to answer them");
            let problem = Diagnostic::new(Code::BadValue, &none.span, message).label("expected 1 to 1000");
            self.problems.push(problem.help("only a service without `port` can have 0 instances"));
        }
    }

    /// What needs a port must not be set without one.
    fn check_worker(&mut self, name: &ServiceName, settings: &ServiceSettings) {
        let health = settings.health.clone().unwrap_or_default();
        let first_host = settings.hosts.as_ref().and_then(|hosts| hosts.first());
        let places = [
            ("path", settings.path.as_ref().map(|path| path.span.clone())),
            ("hosts", first_host.map(|host| host.span.clone())),
            ("health.path", health.path.map(|path| path.span)),
            ("health.interval", health.interval.map(|interval| interval.span)),
            ("health.timeout", health.timeout.map(|timeout| timeout.span)),
            ("health.healthy_after", health.healthy_after.map(|count| count.span)),
            ("health.unhealthy_after", health.unhealthy_after.map(|count| count.span)),
        ];
        for (key, span) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` of `{name}` has no use: the service has no `port`");
            let help = if key.starts_with("health") {
                "a service without `port` is ready when it has run for `start_period`; add `port` if it takes requests"
            } else {
                "add `port` if it takes requests, or leave this out"
            };
            self.problems
                .push(Diagnostic::new(Code::Conflict, &span, message).label("needs a `port`").help(help));
        }
    }

    /// No two services may want the same requests.
    fn check_routes(&mut self, services: &Services) {
        let routed: Vec<_> = services
            .iter()
            .filter(|(_, (_, settings))| settings.reading == Reading::Complete)
            .filter_map(|(name, (service, settings))| Some((name, service.traffic.as_ref()?, settings)))
            .collect();
        for (at, (name, traffic, settings)) in routed.iter().enumerate() {
            let other = routed[..at].iter().find(|(_, other, _)| {
                let same_hosts = (traffic.hosts.is_empty() && other.hosts.is_empty())
                    || traffic.hosts.iter().any(|host| other.hosts.contains(host));
                other.path == traffic.path && same_hosts
            });
            let Some((other_name, _, other_settings)) = other else { continue };
            let message = format!("`{other_name}` and `{name}` both want the requests to {}", traffic.path);
            self.problems.push(
                Diagnostic::new(Code::Conflict, &route_span(settings), message)
                    .label("the same requests")
                    .related(&route_span(other_settings), "as here")
                    .help(format!(
                        "give one of them a `path` or `hosts` of its own, as in path = \"/{name}\""
                    )),
            );
        }
    }
}

/// Where the route of a service is written.
fn route_span(settings: &ServiceSettings) -> std::ops::Range<usize> {
    let path = settings.path.as_ref().map(|path| &path.span);
    path.or(settings.port.as_ref().map(|port| &port.span)).unwrap_or(&settings.span).clone()
}

fn health(settings: &ServiceSettings) -> Health {
    let HealthSettings { path, interval, timeout, start_period, healthy_after, unhealthy_after } =
        settings.health.clone().unwrap_or_default();
    let probe = match (settings.port.is_some(), path) {
        (true, Some(path)) => Probe::Http { path: path.value },
        (true, None) => Probe::Tcp,
        (false, _) => Probe::Running,
    };
    let usual = Health::usual(probe);
    Health {
        interval: value_or(interval.as_ref(), usual.interval),
        timeout: value_or(timeout.as_ref(), usual.timeout),
        start_period: value_or(start_period.as_ref(), usual.start_period),
        healthy_after: value_or(healthy_after.as_ref(), usual.healthy_after),
        unhealthy_after: value_or(unhealthy_after.as_ref(), usual.unhealthy_after),
        probe: usual.probe,
    }
}

fn value_or<T: Copy>(setting: Option<&Located<T>>, usual: T) -> T {
    setting.map_or(usual, |setting| setting.value)
}
