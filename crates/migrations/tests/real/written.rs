//! What each recipe is written out to, in each dialect.

use bascule_migrations::recipe::{RECIPES, produce};
use bascule_sql::Dialect;
use insta::assert_snapshot;

pub fn pairs(text: &str) -> Vec<(String, String)> {
    // Keys and values of these tests hold no blanks but in quotes.
    let mut pairs = vec![];
    let mut rest = text.trim();
    while let Some((key, tail)) = rest.split_once('=') {
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap(),
            None => tail.split_once(' ').unwrap_or((tail, "")),
        };
        pairs.push((key.trim().to_owned(), value.to_owned()));
        rest = tail.trim_start();
    }
    pairs
}

fn written(name: &str, text: &str, dialect: Dialect) -> String {
    let mut shown = format!("## {dialect}\n");
    match produce(name, &pairs(text), dialect) {
        Err(error) => shown += &format!("{error}\n"),
        Ok(produced) => {
            let mut list = |what: &str, statements: &[String]| {
                for statement in statements {
                    shown += &format!("{what}: {statement}\n");
                }
            };
            list("expand", &produced.expand);
            for backfill in &produced.backfills {
                let what = format!("backfill by {} for {:?}", backfill.key.join(", "), backfill.gate);
                list(&what, std::slice::from_ref(&backfill.statement));
            }
            list("check", &produced.checks);
            list("contract", &produced.contract);
            list("down", &produced.down);
        }
    }
    shown
}

#[test]
fn each_recipe_in_each_dialect() {
    for recipe in RECIPES {
        let line = recipe.example.split_once(recipe.name).unwrap().1;
        // MySQL needs types once more.
        let line = format!("{line}{}", if recipe.name == "add-not-null" { " type=text" } else { "" });
        let mut text = format!("{}\n{}\n", recipe.summary, recipe.example);
        for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
            text += &written(recipe.name, &line, dialect);
        }
        insta::with_settings!({ snapshot_suffix => recipe.name }, { assert_snapshot!(text) });
    }
}

#[test]
fn variants() {
    let cases = [
        (
            "rename-column",
            "table=shop.users from=name to=full_name type=varchar(100) key=shop,id batch=100",
            Dialect::Sqlite,
        ),
        ("change-type", "table=orders column=total type=bigint key=id null=no", Dialect::Postgres),
        ("change-type", "table=orders column=total type=text key=id", Dialect::Sqlite),
        ("change-type", "table=orders column=total type=bigint key=id", Dialect::Mysql),
        (
            "change-type",
            "table=orders column=total to=sum type=bigint from-type=int key=id null=no",
            Dialect::Mysql,
        ),
        ("add-unique", "table=users columns=shop,email phase=expand", Dialect::Postgres),
        (
            "add-foreign-key",
            "table=orders columns=user_id references=users target=id phase=expand",
            Dialect::Postgres,
        ),
        (
            "add-not-null",
            "table=users column=slug key=id from=name fill=\"lower({name})\" gate=contract",
            Dialect::Postgres,
        ),
        (
            "split-column",
            "table=users from=name into=a,b type=text key=id split.a=\"{name}\" split.b=\"{nam}\" join=\"{a}\"",
            Dialect::Postgres,
        ),
        ("rename-column", "table=users from=a.b to=c type=text key=id", Dialect::Postgres),
        ("rename-table", "from=\"Shop.Users\" to=People", Dialect::Postgres),
    ];
    let mut text = String::new();
    for (name, line, dialect) in cases {
        text += &format!("# {name} {line}\n{}", written(name, line, dialect));
    }
    assert_snapshot!(text);
}
