//! Add a foreign key. By default with the contract: the former release may still write rows that break it. With `phase=expand` it
//! holds for what is written from the expand on, and for all rows with the contract. `index=no` where MySQL has an index of the columns
//! already.

use bascule_sql::Dialect;

use super::arguments::{Arguments, From};
use super::name::{Table, list, made, quoted};
use super::{Produced, Recipe, RecipeError};

pub(super) const RECIPE: Recipe = Recipe {
    name: "add-foreign-key",
    summary: "Adds a foreign key, checked for new rows first and for all rows afterwards.",
    example: "-- recipe add-foreign-key table=orders columns=user_id references=users target=id on-delete=cascade",
    produce,
};

const ON_DELETE: [&str; 5] = ["no-action", "restrict", "cascade", "set-null", "set-default"];

fn produce(arguments: &Arguments<'_>, dialect: Dialect) -> Result<Produced, RecipeError> {
    let table = arguments.table("table")?;
    let columns = arguments.columns("columns")?;
    let references = arguments.table("references")?;
    let target = arguments.columns("target")?;
    if dialect == Dialect::Sqlite {
        return Err(arguments.refused(
            "it cannot add a foreign key to a table that is there without writing it anew; write the rebuild in `-- contract`, or add a new column with `REFERENCES`",
        ));
    }
    let name = match arguments.optional("name") {
        Some(_) => arguments.column("name")?,
        None => {
            let mut words = vec![table.own()];
            words.extend(columns.iter().map(String::as_str));
            words.push("fkey");
            made(&words)
        }
    };
    let on_delete = arguments.one_of("on-delete", &ON_DELETE)?;
    let phase = arguments.phase()?;
    arguments.optional("index");
    let (on, named) = (table.sql(), quoted(&name, dialect));
    let rule = on_delete
        .map(|rule| format!(" ON DELETE {}", rule.replace('-', " ").to_uppercase()))
        .unwrap_or_default();
    let constraint = format!(
        "ALTER TABLE {on} ADD CONSTRAINT {named} FOREIGN KEY ({}) REFERENCES {} ({}){rule}",
        list(&columns, dialect),
        references.sql(),
        list(&target, dialect),
    );
    let mut produced = Produced {
        checks: vec![orphans(&table, &columns, &references, &target, dialect)],
        ..Produced::default()
    };
    let mut make = vec![];
    let mut remove = vec![];
    let validate = match dialect {
        Dialect::Postgres => {
            make.push(format!("{constraint} NOT VALID"));
            remove.push(format!("ALTER TABLE {on} DROP CONSTRAINT {named}"));
            vec![format!("ALTER TABLE {on} VALIDATE CONSTRAINT {named}")]
        }
        // There is no such thing as a constraint that is not checked yet: the server copies the table.
        Dialect::Mysql | Dialect::Sqlite => {
            remove.push(format!("ALTER TABLE {on} DROP FOREIGN KEY {named}"));
            // Without an index the server makes one of its own, which would stay behind.
            if arguments.one_of("index", &["yes", "no"])? != Some("no") {
                let index = quoted(&made(&[&name, "index"]), dialect);
                let listed = list(&columns, dialect);
                make.push(format!(
                    "ALTER TABLE {on} ADD INDEX {index} ({listed}), ALGORITHM=INPLACE, LOCK=NONE"
                ));
                remove.push(format!("ALTER TABLE {on} DROP INDEX {index}, ALGORITHM=INPLACE, LOCK=NONE"));
            }
            make.push(constraint);
            vec![]
        }
    };
    match phase {
        From::Contract => produced.contract.extend(make),
        From::Expand => (produced.expand, produced.down) = (make, remove),
    }
    produced.contract.extend(validate);
    Ok(produced)
}

/// Rows that refer to nothing.
fn orphans(
    table: &Table,
    columns: &[String],
    references: &Table,
    target: &[String],
    dialect: Dialect,
) -> String {
    let column = |of: &str, name: &String| format!("{of}.{}", quoted(name, dialect));
    let pairs: Vec<_> = columns
        .iter()
        .zip(target)
        .map(|(one, other)| format!("{} = {}", column("parent", other), column("child", one)))
        .collect();
    let given: Vec<_> = columns.iter().map(|name| format!("{} IS NOT NULL", column("child", name))).collect();
    let listed: Vec<_> = columns.iter().map(|name| column("child", name)).collect();
    format!(
        "SELECT {} FROM {} AS child WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {}) LIMIT 10",
        listed.join(", "),
        table.sql(),
        given.join(" AND "),
        references.sql(),
        pairs.join(" AND "),
    )
}
