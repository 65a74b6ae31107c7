//! `[gates]` as it is written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::Located;
use crate::expression::Expression;
use crate::manifest::schema;
use crate::manifest::types::gates::{Condition, Metric, ValuePlace};
use crate::units::Duration;

/// What has to be seen in the reports of a pipeline before something goes on. What nobody saw passes no gate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatesSettings {
    /// Those over a metric.
    pub metrics: BTreeMap<Metric, GateSettings>,
    /// Those over a value of the project's own.
    pub custom: BTreeMap<String, CustomGateSettings>,
}

/// A gate: its condition alone, or with more about it.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "GateTable", deny_unknown_fields)]
pub struct GateSettings {
    /// Where it begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// What has to hold.
    #[schemars(with = "Option<schema::GateCondition>")]
    pub condition: Option<Located<Condition>>,
    /// Whether nothing passes without it. One that is not required is only shown.
    #[schemars(extend("default" = true))]
    pub required: Option<Located<bool>>,
    /// Older evidence counts for nothing, at most 365d.
    pub max_age: Option<Located<Duration>>,
    /// For `p95` and `error_rate`: with fewer requests there is no data.
    #[schemars(range(min = 1, max = 1_000_000_000_u64), extend("default" = 100))]
    pub min_requests: Option<Located<u64>>,
}

/// A gate over a value of a report of the project's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema)]
#[schemars(rename = "CustomGate", deny_unknown_fields)]
pub struct CustomGateSettings {
    /// Where it begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// A report's path, a colon and a JSON path, as in `reports/size.json:$.total`.
    #[schemars(with = "Option<schema::GateValue>")]
    pub value: Option<Located<ValuePlace>>,
    /// What has to hold of `value`: an expression of CEL's subset, at most 1000 bytes, as in `value < 300000`.
    #[schemars(with = "Option<String>", length(min = 1, max = 1000))]
    pub condition: Option<Located<Expression>>,
    /// Whether nothing passes without it. One that is not required is only shown.
    #[schemars(extend("default" = true))]
    pub required: Option<Located<bool>>,
    /// Older evidence counts for nothing, at most 365d.
    pub max_age: Option<Located<Duration>>,
}

impl JsonSchema for GatesSettings {
    fn schema_name() -> Cow<'static, str> {
        "Gates".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let gate = generator.subschema_for::<GateSettings>();
        let custom = generator.subschema_for::<CustomGateSettings>();
        let mut properties: serde_json::Map<String, serde_json::Value> = Metric::ALL
            .into_iter()
            .map(|metric| {
                let schema = serde_json::json!({
                    "description": described(metric),
                    "examples": [metric.example()],
                    "anyOf": [schema::GateCondition::json_schema(generator), gate],
                });
                (metric.as_str().to_owned(), schema)
            })
            .collect();
        let table = serde_json::json!({
            "description": "Gates over values of the project's own, by name.",
            "type": "object",
            "propertyNames": { "pattern": "^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$" },
            "additionalProperties": custom,
        });
        properties.insert("custom".to_owned(), table);
        schemars::json_schema!({
            "description": "What has to be seen in the reports of a pipeline before something goes on. What nobody saw passes no gate.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false
        })
    }
}

/// What a gate looks at, for the schema.
fn described(metric: Metric) -> &'static str {
    match metric {
        Metric::Coverage => "The share of all lines that tests went through.",
        Metric::NewCoverage => {
            "The share of the lines changed since the live release of the environment that tests went through."
        }
        Metric::Tests => "How many tests failed or ended with an error.",
        Metric::SecurityScore => "The security score, 0 to 10, as docs/gates.md says.",
        Metric::Critical => "How many findings are critical.",
        Metric::High => "How many findings are high.",
        Metric::Medium => "How many findings are medium.",
        Metric::P95 => "The 95th percentile of the response time under load.",
        Metric::ErrorRate => "The share of failed requests under load.",
    }
}
