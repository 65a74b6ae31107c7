//! Recipes: changes that need several steps so that the former and the new release can both go on, written as one line of a
//! migration: `-- recipe rename-column table=users from=name to=full_name type=text key=id`.
//!
//! Holds, between expand and contract: whatever one release writes, the other one reads. What a kind of database cannot do so is
//! refused with the reason. Names are read as SQL reads them; expressions name columns in braces, `{name}`, since a trigger has to say
//! which row it means.

mod add_foreign_key;
mod add_not_null;
mod add_unique;
mod arguments;
mod change_type;
mod drop_column;
mod error;
mod fill;
mod name;
mod rename_column;
mod rename_table;
mod split_column;
mod steps;
mod sync;
mod template;

use bascule_sql::Dialect;

use self::arguments::Arguments;
pub use self::error::RecipeError;
use crate::migration::Gate;
use crate::words;

/// What a recipe comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Produced {
    /// Before the new release starts.
    pub expand: Vec<String>,
    /// Rows to fill in.
    pub backfills: Vec<ProducedBackfill>,
    /// When the former release is gone. What is dropped here goes softly first.
    pub contract: Vec<String>,
    /// Takes the expand back.
    pub down: Vec<String>,
    /// Return no row when all rows are as they should be, after the backfills and before the contract.
    pub checks: Vec<String>,
}

/// Rows to fill in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProducedBackfill {
    /// The table, as SQL.
    pub table: String,
    /// The columns to go by, as the server knows them.
    pub key: Vec<String>,
    /// Rows in the first batch.
    pub batch: u32,
    /// What waits for it.
    pub gate: Gate,
    /// An `UPDATE`.
    pub statement: String,
}

/// A recipe.
pub struct Recipe {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// A line that works.
    pub example: &'static str,
    produce: fn(&Arguments<'_>, Dialect) -> Result<Produced, RecipeError>,
}

/// All of them.
pub const RECIPES: [Recipe; 8] = [
    add_foreign_key::RECIPE,
    add_not_null::RECIPE,
    add_unique::RECIPE,
    change_type::RECIPE,
    drop_column::RECIPE,
    rename_column::RECIPE,
    rename_table::RECIPE,
    split_column::RECIPE,
];

/// What a recipe comes to.
///
/// # Errors
/// When there is no such recipe, a key is missing, unknown or wrong, or the kind of database cannot do it.
pub fn produce(
    name: &str,
    arguments: &[(String, String)],
    dialect: Dialect,
) -> Result<Produced, RecipeError> {
    let Some(recipe) = RECIPES.iter().find(|recipe| recipe.name == name) else {
        let known = || RECIPES.iter().map(|recipe| recipe.name);
        return Err(RecipeError::Unknown {
            name: name.to_owned(),
            hint: words::meant(name, known()),
            known: words::list(known()),
        });
    };
    let arguments = Arguments::new(recipe, arguments, dialect);
    let produced = (recipe.produce)(&arguments, dialect)?;
    arguments.refuse_others()?;
    Ok(produced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_works_in_postgres() {
        for recipe in RECIPES {
            let line = format!("-- recipe {}", recipe.example.strip_prefix("-- recipe ").unwrap());
            let words = line.split_once(recipe.name).unwrap().1;
            let pairs = crate::formats::bascule::pairs(words);
            produce(recipe.name, &pairs, Dialect::Postgres).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }

    #[test]
    fn a_slip_is_recognized() {
        let error = produce("rename-colum", &[], Dialect::Postgres).unwrap_err();
        assert!(error.to_string().contains("(did you mean `rename-column`?)"), "{error}");
    }
}
