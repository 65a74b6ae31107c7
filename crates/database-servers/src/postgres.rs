//! A PostgreSQL server of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::keeper::{Keeper, Recipe, as_user, give, wait_for};
use crate::{fresh_name, program, skip, template};

const FOLDERS: [&str; 8] = [
    "/usr/lib/postgresql/18/bin",
    "/usr/lib/postgresql/17/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/14/bin",
    "/usr/lib/postgresql/13/bin",
    "/usr/local/bin",
    "/usr/bin",
];
const USER: &str = "postgres";

/// A PostgreSQL server. Whoever reaches its socket is let in as whom he says; over TCP a password is asked for.
pub struct Postgres {
    folder: TempDir,
    keeper: Option<Keeper>,
    port: u16,
    options: Vec<String>,
}

impl Postgres {
    /// The server that all tests of this process share; none, and says so, where PostgreSQL is not installed.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[])).as_ref()
    }

    /// A server of its own, with settings as `name=value`.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(options: &[&str]) -> Option<Self> {
        let Some(initdb) = Self::tool("initdb") else {
            skip("PostgreSQL");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("bascule-postgres-").tempdir().expect("a folder");
        let version = initdb.to_string_lossy().replace(|at: char| !at.is_ascii_digit(), "");
        template::copy(&format!("postgres{version}"), USER, &folder.path().join("data"), |data| {
            let mut command = Command::new(&initdb);
            command.arg("-D").arg(data);
            command.args(["-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]);
            command.args(["--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]);
            command
        });
        give(USER, folder.path());
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server = Self { folder, keeper: None, port: crate::free_port(), options };
        server.restart();
        Some(server)
    }

    /// A server that waits for another one to follow, and can only be read.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start_replica() -> Option<Self> {
        let mut server = Self::start(&[])?;
        std::fs::write(server.folder.path().join("data/standby.signal"), "").expect("the replica's mark");
        server.restart();
        Some(server)
    }

    /// A replica of that server, which follows it and can be read.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn follow(primary: &Self) -> Self {
        let folder = tempfile::Builder::new().prefix("bascule-postgres-").tempdir().expect("a folder");
        give(USER, folder.path());
        let mut copy = as_user(USER, &Self::tool("pg_basebackup").expect("pg_basebackup beside initdb"));
        copy.args(["-U", USER, "-h"]).arg(primary.folder()).args(["-p", &primary.port.to_string(), "-D"]);
        copy.arg(folder.path().join("data")).args(["-X", "stream", "-c", "fast", "-R", "--no-sync"]);
        let output = copy.current_dir("/").output().expect("pg_basebackup");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let options = vec!["wal_receiver_status_interval=1s".to_owned()];
        let mut server = Self { folder, keeper: None, port: crate::free_port(), options };
        server.restart();
        server
    }

    /// A program of PostgreSQL (`psql`, `pg_dump`), where it is installed.
    #[must_use]
    pub fn tool(name: &str) -> Option<PathBuf> {
        program(name, &FOLDERS)
    }

    /// Starts it after it was ended.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            keeper.end();
        }
        let _ = std::fs::remove_file(self.folder.path().join("data/postmaster.pid"));
        let mut arguments = vec!["-D".to_owned(), self.folder.path().join("data").display().to_string()];
        let usual = [
            format!("unix_socket_directories={}", self.folder.path().display()),
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            "fsync=off".to_owned(),
            "full_page_writes=off".to_owned(),
            "shared_buffers=32MB".to_owned(),
            "max_connections=100".to_owned(),
            "autovacuum=off".to_owned(),
            "dynamic_shared_memory_type=posix".to_owned(),
        ];
        for option in usual.iter().chain(&self.options) {
            arguments.extend(["-c".to_owned(), option.clone()]);
        }
        self.keeper = Some(Keeper::start(&Recipe {
            folder: self.folder.path(),
            user: USER,
            program: Self::tool("postgres").expect("postgres beside initdb"),
            arguments,
            signal: "QUIT",
        }));
        wait_for("PostgreSQL", || self.try_psql("postgres", "SELECT 1").ok());
    }

    /// Kills its processes at once, as a crash of the machine would.
    ///
    /// # Panics
    /// When it was ended before.
    pub fn kill(&mut self) {
        let keeper = self.keeper.take().expect("a running server");
        keeper.signal(rustix::process::Signal::KILL);
        keeper.end();
        // Its children see that it is gone, and go; a new one would refuse to start beside them.
        let shared = self.folder.path().join("data/postmaster.pid");
        wait_for("the end of PostgreSQL's children", || {
            let text = std::fs::read_to_string(&shared).unwrap_or_default();
            let segment = text.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
            (!segment.is_some_and(attached)).then_some(())
        });
    }

    /// Its folder, in which its socket is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The port that it listens on, of the loopback address; also names its socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its first process.
    ///
    /// # Panics
    /// When it was ended.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.keeper.as_ref().expect("a running server").pid()
    }

    /// A new database's name.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn database(&self) -> String {
        let name = fresh_name();
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// A new database, as its address over the socket.
    #[must_use]
    pub fn fresh(&self) -> String {
        self.address(&self.database())
    }

    /// A database's address over the socket, as the superuser.
    #[must_use]
    pub fn address(&self, database: &str) -> String {
        self.address_as("postgres", database)
    }

    /// A database's address over the socket, as that role.
    #[must_use]
    pub fn address_as(&self, role: &str, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres://{role}@localhost:{}/{database}?host={folder}&sslmode=disable", self.port)
    }

    /// A database's address over TCP, where a password is asked for.
    #[must_use]
    pub fn address_over_tcp(&self, role: &str, password: &str, database: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// What psql prints (`-qtAX`) for a text.
    ///
    /// # Panics
    /// When a statement fails.
    #[must_use = "use `run` for what gives nothing"]
    pub fn ask(&self, database: &str, sql: &str) -> String {
        match self.try_psql(database, sql) {
            Ok(output) => output,
            Err(error) => panic!("psql: {error}\n{sql}"),
        }
    }

    /// Runs a text with psql.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn psql(&self, database: &str, sql: &str) {
        let _ = self.ask(database, sql);
    }

    fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(Self::tool("psql").expect("psql beside initdb"));
        psql.args(["-qtAX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-h"]).arg(self.folder.path());
        psql.args(["-p", &self.port.to_string(), "-d", database, "-c", sql]);
        let output = psql.output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

/// Whether a process is attached to that System V segment, which every process of a server is.
fn attached(segment: i64) -> bool {
    let table = std::fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace();
        let id = fields.nth(1).and_then(|id| id.parse::<i64>().ok());
        id == Some(segment) && fields.nth(4).is_some_and(|count| count != "0")
    })
}
