//! What a patch may not say: whatever Bascule itself decides, or says in the words of the manifest. Pure.
//!
//! Of a Deployment only the pods' template is open; of the pods all that is not in these tables; of the service's own container what the
//! manifest has no word for.

mod tables;

use serde_json::Value;

use self::tables::{AMOUNTS, APP, APP_SECURITY, OUT, POD, POD_SECURITY, Rule, SPEC};
use crate::release::patch::{CONTAINER, DELETE, DIRECTIVE, is_reserved, merge_key};

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    /// An element of a list, and what it is called where it has a key.
    Element {
        at: usize,
        name: Option<String>,
    },
}

/// A part of a patch that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) path: Vec<Step>,
    pub(super) why: &'static str,
    pub(super) remedy: &'static str,
}

/// Everything in the changes of a Deployment that is not taken.
pub(super) fn refusals(changes: &Value) -> Vec<Refusal> {
    let mut walk = Walk::default();
    walk.words(changes);
    walk.at("metadata", changes, Walk::metadata);
    walk.at("spec", changes, |walk, spec| {
        walk.only(spec, &["template"], &SPEC, "only `template` is open");
        walk.at("template", spec, |walk, template| {
            walk.only(template, &["metadata", "spec"], &[], "only `metadata` and `spec` are open");
            walk.at("metadata", template, Walk::metadata);
            walk.at("spec", template, Walk::pod);
        });
    });
    walk.found
}

/// A path as it is written: `spec.template.spec.containers[app].image`.
pub(super) fn in_words(path: &[Step]) -> String {
    let mut words = String::new();
    for step in path {
        match step {
            Step::Key(key) if words.is_empty() => words.push_str(key),
            Step::Key(key) => words.push_str(&format!(".{key}")),
            Step::Element { name: Some(name), .. } => words.push_str(&format!("[{name}]")),
            Step::Element { at, .. } => words.push_str(&format!("[{at}]")),
        }
    }
    words
}

#[derive(Default)]
struct Walk {
    path: Vec<Step>,
    found: Vec<Refusal>,
}

impl Walk {
    fn refuse(&mut self, why: &'static str, remedy: &'static str) {
        self.found.push(Refusal { path: self.path.clone(), why, remedy });
    }

    /// Goes on with what is under a key, where there is something.
    fn at(&mut self, key: &str, value: &Value, then: impl FnOnce(&mut Self, &Value)) {
        let Some(value) = value.get(key) else { return };
        self.path.push(Step::Key(key.to_owned()));
        then(self, value);
        self.path.pop();
    }

    fn table(&mut self, value: &Value) {
        if !value.is_object() {
            self.refuse("it is no table", "write it as a table, or leave it out");
        }
    }

    /// Each element of the list under a key, where there is something.
    fn list(&mut self, key: &str, value: &Value, then: impl FnMut(&mut Self, &Value)) {
        self.at(key, value, |walk, list| {
            if !list.is_array() {
                walk.refuse("it is no list", "write it as a list of tables, or leave it out");
            }
            walk.each(list, merge_key(key), then);
        });
    }

    fn each(&mut self, list: &Value, key: Option<&str>, mut then: impl FnMut(&mut Self, &Value)) {
        for (at, element) in list.as_array().into_iter().flatten().enumerate() {
            let name = key.and_then(|key| Some(element.get(key)?.as_str()?.to_owned()));
            self.path.push(Step::Element { at, name });
            then(self, element);
            self.path.pop();
        }
    }

    fn rules(&mut self, value: &Value, rules: &[Rule]) {
        self.table(value);
        for (key, why, remedy) in rules {
            self.at(key, value, |walk, _| walk.refuse(why, remedy));
        }
    }

    /// Only these keys; those that there is a rule for have their own words.
    fn only(&mut self, value: &Value, open: &[&str], rules: &[Rule], otherwise: &'static str) {
        self.table(value);
        for key in value.as_object().into_iter().flat_map(|fields| fields.keys()) {
            if open.contains(&key.as_str()) || key.starts_with('$') {
                continue;
            }
            let rule = rules.iter().find(|(name, _, _)| name == key);
            let (why, remedy) = rule.map_or((otherwise, OUT), |(_, why, remedy)| (*why, *remedy));
            self.at(key, value, |walk, _| walk.refuse(why, remedy));
        }
    }

