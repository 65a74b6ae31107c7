//! Why a recipe cannot be turned into SQL.

use bascule_sql::Dialect;

/// Why a recipe cannot be turned into SQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// There is none of that name.
    #[error("there is no recipe `{name}`{hint}: there are {known}")]
    Unknown {
        /// As it is written.
        name: String,
        /// What was meant.
        hint: String,
        /// All of them.
        known: String,
    },
    /// A key is missing.
    #[error("the recipe `{recipe}` wants `{key}=…`, as in `{example}`")]
    Missing {
        /// The recipe.
        recipe: &'static str,
        /// The key.
        key: String,
        /// A line that works.
        example: &'static str,
    },
    /// A key is not known.
    #[error("the recipe `{recipe}` has no key `{key}`{hint}: it has {known}")]
    Key {
        /// The recipe.
        recipe: &'static str,
        /// As it is written.
        key: String,
        /// What was meant.
        hint: String,
        /// Those that it has.
        known: String,
    },
    /// A value is wrong.
    #[error("`{key}={value}`: {reason}")]
    Value {
        /// The key.
        key: String,
        /// As it is written.
        value: String,
        /// What it should be.
        reason: String,
    },
    /// The database cannot do it.
    #[error("{dialect} cannot do the recipe `{recipe}` like this: {reason}")]
    Refused {
        /// The recipe.
        recipe: &'static str,
        /// The kind of database.
        dialect: Dialect,
        /// Why, and what helps.
        reason: String,
    },
}
