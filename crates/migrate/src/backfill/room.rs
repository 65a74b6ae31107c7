//! How much room the disk has on which a database lies, where that is a disk of this machine: a file of SQLite, or a server that is
//! reached over a socket and lets us know its folder. Of others nothing is known.

use bascule_sql::Dialect;

use crate::Connection;

/// Room on a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For whoever is not root.
    pub free: u64,
    /// The whole disk.
    pub total: u64,
}

/// Asks for the folder, and looks at its disk.
pub(super) async fn of(connection: &mut Connection) -> Option<Room> {
    let sql = match connection.dialect() {
        Dialect::Sqlite => "SELECT file FROM pragma_database_list WHERE name = 'main'",
        // Over the network it may be any machine.
        Dialect::Postgres => "SELECT current_setting('data_directory') WHERE inet_server_addr() IS NULL",
        Dialect::Mysql => {
            "SELECT @@datadir FROM information_schema.processlist WHERE id = connection_id() AND host = 'localhost'"
        }
    };
    let folder = connection.value(sql).await.ok()??;
    let disk = rustix::fs::statvfs(folder.as_str()).ok()?;
    Some(Room {
        free: disk.f_bavail.checked_mul(disk.f_frsize)?,
        total: disk.f_blocks.checked_mul(disk.f_frsize)?,
    })
}
