//! `mariadb-dump` and `mariadb`, or `mysqldump` and `mysql`: for MariaDB and MySQL, each by its own.

use std::fmt::Write as _;
use std::io::Write as _;

use tempfile::NamedTempFile;
use tokio::process::Command;

use super::parts::Parts;
use super::{Content, Program, ToolError, Tools};
use crate::address::Address;
use crate::connection::Server;

pub(super) fn dump(
    tools: &Tools,
    address: &Address,
    server: Server,
    content: &Content,
) -> Result<Program, ToolError> {
    let mut program = program(tools, address, server, "mariadb-dump", "mysqldump")?;
    program.command.args(["--single-transaction", "--quick", "--hex-blob"]);
    program.command.args(["--no-tablespaces", "--default-character-set=utf8mb4"]);
    if matches!(server, Server::Mysql(..)) {
        program.command.args(["--set-gtid-purged=OFF", "--column-statistics=0"]);
    }
    match content {
        // An event of a copy would run, and a body may name the database that it came from.
        Content::Schema => program.command.args(["--no-data", "--routines", "--triggers", "--skip-events"]),
        Content::Rows | Content::Seen(_) => {
            program.command.args(["--routines", "--triggers", "--skip-events"])
        }
        Content::Events => {
            program.command.args(["--events", "--no-create-info", "--no-data", "--skip-triggers"])
        }
    };
    // Behind `--`, so that a name is a name whatever is in it.
    program.command.arg("--").arg(Parts::of(address).database.unwrap_or_default());
    Ok(program)
}

pub(super) fn load(tools: &Tools, address: &Address, server: Server) -> Result<Program, ToolError> {
    let mut program = program(tools, address, server, "mariadb", "mysql")?;
    program.command.args(["--batch", "--default-character-set=utf8mb4", "--max-allowed-packet=1G"]);
    program.command.arg("--").arg(Parts::of(address).database.unwrap_or_default());
    Ok(program)
}

fn program(
    tools: &Tools,
    address: &Address,
    server: Server,
    mariadb: &str,
    mysql: &str,
) -> Result<Program, ToolError> {
    let (names, package) = match server {
        Server::Mysql(..) => ([mysql, mariadb], "the client programs of MySQL (`mysql-client`)"),
        _ => ([mariadb, mysql], "the client programs of MariaDB (`mariadb-client`)"),
    };
    let missing = || ToolError::Missing { program: names[0].to_owned(), package: package.to_owned() };
    let path = tools.find(&names).ok_or_else(missing)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let file = option_file(tools, address);
    let file = file.map_err(|source| ToolError::Start { program: name.clone(), source })?;
    let mut command = Command::new(&path);
    // It has to be the first one.
    command.arg(format!("--defaults-extra-file={}", file.path().display()));
    command.env("LC_ALL", "C").env_remove("MYSQL_PWD");
    Ok(Program { command, name, options: Some(file) })
}

/// How the name of such a file begins and ends.
const OPTIONS: (&str, &str) = ("bascule-options-", ".cnf");

/// A file that only its owner can read; it goes with the program. Those that a killed run has left go now: they hold a secret.
fn option_file(tools: &Tools, address: &Address) -> std::io::Result<NamedTempFile> {
    for entry in std::fs::read_dir(tools.scratch())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ours = name.starts_with(OPTIONS.0) && name.ends_with(OPTIONS.1);
        if ours && std::fs::File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            std::fs::remove_file(&path)?;
        }
    }
    let mut file =
        tempfile::Builder::new().prefix(OPTIONS.0).suffix(OPTIONS.1).tempfile_in(tools.scratch())?;
    // Whoever finds it locked leaves it alone.
    file.as_file().try_lock()?;
    file.write_all(options(&Parts::of(address)).as_bytes())?;
    file.flush()?;
    Ok(file)
}

fn options(parts: &Parts) -> String {
    let mut text = "[client]\n".to_owned();
    let mut set = |key: &str, value: &str| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = writeln!(text, "{key}=\"{value}\"");
    };
    for (key, value) in [("user", &parts.user), ("password", &parts.password)] {
        if let Some(value) = value {
            set(key, value);
        }
    }
    match parts.option(&["socket"]) {
        Some(socket) => set("socket", socket),
        None => {
            set("host", parts.host.as_deref().unwrap_or("localhost"));
            set("port", parts.port.as_deref().unwrap_or("3306"));
            // Else `localhost` would mean a socket somewhere.
            set("protocol", "tcp");
        }
    }
    for (names, key) in [
        (["ssl-ca", "sslca"], "ssl-ca"),
        (["ssl-cert", "sslcert"], "ssl-cert"),
        (["ssl-key", "sslkey"], "ssl-key"),
    ] {
        if let Some(value) = parts.option(&names) {
            set(key, value);
        }
    }
    let mode = parts.option(&["ssl-mode", "sslmode"]).unwrap_or_default().to_ascii_uppercase();
    if !mode.is_empty() {
        // MySQL's programs know the one, MariaDB's the others.
        set("loose-ssl-mode", &mode);
        set("loose-ssl", if mode == "DISABLED" { "0" } else { "1" });
        set("loose-ssl-verify-server-cert", if mode.starts_with("VERIFY") { "1" } else { "0" });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_goes_and_what_is_used_stays() {
        let folder = tempfile::tempdir().unwrap();
        let tools = Tools::new("", folder.path().to_owned());
        let address = Address::parse("mysql://ann:secret@db/shop").unwrap();
        let left = folder.path().join("bascule-options-killed.cnf");
        std::fs::write(&left, "password").unwrap();
        let used = option_file(&tools, &address).unwrap();
        let other = option_file(&tools, &address).unwrap();
        assert!(!left.exists() && used.path().exists() && other.path().exists());
    }

    #[test]
    fn whatever_is_in_a_password_is_its() {
        let address = Address::parse("mysql://ann:p%22%5C%23%20x@db:3307/shop?ssl-mode=VERIFY_CA").unwrap();
        assert_eq!(
            options(&Parts::of(&address)),
            "[client]\nuser=\"ann\"\npassword=\"p\\\"\\\\# x\"\nhost=\"db\"\nport=\"3307\"\nprotocol=\"tcp\"\n\
             loose-ssl-mode=\"VERIFY_CA\"\nloose-ssl=\"1\"\nloose-ssl-verify-server-cert=\"1\"\n"
        );
    }
}
