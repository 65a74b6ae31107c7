//! Make a column `NOT NULL`: a trigger fills in what the former release leaves null, rows are filled, and the contract makes it so,
//! without a scan under a lock where the server can.

use bascule_sql::Dialect;

use super::arguments::Arguments;
use super::fill::Fill;
use super::name::quoted;
use super::steps::{NotNull, backfill};
use super::{Produced, Recipe, RecipeError};

pub(super) const RECIPE: Recipe = Recipe {
    name: "add-not-null",
    summary: "Makes a column NOT NULL; what a writer leaves null is filled in.",
    example: "-- recipe add-not-null table=users column=email key=id fill=\"''\"",
    produce,
};

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let table = arguments.table("table")?;
    let column = arguments.column("column")?;
    let key = arguments.columns("key")?;
    if dialect == Dialect::Sqlite {
        return Err(arguments.refused(
            "it cannot make a column NOT NULL without writing the table anew; write the rebuild in `-- contract`, or add a new column with `NOT NULL DEFAULT`",
        ));
    }
    arguments.wanted("fill")?;
    // Other columns of the row may be named as they are called.
    let others = match arguments.optional("from") {
        Some(_) => arguments.columns("from")?,
        None => vec![],
    };
    let with = arguments.expression("fill", &others, "")?;
    let kind = match dialect {
        Dialect::Mysql => arguments.wanted("type")?,
        Dialect::Postgres | Dialect::Sqlite => arguments.optional("type").unwrap_or_default(),
    };
    let fill = Fill { table: &table, column: &column, with: &with, dialect };
    let not_null = NotNull::new(&table, &column, dialect);
    let name = quoted(&column, dialect);
    let mut produced = Produced { expand: fill.create(), ..Produced::default() };
    produced.expand.extend(not_null.expand());
    let set = format!("{name} = {}", with.sql("", dialect));
    let missing = format!("{name} IS NULL");
    produced.backfills.push(backfill(&table, &key, arguments.batch()?, arguments.gate()?, &set, &missing));
    produced.checks.push(format!(
        "SELECT {} FROM {} WHERE {missing} LIMIT 10",
        super::name::list(&key, dialect),
        table.sql()
    ));
    produced.contract.extend(not_null.contract(kind));
    produced.contract.extend(fill.remove());
    produced.down.extend(not_null.down());
    produced.down.extend(fill.remove());
    Ok(produced)
}
