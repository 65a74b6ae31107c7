//! Errors of the libraries, as problems: a code, what was being done and what the server said, what to do now.

use bascule_backup::{BackupError, SealError};
use bascule_migrate::aside::AsideError;
use bascule_migrate::tools::ToolError;
use bascule_migrate::{Difference, Error, backfill, contract, rehearse};
use bascule_model::problem::{Code, Problem};

/// An error of the migrator.
#[must_use]
pub fn migrate(error: &Error) -> Problem {
    let code = match error {
        Error::Address(_) => Code::Usage,
        Error::Connect { .. }
        | Error::Credentials { .. }
        | Error::NoDatabase { .. }
        | Error::TooManyConnections { .. }
        | Error::Lost { .. } => Code::DatabaseUnavailable,
        Error::TooOld { .. } | Error::ReadOnly { .. } | Error::Pooler { .. } | Error::LockFile { .. } => {
            Code::DatabaseUnfit
        }
        Error::Forbidden { .. } => Code::DatabaseForbidden,
        Error::DiskFull { .. } => Code::DiskFull,
        Error::Query { .. } | Error::Statement(_) | Error::Check { .. } | Error::Transactions { .. } => {
            Code::MigrationFailed
        }
        Error::Locked { .. } => Code::DatabaseLocked,
        Error::LeaseHeld { .. } | Error::Fenced => Code::DatabaseLeaseHeld,
        Error::Unclear(_)
        | Error::Differ(_)
        | Error::UnknownVersion(_)
        | Error::Journal(_)
        | Error::Adoption(_) => Code::MigrationsDiffer,
        Error::Irreversible { .. } => Code::MigrationIrreversible,
        Error::ContractWaits { .. } => Code::SchemaRefuses,
        Error::Contract(error) => return contract(error),
    };
    let mut message = error.to_string();
    match error {
        Error::Statement(failed) => {
            message.push_str(&format!("\n{}", failed.excerpt.trim_end()));
            for (label, more) in [("detail", &failed.server.detail), ("hint", &failed.server.hint)] {
                if let Some(more) = more {
                    message.push_str(&format!("\n{label}: {more}"));
                }
            }
        }
        Error::Locked { blockers, .. } => {
            for blocker in blockers {
                message.push_str(&format!("\nheld by {blocker}"));
            }
        }
        Error::Check { rows, .. } => {
            for row in rows {
                message.push_str(&format!("\n  {row}"));
            }
        }
        Error::Unclear(list) => {
            for one in list {
                message.push_str(&format!("\n{one}"));
            }
        }
        Error::Differ(list) => {
            for difference in list {
                if let Difference::Edited { applied, file, .. } = difference {
                    message.push_str(&format!("\n{}", difference_of(applied, file)));
                }
            }
        }
        _ => {
            if let Some(server) = error.server() {
                message.push_str(&format!(": {}", server.whole()));
            }
        }
    }
    Problem::new(code, message, error.remedy())
}

/// What differs between the text that was applied and the file's: the lines of either that the other has not.
fn difference_of(applied: &str, file: &str) -> String {
    let only = |one: &str, other: &str, mark: char| -> Vec<String> {
        one.lines()
            .filter(|line| !other.lines().any(|it| it == *line))
            .map(|line| format!("{mark} {line}"))
            .collect()
    };
    let lines = [only(applied, file, '-'), only(file, applied, '+')].concat();
    if lines.is_empty() {
        "the same lines in another order".to_owned()
    } else {
        lines.join(
            "
",
        )
    }
}

/// An error of a rehearsal that could not be done at all.
#[must_use]
pub fn rehearsal(error: &rehearse::RehearseError) -> Problem {
    use rehearse::RehearseError as Why;
    let code = match error {
        Why::Database(error) => return migrate(error),
        Why::Tool(tool) => tool_code(tool, Code::RehearsalFailed),
        Why::MayNotCreate { .. }
        | Why::ShadowIsDatabase
        | Why::ShadowDiffers { .. }
        | Why::ShadowHolds { .. }
        | Why::ShadowInUse => Code::ShadowUnusable,
        Why::File { source, .. } => file_code(source, Code::RehearsalFailed),
        Why::ReachesOut { .. } => Code::RehearsalFailed,
    };
    Problem::new(
        code,
        with_sources(error),
        "do what the message says, or write rehearse = false into [database] and know that nothing was tried",
    )
}

/// An error of a backup: its code; none where the way to the database is at fault.
fn backup_code(error: &BackupError) -> Code {
    match error {
        BackupError::Database(error) => migrate(error).code,
        BackupError::Tool(tool) => tool_code(tool, Code::BackupFailed),
        BackupError::Aside(AsideError::Database(error)) => migrate(error).code,
        BackupError::Aside(AsideError::MayNotCreate { .. }) => Code::ShadowUnusable,
        BackupError::Seal(SealError::Form | SealError::Refused) | BackupError::Manifest { .. } => {
            Code::BackupDamaged
        }
        BackupError::Name { .. } => Code::Usage,
        BackupError::Unknown { .. } => Code::BackupUnknown,
        BackupError::Full { .. } => Code::DiskFull,
        BackupError::File { source, .. } => file_code(source, Code::BackupFailed),
        BackupError::Unreachable { .. } | BackupError::Refused { .. } | BackupError::Place(_) => {
            Code::BackupPlaceUnusable
        }
        BackupError::Differs { .. } => Code::BackupDiffers,
        BackupError::Kind { .. }
        | BackupError::Occupied { .. }
        | BackupError::Busy { .. }
        | BackupError::InUse { .. } => Code::RestoreRefused,
        BackupError::Seal(SealError::Unsealable)
        | BackupError::Aside(AsideError::Name(_))
        | BackupError::HalfWay { .. } => Code::BackupFailed,
    }
}

