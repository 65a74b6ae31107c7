//! Another tool's table of versions: taken over as it is, and written again for whoever wants to go back.

use bascule_migrations::{Adopted, Adoption, Comparison, Format, Migration, MigrationSet, Version, adoption};
use jiff::Timestamp;

use super::Migrator;
use super::session::Session;
use crate::connection::Connection;
use crate::error::Error;
use crate::journal::{Origin, State, applied_at};
use crate::watch::Event;

impl Migrator {
    /// Another tool that has migrated this database, by its table, with how many migrations it has applied; none where our journal
    /// knows of migrations already, or there is no such table.
    ///
    /// # Errors
    /// What the server says.
    pub async fn foreign(&mut self, set: &MigrationSet) -> Result<Option<(Format, usize)>, Error> {
        if !self.journal().await?.records.is_empty() {
            return Ok(None);
        }
        let Some((table, adopted)) = self.read_foreign(set).await? else { return Ok(None) };
        let count = adopted.migrations.len();
        Ok((count > 0).then_some((table.tool, count)))
    }

    /// Takes over what another tool has applied; gives what was not in our journal before.
    ///
    /// # Errors
    /// [`Error::Adoption`] when there is no such table, or what it says does not fit the files.
    pub async fn adopt(&mut self, set: &MigrationSet) -> Result<Vec<Version>, Error> {
        let Some((table, adopted)) = self.read_foreign(set).await? else {
            return Err(Error::Adoption(format!(
                "there is no table of {} in this database that could be taken over",
                tools(set).map(|tool| tool.to_string()).collect::<Vec<_>>().join(" or ")
            )));
        };
        for one in &adopted.migrations {
            if let Comparison::Differs { .. } = one.comparison {
                return Err(Error::Adoption(format!(
                    "{} was changed after {} applied it, by the checksum in {}: put the file back as it was",
                    one.version, table.tool, table.table
                )));
            }
        }
        for row in &adopted.unknown {
            let note = format!("{} is in {}, and no file has it", row.version, table.table);
            self.settings.watch.told(&Event::Note(note));
        }
        let taken: Vec<&Migration> =
            adopted.migrations.iter().filter_map(|one| set.get(&one.version)).collect();
        self.take_over(&taken, Origin::Adopted).await
    }

    /// Writes what is applied into the other tool's table, which is made where it is not there, and takes out of it what was taken
    /// back; gives what was written.
    ///
    /// # Errors
    /// [`Error::Adoption`] for files of no other tool; that others have the database; what the server says.
    pub async fn hand_back(&mut self, set: &MigrationSet) -> Result<Vec<Version>, Error> {
        if tools(set).find_map(adoption).is_none() {
            let why = "the files follow our own convention: no other tool could go on with them";
            return Err(Error::Adoption(why.to_owned()));
        }
        let mut session = self.session().await?;
        let outcome = session.hand_back(set).await;
        session.end().await;
        outcome
    }

    async fn read_foreign(&mut self, set: &MigrationSet) -> Result<Option<(Adoption, Adopted)>, Error> {
        read_foreign(&mut self.connection, set).await
    }
}

impl Session<'_> {
    async fn hand_back(&mut self, set: &MigrationSet) -> Result<Vec<Version>, Error> {
        let dialect = self.connection.dialect();
        let (table, adopted, mut sql) = match read_foreign(self.connection, set).await? {
            Some((table, adopted)) => (table, adopted, Vec::new()),
            None => {
                let table = tools(set).find_map(adoption);
                let table =
                    table.ok_or_else(|| Error::Adoption("no other tool has such files".to_owned()))?;
                let sql = table.create(dialect);
                (table, Adopted::default(), sql)
            }
        };
        let journal = self.journal().await?;
        // In the order in which they were applied.
        let standing: Vec<&Migration> = journal
            .records
            .iter()
            .filter(|record| record.state == State::Applied)
            .filter_map(|record| set.get(&record.version))
            .collect();
        let known = |version: &Version| adopted.migrations.iter().any(|one| one.version == *version);
        let stands = |version: &Version| standing.iter().any(|one| one.version == *version);
        for gone in adopted.migrations.iter().rev().filter(|one| !stands(&one.version)) {
            if let Some(migration) = set.get(&gone.version) {
                sql.extend(table.forget(migration, standing.last().copied(), dialect));
            }
        }
        let mut new: Vec<&Migration> = standing.iter().copied().filter(|one| !known(&one.version)).collect();
        let written = new.iter().map(|one| one.version.clone()).collect();
        if table.tool == Format::GolangMigrate {
            // It keeps the last one alone.
            new = new.split_off(new.len().saturating_sub(1));
        }
        let times = applied_at(self.connection).await?;
        for migration in new {
            let at = times.get(&migration.version).copied().unwrap_or(Timestamp::UNIX_EPOCH);
            sql.extend(table.record(migration, &at.to_string(), dialect));
        }
        if !sql.is_empty() {
            self.write(&sql).await?;
        }
        Ok(written)
    }
}

async fn read_foreign(
    connection: &mut Connection,
    set: &MigrationSet,
) -> Result<Option<(Adoption, Adopted)>, Error> {
    let dialect = connection.dialect();
    for table in tools(set).filter_map(adoption) {
        let rows = connection.rows(&table.columns_query(dialect)).await;
        let rows = rows.map_err(Error::query("looking for another tool's table"))?;
        let columns: Vec<String> = rows.into_iter().flatten().flatten().collect();
        if columns.is_empty() || !table.fits(&columns) {
            continue;
        }
        let rows = connection.rows(&table.read_query(dialect)).await;
        let rows = rows.map_err(Error::query("reading another tool's table"))?;
        let adopted = table.adopt(set, &rows).map_err(|error| Error::Adoption(error.to_string()))?;
        return Ok(Some((table, adopted)));
    }
    Ok(None)
}

/// The tools that may have applied these files.
fn tools(set: &MigrationSet) -> impl Iterator<Item = Format> {
    std::iter::once(set.format).chain(set.equally.iter().copied())
}
