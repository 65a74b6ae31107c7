//! What the register is told, from a lookup of environment variables. Nothing here reads the environment by itself.

use std::net::{IpAddr, Ipv4Addr};

use crate::{Database, Faults, RegisterError};

/// How the register runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address that it listens on: `HOST`, else 127.0.0.1.
    pub host: IpAddr,
    /// The port that it listens on, 0 for a free one: `PORT`, else 3000.
    pub port: u16,
    /// The database: `DATABASE_URL`.
    pub database: Database,
    /// The column that this version keeps a name in: `COLUMN`, else `name`. A name of lower-case letters and `_`.
    pub column: String,
    /// Which columns it asks for: `SELECT_STAR=1` for all of them.
    pub selection: Selection,
    /// How it misbehaves; by default it does not.
    pub faults: Faults,
    /// What it says about itself.
    pub identity: Identity,
}

/// Which columns a query asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Those that it reads, by name. Outlives a column that is added.
    Named,
    /// `SELECT *`. A prepared one fails from the moment a column is added: "cached plan must not change result type".
    Star,
}

/// The place it was deployed to: `BASCULE_RELEASE`, `BASCULE_SLOT`, `BASCULE_INSTANCE`; `none` where nobody set them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The release.
    pub release: String,
    /// Blue or green.
    pub slot: String,
    /// The instance.
    pub instance: String,
}

impl Options {
    /// Reads the variables.
    ///
    /// # Errors
    /// When one that has to be set is not, or has the wrong form.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, RegisterError> {
        const DATABASE: &str = "an address such as postgres://USER@HOST/DATABASE";
        let database = lookup("DATABASE_URL")
            .ok_or(RegisterError::Missing { name: "DATABASE_URL", expected: DATABASE })?;
        let database = Database::parse(&database)
            .ok_or(RegisterError::BadValue { name: "DATABASE_URL", expected: DATABASE })?;
        let column = lookup("COLUMN").unwrap_or_else(|| "name".to_owned());
        if column.is_empty() || !column.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err(RegisterError::BadValue { name: "COLUMN", expected: "a column such as full_name" });
        }
        let port = lookup("PORT").map_or(Ok(3000), |port| port.parse());
        let host = lookup("HOST").map_or(Ok(Ipv4Addr::LOCALHOST.into()), |host| host.parse());
        Ok(Self {
            host: host.map_err(|_| RegisterError::BadValue {
                name: "HOST",
                expected: "an address such as 127.0.0.1",
            })?,
            port: port
                .map_err(|_| RegisterError::BadValue { name: "PORT", expected: "a port such as 3000" })?,
            database,
            column,
            selection: if is_on(lookup("SELECT_STAR")) { Selection::Star } else { Selection::Named },
            faults: Faults::read(&lookup)?,
            identity: Identity::read(&lookup),
        })
    }
}

impl Identity {
    fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let or_none = |name| lookup(name).unwrap_or_else(|| "none".to_owned());
        Self {
            release: or_none("BASCULE_RELEASE"),
            slot: or_none("BASCULE_SLOT"),
            instance: or_none("BASCULE_INSTANCE"),
        }
    }
}

pub(crate) fn is_on(value: Option<String>) -> bool {
    value.is_some_and(|value| value == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Options, RegisterError> {
        Options::read(|name| {
            let found = variables.iter().find(|(its, _)| *its == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const DATABASE: (&str, &str) = ("DATABASE_URL", "postgres://ada:secret@localhost/register");

    #[test]
    fn what_is_not_said() {
        let options = read(&[DATABASE]).unwrap();
        assert_eq!((options.port, options.column.as_str()), (3000, "name"));
        assert_eq!((options.selection, options.identity.release.as_str()), (Selection::Named, "none"));
    }

    #[test]
    fn wrong_values_are_named_and_not_repeated() {
        assert!(read(&[]).unwrap_err().to_string().starts_with("DATABASE_URL is not set"));
        for (name, value) in [
            ("DATABASE_URL", "secret"),
            ("COLUMN", "a\"; DROP"),
            ("HOST", "nowhere"),
            ("PORT", "x"),
            ("ERROR_RATE", "17"),
        ] {
            let error = read(&[(name, value), DATABASE]).unwrap_err();
            assert!(error.to_string().starts_with(name) && !error.to_string().contains(value), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