    /// Words of the patch itself, and lists whose elements are found by a key.
    fn words(&mut self, value: &Value) {
        for (name, value) in value.as_object().into_iter().flatten() {
            self.path.push(Step::Key(name.clone()));
            if name.starts_with('$') {
                self.refuse(
                    "such a word stands in an element of a list with a key, and says \"delete\"",
                    "write \"$patch\" = \"delete\" beside the key of what is to go, as in { name = \"tmp\", \"$patch\" = \"delete\" }",
                );
            } else if let Some(key) = merge_key(name).filter(|_| value.is_array()) {
                self.keyed(value, key);
            } else {
                self.words(value);
                self.each(value, None, Self::words);
            }
            self.path.pop();
        }
    }

    fn keyed(&mut self, list: &Value, key: &'static str) {
        self.each(list, Some(key), |walk, element| {
            if element.get(key).is_none() {
                walk.refuse(
                    "an element of this list is found by its key, and has none",
                    "write its `name` (of a port `containerPort`, of a mount `mountPath`, of an alias `ip`, of a spread `topologyKey`)",
                );
            }
            let mut rest = element.clone();
            let word = rest.as_object_mut().and_then(|fields| fields.remove(DIRECTIVE));
            if word.is_some_and(|word| word != DELETE) {
                walk.at(DIRECTIVE, element, |walk, _| {
                    walk.refuse("it says \"delete\", or is not there", "write \"$patch\" = \"delete\"");
                });
            }
            walk.words(&rest);
        });
    }

    fn metadata(&mut self, metadata: &Value) {
        self.only(metadata, &["labels", "annotations"], &[], "only `labels` and `annotations` are open");
        for kind in ["labels", "annotations"] {
            self.at(kind, metadata, |walk, all| {
                walk.table(all);
                for (name, value) in all.as_object().into_iter().flatten() {
                    walk.at(name, all, |walk, _| {
                        if is_reserved(name) {
                            walk.refuse("Bascule knows its own by it", OUT);
                        } else if !value.is_string() {
                            walk.refuse("it is no text", "write the value in quotes");
                        }
                    });
                }
            });
        }
    }

    fn pod(&mut self, pod: &Value) {
        self.rules(pod, &POD);
        self.at("securityContext", pod, |walk, context| walk.rules(context, &POD_SECURITY));
        self.list("volumes", pod, |walk, volume| {
            if volume["name"] == "secrets" {
                walk.refuse("what is in `secret_files` is in this one", "give it another name");
            }
        });
        self.list("initContainers", pod, |walk, container| {
            if container["name"] == CONTAINER {
                walk.refuse("the service's own container has this name", "give it another name");
            }
            walk.container(container);
        });
        self.list("containers", pod, |walk, container| {
            walk.container(container);
            if container["name"] == CONTAINER {
                walk.app(container);
            }
        });
    }

    /// Any container.
    fn container(&mut self, container: &Value) {
        self.list("ports", container, |walk, port| {
            walk.at("hostPort", port, |walk, _| {
                walk.refuse(
                    "two releases stand side by side, and would want the same port of a node",
                    "let users come in through the Service",
                );
            });
        });
    }

    /// The one that the service runs in.
    fn app(&mut self, container: &Value) {
        if container.get(DIRECTIVE).is_some() {
            self.refuse("the service runs in it", OUT);
        }
        self.rules(container, &APP);
        self.at("securityContext", container, |walk, context| walk.rules(context, &APP_SECURITY));
        self.at("resources", container, |walk, resources| {
            walk.table(resources);
            for kind in ["limits", "requests"] {
                walk.at(kind, resources, |walk, amounts| walk.rules(amounts, &AMOUNTS));
            }
        });
        self.list("env", container, |walk, variable| {
            let name = variable["name"].as_str().unwrap_or_default();
            if name == "PORT" || name.starts_with("BASCULE_") {
                walk.refuse("Bascule tells each instance what it is", "give it another name");
            } else if variable.get("valueFrom").is_none() {
                walk.refuse(
                    "what a service is told is in the manifest's words",
                    "write `env` of the service; here stands only what the cluster knows, with `valueFrom`",
                );
            }
        });
        self.list("volumeMounts", container, |walk, mount| {
            let path = mount["mountPath"].as_str().unwrap_or_default().trim_end_matches('/');
            if path == "/run/secrets" || path.starts_with("/run/secrets/") {
                walk.refuse("the files of `secret_files` are there", "mount it elsewhere");
            }
        });
    }
}

#[cfg(test)]
mod tests;
