//! Why a folder of migrations could not be read.

use crate::format::Format;

/// Why a folder of migrations could not be read. Each says where, and what helps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// A file is not text.
    #[error("{path}:{line}: the file is not UTF-8{hint}: save it as UTF-8, or take the byte out")]
    NotUtf8 {
        /// The file.
        path: String,
        /// The line with the first wrong byte.
        line: usize,
        /// What it looks like.
        hint: &'static str,
    },
    /// A text is not split into statements.
    #[error("{path}:{line}: {reason}")]
    Sql {
        /// The file.
        path: String,
        /// The line.
        line: usize,
        /// Why.
        reason: String,
    },
    /// No convention fits.
    #[error(
        "`{path}` follows no convention that is known{hint}: name it like `20260101120000_add_users.sql`, or set `format` in `[database]`"
    )]
    Unknown {
        /// The first file.
        path: String,
        /// What else was seen.
        hint: String,
    },
    /// The named convention finds nothing.
    #[error(
        "no file is a migration of {format}, `{path}` neither: they are named like `{example}`; or change `format` in `[database]`"
    )]
    Nothing {
        /// The first file with SQL.
        path: String,
        /// What was asked for.
        format: Format,
        /// A name that would do.
        example: &'static str,
    },
    /// Two conventions fit.
    #[error(
        "`{first_path}` looks like {first} and `{second_path}` like {second}: set `format` in `[database]` to the one that it is"
    )]
    Ambiguous {
        /// One.
        first: Format,
        /// A file of it.
        first_path: String,
        /// The other.
        second: Format,
        /// A file of it.
        second_path: String,
    },
    /// Two files have one version.
    #[error("`{path}` and `{other}` both have the version {version}: give one of them a version of its own")]
    Duplicate {
        /// The version.
        version: String,
        /// The second file.
        path: String,
        /// The first.
        other: String,
    },
    /// A file takes back what no file does.
    #[error(
        "`{path}` takes back version {version}, but no file applies it: add the up side, or remove the file"
    )]
    DownWithoutUp {
        /// The file.
        path: String,
        /// Its version.
        version: String,
    },
    /// A number is too large for the tool's table.
    #[error("`{path}`: the version {version} is above {most}, the largest that {tool} can keep")]
    TooLarge {
        /// The file.
        path: String,
        /// Its version.
        version: String,
        /// The largest.
        most: i64,
        /// Whose limit it is.
        tool: Format,
    },
    /// A name that the tool refuses.
    #[error("`{path}`: {reason}")]
    Name {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// A migration that is a program.
    #[error(
        "`{path}` is a migration of {tool} that is written as a program, and only SQL can be applied: write it as SQL, or apply it with {tool} and take its table over as baseline, without this file"
    )]
    Program {
        /// The file.
        path: String,
        /// Whose.
        tool: Format,
    },
    /// A marker or a section is wrong.
    #[error("{path}:{line}: {reason}")]
    Marker {
        /// The file.
        path: String,
        /// The line.
        line: usize,
        /// Why, and what helps.
        reason: String,
    },
    /// Text that the tool would replace before it runs the file.
    #[error(
        "{path}:{line}: {tool} would replace `{placeholder}` before it runs the file, and files are run as they are here: write the value in its place"
    )]
    Placeholder {
        /// The file.
        path: String,
        /// The line.
        line: usize,
        /// Whose placeholder.
        tool: Format,
        /// As it is written.
        placeholder: String,
    },
    /// A recipe cannot be turned into SQL.
    #[error("{path}:{line}: {source}")]
    Recipe {
        /// The file.
        path: String,
        /// The line.
        line: usize,
        /// Why.
        source: crate::recipe::RecipeError,
    },
}
