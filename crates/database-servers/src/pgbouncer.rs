//! A PgBouncer before a PostgreSQL server.

use tempfile::TempDir;

use crate::keeper::{Keeper, Recipe, give, wait_for};
use crate::{Postgres, program, skip};

const USER: &str = "postgres";

/// When a server's session is given to another client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// When the client goes.
    Session,
    /// After each transaction.
    Transaction,
    /// After each statement.
    Statement,
}

/// A running PgBouncer.
pub struct PgBouncer {
    _folder: TempDir,
    port: u16,
    _keeper: Keeper,
}

impl PgBouncer {
    /// One before that server; none, and says so, where it is not installed.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(server: &Postgres, pooling: Pooling) -> Option<Self> {
        let Some(path) = program("pgbouncer", &["/usr/sbin", "/usr/bin", "/usr/local/bin"]) else {
            skip("PgBouncer");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("bascule-pgbouncer-").tempdir().expect("a folder");
        let port = crate::free_port();
        let mode = match pooling {
            Pooling::Session => "session",
            Pooling::Transaction => "transaction",
            Pooling::Statement => "statement",
        };
        // With `any`, everybody is one user of the server: the superuser of the tests.
        let settings = format!(
            "[databases]\n* = host={} port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir = {}\nauth_type = any\npool_mode = {mode}\n\
             default_pool_size = 4\nserver_round_robin = 1\n\
             ignore_startup_parameters = extra_float_digits,options\n",
            server.folder().display(),
            server.port(),
            folder.path().display()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).expect("the settings");
        give(USER, folder.path());
        let keeper = Keeper::start(&Recipe {
            folder: folder.path(),
            user: USER,
            program: path,
            arguments: vec![file.display().to_string()],
            signal: "KILL",
        });
        wait_for("PgBouncer", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        Some(Self { _folder: folder, port, _keeper: keeper })
    }

    /// A database's address through it.
    #[must_use]
    pub fn address(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }
}
