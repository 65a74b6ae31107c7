//! What a rule is made of.

use bascule_sql::Dialect;

use crate::{Severity, site::Site};

/// A rule.
pub struct Rule {
    /// Its name; it is stable.
    pub name: &'static str,
    /// The kinds of SQL that it is about.
    pub dialects: &'static [Dialect],
    /// What it looks for, in a few words.
    pub title: &'static str,
    /// Why that hurts.
    pub reason: &'static str,
    /// How it is done without harm.
    pub safe: &'static str,
    /// When it is how severe.
    pub severity: &'static str,
    pub(crate) check: fn(&Site<'_>) -> Vec<Hit>,
}

impl std::fmt::Debug for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).finish_non_exhaustive()
    }
}

/// PostgreSQL, MySQL and SQLite.
pub(crate) const EVERY: &[Dialect] = &[Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite];
pub(crate) const POSTGRES: &[Dialect] = &[Dialect::Postgres];
pub(crate) const MYSQL: &[Dialect] = &[Dialect::Mysql];
pub(crate) const SQLITE: &[Dialect] = &[Dialect::Sqlite];

/// What a rule finds at a statement.
pub(crate) struct Hit {
    pub(crate) severity: Severity,
    /// What would happen here.
    pub(crate) reason: String,
    /// The statement in another form, where the way there is mechanical.
    pub(crate) instead: Option<String>,
}

impl Hit {
    pub(crate) fn new(severity: Severity, reason: impl Into<String>) -> Self {
        Self { severity, reason: reason.into(), instead: None }
    }

    pub(crate) fn hint(reason: impl Into<String>) -> Self {
        Self::new(Severity::Hint, reason)
    }

    pub(crate) fn warning(reason: impl Into<String>) -> Self {
        Self::new(Severity::Warning, reason)
    }

    pub(crate) fn block(reason: impl Into<String>) -> Self {
        Self::new(Severity::Block, reason)
    }

    pub(crate) fn instead(mut self, text: impl Into<Option<String>>) -> Self {
        self.instead = text.into();
        self
    }
}
