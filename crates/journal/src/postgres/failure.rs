//! What PostgreSQL's errors mean to a person: a server that is away, a login that is refused, a right that is missing, damage.

use bascule_model::problem::{Code, Problem};

use crate::error::JournalError;
use crate::failure::Failure;

/// What goes on meanwhile, and what happens when the server is back: said with everything that passes by itself.
const GOES_ON: &str = "what runs goes on, and so do unfinished runs as soon as it answers";

pub(super) fn explain(failure: Failure, place: &str) -> JournalError {
    match failure {
        Failure::Journal(JournalError::Corrupt(what)) => JournalError::Corrupt(format!("{place}: {what}")),
        Failure::Journal(error) => error,
        Failure::Io(error) => away(place, &error.to_string()),
        Failure::Sql(error) => explain_sql(&error, place),
    }
}

fn explain_sql(error: &sqlx::Error, place: &str) -> JournalError {
    match error {
        sqlx::Error::Database(database) => {
            explain_code(database.code().as_deref().unwrap_or_default(), database.message(), place)
        }
        sqlx::Error::PoolTimedOut => away(place, "it does not answer"),
        sqlx::Error::Tls(error) => unavailable(
            place,
            &format!("TLS: {error}"),
            "correct sslmode and sslrootcert in BASCULE_JOURNAL, or the server's certificate",
        ),
        sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::Decode(_)
        | sqlx::Error::RowNotFound => JournalError::Corrupt(format!("{place}: {error}")),
        error => away(place, &error.to_string()),
    }
}

/// By the class of the error's SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
fn explain_code(code: &str, message: &str, place: &str) -> JournalError {
    match (code.get(..2).unwrap_or_default(), code) {
        (_, "53100") => JournalError::Unavailable(Problem::new(
            Code::DiskFull,
            format!("the journal in PostgreSQL ({place}) could not be written: its disk is full: {message}"),
            "free some space on the database's machine, then try again; nothing is lost",
        )),
        ("28", _) => unavailable(place, message, "correct user and password in BASCULE_JOURNAL"),
        (_, "3D000") => {
            unavailable(place, message, "create the database, or correct its name in BASCULE_JOURNAL")
        }
        (_, "42501") => unavailable(
            place,
            message,
            "the role needs CREATE on the database when the journal is made, and owns the schema bascule_journal",
        ),
        (_, "25006") => {
            unavailable(place, message, "name the primary in BASCULE_JOURNAL: this server can only be read")
        }
        (_, "55P03") => unavailable(
            place,
            "another control plane has been writing for more than 10 s",
            "try again; if it stays so, look in pg_stat_activity for what holds bascule_journal.journal",
        ),
        // A value, a constraint, a table or a page that is not as it was written; and what our triggers refuse.
        ("22" | "23" | "42" | "P0" | "XX", _) => JournalError::Corrupt(format!("{place}: {message}")),
        _ => away(place, message),
    }
}

fn away(place: &str, why: &str) -> JournalError {
    unavailable(place, why, &format!("start the server again, or mend the way to it; {GOES_ON}"))
}

pub(super) fn unavailable(place: &str, why: &str, remedy: &str) -> JournalError {
    JournalError::Unavailable(Problem::new(
        Code::JournalUnavailable,
        format!("the journal in PostgreSQL ({place}) could not be read or written: {why}"),
        remedy,
    ))
}

/// Whether the transaction can be tried again from its beginning: the connection was lost, or the server asks for it.
pub(super) fn may_be_repeated(failure: &Failure) -> bool {
    match failure {
        Failure::Sql(sqlx::Error::Database(error)) => {
            let code = error.code().unwrap_or_default();
            // Serialization failures and deadlocks; connections that were ended; a server that goes down or comes up; a statement that
            // was prepared before a newer version changed the tables.
            code.starts_with("40")
                || code.starts_with("08")
                || code.starts_with("57P")
                || code == "25P03"
                || code == "0A000"
        }
        Failure::Sql(
            sqlx::Error::Io(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed,
        ) => true,
        _ => false,
    }
}

/// Whether the error says that nothing was committed: a constraint that is looked at last, a serialization failure.
pub(super) fn is_refused(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code.starts_with("23") || code.starts_with("40"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_says_what_to_do() {
        let cases = [
            ("28P01", Code::JournalUnavailable, "user and password"),
            ("3D000", Code::JournalUnavailable, "create the database"),
            ("42501", Code::JournalUnavailable, "CREATE on the database"),
            ("25006", Code::JournalUnavailable, "primary"),
            ("55P03", Code::JournalUnavailable, "pg_stat_activity"),
            ("53100", Code::DiskFull, "free some space"),
            ("57P01", Code::JournalUnavailable, "start the server again"),
            ("53300", Code::JournalUnavailable, "start the server again"),
            ("08006", Code::JournalUnavailable, "start the server again"),
            ("XX001", Code::JournalCorrupt, "what runs goes on"),
            ("42P01", Code::JournalCorrupt, "what runs goes on"),
            ("23505", Code::JournalCorrupt, "what runs goes on"),
            ("", Code::JournalUnavailable, "start the server again"),
        ];
        for (code, expected, remedy) in cases {
            let problem = Problem::from(explain_code(code, "…", "db:5432/journal"));
            assert_eq!(problem.code, expected, "{code}");
            assert!(problem.remedy.contains(remedy), "{code}: {}", problem.remedy);
            assert!(problem.message.contains("db:5432/journal"), "{code}: {}", problem.message);
        }
    }
}
