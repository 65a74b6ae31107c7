//! What PostgreSQL's catalog says of something that is to go.

use super::error::Error;
use super::facts::{ColumnFacts, Constraint, Facts, Keeper, NotValid};
use super::soften::Burial;
use super::tombstone::Kind;
use crate::{Connection, Row, identifier, literal};

pub(super) async fn facts(connection: &mut Connection, burial: &Burial) -> Result<Facts, Error> {
    Reader { connection, burial }.read().await
}

/// Tables with so many rows are counted, larger ones estimated.
const COUNTED: u64 = 10_000;

struct Reader<'a> {
    connection: &'a mut Connection,
    burial: &'a Burial,
}

fn text(value: &str) -> String {
    literal(bascule_sql::Dialect::Postgres, value)
}

impl Reader<'_> {
    async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, Error> {
        let doing = format!("looking at {}", self.burial.words());
        self.connection.rows(sql).await.map_err(Error::query(doing))
    }

    /// The first column of each row.
    async fn texts(&mut self, sql: &str) -> Result<Vec<String>, Error> {
        Ok(self.rows(sql).await?.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
    }

    async fn read(mut self) -> Result<Facts, Error> {
        match self.burial.kind {
            Kind::Table => self.table().await,
            Kind::Column => self.column().await,
            _ => self.definition().await,
        }
    }

    fn relation(&self) -> String {
        format!("to_regclass({})", text(&self.burial.name.written))
    }

    async fn table(&mut self) -> Result<Facts, Error> {
        let relation = self.relation();
        let there = self.texts(&format!("SELECT {relation}::oid::text")).await?;
        let Some(oid) = there.into_iter().next() else { return Ok(Facts::default()) };
        let mut facts = self.of_table(&oid).await?;
        facts.dependents = self.dependents(&oid, 0).await?;
        // Its own foreign keys would hold rows of other tables, those of others would ask for rows of it.
        let incoming = if self.burial.cascade { " OR confrelid = oid_of.oid" } else { "" };
        facts.constraints = self
            .constraints(
                &format!("contype = 'f' AND (conrelid = oid_of.oid{incoming}) AND (conrelid <> confrelid)"),
                &oid,
            )
            .await?;
        Ok(facts)
    }

    /// Whether it is empty, and how many rows it has.
    async fn of_table(&mut self, oid: &str) -> Result<Facts, Error> {
        let written = self.burial.name.written.clone();
        let rows =
            self.texts(&format!("SELECT reltuples::bigint::text FROM pg_class WHERE oid = {oid}")).await?;
        // Where the server has not counted yet, a small table is counted now.
        let few = format!("SELECT count(*)::text FROM (SELECT FROM {written} LIMIT {COUNTED} + 1) few");
        let few =
            self.texts(&few).await?.first().and_then(|rows| rows.parse::<u64>().ok()).unwrap_or(COUNTED);
        let rows = rows.first().and_then(|rows| rows.parse().ok());
        let rows = if few <= COUNTED { Some(few) } else { rows };
        Ok(Facts { there: true, empty: few == 0, rows, ..Facts::default() })
    }

    async fn column(&mut self) -> Result<Facts, Error> {
        let part = self.burial.own_name().to_owned();
        let sql = format!(
            "SELECT a.attrelid, a.attnum, a.attnotnull, a.attidentity <> '' OR a.attgenerated <> '', \
             pg_get_expr(d.adbin, d.adrelid), \
             EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)) \
             FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
             WHERE a.attrelid = {} AND a.attname = {} AND NOT a.attisdropped",
            self.relation(),
            text(&part)
        );
        let Some(row) = self.rows(&sql).await?.pop() else { return Ok(Facts::default()) };
        let mut values = row.into_iter();
        let mut next = || values.next().flatten();
        let (oid, number) = (next().unwrap_or_default(), next().unwrap_or_default());
        let mut is = || next().as_deref() == Some("t");
        let (not_null, computed) = (is(), is());
        let (default, primary) = (next(), next().as_deref() == Some("t"));
        let mut facts = self.of_table(&oid).await?;
        let required = not_null && default.is_none() && !computed;
        facts.column = ColumnFacts {
            required,
            not_null,
            default: default.filter(|_| !computed),
            computed,
            primary,
            definition: String::new(),
        };
        facts.dependents = self.dependents(&oid, number.parse().unwrap_or(0)).await?;
        let keepers: Vec<_> =
            self.burial.keepers.iter().map(|keeper| format!("trigger {}", keeper.name.name)).collect();
        let triggers = self.triggers(&oid, &part).await?;
        facts.dependents.extend(triggers.into_iter().filter(|trigger| !keepers.contains(trigger)));
        facts.keepers = self.keepers().await?;
        // Checks of a value that is not written any more, and foreign keys, which act on rows.
        let incoming = if self.burial.cascade {
            format!(" OR (contype = 'f' AND confrelid = oid_of.oid AND {number} = ANY (confkey))")
        } else {
            String::new()
        };
        let own = format!("conrelid = oid_of.oid AND contype IN ('f', 'c') AND {number} = ANY (conkey)");
        facts.constraints = self.constraints(&format!("(({own}){incoming})"), &oid).await?;
        Ok(facts)
    }

    async fn keepers(&mut self) -> Result<Vec<Keeper>, Error> {
        let mut keepers = Vec::new();
        for burial in &self.burial.keepers {
            let mut reader = Reader { connection: &mut *self.connection, burial };
            let Some(definition) = reader.definition().await?.definitions.pop() else { continue };
            let text = &burial.statement.text;
            let drop = match text.to_ascii_uppercase().find(" IF EXISTS ") {
                Some(_) => text.clone(),
                None => text.replacen("DROP TRIGGER ", "DROP TRIGGER IF EXISTS ", 1).replacen(
                    "DROP FUNCTION ",
                    "DROP FUNCTION IF EXISTS ",
                    1,
                ),
            };
            keepers.push(Keeper { definition, drop });
        }
        Ok(keepers)
    }

    async fn constraints(&mut self, condition: &str, oid: &str) -> Result<Vec<Constraint>, Error> {
        let sql = format!(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(c.oid), contype \
             FROM pg_constraint c, (SELECT {oid}::oid AS oid) oid_of \
             WHERE {condition} AND conparentid = 0 ORDER BY conname"
        );
        let constraint = |row: Row| {
            let mut values = row.into_iter().map(Option::unwrap_or_default);
            let mut next = || values.next().unwrap_or_default();
            let (table, name, definition) = (next(), next(), next());
            let possible = matches!(next().as_str(), "f" | "c");
            let not_valid = if possible { NotValid::Possible } else { NotValid::Impossible };
            Constraint { table, name, definition, not_valid }
        };
        Ok(self.rows(&sql).await?.into_iter().map(constraint).collect())
    }

    /// What the server would refuse to drop it for: views, foreign keys of others, functions with a body that it reads.
    async fn dependents(&mut self, oid: &str, column: i32) -> Result<Vec<String>, Error> {
        let column = if column == 0 { String::new() } else { format!(" AND refobjsubid = {column}") };
        let sql = format!(
            "SELECT DISTINCT CASE WHEN d.classid = 'pg_rewrite'::regclass \
               THEN (SELECT CASE c.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || c.oid::regclass \
                     FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.oid = d.objid) \
               ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END \
             FROM pg_depend d WHERE refclassid = 'pg_class'::regclass AND refobjid = {oid}{column} AND deptype = 'n' \
             AND NOT (d.classid = 'pg_constraint'::regclass AND d.objid IN \
                      (SELECT oid FROM pg_constraint WHERE conrelid = {oid})) \
             AND NOT (d.classid = 'pg_class'::regclass AND d.objid = {oid}) ORDER BY 1"
        );
        self.texts(&sql).await
    }

    /// Triggers of the table whose functions speak of the column: the server would find out with the next write.
    async fn triggers(&mut self, oid: &str, column: &str) -> Result<Vec<String>, Error> {
        let mut pattern = String::from(r#"\m(new|old)\."?"#);
        for at in column.chars() {
            if !at.is_alphanumeric() && at != '_' {
                pattern.push('\\');
            }
            pattern.push(at);
        }
        pattern.push_str(r"\M");
        let sql = format!(
            "SELECT 'trigger ' || t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
             WHERE t.tgrelid = {oid} AND NOT t.tgisinternal AND p.prosrc ~* {} ORDER BY 1",
            text(&pattern)
        );
        self.texts(&sql).await
    }

    async fn definition(&mut self) -> Result<Facts, Error> {
        let burial = self.burial;
        let relation = self.relation();
        let (name, part) = (text(&burial.name.name), text(burial.own_name()));
        let schema = burial.name.schema.as_deref().map_or_else(String::new, |schema| {
            format!(
                " AND pronamespace = to_regnamespace({})",
                text(&identifier(bascule_sql::Dialect::Postgres, schema))
            )
        });
        let sql = match burial.kind {
            Kind::Constraint => format!(
                "SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) \
                 || CASE WHEN contype IN ('f', 'c') AND convalidated THEN ' NOT VALID' ELSE '' END \
                 FROM pg_constraint WHERE conrelid = {relation} AND conname = {part}"
            ),
            Kind::Index => format!(
                "SELECT pg_get_indexdef(c.oid) FROM pg_class c WHERE c.oid = {relation} AND c.relkind IN ('i', 'I')"
            ),
            Kind::View | Kind::MaterializedView => format!(
                "SELECT format('CREATE %s %s AS %s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, \
                   {}::text, rtrim(pg_get_viewdef(c.oid), ';')) \
                 FROM pg_class c WHERE c.oid = {relation} AND c.relkind IN ('v', 'm') UNION ALL \
                 SELECT format('GRANT %s ON {} TO %s', a.privilege_type, \
                   CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END) \
                 FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = {relation} AND a.grantee <> c.relowner",
                text(&burial.name.written),
                burial.name.written.replace('%', "%%").replace('\'', "''")
            ),
            Kind::Function | Kind::Procedure => format!(
                "SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = {name} AND prokind IN ('f', 'p', 'w') AND {}{schema}",
                if schema.is_empty() { "pg_function_is_visible(oid)" } else { "true" }
            ),
            Kind::Trigger => {
                let table = burial.table.as_ref().map_or("", |table| table.written.as_str());
                format!(
                    "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = to_regclass({}) AND tgname = {name} \
                     AND NOT tgisinternal",
                    text(table)
                )
            }
            _ => return Ok(Facts { there: true, ..Facts::default() }),
        };
        let definitions = self.texts(&sql).await?;
        Ok(Facts { there: !definitions.is_empty(), definitions, ..Facts::default() })
    }
}
