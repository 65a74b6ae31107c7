//! Drop a column that the new release does not use any more. Where it may not be null and has no default, `fill=` gives it one, so that
//! the new release's rows get in; the former release reads that value.

use bascule_sql::Dialect;

use super::arguments::Arguments;
use super::name::quoted;
use super::steps::drop_column;
use super::{Produced, Recipe, RecipeError};

pub(super) const RECIPE: Recipe = Recipe {
    name: "drop-column",
    summary: "Drops a column when the release that uses it is gone.",
    example: "-- recipe drop-column table=users column=nickname fill=\"''\"",
    produce,
};

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let table = arguments.table("table")?;
    let column = arguments.column("column")?;
    let mut produced =
        Produced { contract: vec![drop_column(&table, &column, dialect)], ..Produced::default() };
    if let Some(fill) = arguments.optional("fill") {
        if dialect == Dialect::Sqlite {
            return Err(arguments.refused(
                "it cannot give a column that is there a default without writing the table anew; the new release has to go on writing the column until the contract, or leave `fill=` out where the column may be null",
            ));
        }
        let alter = format!("ALTER TABLE {} ALTER COLUMN {}", table.sql(), quoted(&column, dialect));
        produced.expand.push(format!("{alter} SET DEFAULT {fill}"));
        produced.down.push(format!("{alter} DROP DEFAULT"));
    }
    Ok(produced)
}
