//! `[secrets]` as it is written.

use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::Located;

/// Where a secret comes from, and how it reaches an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretSettings {
    /// Where it is written.
    pub span: Range<usize>,
    /// Where its value is.
    pub from: Located<SecretFrom>,
    /// How an instance gets it.
    pub delivery: Delivery,
}

/// Where the value of a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretFrom {
    /// In the store of the environment.
    Store,
    /// In a variable of the caller's environment; none: of the same name.
    Env(Option<String>),
    /// In a file that only its owner can read; a relative path begins at the manifest's folder.
    File(String),
    /// On the standard output of a command, run by `sh -c`.
    Shell(String),
    /// On the standard output of a program.
    Program(Vec<String>),
}

/// How an instance gets a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// In its environment.
    #[default]
    Env,
    /// As a file in memory, whose path is in `NAME_FILE`: `/run/secrets/NAME` in a container.
    File,
}

impl JsonSchema for SecretSettings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const SOURCE: &str = "^(store|env(:[A-Za-z_][A-Za-z0-9_]*)?|file:.+|command:[\\s\\S]+)$";
        schemars::json_schema!({
            "description": "A secret: where its value comes from, as a text or in `from`, and how an instance gets it.",
            "anyOf": [
                { "type": "string", "pattern": SOURCE },
                {
                    "type": "object",
                    "properties": {
                        "from": {
                            "description": "`store`: the sealed file of the environment. `env` or `env:NAME`: a variable. \
                                            `file:PATH`: a file of mode 0600. `command:LINE`, or a program with its \
                                            arguments as a list: what it writes.",
                            "anyOf": [
                                { "type": "string", "pattern": SOURCE },
                                { "type": "array", "items": { "type": "string" }, "minItems": 1 }
                            ]
                        },
                        "as": {
                            "description": "`env`: in the environment. `file`: as a file in memory, and not in the environment; \
                                            NAME_FILE has its path, in a container /run/secrets/NAME.",
                            "enum": ["env", "file"],
                            "default": "env"
                        }
                    },
                    "required": ["from"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
