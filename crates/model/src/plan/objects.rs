//! What a deploy would change of the objects of a cluster. No part of a plan's hash: others write there all the time.

use serde::{Deserialize, Serialize};

use super::Change;

/// An object, as a deploy would make or change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectChange {
    /// Kind and name: `Deployment shop-web-r2-3fa9c1`.
    pub object: String,
    /// What becomes of it.
    pub change: Change,
    /// The name of the one that it is compared with, where that is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<String>,
    /// Where it differs from what is in the cluster now, by path. Values of the configuration are never among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where: `spec.template.spec.containers[app].image`.
    pub path: String,
    /// As it is in the cluster; null: it is not there.
    pub from: Option<String>,
    /// As it would be; null: it would not be there.
    pub to: Option<String>,
}
