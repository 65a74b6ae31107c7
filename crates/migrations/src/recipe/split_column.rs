//! Split a column into several: they are added, kept the same in both directions, and the former one goes with the contract.

use bascule_sql::Dialect;

use super::arguments::{Arguments, Null};
use super::rename_column::NOT_NULL_IN_SQLITE;
use super::steps::{add_column, backfill, drop_column, let_be_null};
use super::sync::Sync;
use super::{Produced, Recipe, RecipeError};
use crate::migration::Gate;

pub(super) const RECIPE: Recipe = Recipe {
    name: "split-column",
    summary: "Splits a column into several, with an expression for each and one that joins them again.",
    example: "-- recipe split-column table=users from=name into=first_name,last_name type=text key=id split.first_name=\"split_part({name}, ' ', 1)\" split.last_name=\"substr({name}, strpos({name}, ' ') + 1)\" join=\"concat_ws(' ', {first_name}, {last_name})\"",
    produce,
};

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let table = arguments.table("table")?;
    let from = arguments.column("from")?;
    let into = arguments.columns("into")?;
    let kind = arguments.wanted("type")?;
    let key = arguments.columns("key")?;
    let null = arguments.null()?;
    arguments.optional("from-type");
    if null == Null::Refused && dialect == Dialect::Sqlite {
        return Err(arguments.refused(NOT_NULL_IN_SQLITE));
    }
    let mut forward = vec![];
    for column in &into {
        let name = format!("split.{column}");
        arguments.wanted(&name)?;
        forward.push((column.clone(), arguments.expression(&name, std::slice::from_ref(&from), "")?));
    }
    arguments.wanted("join")?;
    let back = vec![(from.clone(), arguments.expression("join", &into, "")?)];
    let sync = Sync { table: &table, key: &key, forward, back, dialect };
    let mut produced = Produced::default();
    produced.expand.extend(into.iter().map(|column| add_column(&table, column, kind, dialect)));
    produced.expand.extend(sync.create());
    let missing = sync.missing(std::slice::from_ref(&from));
    produced.backfills.push(backfill(&table, &key, arguments.batch()?, Gate::Switch, &sync.set(), &missing));
    produced.checks.push(format!(
        "SELECT {} FROM {} WHERE {missing} LIMIT 10",
        super::name::list(&key, dialect),
        table.sql()
    ));
    if null == Null::Refused {
        let former = arguments.former_type()?;
        produced.contract.extend(let_be_null(&table, &from, former, dialect));
    }
    produced.contract.extend(sync.remove());
    produced.contract.push(drop_column(&table, &from, dialect));
    produced.down.extend(sync.remove());
    produced.down.extend(into.iter().rev().map(|column| drop_column(&table, column, dialect)));
    Ok(produced)
}
