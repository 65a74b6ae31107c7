//! Secrets that stand in `env` in clear, also in that of a patch: refused, since a manifest is committed. Only what can hardly be anything else is.

use std::collections::BTreeMap;

use super::resolver::Resolver;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::Located;
use crate::secret_shape::{Strength, certain, name_says_so, password_in, strength};

/// What is written in a comment beside one that may stay.
const ALLOW: &str = "bascule:allow-secret";

impl Resolver<'_> {
    /// Looks at every `env` of the manifest, of the environment, its patches, and of jobs.
    pub(super) fn check_literals(&mut self) {
        let (manifest, settings) = (self.manifest, self.settings);
        let services = manifest.services.values().chain(settings.services.values());
        let jobs = manifest.pipeline.iter().flat_map(|pipeline| &pipeline.stage);
        let jobs = jobs.flat_map(|stage| &stage.jobs).flat_map(BTreeMap::values);
        let all = manifest
            .env
            .iter()
            .chain(&settings.env)
            .chain(services.filter_map(|service| service.env.as_ref()))
            .chain(jobs.filter_map(|job| job.env.as_ref()));
        let patches =
            settings.kubernetes.iter().filter_map(|kubernetes| kubernetes.patches.as_ref()).flatten();
        let patched = patches.flat_map(|patch| &patch.env);
        let patched = patched.filter_map(|one| Some((&one.name.value, one.value.as_ref()?)));
        for (name, text) in all.flat_map(BTreeMap::iter).chain(patched) {
            if let Some(what) = looks_like(name, &text.value)
                && !self.may_stay(text)
            {
                let message = format!("`{name}` in `env` spells out what looks like a secret: {what}");
                let problem = Diagnostic::new(Code::SecretLiteral, &text.span, message);
                self.problems.push(problem.label("in clear, in a file that is committed").help(format!(
                    "take the line out and put the value into the store, which gives it to the services: bascule secret set \
                     ENV {name}; where it is meant to be here, write # {ALLOW} REASON behind it"
                )));
            }
        }
    }

    fn may_stay(&self, text: &Located<String>) -> bool {
        let line = self.manifest.source.line_at(text.span.end);
        line.split_once(ALLOW)
            .is_some_and(|(_, why)| why.chars().filter(|c| c.is_alphanumeric()).count() >= 3)
    }
}

/// What a value can hardly be anything else than.
fn looks_like(name: &str, value: &str) -> Option<&'static str> {
    if let Some((_, shape)) = certain(value) {
        return Some(shape.what);
    }
    let has_password = value.match_indices("://").any(|(at, _)| {
        let is_near = |host: &str| ["localhost", "127.", "[::1]"].iter().any(|start| host.starts_with(start));
        password_in(value, at).is_some_and(|place| {
            strength(&value[place.clone()]) >= Strength::Likely && !is_near(&value[place.end + 1..])
        })
    });
    if has_password {
        return Some("an address with a password");
    }
    (name_says_so(name) && strength(value) == Strength::Certain)
        .then_some("long, without order, under such a name")
}
