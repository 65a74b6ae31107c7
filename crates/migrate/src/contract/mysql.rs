//! What MySQL and MariaDB say of something that is to go. Definitions are the lines of `SHOW CREATE TABLE`: the server's own words.

use bascule_sql::Dialect;

use super::error::Error;
use super::facts::{ColumnFacts, Constraint, Facts, Keeper, NotValid};
use super::soften::Burial;
use super::tombstone::Kind;
use crate::{Connection, Row, identifier, literal};

pub(super) async fn facts(connection: &mut Connection, burial: &Burial) -> Result<Facts, Error> {
    Reader { connection, burial }.read().await
}

struct Reader<'a> {
    connection: &'a mut Connection,
    burial: &'a Burial,
}

fn text(value: &str) -> String {
    literal(Dialect::Mysql, value)
}

fn quote(name: &str) -> String {
    identifier(Dialect::Mysql, name)
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
            Kind::Index | Kind::Constraint => self.line_of_table().await,
            Kind::View | Kind::Function | Kind::Procedure | Kind::Trigger => self.definition().await,
            _ => Ok(Facts { there: true, ..Facts::default() }),
        }
    }

    fn schema(&self) -> String {
        self.burial.name.schema.as_deref().map_or_else(|| "DATABASE()".to_owned(), text)
    }

    /// The lines of its definition, trimmed, without the comma at their ends; none where there is no such table.
    async fn lines(&mut self, table: &str) -> Result<Option<Vec<String>>, Error> {
        match self.connection.rows(&format!("SHOW CREATE TABLE {table}")).await {
            Ok(mut rows) => {
                let text = rows.pop().and_then(|row| row.into_iter().nth(1).flatten()).unwrap_or_default();
                let line = |line: &str| line.trim().trim_end_matches(',').to_owned();
                Ok(Some(text.lines().map(line).collect()))
            }
            Err(error) if error.is("1146") => Ok(None),
            Err(error) => Err(Error::query(format!("looking at {}", self.burial.words()))(error)),
        }
    }

    async fn table(&mut self) -> Result<Facts, Error> {
        let burial = self.burial;
        let Some(lines) = self.lines(&burial.name.written).await? else { return Ok(Facts::default()) };
        let mut facts = self.of_table().await?;
        facts.constraints = foreign_keys(&burial.name.written, &lines, |_| true);
        facts.dependents = self.views(&format!(".{}", quote(&burial.name.name))).await?;
        facts.dependents.extend(self.references("").await?);
        Ok(facts)
    }

    /// Whether it is empty, and how many rows it has.
    async fn of_table(&mut self) -> Result<Facts, Error> {
        let (schema, name) = (self.schema(), text(&self.burial.name.name));
        let sql = format!(
            "SELECT table_rows FROM information_schema.tables WHERE table_schema = {schema} AND table_name = {name}"
        );
        let rows = self.texts(&sql).await?.first().and_then(|rows| rows.parse().ok());
        let any = self.rows(&format!("SELECT 1 FROM {} LIMIT 1", self.burial.name.written)).await?;
        Ok(Facts { there: true, empty: any.is_empty(), rows, ..Facts::default() })
    }

    async fn column(&mut self) -> Result<Facts, Error> {
        let burial = self.burial;
        let part = burial.own_name();
        let Some(lines) = self.lines(&burial.name.written).await? else { return Ok(Facts::default()) };
        let (schema, table) = (self.schema(), text(&burial.name.name));
        let sql = format!(
            "SELECT column_name, is_nullable, column_default, extra, column_key FROM information_schema.columns \
             WHERE table_schema = {schema} AND table_name = {table} AND column_name = {}",
            text(part)
        );
        let Some(row) = self.rows(&sql).await?.pop() else { return Ok(Facts::default()) };
        let mut values = row.into_iter();
        let mut next = || values.next().flatten();
        let name = next().unwrap_or_default();
        let not_null = next().as_deref() == Some("NO");
        let default = next();
        let extra = next().unwrap_or_default().to_ascii_lowercase();
        let primary = next().as_deref() == Some("PRI");
        let computed = extra.contains("auto_increment")
            || extra.contains("generated") && !extra.contains("default_generated");
        let quoted = format!("{} ", quote(&name));
        let definition =
            lines.iter().find_map(|line| line.strip_prefix(&quoted)).unwrap_or_default().to_owned();
        let mut facts = self.of_table().await?;
        facts.constraints =
            foreign_keys(&burial.name.written, &lines, |columns| columns.contains(&quote(&name)));
        facts.dependents = self.views(&format!("{}.{}", quote(&burial.name.name), quote(&name))).await?;
        facts.dependents.extend(self.references(&name).await?);
        let keepers: Vec<_> =
            burial.keepers.iter().map(|keeper| format!("trigger {}", keeper.name.name)).collect();
        let triggers = self.triggers(&name).await?;
        facts.dependents.extend(triggers.into_iter().filter(|trigger| !keepers.contains(trigger)));
        for burial in &burial.keepers {
            let mut reader = Reader { connection: &mut *self.connection, burial };
            let Some(definition) = reader.definition().await?.definitions.pop() else { continue };
            facts
                .keepers
                .push(Keeper { definition, drop: format!("DROP TRIGGER IF EXISTS {}", burial.name.written) });
        }
        facts.column = ColumnFacts {
            required: not_null && default.is_none() && !computed,
            not_null,
            default,
            computed,
            primary,
            definition,
        };
        Ok(facts)
    }

    /// Views whose definition names it. The server writes names in them in full, with their quotes.
    async fn views(&mut self, named: &str) -> Result<Vec<String>, Error> {
        let schema = self.schema();
        let sql = format!(
            "SELECT CONCAT('view ', table_name) FROM information_schema.views \
             WHERE table_schema = {schema} AND LOCATE({}, view_definition) > 0 ORDER BY 1",
            text(named)
        );
        self.texts(&sql).await
    }

    /// Foreign keys of other tables that refer to it.
    async fn references(&mut self, column: &str) -> Result<Vec<String>, Error> {
        let (schema, table) = (self.schema(), text(&self.burial.name.name));
        let column = if column.is_empty() {
            String::new()
        } else {
            format!(" AND referenced_column_name = {}", text(column))
        };
        let sql = format!(
            "SELECT DISTINCT CONCAT('foreign key ', constraint_name, ' of ', table_name) \
             FROM information_schema.key_column_usage WHERE referenced_table_schema = {schema} \
             AND referenced_table_name = {table}{column} AND table_name <> {table} ORDER BY 1"
        );
        self.texts(&sql).await
    }

    /// Triggers of the table that speak of the column: the server would find out with the next write.
    async fn triggers(&mut self, column: &str) -> Result<Vec<String>, Error> {
        let (schema, table) = (self.schema(), text(&self.burial.name.name));
        let sql = format!(
            "SELECT trigger_name, action_statement FROM information_schema.triggers \
             WHERE event_object_schema = {schema} AND event_object_table = {table} ORDER BY 1"
        );
        let speaks = |row: Row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let (name, body) = (values.next().unwrap_or_default(), values.next().unwrap_or_default());
            super::sqlite::mentions(&body, column).then(|| format!("trigger {name}"))
        };
        Ok(self.rows(&sql).await?.into_iter().filter_map(speaks).collect())
    }

    /// Of an index or a constraint: its line in the table's definition.
    async fn line_of_table(&mut self) -> Result<Facts, Error> {
        let burial = self.burial;
        let table = burial.table.as_ref().unwrap_or(&burial.name).written.clone();
        let Some(lines) = self.lines(&table).await? else { return Ok(Facts::default()) };
        let name = burial.own_name();
        let primary = burial.kind == Kind::Constraint && name.eq_ignore_ascii_case("PRIMARY");
        let found = lines.into_iter().find(|line| {
            let head = line.split('(').next().unwrap_or_default();
            if primary {
                head.starts_with("PRIMARY KEY")
            } else {
                head.contains(&quote(name)) && !head.starts_with('`')
            }
        });
        let definitions: Vec<_> =
            found.map(|line| format!("ALTER TABLE {table} ADD {line}")).into_iter().collect();
        Ok(Facts { there: !definitions.is_empty(), definitions, ..Facts::default() })
    }

    async fn definition(&mut self) -> Result<Facts, Error> {
        let (what, column) = match self.burial.kind {
            Kind::View => ("VIEW", 1),
            Kind::Function => ("FUNCTION", 2),
            Kind::Procedure => ("PROCEDURE", 2),
            _ => ("TRIGGER", 2),
        };
        match self.connection.rows(&format!("SHOW CREATE {what} {}", self.burial.name.written)).await {
            Ok(mut rows) => {
                let text = rows.pop().and_then(|row| row.into_iter().nth(column).flatten());
                Ok(Facts { there: true, definitions: text.into_iter().collect(), ..Facts::default() })
            }
            // No such table, routine, trigger.
            Err(error) if ["1146", "1305", "1360"].iter().any(|code| error.is(code)) => Ok(Facts::default()),
            Err(error) => Err(Error::query(format!("looking at {}", self.burial.words()))(error)),
        }
    }
}

/// The foreign keys among the lines of a table's definition whose own columns are meant.
fn foreign_keys(table: &str, lines: &[String], meant: impl Fn(&str) -> bool) -> Vec<Constraint> {
    let constraint = |line: &String| {
        let (head, rest) = line.strip_prefix("CONSTRAINT `")?.split_once("` FOREIGN KEY (")?;
        let columns = rest.split(')').next()?;
        meant(columns).then(|| Constraint {
            table: table.to_owned(),
            name: head.replace("``", "`"),
            definition: line.clone(),
            not_valid: NotValid::Possible,
        })
    };
    lines.iter().filter_map(constraint).collect()
}
