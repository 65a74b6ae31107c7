//! Transactions, settings and care.

use serde::{Deserialize, Serialize};

/// Where transactions begin and end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Control {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`.
    Savepoint,
    /// `RELEASE`.
    Release,
    /// `ROLLBACK TO`.
    RollbackTo,
    /// `PREPARE TRANSACTION` and its like, `XA`.
    TwoPhase,
}

/// A setting.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Setting {
    /// What is set, in lower case (`lock_timeout`, `foreign_key_checks`, `journal_mode`).
    pub name: String,
    /// To what, as it is written; none where it is only asked for or set back.
    pub value: Option<String>,
    /// Only for this transaction (`SET LOCAL`).
    pub local: bool,
    /// For the server (`SET GLOBAL`, `SET PERSIST`).
    pub global: bool,
    /// SQLite's `PRAGMA`.
    pub pragma: bool,
}

/// Care for what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Maintenance {
    /// `VACUUM`.
    Vacuum,
    /// `VACUUM FULL`: the table is copied.
    VacuumFull,
    /// `ANALYZE`.
    Analyze,
    /// `CLUSTER`, `REPACK`: the table is copied.
    Cluster,
    /// `OPTIMIZE TABLE`: the table is copied.
    Optimize,
    /// `CHECKPOINT`, `FLUSH`, `CHECK TABLE` and their like.
    Other,
}
