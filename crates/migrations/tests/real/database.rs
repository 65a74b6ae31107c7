//! Databases for one test, through the servers' own command line clients. They lie in a folder of their own under the system's
//! temporary one, listen on a socket in it alone, and end with the test however it ends.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bascule_sql::Dialect;
use tempfile::TempDir;

/// A database, and what keeps it alive.
pub struct Database {
    pub dialect: Dialect,
    folder: TempDir,
    server: Option<Child>,
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn skipped(what: &str) -> Option<Database> {
    eprintln!("SKIPPED for {what}: its programs are not installed");
    None
}

fn found(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("bascule-recipes-").tempdir().unwrap()
}

/// One of SQLite; none, and said, where it is not installed.
pub fn sqlite() -> Option<Database> {
    if !found("sqlite3") {
        return skipped("SQLite");
    }
    Some(Database { dialect: Dialect::Sqlite, folder: folder(), server: None })
}

const POSTGRES: &str = "/usr/lib/postgresql/15/bin";

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// As the user that the server's package made: it refuses to run as root.
fn as_user(user: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        &format!("--reuid={user}"),
        &format!("--regid={user}"),
        "--clear-groups",
        "--pdeathsig=KILL",
    ]);
    command
}

fn give(path: &Path, user: &str) {
    let owner = format!("{user}:{user}");
    assert!(quiet(Command::new("chown").arg(owner).arg(path)).status().unwrap().success());
}

/// One of PostgreSQL; none, and said, where it is not installed.
pub fn postgres() -> Option<Database> {
    let program = format!("{POSTGRES}/postgres");
    if !found(&program) || !found("setpriv") || !found("psql") {
        return skipped("PostgreSQL");
    }
    let folder = folder();
    give(folder.path(), "postgres");
    let data = folder.path().join("data");
    let mut init = as_user("postgres");
    init.arg(format!("{POSTGRES}/initdb"))
        .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-D"])
        .arg(&data);
    assert!(quiet(&mut init).status().unwrap().success(), "initdb");
    let mut server = as_user("postgres");
    server.arg(program).arg("-D").arg(&data).arg("-k").arg(folder.path());
    server.args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=10"]);
    let server = quiet(&mut server).spawn().unwrap();
    let database = Database { dialect: Dialect::Postgres, folder, server: Some(server) };
    database.wait();
    Some(database)
}

/// One of MariaDB; none, and said, where it is not installed.
pub fn mariadb() -> Option<Database> {
    if !found("mariadbd") || !found("mariadb-install-db") || !found("setpriv") || !found("mariadb") {
        return skipped("MariaDB");
    }
    let folder = folder();
    give(folder.path(), "mysql");
    let data = folder.path().join("data");
    let mut init = as_user("mysql");
    init.args([
        "mariadb-install-db",
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]);
    init.arg(format!("--datadir={}", data.display()));
    assert!(quiet(&mut init).status().unwrap().success(), "mariadb-install-db");
    let mut server = as_user("mysql");
    server.args([
        "mariadbd",
        "--no-defaults",
        "--skip-networking",
        "--innodb-flush-method=nosync",
        "--innodb-log-file-size=8M",
    ]);
    server.arg(format!("--datadir={}", data.display()));
    server.arg(format!("--socket={}", folder.path().join("socket").display()));
    server.arg(format!("--pid-file={}", folder.path().join("pid").display()));
    let server = quiet(&mut server).spawn().unwrap();
    let database = Database { dialect: Dialect::Mysql, folder, server: Some(server) };
    database.wait();
    Some(database)
}

impl Database {
    fn client(&self, name: &str) -> Command {
        let folder = self.folder.path();
        match self.dialect {
            Dialect::Postgres => {
                let mut command = Command::new("psql");
                command.arg("-h").arg(folder);
                command.args([
                    "-X",
                    "-q",
                    "-A",
                    "-t",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-P",
                    "null=NULL",
                    "-U",
                    "postgres",
                    name,
                ]);
                command
            }
            Dialect::Mysql => {
                let mut command = Command::new("mariadb");
                command.args(["--no-defaults", "-u", "root", "-N", "-B"]);
                command.arg(format!("--socket={}", folder.join("socket").display())).arg(name);
                command
            }
            Dialect::Sqlite => {
                let mut command = Command::new("sqlite3");
                command
                    .args(["-bail", "-batch", "-nullvalue", "NULL"])
                    .arg(folder.join(format!("{name}.db")));
                command
            }
        }
    }

    fn wait(&self) {
        let name = if self.dialect == Dialect::Postgres { "postgres" } else { "mysql" };
        let until = Instant::now() + Duration::from_secs(60);
        while self.run(name, &["SELECT 1".to_owned()]).is_err() {
            assert!(Instant::now() < until, "the server does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A database of that name, empty.
    pub fn fresh(&self, name: &str) {
        let (of, statement) = match self.dialect {
            Dialect::Sqlite => return,
            Dialect::Postgres => ("postgres", format!("CREATE DATABASE {name}")),
            Dialect::Mysql => ("mysql", format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")),
        };
        self.run(of, &[statement]).unwrap();
    }

    /// Runs statements one after the other; gives their rows, or why one failed.
    pub fn run(&self, name: &str, statements: &[String]) -> Result<String, String> {
        let mut script = String::new();
        for statement in statements {
            match self.dialect {
                // A body has semicolons of its own.
                Dialect::Mysql => script += &format!("DELIMITER ;;\n{statement}\n;;\n"),
                Dialect::Postgres | Dialect::Sqlite => script += &format!("{statement};\n"),
            }
        }
        let mut client = self
            .client(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A client that fails does not read on.
        let _ = client.stdin.take().unwrap().write_all(script.as_bytes());
        let output = client.wait_with_output().unwrap();
        let rows = String::from_utf8_lossy(&output.stdout).replace('\t', "|");
        if output.status.success() {
            Ok(rows)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// The schema as text, to be compared.
    pub fn schema(&self, name: &str) -> String {
        let query = match self.dialect {
            Dialect::Sqlite => "SELECT sql FROM sqlite_master ORDER BY name",
            Dialect::Postgres => {
                "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = 'public' UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated::text, NULL FROM pg_constraint WHERE connamespace = 'public'::regnamespace UNION ALL SELECT indexrelid::regclass::text, indisvalid::text, NULL, NULL, NULL FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE relnamespace = 'public'::regnamespace UNION ALL SELECT proname, 'function', NULL, NULL, NULL FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL SELECT tgname, 'trigger', NULL, NULL, NULL FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
            }
            Dialect::Mysql => {
                "SELECT table_name, column_name, column_type, is_nullable, column_default FROM information_schema.columns WHERE table_schema = database() UNION ALL SELECT table_name, index_name, column_name, non_unique, NULL FROM information_schema.statistics WHERE table_schema = database() UNION ALL SELECT trigger_name, 'trigger', NULL, NULL, NULL FROM information_schema.triggers WHERE trigger_schema = database() UNION ALL SELECT constraint_name, constraint_type, table_name, NULL, NULL FROM information_schema.table_constraints WHERE table_schema = database() ORDER BY 1, 2"
            }
        };
        self.run(name, &[query.to_owned()]).unwrap()
    }
}
