//! Why a rehearsal could not be done at all.

use crate::aside::AsideError;
use crate::error::{DatabaseError, Error};
use crate::tools::ToolError;

/// Why one could not.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// The database, or the way to it.
    #[error(transparent)]
    Database(#[from] Error),
    /// A program of the server.
    #[error("the copy of the database for the rehearsal could not be made")]
    Tool(#[from] ToolError),
    /// Who migrates may not make databases.
    #[error(
        "{user} may not make a database for the rehearsal. {remedy}, or name an empty one that is only for this as `shadow_url`"
    )]
    MayNotCreate {
        /// Who.
        user: String,
        /// What lets him.
        remedy: String,
        /// What the server said.
        #[source]
        source: DatabaseError,
    },
    /// `shadow_url` leads to the database itself.
    #[error("`shadow_url` is the database itself: name another, empty one")]
    ShadowIsDatabase,
    /// `shadow_url` is another kind of server, or of another version.
    #[error("`shadow_url` is of {shadow}, the database of {database}: a rehearsal needs the same")]
    ShadowDiffers {
        /// What it is.
        shadow: String,
        /// What the database is.
        database: String,
    },
    /// There is something in the database that `shadow_url` names.
    #[error("the database of `shadow_url` is not empty ({found}) and not ours: empty it, or name another")]
    ShadowHolds {
        /// One thing that is there.
        found: String,
    },
    /// Another rehearsal uses it.
    #[error("another rehearsal uses the database of `shadow_url`: wait for its end, or name another")]
    ShadowInUse,
    /// What is in the database would reach beyond the copy.
    #[error(
        "{what} names a database itself, so that it would reach out of the copy: write its names without the database"
    )]
    ReachesOut {
        /// The trigger, view or routine.
        what: String,
    },
    /// A file.
    #[error("{doing} failed")]
    File {
        /// What was being done.
        doing: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<AsideError> for RehearseError {
    fn from(error: AsideError) -> Self {
        match error {
            AsideError::Database(error) => Self::Database(error),
            AsideError::MayNotCreate { user, remedy, source } => Self::MayNotCreate { user, remedy, source },
            AsideError::Name(source) => Self::File { doing: "making up a name for the copy", source },
        }
    }
}

/// For a question that failed.
pub(crate) fn query(doing: &'static str) -> impl FnOnce(DatabaseError) -> RehearseError {
    move |source| RehearseError::Database(Error::Query { doing, source })
}
