//! Things in a database beside tables.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::DataType;

/// A kind of thing that has no actions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A schema of PostgreSQL.
    Schema,
    /// A database.
    Database,
    /// A sequence.
    Sequence,
    /// An extension, a plugin, a component.
    Extension,
    /// A role or a user.
    Role,
    /// A policy of row security.
    Policy,
    /// A rewrite rule.
    Rule,
    /// A scheduled event of MySQL.
    Event,
    /// A view, where it is altered.
    View,
    /// A materialized view, where it is altered.
    MaterializedView,
    /// A function or a procedure, where it is altered.
    Function,
    /// A trigger, where it is altered.
    Trigger,
    /// A trigger of the database.
    EventTrigger,
    /// An aggregate.
    Aggregate,
    /// An operator, or a class or a family of them.
    Operator,
    /// A cast.
    Cast,
    /// A collation or a conversion.
    Collation,
    /// Extended statistics.
    Statistics,
    /// A publication.
    Publication,
    /// A subscription.
    Subscription,
    /// A server, a wrapper or a user mapping of foreign data.
    ForeignServer,
    /// A table elsewhere.
    ForeignTable,
    /// Something of text search.
    TextSearch,
    /// A language.
    Language,
    /// A tablespace.
    Tablespace,
    /// An access method.
    AccessMethod,
    /// A virtual table of SQLite.
    VirtualTable,
    /// What it owns or what rights it has by default.
    Privileges,
    /// The server as a whole (`ALTER SYSTEM`, `ALTER INSTANCE`).
    Server,
}

impl ObjectKind {
    /// Its name in words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Database => "database",
            Self::Sequence => "sequence",
            Self::Extension => "extension",
            Self::Role => "role",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Event => "event",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Function => "function",
            Self::Trigger => "trigger",
            Self::EventTrigger => "event trigger",
            Self::Aggregate => "aggregate",
            Self::Operator => "operator",
            Self::Cast => "cast",
            Self::Collation => "collation",
            Self::Statistics => "statistics",
            Self::Publication => "publication",
            Self::Subscription => "subscription",
            Self::ForeignServer => "foreign server",
            Self::ForeignTable => "foreign table",
            Self::TextSearch => "text search",
            Self::Language => "language",
            Self::Tablespace => "tablespace",
            Self::AccessMethod => "access method",
            Self::VirtualTable => "virtual table",
            Self::Privileges => "privileges",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a new type is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "definition", rename_all = "snake_case")]
pub enum TypeDefinition {
    /// An enumeration.
    Enum {
        /// Its values, in order.
        values: Vec<String>,
    },
    /// A type of several values.
    Composite,
    /// A range.
    Range,
    /// A domain over another type.
    Domain {
        /// The other type.
        base: DataType,
        /// It has a `CHECK` or `NOT NULL`.
        constrained: bool,
    },
    /// Anything else.
    Other,
}

/// How a type changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum TypeChange {
    /// `ADD VALUE`.
    AddValue {
        /// The value.
        value: String,
        /// `BEFORE` or `AFTER` is written.
        placed: bool,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// `RENAME VALUE`.
    RenameValue {
        /// The value.
        value: String,
        /// What it becomes.
        to: String,
    },
    /// `RENAME TO`.
    Rename {
        /// The new name.
        to: String,
    },
    /// An attribute of a composite type is changed, comes or goes.
    Attribute,
    /// A domain gets a constraint.
    AddDomainConstraint {
        /// `NOT VALID`.
        not_valid: bool,
    },
    /// A domain's constraint is checked.
    ValidateDomainConstraint,
    /// `SET NOT NULL` of a domain.
    SetDomainNotNull,
    /// A domain loses a constraint or `NOT NULL`.
    LoosenDomain,
    /// Owner, schema, default.
    Other,
}
