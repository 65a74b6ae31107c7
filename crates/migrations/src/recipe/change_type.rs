//! Change a column's type. With `to=`, the new type gets a column of its own name, and both are kept the same until the contract: the
//! releases differ in the name that they use. Without it, releases go on with the one name: a hidden column follows it, and takes its
//! place with the contract, in one transaction; the new release has to get along with both types.

use bascule_sql::Dialect;

use super::arguments::{Arguments, Null};
use super::name::{Table, quoted};
use super::rename_column::NOT_NULL_IN_SQLITE;
use super::steps::{NotNull, add_column, backfill, drop_column, let_be_null};
use super::sync::Sync;
use super::template::Template;
use super::{Produced, Recipe, RecipeError};
use crate::migration::Gate;

pub(super) const RECIPE: Recipe = Recipe {
    name: "change-type",
    summary: "Gives a column another type, under a new name or under its own.",
    example: "-- recipe change-type table=orders column=total to=total_cents type=bigint key=id using=\"{total} * 100\" back=\"{total_cents} / 100\"",
    produce,
};

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let table = arguments.table("table")?;
    let column = arguments.column("column")?;
    let own_name = arguments.optional("to").is_none();
    let to = if own_name { format!("{column}_bascule_new") } else { arguments.column("to")? };
    if own_name && dialect == Dialect::Mysql {
        return Err(arguments.refused(
            "it cannot change two names and drop a trigger at once, so that rows written in between would be lost; give the new column a name of its own with `to=`",
        ));
    }
    let kind = arguments.wanted("type")?;
    let key = arguments.columns("key")?;
    let null = arguments.null()?;
    arguments.optional("from-type");
    if null == Null::Refused && dialect == Dialect::Sqlite {
        return Err(arguments.refused(NOT_NULL_IN_SQLITE));
    }
    // Not every type becomes another one by itself.
    let cast = match dialect {
        Dialect::Postgres | Dialect::Sqlite => format!("CAST({{{column}}} AS {kind})"),
        Dialect::Mysql => format!("{{{column}}}"),
    };
    let using = arguments.expression("using", std::slice::from_ref(&column), &cast)?;
    let back = if own_name {
        vec![]
    } else {
        let to = std::slice::from_ref(&to);
        let fallback = format!("{{{}}}", to.concat());
        vec![(column.clone(), arguments.expression("back", to, &fallback)?)]
    };
    let sync = Sync { table: &table, key: &key, forward: vec![(to.clone(), using)], back, dialect };
    let mut produced =
        Produced { expand: vec![add_column(&table, &to, kind, dialect)], ..Produced::default() };
    produced.expand.extend(sync.create());
    let missing = sync.missing(std::slice::from_ref(&column));
    let gate = if own_name { Gate::Contract } else { Gate::Switch };
    produced.backfills.push(backfill(&table, &key, arguments.batch()?, gate, &sync.set(), &missing));
    produced.checks.push(format!(
        "SELECT {} FROM {} WHERE {missing} LIMIT 10",
        super::name::list(&key, dialect),
        table.sql()
    ));
    if null == Null::Refused {
        let not_null = NotNull::new(&table, &to, dialect);
        produced.expand.extend(not_null.expand());
        produced.contract.extend(not_null.contract(kind));
        if !own_name {
            produced.contract.extend(let_be_null(&table, &column, arguments.former_type()?, dialect));
        }
    }
    produced.contract.extend(sync.remove());
    if own_name {
        produced.contract.extend(swapped(&table, &key, &column, &to, null, dialect));
    } else {
        produced.contract.push(drop_column(&table, &column, dialect));
    }
    produced.down.extend(sync.remove());
    produced.down.push(drop_column(&table, &to, dialect));
    Ok(produced)
}

/// The new column takes the former one's name, which goes. As long as it is kept, it follows the new one: for whoever takes the
/// contract back.
fn swapped(
    table: &Table,
    key: &[String],
    column: &str,
    to: &str,
    null: Null,
    dialect: Dialect,
) -> Vec<String> {
    let former = format!("{column}_bascule_old");
    let rename = |from: &str, to: &str| {
        let (from, to) = (quoted(from, dialect), quoted(to, dialect));
        format!("ALTER TABLE {} RENAME COLUMN {from} TO {to}", table.sql())
    };
    let mut steps = vec![rename(column, &former), rename(to, column)];
    if null == Null::Refused {
        steps.extend(let_be_null(table, &former, "", dialect));
    }
    let kept = vec![(former.clone(), Template::column(column))];
    let sync = Sync { table, key, forward: kept, back: vec![], dialect };
    steps.extend(sync.create());
    steps.extend(sync.remove());
    steps.push(drop_column(table, &former, dialect));
    steps
}
