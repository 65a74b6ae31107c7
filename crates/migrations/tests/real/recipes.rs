//! Each recipe on real servers: both releases write between expand and contract, and see the same.

use bascule_migrations::recipe::{Produced, produce};
use bascule_sql::Dialect;

use crate::database::{Database, mariadb, postgres, sqlite};
use crate::written::pairs;

/// What is done and what is to be seen.
pub struct Case {
    pub recipe: &'static str,
    pub line: &'static str,
    /// Where it is refused.
    pub refused: &'static [Dialect],
    pub setup: &'static [&'static str],
    /// Both releases write: before the backfill and after it.
    pub before: &'static [&'static str],
    pub after: &'static [&'static str],
    /// What the rows are then, by `see`; and once more by `seen` after the contract.
    pub see: &'static str,
    pub seen: &'static str,
    pub both: &'static str,
    pub alone: &'static str,
    /// What works when the former release is gone.
    pub last: &'static [&'static str],
}

fn statements(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn run(database: &Database, case: &Case) {
    let name = format!("{}_{}", case.recipe.replace('-', "_"), case.line.len());
    // SQLite has had `concat` since 3.44 only; `||` means something else to MySQL.
    let line = match database.dialect {
        Dialect::Sqlite => case.line.replace("concat({first}, {last})", "{first} || {last}"),
        Dialect::Postgres | Dialect::Mysql => case.line.to_owned(),
    };
    let produced = produce(case.recipe, &pairs(&line), database.dialect);
    if case.refused.contains(&database.dialect) {
        assert!(produced.is_err(), "{} {}", case.recipe, database.dialect);
        return;
    }
    let Produced { expand, backfills, contract, down, checks } = produced.unwrap();
    let what = format!("{} {} {}", case.recipe, database.dialect, case.line);
    database.fresh(&name);
    let run = |list: &[String]| {
        database.run(&name, list).unwrap_or_else(|error| panic!("{what}: {error}\n{list:#?}"))
    };
    run(&statements(case.setup));
    let schema = database.schema(&name);
    // Down takes all of the expand back, and the expand works once more.
    run(&expand);
    run(&down);
    assert_eq!(database.schema(&name), schema, "{what}");
    run(&expand);
    run(&statements(case.before));
    for backfill in &backfills {
        run(std::slice::from_ref(&backfill.statement));
    }
    run(&statements(case.after));
    assert_eq!(run(&checks), "", "{what}");
    assert_eq!(run(&statements(&[case.see])).trim(), case.both.trim(), "{what}");
    run(&contract);
    run(&statements(case.last));
    assert_eq!(run(&statements(&[case.seen])).trim(), case.alone.trim(), "{what}");
}

fn cases(database: Option<Database>) {
    if let Some(database) = database {
        crate::tables::CASES.iter().for_each(|case| run(&database, case));
    }
}

#[test]
fn both_releases_write_side_by_side_in_postgres() {
    cases(postgres());
}

#[test]
fn both_releases_write_side_by_side_in_mariadb() {
    cases(mariadb());
}

#[test]
fn both_releases_write_side_by_side_in_sqlite() {
    cases(sqlite());
}
