//! The configuration of services: who says what, and whose word counts.
//!
//! From the weakest to the strongest: `env` of the manifest, `env` of the service, the env file, `env` of the environment,
//! `env` of the environment's service.

use std::collections::BTreeMap;

use super::command::{IN_INSTANCE, Open};
use super::resolver::Resolver;
use super::variables::Layer;
use crate::ids::ServiceName;
use crate::manifest::types::{Located, Value};

impl Resolver<'_> {
    /// What all services share.
    pub(super) fn shared_env(&mut self) -> BTreeMap<String, Value> {
        for text in self.manifest.env.iter().chain(&self.settings.env).flat_map(BTreeMap::values) {
            self.check_open(text, "`env`", &IN_INSTANCE);
        }
        let mut shared = BTreeMap::new();
        for (name, layer) in self.variables.configured() {
            if let Some(outcome) = self.variables.in_layer(layer, &name, &mut self.problems) {
                let value = self.keep(outcome, &format!("env.{name}"));
                shared.insert(name, value);
            }
        }
        shared
    }

    /// What the instances of a service get.
    pub(super) fn service_env(
        &mut self,
        service: &ServiceName,
        shared: &BTreeMap<String, Value>,
        open: &Open,
    ) -> BTreeMap<String, Value> {
        let layers = self.variables.configured();
        let manifest = self.manifest;
        let settings = self.settings;
        let lower = manifest.services.get(service).and_then(|service| service.env.as_ref());
        let upper = settings.services.get(service).and_then(|service| service.env.as_ref());
        let mut env = shared.clone();
        for (name, text) in lower.into_iter().flatten() {
            let value = self.service_value(service, name, text, open);
            if layers.get(name).is_none_or(|layer| *layer == Layer::Manifest) {
                env.insert(name.clone(), value);
            }
        }
        for (name, text) in upper.into_iter().flatten() {
            let value = self.service_value(service, name, text, open);
            env.insert(name.clone(), value);
        }
        env
    }

    fn service_value(
        &mut self,
        service: &ServiceName,
        name: &str,
        text: &Located<String>,
        open: &Open,
    ) -> Value {
        let usage = format!("services.{service}.env.{name}");
        self.check_open(text, &usage, open);
        self.value(text, &usage)
    }
}
