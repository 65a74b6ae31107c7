//! A trigger that gives a column a value where a writer left it null.

use bascule_sql::Dialect;

use super::name::{Table, made, quoted};
use super::template::Template;

/// A column and what fills it.
pub(super) struct Fill<'a> {
    pub table: &'a Table,
    pub column: &'a str,
    pub with: &'a Template,
    pub dialect: Dialect,
}

impl Fill<'_> {
    fn name(&self, what: &str) -> String {
        // PostgreSQL fires triggers in the order of their names: this one comes last.
        let first = if self.dialect == Dialect::Postgres { "zz_bascule" } else { "bascule" };
        made(&[first, self.table.own(), self.column, what])
    }

    pub(super) fn create(&self) -> Vec<String> {
        let (table, column) = (self.table.sql(), quoted(self.column, self.dialect));
        let value = self.with.sql("NEW.", self.dialect);
        if self.dialect == Dialect::Postgres {
            let name = self.name("fill");
            let function = self.table.beside(&name);
            return vec![
                format!(
                    "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $bascule$\nBEGIN\n  IF NEW.{column} IS NULL THEN\n    NEW.{column} := {value};\n  END IF;\n  RETURN NEW;\nEND\n$bascule$"
                ),
                format!(
                    "CREATE TRIGGER {} BEFORE INSERT OR UPDATE ON {table}\n  FOR EACH ROW EXECUTE FUNCTION {function}()",
                    quoted(&name, self.dialect)
                ),
            ];
        }
        let trigger = |what: &str, event: &str| {
            let name = self.table.beside(&self.name(what));
            format!(
                "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW\nBEGIN\n  IF NEW.{column} IS NULL THEN\n    SET NEW.{column} = {value};\n  END IF;\nEND"
            )
        };
        vec![trigger("fill_insert", "INSERT"), trigger("fill_update", "UPDATE")]
    }

    pub(super) fn remove(&self) -> Vec<String> {
        if self.dialect == Dialect::Postgres {
            let name = self.name("fill");
            return vec![
                format!("DROP TRIGGER {} ON {}", quoted(&name, self.dialect), self.table.sql()),
                format!("DROP FUNCTION {}()", self.table.beside(&name)),
            ];
        }
        ["fill_insert", "fill_update"]
            .map(|what| format!("DROP TRIGGER {}", self.table.beside(&self.name(what))))
            .into()
    }
}
