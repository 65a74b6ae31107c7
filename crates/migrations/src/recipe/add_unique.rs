//! Make columns unique. By default with the contract: the former release may still write what is there twice. With `phase=expand`
//! where it does not, and the new release counts on it (`ON CONFLICT`).

use bascule_sql::Dialect;

use super::arguments::{Arguments, From};
use super::name::{list, made, quoted};
use super::{Produced, Recipe, RecipeError};

pub(super) const RECIPE: Recipe = Recipe {
    name: "add-unique",
    summary: "Makes columns unique, with an index that is built while others write.",
    example: "-- recipe add-unique table=users columns=email name=users_email_key",
    produce,
};

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let table = arguments.table("table")?;
    let columns = arguments.columns("columns")?;
    let name = match arguments.optional("name") {
        Some(_) => arguments.column("name")?,
        None => {
            let mut words = vec![table.own()];
            words.extend(columns.iter().map(String::as_str));
            words.push("key");
            made(&words)
        }
    };
    let phase = arguments.phase()?;
    let (on, named, listed) = (table.sql(), quoted(&name, dialect), list(&columns, dialect));
    let make = match dialect {
        Dialect::Postgres => vec![
            format!("CREATE UNIQUE INDEX CONCURRENTLY {named} ON {on} ({listed})"),
            format!("ALTER TABLE {on} ADD CONSTRAINT {named} UNIQUE USING INDEX {named}"),
        ],
        Dialect::Mysql => {
            vec![format!(
                "ALTER TABLE {on} ADD UNIQUE INDEX {named} ({listed}), ALGORITHM=INPLACE, LOCK=NONE"
            )]
        }
        Dialect::Sqlite => {
            vec![format!(
                "CREATE UNIQUE INDEX {} ON {} ({listed})",
                table.beside(&name),
                quoted(table.own(), dialect)
            )]
        }
    };
    let remove = match dialect {
        Dialect::Postgres => format!("ALTER TABLE {on} DROP CONSTRAINT {named}"),
        Dialect::Mysql => format!("ALTER TABLE {on} DROP INDEX {named}, ALGORITHM=INPLACE, LOCK=NONE"),
        Dialect::Sqlite => format!("DROP INDEX {}", table.beside(&name)),
    };
    let given: Vec<_> =
        columns.iter().map(|column| format!("{} IS NOT NULL", quoted(column, dialect))).collect();
    let twice = format!(
        "SELECT {listed} FROM {on} WHERE {} GROUP BY {listed} HAVING count(*) > 1 LIMIT 10",
        given.join(" AND ")
    );
    let mut produced = Produced { checks: vec![twice], ..Produced::default() };
    match phase {
        From::Contract => produced.contract = make,
        From::Expand => (produced.expand, produced.down) = (make, vec![remove]),
    }
    Ok(produced)
}
