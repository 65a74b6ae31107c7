//! A MariaDB server of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::keeper::{Keeper, Recipe, give, wait_for};
use crate::{fresh_name, program, skip, template};

const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/libexec"];
const USER: &str = "mysql";

/// A MariaDB server, with the user `root` and no password.
pub struct MariaDb {
    folder: TempDir,
    keeper: Option<Keeper>,
    port: u16,
    options: Vec<String>,
}

impl MariaDb {
    /// The server that all tests of this process share; none, and says so, where MariaDB is not installed.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<MariaDb>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[])).as_ref()
    }

    /// A server of its own, with options as `name=value`.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    pub fn start(options: &[&str]) -> Option<Self> {
        let (Some(installer), Some(_)) = (Self::tool("mariadb-install-db"), Self::tool("mariadbd")) else {
            skip("MariaDB");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("bascule-mariadb-").tempdir().expect("a folder");
        template::copy("mariadb", USER, &folder.path().join("data"), |data| {
            let mut command = Command::new(&installer);
            command.arg("--no-defaults").arg(format!("--datadir={}", data.display()));
            command.args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
            command.arg("--innodb-log-file-size=4M");
            command
        });
        give(USER, folder.path());
        let options = options.iter().map(|option| format!("--{option}")).collect();
        let mut server = Self { folder, keeper: None, port: crate::free_port(), options };
        server.restart();
        Some(server)
    }

    /// A program of MariaDB (`mariadb`, `mariadb-dump`), where it is installed.
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
        let folder = self.folder.path().display();
        let mut arguments: Vec<String> = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={folder}/data"),
            format!("--socket={}", self.socket().display()),
            format!("--pid-file={folder}/mariadb.pid"),
            // Another server that starts would remove temporary tables in a folder that they share.
            format!("--tmpdir={folder}"),
            format!("--port={}", self.port),
            "--bind-address=127.0.0.1".to_owned(),
            "--innodb-flush-log-at-trx-commit=2".to_owned(),
            "--innodb-doublewrite=0".to_owned(),
            "--innodb-flush-method=nosync".to_owned(),
            "--innodb-buffer-pool-size=32M".to_owned(),
            "--innodb-log-file-size=16M".to_owned(),
            "--character-set-server=utf8mb4".to_owned(),
            "--skip-name-resolve".to_owned(),
        ];
        arguments.extend(self.options.iter().cloned());
        self.keeper = Some(Keeper::start(&Recipe {
            folder: self.folder.path(),
            user: USER,
            program: Self::tool("mariadbd").expect("mariadbd beside its installer"),
            arguments,
            signal: "KILL",
        }));
        wait_for("MariaDB", || self.try_ask("mysql", "SELECT 1").ok());
    }

    /// Kills it at once, as a crash of the machine would.
    ///
    /// # Panics
    /// When it was ended before.
    pub fn kill(&mut self) {
        let keeper = self.keeper.take().expect("a running server");
        keeper.signal(rustix::process::Signal::KILL);
        keeper.end();
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("mariadb.sock")
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The port that it listens on, of the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A new database's name.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn database(&self) -> String {
        let name = fresh_name();
        self.run("mysql", &format!("CREATE DATABASE {name}"));
        name
    }

    /// A new database, as its address over the socket.
    #[must_use]
    pub fn fresh(&self) -> String {
        self.address(&self.database())
    }

    /// A database's address over the socket, as `root`.
    #[must_use]
    pub fn address(&self, database: &str) -> String {
        format!("mysql://root@localhost/{database}?socket={}", self.socket().display())
    }

    /// A database's address over TCP.
    #[must_use]
    pub fn address_over_tcp(&self, user: &str, password: &str, database: &str) -> String {
        format!("mysql://{user}:{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// What the client prints (`-N -B`) for a text.
    ///
    /// # Panics
    /// When a statement fails.
    #[must_use = "use `run` for what gives nothing"]
    pub fn ask(&self, database: &str, sql: &str) -> String {
        match self.try_ask(database, sql) {
            Ok(output) => output,
            Err(error) => panic!("mariadb: {error}\n{sql}"),
        }
    }

    /// Runs a text with the client.
    ///
    /// # Panics
    /// When a statement fails.
    pub fn run(&self, database: &str, sql: &str) {
        let _ = self.ask(database, sql);
    }

    fn try_ask(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut client = Command::new(Self::tool("mariadb").expect("the client beside the server"));
        client.args(["--no-defaults", "-N", "-B", "-u", "root", "--socket"]).arg(self.socket());
        let output = client.args(["-D", database, "-e", sql]).output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}
