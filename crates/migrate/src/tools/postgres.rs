//! `pg_dump` and `pg_restore`. They have to be as new as the server.

use std::path::PathBuf;

use tokio::process::Command;

use super::parts::Parts;
use super::{Content, Owners, Program, ToolError, Tools};
use crate::address::Address;

pub(super) async fn dump(
    tools: &Tools,
    address: &Address,
    server: u32,
    content: &Content,
) -> Result<Program, ToolError> {
    let mut program = program(tools, address, server, "pg_dump").await?;
    program.command.args(["--format=custom", "--no-password", "--lock-wait-timeout=30000"]);
    program.command.args(["--no-subscriptions", "--no-tablespaces"]);
    match content {
        Content::Schema => program.command.arg("--schema-only"),
        // Nothing of it runs by itself.
        Content::Rows | Content::Events => &mut program.command,
        // The name is no secret: it is of use to nobody who is not let in.
        Content::Seen(snapshot) => program.command.arg(format!("--snapshot={snapshot}")),
    };
    Ok(program)
}

pub(super) async fn load(
    tools: &Tools,
    address: &Address,
    server: u32,
    owners: Owners,
) -> Result<Program, ToolError> {
    let mut program = program(tools, address, server, "pg_restore").await?;
    let database = Parts::of(address).database.unwrap_or_default();
    program.command.args(["--no-password", "--no-tablespaces", "--no-subscriptions"]);
    program.command.arg(format!("--dbname={}", quoted(&database)));
    if owners == Owners::Taken {
        program.command.arg("--no-owner");
    }
    Ok(program)
}

/// A name that is taken for a name, whatever is in it: one with `=` or `://` would be taken for more.
fn quoted(database: &str) -> String {
    format!("dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

async fn program(tools: &Tools, address: &Address, server: u32, name: &str) -> Result<Program, ToolError> {
    let path = newest(tools, server / 10_000, name).await?;
    let mut command = Command::new(path);
    let parts = Parts::of(address);
    let socket = parts.option(&["host"]).map(str::to_owned);
    for (key, value) in [
        ("PGHOST", socket.or_else(|| parts.host.clone())),
        ("PGPORT", parts.option(&["port"]).map(str::to_owned).or_else(|| parts.port.clone())),
        ("PGUSER", parts.option(&["user"]).map(str::to_owned).or_else(|| parts.user.clone())),
        ("PGPASSWORD", parts.option(&["password"]).map(str::to_owned).or_else(|| parts.password.clone())),
        ("PGDATABASE", parts.option(&["dbname"]).map(str::to_owned).or_else(|| parts.database.clone())),
        ("PGHOSTADDR", parts.option(&["hostaddr"]).map(str::to_owned)),
        ("PGSSLMODE", parts.option(&["sslmode", "ssl-mode"]).map(str::to_owned)),
        ("PGSSLROOTCERT", parts.option(&["sslrootcert", "ssl-root-cert", "ssl-ca"]).map(str::to_owned)),
        ("PGSSLCERT", parts.option(&["sslcert", "ssl-cert"]).map(str::to_owned)),
        ("PGSSLKEY", parts.option(&["sslkey", "ssl-key"]).map(str::to_owned)),
        ("PGOPTIONS", parts.option(&["options"]).map(str::to_owned)),
    ] {
        if let Some(value) = value {
            command.env(key, value);
        }
    }
    command.env("PGAPPNAME", "bascule").env("LC_ALL", "C").env_remove("PGSERVICE");
    Ok(Program { command, name: name.to_owned(), options: None })
}

/// The program of the server's own version, else any that is not older.
async fn newest(tools: &Tools, major: u32, name: &str) -> Result<PathBuf, ToolError> {
    let own = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin")).join(name);
    for path in tools.find(&[name]).into_iter().chain([own]) {
        if version(&path).await.is_some_and(|version| version >= major) {
            return Ok(path);
        }
    }
    let package = format!("the client programs of PostgreSQL {major} (`postgresql-client-{major}`)");
    Err(ToolError::Missing { program: name.to_owned(), package })
}

async fn version(path: &std::path::Path) -> Option<u32> {
    let output = Command::new(path).arg("--version").kill_on_drop(true).output().await.ok()?;
    major(&String::from_utf8_lossy(&output.stdout))
}

/// `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(text: &str) -> Option<u32> {
    let version = text.split(' ').find(|word| word.starts_with(|sign: char| sign.is_ascii_digit()))?;
    version.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_names_are_read() {
        assert_eq!(major("pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("pg_restore (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("no"), None);
        assert_eq!(quoted("a'b\\c=d"), "dbname='a\\'b\\\\c=d'");
    }
}
