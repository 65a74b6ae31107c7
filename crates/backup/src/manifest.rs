//! What is known of a backup without opening it: its manifest, beside it.

use std::fmt;

use bascule_sql::Dialect;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::BackupError;
use crate::key::{Key, hex};

/// The form of manifests that this version writes.
const FORM: u32 = 1;

/// A backup's name: that of what it is of, when it was taken, and four digits of chance. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// For what is called `name`, taken at that time.
    ///
    /// # Errors
    /// When the name is none: it has to be of lower-case letters, digits, `-` and `_`.
    pub fn new(name: &str, at: Timestamp, random: [u8; 2]) -> Result<Self, BackupError> {
        let time = at.strftime("%Y%m%dT%H%M%SZ");
        Self::try_from(format!("{name}-{time}-{}", hex(&random)))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is of.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplitn(3, '-').nth(2).unwrap_or(&self.0)
    }
}

impl TryFrom<String> for Id {
    type Error = BackupError;

    /// It becomes a file's name: nothing in it may lead elsewhere.
    fn try_from(text: String) -> Result<Self, BackupError> {
        let good = |sign: char| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_';
        if text.is_empty() || text.len() > 200 || !text.chars().all(good) || text.starts_with('-') {
            return Err(BackupError::Name { name: text });
        }
        Ok(Self(text))
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is known of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Its form.
    pub form: u32,
    /// Its name.
    pub id: Id,
    /// As of when.
    pub taken_at: Timestamp,
    /// Milliseconds that it took.
    pub took_ms: u64,
    /// What kind of database.
    pub dialect: Dialect,
    /// The server's version, as it writes it.
    pub server: String,
    /// The database's name.
    pub database: String,
    /// How a database like it is made: what `CREATE DATABASE` takes.
    pub database_form: String,
    /// Bytes of the sealed content.
    pub bytes: u64,
    /// SHA-256 (hex) of the sealed content.
    pub sha256: String,
    /// Bytes of what was sealed.
    pub plain_bytes: u64,
    /// SHA-256 (hex) of what was sealed.
    pub plain_sha256: String,
    /// Behind so many bytes of that come things that run by themselves (MySQL's events), where there are some.
    pub runs_from: Option<u64>,
    /// SHA-256 (hex) of the schema as text, without those things.
    pub schema: String,
    /// The tables.
    pub tables: Vec<Table>,
    /// When it was last read back and was what it should be.
    pub verified: Option<Verified>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name, with its schema where there are such.
    pub name: String,
    /// Its rows.
    pub rows: Counted,
}

/// How many rows a table has in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Counted {
    /// So many, with that sum over their contents, whatever their order.
    Exactly {
        /// Rows.
        count: u64,
        /// The sum; none where the content's own hash says it all.
        sum: Option<String>,
    },
    /// It was written to meanwhile, and the server cannot show two programs the same moment.
    Moving {
        /// Rows at the beginning.
        before: u64,
        /// Rows at the end.
        after: u64,
    },
}

/// That a backup was read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// When.
    pub at: Timestamp,
    /// Milliseconds that it took: so long a restore takes at least.
    pub took_ms: u64,
}

/// As it is written down: with a code that only who has the key can make.
#[derive(Serialize, Deserialize)]
struct Signed {
    backup: Manifest,
    code: String,
}

impl Manifest {
    /// The form that this version writes.
    pub(crate) const FORM: u32 = FORM;

    /// As text (JSON), with its code.
    pub(crate) fn sign(&self, key: &Key) -> Result<Vec<u8>, BackupError> {
        let code = hex(&key.code_of_manifest(&self.bytes_of_it()?));
        let signed = Signed { backup: self.clone(), code };
        serde_json::to_vec_pretty(&signed).map_err(|_| BackupError::Manifest { id: self.id.to_string() })
    }

    /// Reads one; `name` is what it was found under.
    pub(crate) fn read(text: &[u8], key: &Key, name: &str) -> Result<Self, BackupError> {
        let damaged = || BackupError::Manifest { id: name.to_owned() };
        let Signed { backup, code } = serde_json::from_slice(text).map_err(|_| damaged())?;
        let expected = hex(&key.code_of_manifest(&backup.bytes_of_it()?));
        if backup.form != FORM || backup.id.as_str() != name || !same(&expected, &code) {
            return Err(damaged());
        }
        Ok(backup)
    }

    fn bytes_of_it(&self) -> Result<Vec<u8>, BackupError> {
        serde_json::to_vec(self).map_err(|_| BackupError::Manifest { id: self.id.to_string() })
    }
}

/// Compared in a time that does not tell where they differ.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn manifest(taken_at: &str, verified_at: Option<&str>) -> Manifest {
        let taken_at: Timestamp = taken_at.parse().unwrap();
        Manifest {
            form: FORM,
            id: Id::new("main", taken_at, [0, 1]).unwrap(),
            taken_at,
            took_ms: 5,
            dialect: Dialect::Postgres,
            server: "15.18".to_owned(),
            database: "shop".to_owned(),
            database_form: String::new(),
            bytes: 1,
            sha256: "ab".to_owned(),
            plain_bytes: 1,
            plain_sha256: "cd".to_owned(),
            runs_from: None,
            schema: "ef".to_owned(),
            tables: vec![Table { name: "t".to_owned(), rows: Counted::Exactly { count: 3, sum: None } }],
            verified: verified_at.map(|at| Verified { at: at.parse().unwrap(), took_ms: 1 }),
        }
    }

    #[test]
    fn a_manifest_that_somebody_changed_is_none() {
        let key = Key::new([1; 32]);
        let manifest = manifest("2026-01-02T03:04:05Z", None);
        let name = manifest.id.to_string();
        assert_eq!(name, "main-20260102T030405Z-0001");
        let text = manifest.sign(&key).unwrap();
        assert_eq!(Manifest::read(&text, &key, &name).unwrap(), manifest);
        let changed = String::from_utf8(text.clone()).unwrap().replace("\"count\": 3", "\"count\": 2");
        assert!(Manifest::read(changed.as_bytes(), &key, &name).is_err());
        assert!(Manifest::read(&text, &Key::new([2; 32]), &name).is_err());
        assert!(Manifest::read(&text, &key, "main-20260102T030405Z-0002").is_err());
        assert!(Manifest::read(b"{", &key, &name).is_err());
    }

    #[test]
    fn an_id_leads_nowhere() {
        for (text, good) in
            [("main-1", true), ("../x", false), ("a/b", false), ("", false), ("-x", false), ("a b", false)]
        {
            assert_eq!(Id::try_from(text.to_owned()).is_ok(), good, "{text}");
        }
        let id = Id::new("production-main", Timestamp::UNIX_EPOCH, [1, 2]).unwrap();
        assert_eq!(id.name(), "production-main");
    }
}
