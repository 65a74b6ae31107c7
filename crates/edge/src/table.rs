//! The route table: which release answers a host and a path on a listener. Immutable; a change makes a new one.

use std::collections::HashMap;
use std::sync::Arc;

use crate::release::Release;

/// The place of a listener in the table. An address keeps its place as long as the process lives.
pub(crate) type ListenerIndex = usize;

/// All routes.
#[derive(Debug, Default)]
pub(crate) struct Table {
    listeners: Vec<ListenerRoutes>,
}

#[derive(Debug, Default)]
struct ListenerRoutes {
    exact: HashMap<String, Paths>,
    /// Suffixes with their dot (`.example.com`), longest first.
    wildcard: Vec<(String, Paths)>,
    any: Paths,
}

/// Prefixes without a slash at the end, longest first.
#[derive(Debug, Default)]
struct Paths(Vec<(String, Target)>);

/// Who answers.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// This service of this release.
    Live(Arc<Release>, usize),
    /// The environment is known, but nobody has its traffic.
    Nobody,
}

impl Table {
    /// Adds a door: an empty `host` is any host.
    pub(crate) fn add(&mut self, listener: ListenerIndex, host: &str, prefix: &str, target: Target) {
        if self.listeners.len() <= listener {
            self.listeners.resize_with(listener + 1, ListenerRoutes::default);
        }
        let routes = &mut self.listeners[listener];
        let host = host.to_ascii_lowercase();
        let paths = if host.is_empty() {
            &mut routes.any
        } else if let Some(suffix) = host.strip_prefix('*') {
            let at = match routes.wildcard.iter().position(|(known, _)| known == suffix) {
                Some(at) => at,
                None => {
                    let at = routes.wildcard.partition_point(|(known, _)| known.len() >= suffix.len());
                    routes.wildcard.insert(at, (suffix.to_owned(), Paths::default()));
                    at
                }
            };
            &mut routes.wildcard[at].1
        } else {
            routes.exact.entry(host).or_default()
        };
        let prefix = prefix.trim_end_matches('/');
        // A live door hides one of the same name that nobody has.
        if let Some((_, known)) = paths.0.iter_mut().find(|(known, _)| known == prefix) {
            if matches!(target, Target::Live(..)) {
                *known = target;
            }
            return;
        }
        let at = paths.0.partition_point(|(known, _)| known.len() >= prefix.len());
        paths.0.insert(at, (prefix.to_owned(), target));
    }

    /// Who answers `path` for `host` (lower case, without a port; `None` when the request names none). The most telling host
    /// that is known decides, and within it the longest path.
    pub(crate) fn find(&self, listener: ListenerIndex, host: Option<&str>, path: &str) -> Option<&Target> {
        let routes = self.listeners.get(listener)?;
        let paths = host.map_or(&routes.any, |host| routes.paths(host));
        paths.0.iter().find(|(prefix, _)| covers(prefix, path)).map(|(_, target)| target)
    }

    /// Whether the host can make a difference on that listener.
    pub(crate) fn has_hosts(&self, listener: ListenerIndex) -> bool {
        self.listeners
            .get(listener)
            .is_some_and(|routes| !routes.exact.is_empty() || !routes.wildcard.is_empty())
    }
}

impl ListenerRoutes {
    fn paths(&self, host: &str) -> &Paths {
        if let Some(paths) = self.exact.get(host) {
            return paths;
        }
        let wildcard = self
            .wildcard
            .iter()
            .find(|(suffix, _)| host.len() > suffix.len() && host.ends_with(suffix.as_str()));
        wildcard.map_or(&self.any, |(_, paths)| paths)
    }
}

/// Whether a prefix covers a path by whole segments.
fn covers(prefix: &str, path: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix.is_empty())
}

#[cfg(test)]
mod tests {
    use bascule_model::ids::{ReleaseId, Slot};

    use super::*;
    use crate::route::SlotRoute;

    fn release(name: &str) -> Arc<Release> {
        Arc::new(Release::new(
            &SlotRoute {
                key: "shop/staging".parse().unwrap(),
                slot: Slot::Blue,
                release: ReleaseId::from_text(name),
                listen: "127.0.0.1:80".parse().unwrap(),
                hosts: Vec::new(),
                services: Vec::new(),
            },
            1,
        ))
    }

    fn name(target: Option<&Target>) -> &str {
        match target {
            Some(Target::Live(release, _)) => release.id.as_str(),
            Some(Target::Nobody) => "nobody",
            None => "none",
        }
    }

    #[test]
    fn the_most_telling_host_and_the_longest_path_win() {
        let mut table = Table::default();
        for (host, path, release_name) in [
            ("", "/", "any"),
            ("*.example.com", "/", "star"),
            ("*.eu.example.com", "/", "star-eu"),
            ("shop.example.com", "/", "shop"),
            ("shop.example.com", "/api", "shop-api"),
            ("shop.example.com", "/api/v2/", "shop-v2"),
            ("only-api.example.com", "/api", "only"),
        ] {
            table.add(1, host, path, Target::Live(release(release_name), 0));
        }
        for (host, path, expected) in [
            (Some("shop.example.com"), "/", "shop"),
            (Some("shop.example.com"), "/apis", "shop"),
            (Some("shop.example.com"), "/api", "shop-api"),
            (Some("shop.example.com"), "/api/x", "shop-api"),
            (Some("shop.example.com"), "/api/v2", "shop-v2"),
            (Some("shop.example.com"), "/api/v2/x", "shop-v2"),
            (Some("shop.example.com"), "*", "shop"),
            (Some("a.example.com"), "/", "star"),
            (Some("a.eu.example.com"), "/", "star-eu"),
            (Some(".example.com"), "/", "any"),
            (Some("example.com"), "/", "any"),
            (Some("only-api.example.com"), "/", "none"),
            (None, "/", "any"),
        ] {
            assert_eq!(name(table.find(1, host, path)), expected, "{host:?} {path}");
        }
        assert_eq!(name(table.find(0, None, "/")), "none");
        assert_eq!(name(table.find(7, None, "/")), "none");
    }

    #[test]
    fn a_live_door_hides_one_that_nobody_has() {
        let mut table = Table::default();
        table.add(0, "", "/", Target::Nobody);
        table.add(0, "", "/", Target::Live(release("x"), 0));
        table.add(0, "", "", Target::Nobody);
        assert_eq!(name(table.find(0, None, "/")), "x");
    }
}
