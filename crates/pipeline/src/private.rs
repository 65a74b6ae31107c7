//! What a run has beside its plan and must not be written down in clear.

use std::collections::BTreeMap;

use bascule_model::problem::Problem;
use bascule_secrets::SecretValue;
use bascule_secrets::redact::{Redactor, Standing, is_ordinary};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// What is not written down in clear: it comes on the runner's standard input.
/// Overwritten when it is dropped.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Private {
    /// The secrets of jobs, by name.
    pub secrets: BTreeMap<String, String>,
    /// What jobs are given of the caller's environment, by name.
    #[serde(default)]
    pub given: BTreeMap<String, String>,
    /// Whatever else must not be shown, by the name that is shown instead; see [`Private::hide`].
    pub hidden: BTreeMap<String, String>,
    /// What each environment is to run, by name: the control plane's request.
    pub wishes: BTreeMap<String, serde_json::Value>,
    /// Why nothing of it is there; the run cannot go on then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<Problem>,
}

impl Private {
    /// What a run has that is only to be ended.
    #[must_use]
    pub fn missing(why: Problem) -> Self {
        let mut private = Self::default();
        private.missing = Some(why);
        private
    }

    /// Hides a value, unless it is one that stands in every log: half of it would be hidden then.
    pub fn hide(&mut self, name: &str, value: String, standing: Standing) {
        if !is_ordinary(name, &value, standing) {
            self.hidden.insert(name.to_owned(), value);
        }
    }

    /// Finds what is hidden, and the secrets of jobs by the same rule.
    #[must_use]
    pub(crate) fn redactor(&self) -> Redactor {
        let secrets =
            self.secrets.iter().filter(|(name, value)| !is_ordinary(name, value, Standing::Declared));
        let values: Vec<(&str, SecretValue)> = secrets
            .chain(&self.hidden)
            .map(|(name, value)| (name.as_str(), SecretValue::new(value.clone())))
            .collect();
        Redactor::new(values.iter().map(|(name, value)| (*name, value)))
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.secrets
            .values_mut()
            .chain(self.given.values_mut())
            .chain(self.hidden.values_mut())
            .for_each(Zeroize::zeroize);
        self.wishes.values_mut().for_each(overwrite);
    }
}

fn overwrite(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => text.zeroize(),
        serde_json::Value::Array(values) => values.iter_mut().for_each(overwrite),
        serde_json::Value::Object(map) => map.values_mut().for_each(overwrite),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_every_log_is_not_hidden() {
        let mut private = Private::default();
        for (name, value) in [
            ("staging.env.VERBOSE", "true"),
            ("staging.env.WORKERS", "1"),
            ("staging.env.MODE", "production"),
            ("staging.env.PORTS", "8080"),
            ("staging.env.ADMIN_PASSWORD", "production-4711"),
            ("staging.variables.GREETING", "hunter2hunter2"),
        ] {
            private.hide(name, value.to_owned(), Standing::Presumed);
        }
        // One from the store was meant to be a secret.
        private.hide("staging.env.PIN", "4711".to_owned(), Standing::Declared);
        let secrets = [("DEBUG", "true"), ("RETRIES", "1"), ("DEPLOY_TOKEN", "t0ken-of-a-job")];
        private.secrets = secrets.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let log = "true 1 production 8080 production-4711 hunter2hunter2 4711 t0ken-of-a-job";
        assert_eq!(
            private.redactor().text(log),
            "true 1 production 8080 [secret staging.env.ADMIN_PASSWORD] [secret staging.variables.GREETING] \
             [secret staging.env.PIN] [secret DEPLOY_TOKEN]"
        );
    }
}
