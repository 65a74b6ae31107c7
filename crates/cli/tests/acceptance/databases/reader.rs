//! A reader that began a transaction and does not end it: what it has read stays locked against every change of its form.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use bascule_database_servers::Postgres;

use super::register::Register;
use super::server::Server;
use crate::support::wait;

/// What the server shows of it.
const NAME: &str = "nightly report";

/// An open transaction; ends when it is dropped.
pub struct Reader(Child);

impl Reader {
    /// Reads the people, and stays.
    pub fn begin(register: &Register<'_>) -> Self {
        let Server::Postgres(server, database) = &register.server else { panic!("psql is PostgreSQL's") };
        let mut psql = Command::new(Postgres::tool("psql").unwrap());
        psql.args(["-qtAX", "-U", "postgres", "-d", database, "-p"]);
        psql.arg(server.port().to_string()).arg("-h").arg(server.folder());
        psql.env("PGAPPNAME", NAME).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = psql.spawn().unwrap();
        let input = child.stdin.as_mut().unwrap();
        input.write_all(b"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM person;\n").unwrap();
        let reader = Self(child);
        wait::until("a reader in a transaction", || {
            let count = format!(
                "SELECT count(*) FROM pg_stat_activity \
                 WHERE application_name = '{NAME}' AND state = 'idle in transaction'"
            );
            (register.ask(&count) == "1").then_some(())
        });
        reader
    }

    /// Whether a message says that it was in the way.
    pub fn is_named_in(message: &str) -> bool {
        message.contains(NAME)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
