//! Files and journal side by side: whichever version is spelled how, each is found at once.

use std::collections::HashMap;

use super::Applied;
use crate::folder::MigrationSet;
use crate::formats;
use crate::migration::{Migration, Version};

/// Both, by version.
pub(super) struct Both<'a> {
    pub set: &'a MigrationSet,
    pub applied: &'a [Applied],
    files: HashMap<String, &'a Migration>,
    journal: HashMap<String, &'a Applied>,
}

impl<'a> Both<'a> {
    pub(super) fn new(set: &'a MigrationSet, applied: &'a [Applied]) -> Self {
        let key = |version: &Version| formats::key(set.format, &version.0);
        Self {
            set,
            applied,
            files: set.migrations.iter().map(|migration| (key(&migration.version), migration)).collect(),
            journal: applied.iter().map(|one| (key(&one.version), one)).collect(),
        }
    }

    /// The file of a version.
    pub(super) fn file(&self, version: &str) -> Option<&'a Migration> {
        self.files.get(&formats::key(self.set.format, version)).copied()
    }

    /// What the journal has of a version.
    pub(super) fn applied(&self, version: &str) -> Option<&'a Applied> {
        self.journal.get(&formats::key(self.set.format, version)).copied()
    }
}
