//! What stands behind a recipe's name, read key by key; what nobody asked for is a mistake.

use std::cell::RefCell;

use bascule_sql::Dialect;

use super::name::Table;
use super::template::Template;
use super::{Recipe, RecipeError, name};
use crate::migration::Gate;
use crate::words;

/// Whether a column may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    Allowed,
    Refused,
}

/// In which phase something begins to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Expand,
    Contract,
}

/// The arguments of a recipe.
pub(super) struct Arguments<'a> {
    recipe: &'static str,
    example: &'static str,
    dialect: Dialect,
    pairs: &'a [(String, String)],
    asked: RefCell<Vec<String>>,
}

impl<'a> Arguments<'a> {
    pub(super) fn new(recipe: &Recipe, pairs: &'a [(String, String)], dialect: Dialect) -> Self {
        Self { recipe: recipe.name, example: recipe.example, dialect, pairs, asked: RefCell::default() }
    }

    /// The value of a key that may be left out.
    pub(super) fn optional(&self, key: &str) -> Option<&'a str> {
        self.asked.borrow_mut().push(key.to_owned());
        self.pairs.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_str())
    }

    /// The value of a key that has to be there.
    pub(super) fn wanted(&self, key: &str) -> Result<&'a str, RecipeError> {
        self.optional(key).filter(|value| !value.is_empty()).ok_or_else(|| RecipeError::Missing {
            recipe: self.recipe,
            key: key.to_owned(),
            example: self.example,
        })
    }

    fn wrong(&self, key: &str, value: &str, reason: &str) -> RecipeError {
        RecipeError::Value { key: key.to_owned(), value: value.to_owned(), reason: reason.to_owned() }
    }

    /// The table that is changed.
    pub(super) fn table(&self, key: &str) -> Result<Table, RecipeError> {
        let written = self.wanted(key)?;
        Table::read(written, self.dialect)
            .ok_or_else(|| self.wrong(key, written, "it is the name of a table, `users` or `public.users`"))
    }

    /// A column.
    pub(super) fn column(&self, key: &str) -> Result<String, RecipeError> {
        let written = self.wanted(key)?;
        let parts = name::parts(written, self.dialect);
        match parts.as_deref() {
            Some([column]) => Ok(column.clone()),
            _ => Err(self.wrong(key, written, "it is the name of one column")),
        }
    }

    /// One or more columns, with commas between.
    pub(super) fn columns(&self, key: &str) -> Result<Vec<String>, RecipeError> {
        let written = self.wanted(key)?;
        let one = |column: &str| match name::parts(column.trim(), self.dialect).as_deref() {
            Some([column]) => Ok(column.clone()),
            _ => Err(self.wrong(key, written, "it is a list of columns, `id` or `shop,number`")),
        };
        written.split(',').map(one).collect()
    }

    /// An expression over columns; `fallback` where there is none.
    pub(super) fn expression(
        &self,
        key: &str,
        columns: &[String],
        fallback: &str,
    ) -> Result<Template, RecipeError> {
        let written = self.optional(key).unwrap_or(fallback);
        Template::read(written, columns).map_err(|reason| self.wrong(key, written, &reason))
    }

    /// Rows in the first batch.
    pub(super) fn batch(&self) -> Result<u32, RecipeError> {
        let Some(text) = self.optional("batch") else { return Ok(5000) };
        text.parse()
            .ok()
            .filter(|rows| (1..=1_000_000).contains(rows))
            .ok_or_else(|| self.wrong("batch", text, "it is a number of rows from 1 to 1000000"))
    }

    /// `null=yes` or `null=no`.
    pub(super) fn null(&self) -> Result<Null, RecipeError> {
        match self.optional("null") {
            None | Some("yes") => Ok(Null::Allowed),
            Some("no") => Ok(Null::Refused),
            Some(other) => {
                Err(self.wrong("null", other, "it is `yes` or `no`: whether the column may be null"))
            }
        }
    }

    /// The type of the column that goes: MySQL wants it once more to let the column be null.
    pub(super) fn former_type(&self) -> Result<&'a str, RecipeError> {
        match self.dialect {
            Dialect::Mysql => self.wanted("from-type"),
            Dialect::Postgres | Dialect::Sqlite => Ok(self.optional("from-type").unwrap_or_default()),
        }
    }

    /// `gate=switch` or `gate=contract`.
    pub(super) fn gate(&self) -> Result<Gate, RecipeError> {
        match self.optional("gate") {
            None | Some("switch") => Ok(Gate::Switch),
            Some("contract") => Ok(Gate::Contract),
            Some(other) => Err(self.wrong("gate", other, "it is `switch` or `contract`")),
        }
    }

    /// `phase=expand` or `phase=contract`.
    pub(super) fn phase(&self) -> Result<From, RecipeError> {
        match self.optional("phase") {
            None | Some("contract") => Ok(From::Contract),
            Some("expand") => Ok(From::Expand),
            Some(other) => Err(self.wrong(
                "phase",
                other,
                "it is `contract`, or `expand` where the former release keeps to it already",
            )),
        }
    }

    /// One of some words.
    pub(super) fn one_of(
        &self,
        key: &str,
        known: &[&'static str],
    ) -> Result<Option<&'static str>, RecipeError> {
        let Some(written) = self.optional(key) else { return Ok(None) };
        let found = known.iter().find(|word| written.eq_ignore_ascii_case(word));
        match found {
            Some(word) => Ok(Some(word)),
            None => {
                Err(self.wrong(key, written, &format!("it is one of {}", words::list(known.iter().copied()))))
            }
        }
    }

    pub(super) fn refused(&self, reason: impl Into<String>) -> RecipeError {
        RecipeError::Refused { recipe: self.recipe, dialect: self.dialect, reason: reason.into() }
    }

    /// Keys that no one asked for.
    pub(super) fn refuse_others(&self) -> Result<(), RecipeError> {
        let asked = self.asked.borrow();
        match self.pairs.iter().find(|(key, _)| !asked.contains(key)) {
            None => Ok(()),
            Some((key, _)) => {
                let mut known: Vec<&str> = asked.iter().map(String::as_str).collect();
                known.sort_unstable();
                known.dedup();
                Err(RecipeError::Key {
                    recipe: self.recipe,
                    key: key.clone(),
                    hint: words::meant(key, known.iter().copied()),
                    known: words::list(known),
                })
            }
        }
    }
}
