//! Where a database is: an address as people write it, and never shown with its password.

use std::fmt;

use bascule_sql::Dialect;

use crate::error::Error;

/// A database's address: `postgres://…`, `mysql://…`, `mariadb://…`, `sqlite:PATH`. Holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    dialect: Dialect,
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    /// When its scheme is none that we know; the message does not repeat the address.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
        let dialect = match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" => Dialect::Postgres,
            "mysql" | "mariadb" => Dialect::Mysql,
            "sqlite" | "sqlite3" | "file" => Dialect::Sqlite,
            _ => {
                let known = "it begins with `postgres://`, `mysql://`, `mariadb://` or `sqlite:`";
                return Err(Error::Address(known.to_owned()));
            }
        };
        Ok(Self { text: text.to_owned(), dialect })
    }

    /// Its kind.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// All of it, password included: for the driver and for environment variables of the database's own tools alone.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// The file of a SQLite database.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        if self.dialect != Dialect::Sqlite {
            return None;
        }
        let path = self.text.split_once(':').map_or("", |(_, rest)| rest);
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(path.split_once('?').map_or(path, |(path, _)| path))
    }

    /// Host, port and database (or the file), without user, password and options.
    #[must_use]
    pub fn place(&self) -> String {
        if let Some(file) = self.file() {
            return file.to_owned();
        }
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        // The last @: a password may hold one.
        rest.rsplit_once('@').map_or(rest, |(_, place)| place).to_owned()
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let (head, options) = match self.text.split_once('?') {
            Some((head, options)) => (head, format!("?{options}")),
            None => (self.text.as_str(), String::new()),
        };
        let (scheme, rest) = head.split_once("://").unwrap_or(("", head));
        // The path begins after the authority; user and password hold no unescaped slash.
        let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
        Self { text: format!("{scheme}://{authority}/{name}{options}"), dialect: self.dialect }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secret() {
        for (text, place) in [
            ("postgres://ann:p@ss@db:5432/shop?sslmode=require", "db:5432/shop"),
            ("mysql://root@127.0.0.1/shop", "127.0.0.1/shop"),
            ("sqlite:data/shop.db", "data/shop.db"),
            ("sqlite:///var/lib/shop.db?mode=rwc", "/var/lib/shop.db"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.place(), place);
            assert_eq!(format!("{address:?}"), format!("Address({place})"));
        }
    }

    #[test]
    fn another_database_of_the_same_server_keeps_the_rest() {
        let address = Address::parse("postgres://ann:secret@db:5432/shop?sslmode=require").unwrap();
        assert_eq!(
            address.with_database("shadow").reveal(),
            "postgres://ann:secret@db:5432/shadow?sslmode=require"
        );
    }

    #[test]
    fn an_unknown_scheme_is_refused_without_repeating_it() {
        let error = Address::parse("oracle://sys:hunter2@db/x").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
