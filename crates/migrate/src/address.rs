//! Where a database is: an address as people write it, and never shown with its password.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use bascule_sql::Dialect;

use crate::error::Error;

/// A database's address: `postgres://…`, `mysql://…`, `mariadb://…`, `sqlite:PATH`. Holds a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// As the driver takes it.
    text: String,
    /// Host, port and database as people wrote them, where the driver takes others.
    written: Option<String>,
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
        Ok(Self { text: text.to_owned(), written: None, dialect })
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

    /// Host, port and database (or the file) as they were written, without user, password and options.
    #[must_use]
    pub fn place(&self) -> String {
        if let Some(written) = &self.written {
            return written.clone();
        }
        match self.file() {
            Some(file) => file.to_owned(),
            None => self.pieces().place.to_owned(),
        }
    }

    /// The server's name and port, where it has a name that can mean another server elsewhere: none of a file, of an IP address, of
    /// `localhost`, of a socket.
    #[must_use]
    pub fn host(&self) -> Option<(&str, u16)> {
        let usual = match self.dialect {
            Dialect::Postgres => 5432,
            Dialect::Mysql => 3306,
            Dialect::Sqlite => return None,
        };
        let pieces = self.pieces();
        let is_elsewhere =
            |option: &str| ["host=", "hostaddr=", "socket="].iter().any(|name| option.starts_with(name));
        if pieces.options.trim_start_matches('?').split('&').any(is_elsewhere) {
            return None;
        }
        let server = pieces.place.split_once('/').map_or(pieces.place, |(server, _)| server);
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (server, usual),
        };
        let is_name = !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            && host.parse::<IpAddr>().is_err()
            && !host.eq_ignore_ascii_case("localhost");
        is_name.then_some((host, port))
    }

    /// The same database by another way to its server. It is shown as it was written.
    #[must_use]
    pub fn through(&self, way: SocketAddr) -> Self {
        let pieces = self.pieces();
        let database = pieces.place.split_once('/').map_or("", |(_, database)| database);
        let text = format!("{}://{}{way}/{database}{}", pieces.scheme, pieces.account, pieces.options);
        Self { text, written: Some(self.place()), dialect: self.dialect }
    }

    /// The same server, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        let another = |place: &str| {
            let server = place.split_once('/').map_or(place, |(server, _)| server);
            format!("{server}/{name}")
        };
        let pieces = self.pieces();
        let place = another(pieces.place);
        let text = format!("{}://{}{place}{}", pieces.scheme, pieces.account, pieces.options);
        Self { text, written: self.written.as_deref().map(another), dialect: self.dialect }
    }

    /// Of the address of a server.
    fn pieces(&self) -> Pieces<'_> {
        let (scheme, rest) = self.text.split_once("://").unwrap_or(("", &self.text));
        let (rest, options) = rest.split_at(rest.find('?').unwrap_or(rest.len()));
        // The last @: a password may hold one.
        let (account, place) = rest.split_at(rest.rfind('@').map_or(0, |at| at + 1));
        Pieces { scheme, account, place, options }
    }
}

/// `SCHEME://[ACCOUNT@]PLACE[?OPTIONS]`.
struct Pieces<'a> {
    scheme: &'a str,
    /// User and password, with the `@` behind them.
    account: &'a str,
    /// Host, port and database.
    place: &'a str,
    /// With the `?` before them.
    options: &'a str,
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
    fn another_way_leads_to_the_same_database_and_is_not_shown() {
        let way = "127.0.0.1:4711".parse().unwrap();
        for (text, through) in [
            (
                "postgres://ann:p@ss@pg.shop:5433/shop?sslmode=require",
                "postgres://ann:p@ss@127.0.0.1:4711/shop?sslmode=require",
            ),
            ("mysql://root@db/shop", "mysql://root@127.0.0.1:4711/shop"),
            ("postgres://db", "postgres://127.0.0.1:4711/"),
        ] {
            let address = Address::parse(text).unwrap();
            let other = address.through(way);
            assert_eq!(other.reveal(), through);
            assert_eq!(other.place(), address.place());
        }
        let other =
            Address::parse("postgres://ann@pg/shop?a=b").unwrap().through(way).with_database("shadow");
        assert_eq!(other.reveal(), "postgres://ann@127.0.0.1:4711/shadow?a=b");
        assert_eq!(other.place(), "pg/shadow");
    }

    #[test]
    fn a_server_s_name_is_told_from_what_is_none() {
        for (text, host) in [
            ("postgres://ann:p@ss@pg.shop.svc:5433/shop?sslmode=require", Some(("pg.shop.svc", 5433))),
            ("postgres://pg/shop", Some(("pg", 5432))),
            ("mariadb://root:x@db/shop", Some(("db", 3306))),
            ("postgres://localhost/shop", None),
            ("postgres://127.0.0.1:5432/shop", None),
            ("postgres://[::1]:5432/shop", None),
            ("postgres://one,two/shop", None),
            ("postgres:///shop", None),
            ("postgres://pg/shop?host=/run/postgresql", None),
            ("mysql://db/shop?charset=utf8&socket=/run/mysqld.sock", None),
            ("postgres://pg:port/shop", None),
            ("postgres://%2Frun%2Fpostgresql/shop", None),
            ("sqlite:data/shop.db", None),
        ] {
            assert_eq!(Address::parse(text).unwrap().host(), host, "{text}");
        }
    }

    #[test]
    fn an_unknown_scheme_is_refused_without_repeating_it() {
        let error = Address::parse("oracle://sys:hunter2@db/x").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
