//! Checks, complete: one thing asked of one service, and something expected.

use std::collections::BTreeMap;

use super::command::IN_CHECK;
use super::resolver::Resolver;
use super::service::Services;
use crate::ids::ServiceName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::reader::shortened;
use crate::manifest::read::{is_url_path, undeclared};
use crate::manifest::types::{
    Check, CheckRequest, CheckSettings, Expect, Located, Method, Reading, Retry, Value,
};
use crate::units::Duration;

/// The time for an answer when the manifest does not say.
pub const WITHIN: Duration = Duration::from_seconds(10);

/// The time over which retries are spread when the manifest does not say.
pub const OVER: Duration = Duration::from_seconds(5);

impl Resolver<'_> {
    pub(super) fn checks(&mut self, services: &Services) -> Vec<Check> {
        let (manifest, settings) = (self.manifest, self.settings);
        let checks = settings.verify.as_ref().or(manifest.verify.as_ref());
        checks
            .into_iter()
            .flatten()
            .filter(|check| check.reading == Reading::Complete)
            .filter_map(|check| self.check(check, services))
            .collect()
    }

    fn check(&mut self, settings: &CheckSettings, services: &Services) -> Option<Check> {
        let name = settings.name.as_ref().map(|name| name.value.clone());
        if name.is_none() {
            let problem = Diagnostic::new(Code::MissingKey, &settings.span, "a check has no name");
            self.problems.push(
                problem
                    .label("`name` is missing")
                    .help("reports call it by its name, as in name = \"users\""),
            );
        }
        let name = name.unwrap_or_else(|| "without a name".to_owned());
        let request = self.request(settings, &name, services);
        self.check_retries(settings, &name);
        let retry = settings.retries.as_ref().filter(|retries| retries.value > 0).map(|retries| Retry {
            times: retries.value,
            over: settings.over.as_ref().map_or(OVER, |over| over.value),
        });
        let expect = self.expect(settings, &name);
        Some(Check { name, request: request?, expect, retry })
    }

    fn request(&mut self, settings: &CheckSettings, name: &str, services: &Services) -> Option<CheckRequest> {
        let paths: Vec<(Method, &Located<String>)> = [
            (Method::Get, &settings.get),
            (Method::Post, &settings.post),
            (Method::Put, &settings.put),
            (Method::Delete, &settings.delete),
        ]
        .into_iter()
        .filter_map(|(method, path)| Some((method, path.as_ref()?)))
        .collect();
        let shown = shortened(name);
        match (paths.as_slice(), &settings.command) {
            ([(method, path)], None) => self.http(settings, name, *method, path, services),
            ([], Some(command)) => {
                self.check_command(settings, name);
                let service = self.asked(settings, name, services, Need::May);
                let arguments =
                    self.command(command, &format!("the command of the check `{shown}`"), &IN_CHECK);
                Some(CheckRequest::Command { service, arguments })
            }
            ([], None) => {
                self.problems.push(
                    Diagnostic::new(
                        Code::MissingKey,
                        &settings.span,
                        format!("the check `{shown}` asks nothing"),
                    )
                    .label("`get` is missing")
                    .help("write one of get, post, put or delete with a path, or command with a program"),
                );
                None
            }
            (paths, _) => {
                let second = paths.get(1).or(paths.first()).map_or(&settings.span, |(_, path)| &path.span);
                self.problems.push(
                    Diagnostic::new(Code::Conflict, second, format!("the check `{shown}` asks two things"))
                        .label("one too many")
                        .help("keep one of get, post, put, delete and command, and make a second check of the other"),
                );
                None
            }
        }
    }

    fn http(
        &mut self,
        settings: &CheckSettings,
        name: &str,
        method: Method,
        path: &Located<String>,
        services: &Services,
    ) -> Option<CheckRequest> {
        let service = self.asked(settings, name, services, Need::Must);
        let key = method.as_str().to_lowercase();
        let place = format!("{}.{key}", place_of(name));
        let resolved = self.checked_value(path, &place, "is not a path that begins with \"/\"", is_url_path);
        let mut headers = BTreeMap::new();
        for (field, text) in settings.header.iter().flatten() {
            let place = format!("{}.header.{field}", place_of(name));
            let is_on_one_line = |text: &str| !text.contains(['\r', '\n']);
            let value = self.checked_value(text, &place, "has a line break in it", is_on_one_line);
            headers.insert(field.clone(), value);
        }
        if let Some(body) = settings.body.as_ref().filter(|_| method == Method::Get) {
            let message = format!("the check `{}` sends a body with GET", shortened(name));
            let problem = Diagnostic::new(Code::Conflict, &body.span, message).label("GET takes no body");
            self.problems.push(problem.help("use post or put, or leave the body out"));
        }
        let body =
            settings.body.as_ref().map(|body| self.check_value(body, &format!("{}.body", place_of(name))));
        Some(CheckRequest::Http { service: service?, method, path: resolved, headers, body })
    }

    /// The service that is asked. Reports it when it has to be there and is not.
    fn asked(
        &mut self,
        settings: &CheckSettings,
        name: &str,
        services: &Services,
        need: Need,
    ) -> Option<ServiceName> {
        if let Some(given) = &settings.service {
            let names: Vec<&str> = services.keys().map(ServiceName::as_str).collect();
            match services.get(&given.value) {
                None => self.problems.push(undeclared(given.value.as_str(), &given.span, &names)),
                Some((service, settings))
                    if service.traffic.is_none() && settings.reading == Reading::Complete =>
                {
                    let message = format!("`{}` has no `port` that a check could ask", given.value);
                    self.problems
                        .push(Diagnostic::new(Code::Conflict, &given.span, message).label("needs a `port`"));
                }
                Some(_) => return Some(given.value.clone()),
            }
            return None;
        }
        let with_traffic: Vec<_> = services
            .iter()
            .filter_map(|(name, (service, _))| Some((name, service.traffic.as_ref()?)))
            .collect();
        let at_the_root: Vec<_> =
            with_traffic.iter().filter(|(_, traffic)| traffic.path.as_str() == "/").collect();
        let found = match (with_traffic.as_slice(), at_the_root.as_slice()) {
            ([(name, _)], _) | (_, [(name, _)]) => Some((*name).clone()),
            _ => None,
        };
        let all_are_read = services.values().all(|(_, settings)| settings.reading == Reading::Complete);
        if found.is_none() && need == Need::Must && all_are_read {
            let (label, help) = if with_traffic.is_empty() {
                ("no service has a `port`", "give a service a `port`, or make the check a command".to_owned())
            } else {
                let names = with_traffic.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>();
                ("`service` is missing", format!("write service = one of {}", names.join(", ")))
            };
            let message = format!("it is not clear which service the check `{}` asks", shortened(name));
            self.problems
                .push(Diagnostic::new(Code::MissingKey, &settings.span, message).label(label).help(help));
        }
        found
    }

    fn expect(&mut self, settings: &CheckSettings, name: &str) -> Expect {
        let expect = settings.expect.as_ref();
        let is_empty = expect.is_none_or(|e| {
            e.status.is_none() && e.within.is_none() && e.json.is_none() && e.contains.is_none()
        });
        if is_empty && settings.command.is_none() {
            let span = expect.map_or(&settings.span, |expect| &expect.span);
            let message = format!("the check `{}` expects nothing", shortened(name));
            let problem =
                Diagnostic::new(Code::MissingKey, span, message).label("`expect` is missing or empty");
            self.problems.push(problem.help(
                "write at least one of status, within, json and contains, as in expect = { status = 200 }",
            ));
        }
        Expect {
            status: expect.and_then(|expect| expect.status.as_ref()).map(|status| status.value),
            within: expect.and_then(|expect| expect.within.as_ref()).map_or(WITHIN, |within| within.value),
            json: expect.and_then(|expect| expect.json.as_ref()).map(|json| json.value.clone()),
            contains: expect
                .and_then(|expect| expect.contains.as_ref())
                .map(|contains| self.check_value(contains, &format!("{}.expect.contains", place_of(name)))),
        }
    }

    /// What only a request has must not be set for a command.
    fn check_command(&mut self, settings: &CheckSettings, name: &str) {
        let first_header = settings.header.iter().flatten().next();
        let status = settings.expect.as_ref().and_then(|expect| expect.status.as_ref());
        let places = [
            ("header", first_header.map(|(_, value)| &value.span)),
            ("body", settings.body.as_ref().map(|body| &body.span)),
            ("expect.status", status.map(|status| &status.span)),
        ];
        for (key, span) in places {
            let Some(span) = span else { continue };
            let message = format!("`{key}` has no use: the check `{}` is a command", shortened(name));
            let problem = Diagnostic::new(Code::Conflict, span, message).label("leave it out");
            self.problems.push(problem.help("a command passes when it ends with exit code 0"));
        }
    }

    fn check_retries(&mut self, settings: &CheckSettings, name: &str) {
        if let Some(over) =
            settings.over.as_ref().filter(|_| settings.retries.as_ref().is_none_or(|r| r.value == 0))
        {
            let message = format!("`over` has no use: the check `{}` is not tried again", shortened(name));
            let problem = Diagnostic::new(Code::Conflict, &over.span, message).label("needs `retries`");
            self.problems.push(problem.help("write retries = 3 with it, or leave it out"));
        }
    }

    /// A value of a check, in which no variable of an instance can stand.
    fn check_value(&mut self, text: &Located<String>, place: &str) -> Value {
        self.check_open(text, place, &IN_CHECK);
        self.value(text, place)
    }

    /// The same, and the whole text has to fit. Says of a text that does not only that it does not: it may be private.
    fn checked_value(
        &mut self,
        text: &Located<String>,
        place: &str,
        otherwise: &str,
        fits: impl Fn(&str) -> bool,
    ) -> Value {
        let before = self.problems.len();
        let value = self.check_value(text, place);
        let is_refused = value.expose(&self.secrets).is_some_and(|value| {
            !value.as_source().is_empty() && !fits(&value.render(|_| Some("v".to_owned())))
        });
        if is_refused && self.problems.len() == before {
            let message = format!("the value of {place}, with its variables replaced, {otherwise}");
            self.problems
                .push(Diagnostic::new(Code::BadValue, &text.span, message).label("after replacement"));
        }
        value
    }
}

/// Whether a service must be found for a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Must,
    May,
}

/// Where a check's values are kept: a name of more than letters, digits, - and _ is quoted, so that no two places are one.
fn place_of(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_');
    if is_plain { format!("verify.{name}") } else { format!("verify.{name:?}") }
}
