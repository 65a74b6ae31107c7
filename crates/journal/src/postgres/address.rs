//! Where the database is: an address that may hold a password, and is never shown with it.

use std::str::FromStr as _;

use bascule_model::problem::{Code, Problem};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::error::JournalError;

/// What the server shows of our connections (`application_name`).
const NAME: &str = "bascule journal";

/// How to connect, and the place that may be shown: host, port and database.
pub(super) fn read(address: &str) -> Result<(PgConnectOptions, String), JournalError> {
    let scheme = address.split_once("://").map_or("", |(scheme, _)| scheme);
    let options = match scheme {
        "postgres" | "postgresql" => PgConnectOptions::from_str(address).ok(),
        _ => None,
    };
    // Why it could not be read may repeat a part of it, the password's for one.
    let options = options.ok_or_else(|| {
        JournalError::Unavailable(Problem::new(
            Code::Usage,
            "BASCULE_JOURNAL is no address of a PostgreSQL database; it is not repeated here, as it may hold a password",
            "set it to postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with %40 for an @ and %2F \
             for a / in the password; or do not set it, for a journal in the state folder",
        ))
    })?;
    let options = options.application_name(NAME).disable_statement_logging();
    let place = place(address, &options);
    Ok((options, place))
}

fn place(address: &str, options: &PgConnectOptions) -> String {
    let host = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => options.get_host().to_owned(),
    };
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    let place = format!("{host}:{}/{database}", options.get_port());
    // An address that was read otherwise than it was meant, with a piece of the password in the host.
    let is_odd = address.matches('@').count() > 1;
    if is_odd { format!("{}/{database}", options.get_port()) } else { place }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_place_is_shown_without_user_and_password() {
        for (address, expected) in [
            (
                "postgres://ann:hunter2@db.example.com:5433/journal?sslmode=require",
                "db.example.com:5433/journal",
            ),
            ("postgresql://ann:hunter2@10.0.0.7/journal", "10.0.0.7:5432/journal"),
            (
                "postgres://ann@localhost:5433/journal?host=/run/postgresql&password=hunter2",
                "/run/postgresql:5433/journal",
            ),
        ] {
            let (_, place) = read(address).unwrap();
            assert_eq!(place, expected);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for address in
            ["hunter2", "mysql://ann:hunter2@db/journal", "postgres://ann:hunter2@db:port/journal", ""]
        {
            let error = format!("{:?}", read(address).unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.contains("BASCULE_JOURNAL"), "{error}");
        }
        // A password with an @ that was not escaped: no part of it is taken for a host that may be shown.
        let place = read("postgres://ann:hun@ter2@db/journal").map(|(_, place)| place).unwrap_or_default();
        assert!(!place.contains("ter2"), "{place}");
    }
}
