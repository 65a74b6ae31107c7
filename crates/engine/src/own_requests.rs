//! What requests of our own ask for during a bake: what the manifest says, else what a check asks for. Pure.

use bascule_model::release::{Action, Check, Probe, Service};

use crate::check_place::host_of;
use crate::context::Loaded;
use crate::ports::{Wanted, traffic_services};

/// The request that stands for users'; none where the release asks for none.
pub(crate) fn wanted(loaded: &Loaded) -> Option<Wanted> {
    let probe = loaded.release.cluster.as_ref()?.probe.as_ref()?;
    let service = at_the_root(loaded)?;
    let path = probe.path.clone().or_else(|| checked(loaded, service)).unwrap_or_else(|| health(service));
    Some(Wanted { path, host: host_of(&loaded.release, &service.name) })
}

/// The service that gets `/`: users' door leads to it.
fn at_the_root(loaded: &Loaded) -> Option<&Service> {
    let is_root = |service: &&Service| service.traffic.as_ref().is_some_and(|traffic| traffic.path == "/");
    let mut all = traffic_services(&loaded.release);
    all.clone().find(is_root).or_else(|| all.next())
}

fn checked(loaded: &Loaded, service: &Service) -> Option<String> {
    let is_its = |check: &&Check| check.service.as_ref().is_none_or(|name| *name == service.name);
    let is_well = |check: &&Check| check.expect.status.is_none_or(|status| status < 500);
    loaded.configuration.verify.iter().filter(is_its).filter(is_well).find_map(|check| match &check.action {
        // Headers may be a login, which is not for a load.
        Action::Request { method, path, headers, body: None } if method == "GET" && headers.is_empty() => {
            Some(path.clone())
        }
        _ => None,
    })
}

fn health(service: &Service) -> String {
    match &service.health.probe {
        Probe::Http { path } => path.clone(),
        _ => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use bascule_model::release::{Cluster, Configuration, ProbeLoad, ServiceKind};

    use super::*;
    use crate::testing::release;

    fn loaded(path: Option<&str>, verify: Vec<Check>) -> Loaded {
        let mut release = release("staging", &[]);
        release.cluster = Some(Cluster {
            context: None,
            namespace: "shop".to_owned(),
            service: ServiceKind::NodePort,
            node_port: None,
            observe: None,
            probe: Some(ProbeLoad { rate: 20, path: path.map(str::to_owned) }),
            service_name: None,
            route: None,
            adopt: None,
            mirror: true,
            pull_secrets: Vec::new(),
            patches: Vec::new(),
            manifests: Vec::new(),
        });
        let configuration = Configuration { verify, ..Configuration::default() };
        Loaded { release, configuration, source: None, unreadable: None }
    }

    #[test]
    fn what_is_said_counts_then_a_plain_check_then_the_health_check() {
        let path = |loaded: &Loaded| wanted(loaded).unwrap().path;
        let mut of_others = Check::get("one", "/others");
        of_others.service = Some("worker".parse().unwrap());
        let mut with_login = Check::get("one", "/mine");
        if let Action::Request { headers, .. } = &mut with_login.action {
            headers.push(("Authorization".to_owned(), "x".to_owned()));
        }
        let mut by_post = Check::get("one", "/new");
        if let Action::Request { method, .. } = &mut by_post.action {
            "POST".clone_into(method);
        }
        let mut broken = Check::get("one", "/broken");
        broken.expect.status = Some(503);
        let useless = vec![by_post, of_others, with_login, broken];
        assert_eq!(path(&loaded(None, useless.clone())), "/");
        let mut by_health = loaded(None, useless.clone());
        by_health.release.services[0].health.probe = Probe::Http { path: "/health".to_owned() };
        assert_eq!(path(&by_health), "/health");
        let all: Vec<Check> = useless.into_iter().chain([Check::get("one", "/orders?few")]).collect();
        assert_eq!(path(&loaded(None, all.clone())), "/orders?few");
        assert_eq!(path(&loaded(Some("/said"), all)), "/said");
    }

    #[test]
    fn users_names_are_sent_and_nothing_is_where_nothing_is_wanted() {
        let mut named = loaded(None, Vec::new());
        named.release.hosts = vec!["*.shop.test".to_owned()];
        assert_eq!(wanted(&named).unwrap().host.as_deref(), Some("check.shop.test"));
        named.release.cluster.as_mut().unwrap().probe = None;
        assert_eq!(wanted(&named), None);
        named.release.cluster = None;
        assert_eq!(wanted(&named), None);
    }
}
