//! Who answers: the version of the program and the place it was deployed to. It is in every answer's headers, in
//! `/version`, `/health`, the page and the WebSocket's greeting.

use axum::http::{HeaderName, HeaderValue};
use serde::Serialize;

/// Version, release, slot and instance; those that nobody set are `"none"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// `SHOP_VERSION`, or the version of the package.
    pub version: String,
    /// `BASCULE_RELEASE`.
    pub release: String,
    /// `BASCULE_SLOT`: `blue` or `green`.
    pub slot: String,
    /// `BASCULE_INSTANCE`.
    pub instance: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self::read(&|_| None)
    }
}

impl Identity {
    pub(crate) fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Self {
        let or_none = |name| lookup(name).unwrap_or_else(|| "none".to_owned());
        Self {
            version: lookup("SHOP_VERSION").unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
            release: or_none("BASCULE_RELEASE"),
            slot: or_none("BASCULE_SLOT"),
            instance: or_none("BASCULE_INSTANCE"),
        }
    }

    /// The four headers, made once; what cannot stand in a header is left out.
    pub(crate) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        [
            ("x-shop-version", &self.version),
            ("x-shop-release", &self.release),
            ("x-shop-slot", &self.slot),
            ("x-shop-instance", &self.instance),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?)))
        .collect()
    }
}
