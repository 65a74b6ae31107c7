//! Which tables are no part of the schema that migrations make.

/// Where the tools that we read files of keep what they applied.
const OTHER_TOOLS: [&str; 14] = [
    "__diesel_schema_migrations",
    "_sqlx_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "atlas_schema_revisions",
    "databasechangelog",
    "databasechangeloglock",
    "flyway_schema_history",
    "gorp_migrations",
    "goose_db_version",
    "knex_migrations",
    "pgmigrations",
    "refinery_schema_history",
    "schema_migrations",
];

/// Which tables are left out of a snapshot, with all that is theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    tables: Vec<String>,
}

impl Default for Filter {
    /// Ours, and the version tables of other tools.
    fn default() -> Self {
        Self { tables: OTHER_TOOLS.map(str::to_owned).to_vec() }
    }
}

impl Filter {
    /// Ours alone.
    #[must_use]
    pub fn ours() -> Self {
        Self { tables: Vec::new() }
    }

    /// That one too: its name, or its schema and name with a dot.
    #[must_use]
    pub fn without(mut self, table: impl Into<String>) -> Self {
        self.tables.push(table.into());
        self
    }

    /// The names that were given.
    pub(crate) fn tables(&self) -> &[String] {
        &self.tables
    }

    /// Whether a table stays out, where tables are not in schemas.
    pub(crate) fn hides(&self, table: &str) -> bool {
        table.starts_with("bascule_") || self.tables.iter().any(|hidden| hidden.eq_ignore_ascii_case(table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_stay_out_whatever_is_asked() {
        for (filter, table, hidden) in [
            (Filter::default(), "bascule_migration", true),
            (Filter::default(), "schema_migrations", true),
            (Filter::default(), "Schema_Migrations", true),
            (Filter::default(), "users", false),
            (Filter::ours(), "schema_migrations", false),
            (Filter::ours(), "bascule_step", true),
            (Filter::ours().without("users"), "users", true),
        ] {
            assert_eq!(filter.hides(table), hidden, "{table}");
        }
    }
}