/// An error of a backup. `doing` is put before it.
#[must_use]
pub fn backup(doing: &str, error: &BackupError) -> Problem {
    let remedy = match backup_code(error) {
        Code::DatabaseToolMissing => "install what the message names, then try again",
        Code::BackupDamaged => {
            "use the key that it was made with (`key` in [backup], or backup.key in the state folder), or another \
             backup: `bascule backup list`"
        }
        Code::BackupPlaceUnusable => {
            "see that `to` in [backup] names a place that is there and lets you in, then try again"
        }
        Code::ShadowUnusable => "let the user make databases, as the message says, then try again",
        Code::BackupUnknown => "`bascule backup list` shows those that there are",
        _ => "mend what it names, then try again; nothing that looks like a backup is left of it",
    };
    Problem::new(backup_code(error), format!("{doing}{}", with_sources(error)), remedy)
}

fn tool_code(error: &ToolError, otherwise: Code) -> Code {
    match error {
        ToolError::Missing { .. } => Code::DatabaseToolMissing,
        ToolError::Start { source, .. } => file_code(source, otherwise),
        ToolError::Failed { said, .. } => {
            let said = said.to_lowercase();
            let any = |words: &[&str]| words.iter().any(|word| said.contains(word));
            if any(&["no space left", "disk full", "errcode: 28"]) {
                Code::DiskFull
            } else if any(&["permission denied", "access denied"]) {
                Code::DatabaseForbidden
            } else {
                otherwise
            }
        }
    }
}

fn file_code(error: &std::io::Error, otherwise: Code) -> Code {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded => Code::DiskFull,
        _ => otherwise,
    }
}

/// An error of a backfill.
#[must_use]
pub fn fill(error: &backfill::Error) -> Problem {
    let code = if error.broken() { Code::DatabaseUnavailable } else { Code::MigrationFailed };
    Problem::new(
        code,
        with_sources(error),
        "`bascule migrate backfill` shows how far it is; then begin again",
    )
}

/// An error of a contract.
#[must_use]
pub fn contract(error: &contract::Error) -> Problem {
    let code = match error {
        contract::Error::Locked { .. } => Code::DatabaseLocked,
        contract::Error::Refused { .. } => Code::SchemaRefuses,
        contract::Error::Gone { .. } => return contract_final(&error.to_string()),
        _ => Code::MigrationFailed,
    };
    Problem::new(
        code,
        with_sources(error),
        "mend what the message names; the contract is begun again by itself",
    )
}

/// What a contract took away does not come back.
#[must_use]
pub fn contract_final(message: &str) -> Problem {
    Problem::new(
        Code::ContractFinal,
        message,
        "restore a backup (`bascule backup list`), or write a migration that goes forward",
    )
}

/// An error and everything below it, in one sentence.
#[must_use]
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut below = error.source();
    while let Some(source) = below {
        message.push_str(&format!(": {source}"));
        below = source.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(kind: std::io::ErrorKind) -> std::io::Error {
        std::io::Error::from(kind)
    }

    fn failed(said: &str) -> ToolError {
        ToolError::Failed { program: "pg_dump".to_owned(), said: said.to_owned() }
    }

    fn missing() -> ToolError {
        ToolError::Missing { program: "pg_dump".to_owned(), package: "postgresql-client".to_owned() }
    }

    #[test]
    fn what_a_user_must_tell_apart_of_a_backup_has_a_code_of_its_own() {
        let text = || "x".to_owned();
        for (error, code) in [
            (BackupError::Tool(missing()), Code::DatabaseToolMissing),
            (
                BackupError::Tool(failed("pg_dump: error: permission denied for table t")),
                Code::DatabaseForbidden,
            ),
            (BackupError::Tool(failed("could not write: No space left on device")), Code::DiskFull),
            (BackupError::Tool(failed("server closed the connection")), Code::BackupFailed),
            (BackupError::Full { folder: text() }, Code::DiskFull),
            (
                BackupError::File { doing: "writing", source: io(std::io::ErrorKind::StorageFull) },
                Code::DiskFull,
            ),
            (
                BackupError::Unreachable { place: text(), doing: "listing", why: text() },
                Code::BackupPlaceUnusable,
            ),
            (BackupError::Seal(SealError::Refused), Code::BackupDamaged),
            (BackupError::Manifest { id: text() }, Code::BackupDamaged),
            (BackupError::Differs { id: text(), what: text() }, Code::BackupDiffers),
            (BackupError::Unknown { id: text() }, Code::BackupUnknown),
            (BackupError::Occupied { database: text(), table: text() }, Code::RestoreRefused),
        ] {
            assert_eq!(backup("", &error).code, code, "{error}");
        }
    }

    #[test]
    fn what_a_user_must_tell_apart_of_a_rehearsal_has_a_code_of_its_own() {
        use rehearse::RehearseError as Why;
        for (error, code) in [
            (Why::Tool(missing()), Code::DatabaseToolMissing),
            (Why::ShadowIsDatabase, Code::ShadowUnusable),
            (Why::ShadowInUse, Code::ShadowUnusable),
            (Why::File { doing: "copying", source: io(std::io::ErrorKind::StorageFull) }, Code::DiskFull),
            (Why::ReachesOut { what: "t".to_owned() }, Code::RehearsalFailed),
        ] {
            assert_eq!(rehearsal(&error).code, code, "{error}");
        }
    }
}
