//! What a release's secrets are, for taking them out of whatever a run writes down or shows. Pure.
//!
//! Holds: everything private counts, but for what stands in every log (see [`bascule_secrets::redact::is_ordinary`]) and for
//! what the release itself says in clear: names of services, hosts, commands.

use std::collections::BTreeMap;

use bascule_model::problem::Problem;
use bascule_model::release::{Configuration, Release};
use bascule_model::run::Event;
use bascule_secrets::SecretValue;
use bascule_secrets::redact::{Redactor, Standing, is_ordinary, names_a_secret};
use jiff::Timestamp;

/// Finds the secrets of a release.
#[must_use]
pub fn redactor(release: &Release, configuration: &Configuration) -> Redactor {
    of(&[(release, configuration)])
}

/// Finds those of several.
#[must_use]
pub fn of(releases: &[(&Release, &Configuration)]) -> Redactor {
    let mut secrets: Vec<(String, SecretValue)> = Vec::new();
    for (release, configuration) in releases {
        let in_clear = in_clear(release);
        for (name, value) in values(configuration) {
            // What was put into the store was meant to be a secret, whatever the release says.
            let is_declared = release.secrets.contains_key(&name);
            let standing = if is_declared { Standing::Declared } else { Standing::Presumed };
            let is_in_clear = !is_declared && !names_a_secret(&name) && in_clear.contains(&value);
            if is_ordinary(&name, &value, standing) || is_in_clear {
                continue;
            }
            secrets.extend(password(&value).map(|password| (name.clone(), SecretValue::new(password))));
            secrets.push((name, SecretValue::new(value)));
        }
    }
    Redactor::new(secrets.iter().map(|(name, value)| (name.as_str(), value)))
}

/// What the release itself says in clear, but for hashes and times, which have every short text in them by chance.
fn in_clear(release: &Release) -> String {
    let mut public = release.clone();
    public.content.clear();
    public.artifact.clear();
    public.created_at = Timestamp::UNIX_EPOCH;
    public.services.iter_mut().for_each(|service| service.configuration.clear());
    serde_json::to_string(&public).unwrap_or_default()
}

/// The private values, by the name that is shown.
fn values(configuration: &Configuration) -> Vec<(String, String)> {
    let shown = |usage: &str| usage.rsplit('.').next().unwrap_or(usage).to_owned();
    let mut values: BTreeMap<String, (String, String)> = BTreeMap::new();
    for (usage, text) in &configuration.secrets {
        values.insert(usage.clone(), (shown(usage), text.render(|_| None)));
    }
    for (name, value) in &configuration.build_secrets {
        values.entry(format!("build.{name}")).or_insert((name.clone(), value.clone()));
    }
    if let Some(registry) = &configuration.registry {
        values.insert("registry".to_owned(), ("password".to_owned(), registry.password.clone()));
    }
    // A release of an earlier version does not say which of its values are private: what is named for a secret is one.
    if configuration.secrets.is_empty() {
        for (service, env) in &configuration.env {
            for (name, text) in env.iter().filter(|(name, _)| names_a_secret(name)) {
                values.insert(format!("{service}.{name}"), (name.clone(), text.render(|_| None)));
            }
        }
    }
    values.into_values().collect()
}

/// The password in an address, which programs also write without the rest.
fn password(value: &str) -> Option<String> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (account, _) = authority.rsplit_once('@')?;
    let (_, password) = account.split_once(':')?;
    (password.len() >= 6).then(|| password.to_owned())
}

/// The event without the secrets in it.
pub(crate) fn event(redactor: &Redactor, mut event: Event) -> Event {
    let of_problem = |problem: &mut Problem| {
        problem.message = redactor.text(&problem.message).into_owned();
        problem.remedy = redactor.text(&problem.remedy).into_owned();
    };
    match &mut event {
        Event::StepDone { evidence, .. } | Event::UndoDone { evidence, .. } => redactor.json(evidence),
        Event::StepFailed { problem, evidence, .. } => {
            of_problem(problem);
            redactor.json(evidence);
        }
        Event::UndoFailed { problem, .. } => of_problem(problem),
        _ => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use bascule_model::manifest::InstanceText;

    use super::*;

    #[test]
    fn private_values_and_the_passwords_in_them_are_found() {
        let secret = |name: &str, value: &str| (name.to_owned(), InstanceText::literal(value));
        let configuration = Configuration {
            secrets: [
                secret("variables.CANARY", "c4nary-value"),
                secret("env.DATABASE_URL", "postgres://shop:Zu9xQ1w8@db/shop"), // bascule:allow-secret made up
                secret("variables.MODE", "production"),
            ]
            .into(),
            build_secrets: [("NPM_TOKEN".to_owned(), "of-the-build".to_owned())].into(),
            ..Configuration::default()
        };
        let texts: Vec<String> = values(&configuration).into_iter().map(|(name, _)| name).collect();
        assert_eq!(texts, ["NPM_TOKEN", "DATABASE_URL", "CANARY", "MODE"]);
        assert_eq!(password("postgres://shop:Zu9xQ1w8@db/shop").as_deref(), Some("Zu9xQ1w8")); // bascule:allow-secret made up
        assert_eq!(password("https://host/x:y@z"), None);
    }
}
