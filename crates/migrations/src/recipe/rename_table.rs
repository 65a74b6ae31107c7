//! Rename a table: a view has the new name until the contract, which puts the table in its place. Both releases read and write the one
//! table, the new one through the view, which fills in the table's defaults.

use bascule_sql::Dialect;

use super::arguments::Arguments;
use super::name::{Table, made, quoted};
use super::{Produced, Recipe, RecipeError};

pub(super) const RECIPE: Recipe = Recipe {
    name: "rename-table",
    summary: "Renames a table: both names work until the former release is gone.",
    example: "-- recipe rename-table from=users to=people",
    produce,
};

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let from = arguments.table("from")?;
    let to: Table = arguments.table("to")?;
    if dialect == Dialect::Sqlite {
        return Err(arguments.refused(
            "nothing can be written through its views but with triggers that lose defaults and `ON CONFLICT`; keep the name, or rename the table in a deploy without the former release",
        ));
    }
    let own = to.own().to_owned();
    // The view stands beside the table whatever schema is written: a rename does not leave it.
    let view = from.beside(&own);
    let contract = match dialect {
        Dialect::Postgres => vec![
            format!("DROP VIEW {view}"),
            format!("ALTER TABLE {} RENAME TO {}", from.sql(), quoted(&own, dialect)),
        ],
        // Both names change in one statement: there is no moment without the new one.
        Dialect::Mysql | Dialect::Sqlite => {
            let gone = from.beside(&made(&["bascule", &own, "view"]));
            vec![
                format!("RENAME TABLE {view} TO {gone}, {} TO {view}", from.sql()),
                format!("DROP VIEW {gone}"),
            ]
        }
    };
    Ok(Produced {
        expand: vec![format!("CREATE VIEW {view} AS SELECT * FROM {}", from.sql())],
        contract,
        down: vec![format!("DROP VIEW {view}")],
        ..Produced::default()
    })
}
