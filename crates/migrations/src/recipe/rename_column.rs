//! Rename a column: the new one is added, both are kept the same, and the former one goes with the contract.

use bascule_sql::Dialect;

use super::arguments::{Arguments, Null};
use super::name::quoted;
use super::steps::{NotNull, add_column, backfill, drop_column, let_be_null};
use super::sync::Sync;
use super::template::Template;
use super::{Produced, Recipe, RecipeError};
use crate::migration::Gate;

pub(super) const RECIPE: Recipe = Recipe {
    name: "rename-column",
    summary: "Renames a column: both names work until the former release is gone.",
    example: "-- recipe rename-column table=users from=name to=full_name type=text key=id null=no",
    produce,
};

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let table = arguments.table("table")?;
    let (from, to) = (arguments.column("from")?, arguments.column("to")?);
    let kind = arguments.wanted("type")?;
    let key = arguments.columns("key")?;
    let null = arguments.null()?;
    if null == Null::Refused && dialect == Dialect::Sqlite {
        return Err(arguments.refused(NOT_NULL_IN_SQLITE));
    }
    let sync = Sync {
        table: &table,
        key: &key,
        forward: vec![(to.clone(), Template::column(&from))],
        back: vec![(from.clone(), Template::column(&to))],
        dialect,
    };
    let mut produced =
        Produced { expand: vec![add_column(&table, &to, kind, dialect)], ..Produced::default() };
    produced.expand.extend(sync.create());
    let missing = sync.missing(std::slice::from_ref(&from));
    produced.backfills.push(backfill(&table, &key, arguments.batch()?, Gate::Switch, &sync.set(), &missing));
    if null == Null::Refused {
        let not_null = NotNull::new(&table, &to, dialect);
        produced.expand.extend(not_null.expand());
        produced.contract.extend(not_null.contract(kind));
        // First, so that the new release needs no trigger for a column that it does not know.
        produced.contract.extend(let_be_null(&table, &from, kind, dialect));
    }
    produced.contract.extend(sync.remove());
    produced.contract.push(drop_column(&table, &from, dialect));
    // What belongs to the column goes with it.
    produced.down.extend(sync.remove());
    produced.down.push(drop_column(&table, &to, dialect));
    let (former, new) = (quoted(&from, dialect), quoted(&to, dialect));
    let differs = match dialect {
        Dialect::Postgres => format!("ROW({former}::{kind})::record *<> ROW({new})::record"),
        Dialect::Mysql => format!("NOT (CAST({former} AS BINARY) <=> CAST({new} AS BINARY))"),
        Dialect::Sqlite => format!("{former} COLLATE BINARY IS NOT {new}"),
    };
    let rows = super::name::list(&key, dialect);
    produced.checks.push(format!("SELECT {rows} FROM {} WHERE {differs} LIMIT 10", table.sql()));
    Ok(produced)
}

/// Why `NOT NULL` is out of reach there.
pub(super) const NOT_NULL_IN_SQLITE: &str = "it checks NOT NULL before a trigger can fill the column in, and it cannot set or drop NOT NULL without writing the table anew; rebuild the table by hand with the column nullable, or say `null=yes` where it is";
