//! What SQLite's schema says of something that is to go.

use bascule_sql::Dialect;

use super::error::Error;
use super::facts::{ColumnFacts, Facts, Keeper, Way};
use super::soften::Burial;
use super::tombstone::Kind;
use crate::{Connection, Row, literal};

pub(super) async fn facts(connection: &mut Connection, burial: &Burial) -> Result<Facts, Error> {
    Reader { connection, burial }.read().await
}

/// Whether a text has that word, whatever its case.
pub(super) fn mentions(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let part = |at: char| at.is_alphanumeric() || at == '_';
    !word.is_empty()
        && text.match_indices(&word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(part) && !after.is_some_and(part)
        })
}

struct Reader<'a> {
    connection: &'a mut Connection,
    burial: &'a Burial,
}

fn text(value: &str) -> String {
    literal(Dialect::Sqlite, value)
}

impl Reader<'_> {
    async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let doing = format!("looking at {}", self.burial.words());
        self.connection.rows(sql).await.map_err(Error::query(doing))
    }

    async fn texts(&mut self, sql: &str) -> Result<Vec<String>, Error> {
        Ok(self.rows(sql).await?.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    async fn read(mut self) -> Result<Facts, Error> {
        match self.burial.kind {
            Kind::Table => self.table().await,
            Kind::Column => self.column().await,
            _ => {
                let name = text(self.burial.own_name());
                let sql = format!(
                    "SELECT sql FROM sqlite_master WHERE name = {name} COLLATE NOCASE AND sql IS NOT NULL"
                );
                let definitions = self.texts(&sql).await?;
                Ok(Facts { there: !definitions.is_empty(), definitions, ..Facts::default() })
            }
        }
    }

    /// Its own definition first, then those of its indexes and triggers; nothing where there is no such table.
    async fn definitions(&mut self) -> Result<Vec<String>, Error> {
        let name = text(&self.burial.name.name);
        let sql = format!(
            "SELECT sql FROM sqlite_master WHERE tbl_name = {name} COLLATE NOCASE AND sql IS NOT NULL \
             AND type IN ('table', 'index', 'trigger') ORDER BY type <> 'table', type <> 'index', rowid"
        );
        self.texts(&sql).await
    }

    async fn of_table(&mut self) -> Result<Facts, Error> {
        let written = self.burial.name.written.clone();
        let rows = self.texts(&format!("SELECT count(*) FROM {written}")).await?;
        let rows = rows.first().and_then(|rows| rows.parse().ok());
        Ok(Facts { there: true, empty: rows == Some(0), rows, ..Facts::default() })
    }

    /// Foreign keys: of the table itself when `own`, else of others to it.
    async fn foreign_keys(&mut self, own: &str) -> Result<Vec<(String, String, String)>, Error> {
        let name = text(&self.burial.name.name);
        let sql = format!(
            "SELECT m.name, f.\"from\", coalesce(f.\"to\", '') FROM sqlite_master m, pragma_foreign_key_list(m.name) f \
             WHERE m.type = 'table' AND {own} ORDER BY 1",
            own = own.replace("?", &name)
        );
        let rows = self.rows(&sql).await?;
        let triple = |row: Row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || values.next().unwrap_or_default();
            (next(), next(), next())
        };
        Ok(rows.into_iter().map(triple).collect())
    }

    /// Views and triggers that speak of all of these words.
    async fn speaking(&mut self, words: &[&str], condition: &str) -> Result<Vec<String>, Error> {
        let sql = format!("SELECT type, name, sql FROM sqlite_master WHERE {condition} ORDER BY name");
        let speaks = |row: Row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || values.next().unwrap_or_default();
            let (kind, name, sql) = (next(), next(), next());
            words.iter().all(|word| mentions(&sql, word)).then(|| format!("{kind} {name}"))
        };
        Ok(self.rows(&sql).await?.into_iter().filter_map(speaks).collect())
    }

    async fn table(&mut self) -> Result<Facts, Error> {
        let definitions = self.definitions().await?;
        if definitions.is_empty() {
            return Ok(Facts::default());
        }
        let name = self.burial.name.name.clone();
        let mut facts = self.of_table().await?;
        let own = self.foreign_keys("m.name = ? COLLATE NOCASE AND f.\"table\" <> ? COLLATE NOCASE").await?;
        let incoming =
            self.foreign_keys("f.\"table\" = ? COLLATE NOCASE AND m.name <> ? COLLATE NOCASE").await?;
        facts.dependents =
            incoming.into_iter().map(|(table, ..)| format!("foreign key of {table}")).collect();
        // A rename would change their texts to the tombstone's name.
        let condition = format!("type IN ('view', 'trigger') AND tbl_name <> {} COLLATE NOCASE", text(&name));
        facts.dependents.extend(self.speaking(&[&name], &condition).await?);
        // Foreign keys of a table go only with it: kept, they would hold rows of others.
        facts.way = if own.is_empty() { Way::Rename } else { Way::Copy };
        facts.definitions = definitions;
        let sql =
            format!("SELECT name FROM pragma_table_xinfo({}) WHERE hidden = 0 ORDER BY cid", text(&name));
        facts.columns = self.texts(&sql).await?;
        Ok(facts)
    }

    async fn column(&mut self) -> Result<Facts, Error> {
        let (table, part) = (self.burial.name.name.clone(), self.burial.own_name().to_owned());
        let sql = format!(
            "SELECT type, \"notnull\", dflt_value, pk > 0, hidden > 0 FROM pragma_table_xinfo({}) WHERE name = {} COLLATE NOCASE",
            text(&table),
            text(&part)
        );
        let Some(row) = self.rows(&sql).await?.pop() else { return Ok(Facts::default()) };
        let mut values = row.into_iter();
        let mut next = || values.next().flatten();
        let definition = next().unwrap_or_default();
        let not_null = next().as_deref() == Some("1");
        let default = next();
        let primary = next().as_deref() == Some("1");
        let computed = next().as_deref() == Some("1");
        let mut facts = self.of_table().await?;
        let required = not_null && default.is_none() && !computed;
        // What is said of the column beside its type stays with its new name: a check of it, a foreign key, NOT NULL.
        let checks = self.definitions().await?.first().is_some_and(|sql| mentions(sql, "check"));
        let keys = self.foreign_keys("m.name = ? COLLATE NOCASE").await?;
        let key = keys.iter().any(|(_, from, _)| from.eq_ignore_ascii_case(&part));
        let mut speaking = self.speaking(&[&table, &part], "type IN ('view', 'trigger')").await?;
        for keeper in &self.burial.keepers {
            let name = &keeper.name;
            speaking.retain(|one| *one != format!("trigger {}", name.name));
            let sql = format!(
                "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = {}",
                text(&name.name)
            );
            let Some(definition) = self.texts(&sql).await?.pop() else { continue };
            facts
                .keepers
                .push(Keeper { definition, drop: format!("DROP TRIGGER IF EXISTS {}", name.written) });
        }
        // Who only seems to speak of it is found out by dropping it, which the server refuses when it is so.
        if required || checks || key || !speaking.is_empty() {
            facts.way = Way::Copy;
            let sql =
                format!("SELECT name FROM pragma_table_info({}) WHERE pk > 0 ORDER BY pk", text(&table));
            facts.columns = self.texts(&sql).await?;
            if facts.columns.is_empty() {
                facts.columns = vec!["rowid".to_owned()];
            }
        }
        facts.column = ColumnFacts { required, not_null, default, computed, primary, definition };
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_as_a_word() {
        assert!(mentions("UPDATE x SET \"Name\" = NEW.name", "name"));
        assert!(!mentions("SELECT full_name, names FROM x", "name"));
    }
}
