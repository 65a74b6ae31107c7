//! What a service is told: a ConfigMap with what may be seen, a Secret with what may not, both immutable and named by their contents,
//! so that no release's configuration changes under it.

use std::collections::BTreeMap;

use bascule_engine::ports::SlotSpec;
use bascule_model::ids::{ReleaseId, ServiceName, Slot};
use bascule_model::manifest::InstanceText;
use bascule_model::release::{Release, Service};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::names;

/// The variable that only the pod itself knows: its own name.
const INSTANCE: &str = "BASCULE_INSTANCE";

/// The configuration of one service of a release.
pub(crate) struct Configured {
    /// Variables that may be seen.
    pub(crate) public: BTreeMap<String, String>,
    /// Variables that may not.
    pub(crate) private: BTreeMap<String, String>,
    /// Those that are files of `/run/secrets`, by name.
    pub(crate) files: BTreeMap<String, String>,
    /// Variables in which the pod's own name stands, in the words of Kubernetes (`$(BASCULE_INSTANCE)`).
    pub(crate) of_pod: BTreeMap<String, String>,
}

impl Configured {
    /// Of a service of what is to stand in a slot.
    pub(crate) fn of(spec: &SlotSpec, service: &Service) -> Self {
        let release = &spec.release;
        let known = known(release, spec.slot, service);
        let secrets: Vec<&str> = spec
            .configuration
            .secrets
            .values()
            .map(InstanceText::as_source)
            .filter(|text| !text.is_empty())
            .collect();
        let files = service.container.iter().flat_map(|container| &container.secret_files);
        let files: Vec<&String> = files.collect();
        let mut configured = Self {
            public: BTreeMap::new(),
            private: BTreeMap::new(),
            files: BTreeMap::new(),
            of_pod: BTreeMap::new(),
        };
        for (name, text) in spec.configuration.env.get(&service.name).into_iter().flatten() {
            let is_secret = secrets.iter().any(|secret| text.as_source().contains(secret));
            let rendered = text.render(|name| known.get(name).cloned());
            if files.contains(&name) {
                configured.files.insert(name.clone(), rendered);
            } else if is_secret {
                configured.private.insert(name.clone(), rendered);
            } else if names_the_pod(text) {
                configured.of_pod.insert(name.clone(), in_pod_words(text, &known));
            } else {
                configured.public.insert(name.clone(), rendered);
            }
        }
        configured
    }

    /// The ConfigMap, where there is anything for it.
    pub(crate) fn config_map(&self, release: &Release, service: &ServiceName) -> Option<Value> {
        if self.public.is_empty() {
            return None;
        }
        let contents = json!(self.public).to_string();
        Some(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": names::configuration(&release.key.app, service, &contents),
                "labels": names::of_environment(&release.key),
            },
            "immutable": true,
            "data": self.public,
        }))
    }

    /// The Secret, where there is anything for it. Its name is made of the values' keyed fingerprints: it tells nothing of them.
    pub(crate) fn secret(&self, release: &Release, service: &Service) -> Option<Value> {
        let all: BTreeMap<&String, &String> = self.private.iter().chain(&self.files).collect();
        if all.is_empty() {
            return None;
        }
        let prints: BTreeMap<&String, Option<&String>> =
            all.keys().map(|name| (*name, service.configuration.get(*name))).collect();
        let contents = format!("secret {}", json!(prints));
        let data: BTreeMap<&String, String> = all
            .into_iter()
            .map(|(name, value)| (name, base64::engine::general_purpose::STANDARD.encode(value)))
            .collect();
        Some(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": names::configuration(&release.key.app, &service.name, &contents),
                "labels": names::of_environment(&release.key),
            },
            "immutable": true,
            "type": "Opaque",
            "data": data,
        }))
    }
}

/// What every pod of the service is told of itself.
pub(crate) fn known(release: &Release, slot: Slot, service: &Service) -> BTreeMap<String, String> {
    let mut known = BTreeMap::from([
        ("BASCULE_APP".to_owned(), release.key.app.to_string()),
        ("BASCULE_ENVIRONMENT".to_owned(), release.key.environment.to_string()),
        ("BASCULE_RELEASE".to_owned(), ReleaseId::to_string(&release.id)),
        ("BASCULE_SLOT".to_owned(), slot.to_string()),
    ]);
    known.extend(service.traffic.as_ref().map(|traffic| ("PORT".to_owned(), traffic.port.to_string())));
    known
}

fn names_the_pod(text: &InstanceText) -> bool {
    text.as_source().contains(&format!("${{{INSTANCE}}}"))
}

/// A text as Kubernetes fills it in: `$(NAME)` is a variable, and `$$` is one `$` wherever it stands.
pub(crate) fn in_pod_words(text: &InstanceText, known: &BTreeMap<String, String>) -> String {
    /// Stands for the pod's name until everything else is escaped; no text can have it.
    const HERE: &str = "\u{0}";
    let rendered = text.render(|name| match name {
        INSTANCE => Some(HERE.to_owned()),
        name => known.get(name).cloned(),
    });
    literal(&rendered).replace(HERE, "$(BASCULE_INSTANCE)")
}

/// A text of which Kubernetes fills in nothing.
pub(crate) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kubelet makes of a text, by the rules of its documentation: `$$` is `$`, `$(NAME)` the variable where it is known.
    fn filled_in(text: &str, name: &str) -> String {
        let (mut filled, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            filled.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                filled.push('$');
                rest = after;
            } else if let Some((variable, after)) =
                rest.strip_prefix('(').and_then(|inner| inner.split_once(')'))
            {
                match variable {
                    INSTANCE => filled.push_str(name),
                    other => filled.push_str(&format!("$({other})")),
                }
                rest = after;
            } else {
                filled.push('$');
            }
        }
        filled + rest
    }

    #[test]
    fn what_is_said_is_what_the_pod_gets() {
        let known = BTreeMap::from([("PORT".to_owned(), "8080".to_owned())]);
        for said in
            ["a$$b$(HOME)$", "$", "$$", "$$$(X)$$", "echo $HOME", "$(BASCULE_INSTANCE)", "$$(A)", "none"]
        {
            assert_eq!(
                filled_in(&in_pod_words(&InstanceText::literal(said), &known), "pod-1"),
                said,
                "{said}"
            );
        }
        let text = InstanceText::from_source("a$$$$b${BASCULE_INSTANCE}$$(HOME)${PORT}$$");
        assert_eq!(filled_in(&in_pod_words(&text, &known), "pod-1"), "a$$bpod-1$(HOME)8080$");
    }
}
