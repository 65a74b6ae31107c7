//! Whom a Service selects: one release, nobody, or, while one comes pod by pod as another one goes, both.

use std::collections::BTreeMap;

use bascule_model::ids::{EnvironmentKey, ReleaseId, ServiceName};
use k8s_openapi::api::core::v1::Service;

use super::state::changed;
use crate::error::KubernetesError;
use crate::names;
use crate::objects::service::TrafficState;

/// Whom a Service is to select.
#[derive(Debug, Clone, Copy)]
pub(super) enum Selects<'a> {
    One(&'a ReleaseId),
    Nobody,
    /// Every release that stands: two at most.
    Both,
}

impl<'a> Selects<'a> {
    pub(super) fn only(release: Option<&'a ReleaseId>) -> Self {
        release.map_or(Self::Nobody, Self::One)
    }

    /// The selector of that service's Service.
    pub(super) fn selector(self, key: &EnvironmentKey, service: &ServiceName) -> BTreeMap<String, String> {
        match self {
            Self::One(release) => names::selector(key, service, release.as_str()),
            Self::Nobody => names::selector(key, service, names::NOBODY),
            Self::Both => names::pods_of(key, service),
        }
    }

    /// Whether a Service does.
    pub(super) fn is_so(self, object: &Service, key: &EnvironmentKey, service: &ServiceName) -> bool {
        selector_of(object) == Some(&self.selector(key, service))
    }
}

pub(super) fn selector_of(object: &Service) -> Option<&BTreeMap<String, String>> {
    object.spec.as_ref().and_then(|spec| spec.selector.as_ref())
}

/// The release that a Service selects; where it selects two that one of them becomes the other, who was live before. A selector without
/// one is somebody else's work, and never "nobody yet". `state` is what the Service that leads says.
pub(super) fn selected(
    object: &Service,
    key: &EnvironmentKey,
    service: &ServiceName,
    state: Option<&TrafficState>,
) -> Result<Option<ReleaseId>, KubernetesError> {
    match selector_of(object).and_then(|selector| selector.get(names::RELEASE)).map(String::as_str) {
        Some(names::NOBODY) => Ok(None),
        Some(release) => Ok(Some(ReleaseId::from_text(release))),
        None => match state {
            // What it selected before it was taken over, until the first switch.
            Some(TrafficState { adopted: Some(adopted), .. })
                if selector_of(object) == Some(&adopted.selector) =>
            {
                Ok(None)
            }
            Some(state) if state.open_roll().is_some() && Selects::Both.is_so(object, key, service) => {
                Ok(state.live.clone())
            }
            _ => Err(changed(object, "its selector names no release")),
        },
    }
}
