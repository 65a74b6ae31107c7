//! The JSON Schema of `bascule.toml`, for editors and as the documentation of its keys.
//!
//! It is derived from the settings, whose comments are its descriptions. What it cannot say (two settings that do not go
//! together) only the reader checks: what the reader takes, the schema takes.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::transform_subschemas;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::types::{CAPABILITIES, Manifest, Signal};

/// The JSON Schema (2020-12) of the manifest.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Manifest>();
    tidy(&mut schema);
    schema.to_value()
}

/// Takes out what the derivation puts in and TOML does not have: `null`, and the widths of Rust's integers.
fn tidy(schema: &mut Schema) {
    if let Some(serde_json::Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let format = schema.get("format").and_then(|format| format.as_str());
    if format.is_some_and(|format| format.starts_with("uint")) {
        schema.remove("format");
    }
    if let Some(serde_json::Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [only] = choices.as_slice()
            && let Some(only) = only.as_object().cloned()
        {
            schema.remove("anyOf");
            for (key, value) in only {
                if schema.get(&key).is_none() {
                    schema.insert(key, value);
                }
            }
        }
    }
    // Object keys carry the descriptions of their fields, and nothing of how those are laid out in the source.
    if let Some(serde_json::Value::String(description)) = schema.get_mut("description") {
        *description = description.replace("\n\n", "\u{0}").replace('\n', " ").replace('\u{0}', "\n\n");
    }
    transform_subschemas(&mut tidy, schema);
}

/// A kind of text of the schema: its name, and what it looks like.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $schema:tt) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

text!(
    /// The name of an app, an environment or a service.
    Name,
    { "type": "string", "pattern": "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" }
);
text!(
    /// The name of a variable; Bascule's own are left out by the reader.
    VariableName,
    { "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" }
);
text!(
    /// The name of an object of a cluster (RFC 1123, 2.1).
    ObjectName,
    { "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", "maxLength": 253 }
);
text!(
    /// A label as names of a cluster's objects are made of (RFC 1123, 2.1).
    LabelName,
    { "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": 63 }
);
text!(
    /// The name of a header field (RFC 9110, 5.1).
    FieldName,
    { "type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$" }
);
text!(
    /// A host name.
    Host,
    { "type": "string", "pattern": "^(\\*\\.)?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$" }
);
text!(
    /// The start of a path.
    PathStart,
    { "type": "string", "pattern": "^/[^\\s?#]*$" }
);
text!(
    /// A path with or without a query.
    UrlPath,
    { "type": "string", "pattern": "^/[^\\s#]*$" }
);
text!(
    /// The same, which may begin with a variable.
    OpenPath,
    { "type": "string", "pattern": "^(/|\\$\\{)[^\\s#]*$" }
);
text!(
    /// A path inside the project.
    FilePath,
    { "type": "string", "minLength": 1, "pattern": "^[^/]" }
);
text!(
    /// What has to hold of a metric.
    GateCondition,
    { "type": "string", "pattern": "^\\s*(no\\s+failures|(<=|>=|==|!=|<|>)\\s*[0-9].*)$" }
);
text!(
    /// A report and a place in it.
    GateValue,
    { "type": "string", "pattern": "^[^/].*:\\$" }
);
text!(
    /// A place in a JSON document.
    JsonPlace,
    { "type": "string", "pattern": "^\\$" }
);
text!(
    /// An IP address and a port.
    Address,
    { "type": "string", "pattern": "^([0-9.]+|\\[[0-9A-Fa-f:.%]+\\]):[0-9]+$" }
);
text!(
    /// A number of instances.
    InstanceCount,
    { "type": "integer", "minimum": 0, "maximum": 1000 }
);
text!(
    /// A signal.
    SignalName,
    { "type": "string", "enum": Signal::ALL.map(Signal::as_str) }
);
text!(
    /// A strategy.
    StrategyName,
    { "type": "string", "enum": ["blue-green", "rolling"] }
);
text!(
    /// When a task is run.
    BeforeName,
    { "type": "string", "enum": ["start", "switch"] }
);
text!(
    /// What decides without data.
    OnNoDataName,
    { "type": "string", "enum": ["probe", "wait", "fail"] }
);
text!(
    /// When nothing is deployed.
    FreezeWindowText,
    { "type": "string", "pattern": "^[^.]+\\.\\.[^.]+$" }
);
text!(
    /// A target.
    TargetName,
    { "type": "string", "enum": ["process", "docker", "kubernetes"] }
);
text!(
    /// The kind of a Service.
    ServiceKindName,
    { "type": "string", "enum": ["ClusterIP", "NodePort", "LoadBalancer"] }
);
text!(
    /// What is written to move users.
    SwitchName,
    { "type": "string", "enum": ["selector", "route"] }
);
text!(
    /// The kind of an object that leads users to Services.
    RouteKindName,
    { "type": "string", "enum": ["Ingress", "HTTPRoute"] }
);
text!(
    /// Whose figures a Prometheus has.
    ObservedByName,
    { "type": "string", "enum": ["ingress-nginx", "envoy", "app"] }
);
text!(
    /// The address of a Prometheus.
    PrometheusAddress,
    { "type": "string", "pattern": "^http://[^/@?#\"\\s]+(/[^@?#\"\\s]*)?$" }
);
text!(
    /// The name of a namespace.
    KubernetesName,
    { "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" }
);
text!(
    /// Who may come in.
    PeerText,
    { "type": "string", "pattern": "^(app|namespace|everyone|namespace/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?|[0-9A-Fa-f.:]+/[0-9]+)$" }
);
text!(
    /// Files of YAML or JSON.
    ObjectFiles,
    { "type": "string", "pattern": "^[^/*][^*]*(/[^/]+)?\\.(yaml|yml|json)$|^[^/]+\\.(yaml|yml|json)$" }
);
text!(
    /// Labels and annotations.
    PatchMetadata,
    { "type": "object", "additionalProperties": { "type": "object", "additionalProperties": { "type": "string" } } }
);
text!(
    /// A table in which anything may stand.
    AnyTable,
    { "type": "object" }
);
text!(
    /// What is done about drift.
    DriftName,
    { "type": "string", "enum": ["repair", "report"] }
);
text!(
    /// A Linux capability.
    CapabilityName,
    { "anyOf": [{ "type": "string", "enum": CAPABILITIES.as_slice() },
                { "type": "string", "pattern": "^([Cc][Aa][Pp]_)?[A-Za-z_]+$" }] }
);
text!(
    /// What an image is built for.
    PlatformName,
    { "type": "string", "pattern": "^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$" }
);

text!(
    /// A convention of migration files.
    FormatName,
    { "type": "string",
      "enum": ["auto", "bascule", "dbmate", "golang-migrate", "goose", "sqlx", "diesel", "refinery", "flyway"] }
);
text!(
    /// When a database is backed up.
    BackupWhenName,
    { "type": "string", "enum": ["before-expand", "never"] }
);
text!(
    /// Lines for the shell.
    Lines,
    { "anyOf": [
        { "type": "array", "items": { "type": "string", "minLength": 1 }, "minItems": 1 },
        { "type": "string", "minLength": 1 }
    ] }
);
text!(
    /// How an attempt of a job can end.
    RetriedEnd,
    { "type": "string", "pattern": "^(timeout|signal|exit|exit:[1-9][0-9]{0,2})$" }
);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::schema;
    use crate::manifest::read::keys::{self, Keys};

    fn properties(schema: &Value) -> BTreeSet<&str> {
        let properties = schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_the_reader_takes() {
        let schema = schema();
        let sections: [(&str, &Keys); 29] = [
            ("Registry", &keys::REGISTRY),
            ("Build", &keys::BUILD),
            ("Service", &keys::SERVICE),
            ("Scale", &keys::SCALE),
            ("Network", &keys::NETWORK),
            ("ProbeLoad", &keys::PROBE),
            ("Stop", &keys::STOP),
            ("Resources", &keys::RESOURCES),
            ("Health", &keys::HEALTH),
            ("Check", &keys::CHECK),
            ("Expect", &keys::EXPECT),
            ("Task", &keys::TASK),
            ("Database", &keys::DATABASE),
            ("Backup", &keys::BACKUP),
            ("Rollout", &keys::ROLLOUT),
            ("Environment", &keys::ENVIRONMENT),
            ("Kubernetes", &keys::KUBERNETES),
            ("KubernetesService", &keys::CLUSTER_SERVICE),
            ("KubernetesPatch", &keys::PATCH),
            ("Pipeline", &keys::PIPELINE),
            ("Stage", &keys::STAGE),
            ("Job", &keys::JOB),
            ("Retry", &keys::RETRY),
            ("JobCache", &keys::JOB_CACHE),
            ("Reports", &keys::REPORTS),
            ("Gates", &keys::GATES),
            ("GateTable", &keys::GATE),
            ("CustomGate", &keys::CUSTOM_GATE),
            ("Policy", &keys::POLICY),
        ];
        assert_eq!(properties(&schema), keys::TOP.names.iter().copied().collect());
        // Besides these the top level, and a secret, which is a text or a table.
        assert_eq!(sections.len() + 2, keys::ALL.len());
        for (name, keys) in sections {
            let section = schema.pointer(&format!("/$defs/{name}")).unwrap_or_else(|| panic!("no {name}"));
            assert_eq!(properties(section), keys.names.iter().copied().collect(), "{name}");
            assert_eq!(section.get("additionalProperties"), Some(&Value::Bool(false)), "{name}");
        }
    }
}
