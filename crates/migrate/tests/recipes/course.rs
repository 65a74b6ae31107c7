//! The course of a deploy, with clients that write all the time.

use bascule_migrate::contract;
use bascule_migrate::{Connection, Goal, Migrator, Phases, Settings, Wish, backfill};
use bascule_migrations::{File, FormatWish, Migration, Part, read};
use bascule_sql::Dialect;
use tokio_util::sync::CancellationToken;

use crate::client::{Client, Release, Seen};
use crate::database::{Database, number};
use crate::scenario::{ROWS, Scenario};

/// The database with its rows, and the migration of the recipe.
async fn set_up(database: &Database, scenario: &Scenario) -> (Connection, Migration) {
    let mut connection = database.open().await;
    let dialect = connection.dialect();
    let rows = match dialect {
        Dialect::Postgres => format!("SELECT g FROM generate_series(1, {ROWS}) AS g"),
        Dialect::Mysql => format!("SELECT seq AS g FROM seq_1_to_{ROWS}"),
        Dialect::Sqlite => {
            connection.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF").await.unwrap();
            format!(
                "WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g + 1 FROM n WHERE g < {ROWS}) SELECT g FROM n"
            )
        }
    };
    let setup = scenario.setup.replace("{rows}", &format!("({rows}) AS numbers"));
    connection.run(&setup).await.unwrap_or_else(|error| panic!("{error:?}\n{setup}"));
    let file = File::new("20260101000000_recipe.sql", format!("{}\n", scenario.recipe));
    let set = read(&[file], FormatWish::Auto, dialect)
        .unwrap_or_else(|error| panic!("{error}\n{}", scenario.recipe));
    (connection, set.migrations.into_iter().next().unwrap())
}

async fn migrator(database: &Database) -> Migrator {
    Migrator::open(Settings::new(database.address.clone(), "test")).await.unwrap()
}

/// Expand, the new release beside the former one, backfill; both still run at the end.
async fn beside(
    database: &Database,
    scenario: &Scenario,
    connection: &mut Connection,
    migration: &Migration,
) -> (Client, Client) {
    let former = Client::start(database, Release::Former, scenario.former).await;
    former.goes_on().await;
    let mut migrator = migrator(database).await;
    migrator.up(std::slice::from_ref(migration), &Wish::new(Phases::Expand)).await.unwrap();
    migrator.close().await;
    former.goes_on().await;
    former.seen(Seen::ByTheOther);
    let new = Client::start(database, Release::New, scenario.new).await;
    new.seen(Seen::ByTheOther);
    new.goes_on().await;
    fill_in(database, migration).await;
    // Both have to be between two writes of the same row.
    former.goes_on().await;
    new.goes_on().await;
    assert_eq!(number(connection, scenario.differs).await, 0, "before the contract: {}", scenario.differs);
    for check in &migration.checks {
        assert_eq!(connection.rows(&check.text).await.unwrap(), Vec::<Vec<_>>::new(), "{}", check.text);
    }
    (former, new)
}

async fn fill_in(database: &Database, migration: &Migration) {
    for (part, backfill) in migration.parts.iter().enumerate() {
        let Part::Backfill(backfill) = backfill else { continue };
        let mut connection = database.open().await;
        let id = backfill::Id { version: migration.version.clone(), part: u32::try_from(part).unwrap() };
        backfill::define(&mut connection, &id, backfill).await.unwrap();
        let mut options = backfill::Options::of(connection.dialect());
        options.pace.ceiling = 200;
        let stop = CancellationToken::new();
        let outcome = backfill::run(&mut connection, &id, "test", &options, &stop, |_| {}).await.unwrap();
        assert_eq!(outcome, backfill::Outcome::Done { bad_rows: Vec::new() });
    }
}

/// All the way: at the end there is only the new release.
pub async fn through(database: &Database, scenario: &Scenario) {
    let (mut connection, migration) = set_up(database, scenario).await;
    let (former, new) = beside(database, scenario, &mut connection, &migration).await;
    former.end().await;
    new.seen(Seen::ByNobody);
    new.goes_on().await;
    let policy = contract::Policy::default();
    for part in &migration.parts {
        let Part::Contract { statements } = part else { continue };
        contract::drop_softly(&mut connection, &migration.version, statements, &policy)
            .await
            .unwrap_or_else(|error| panic!("{error} {error:?}\n{statements:?}"));
    }
    new.goes_on().await;
    new.end().await;
    assert_eq!(number(&mut connection, scenario.wrong).await, 0, "after the contract: {}", scenario.wrong);
    // The former release is wanted back after all: what it was left with is there, and it can write.
    contract::undo_all(&mut connection, &migration.version, &policy)
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    let former = Client::start(database, Release::FormerAgain, scenario.former).await;
    former.goes_on().await;
    let wrong = scenario.wrong_undone;
    assert_eq!(number(&mut connection, wrong).await, 0, "after the undo: {wrong}");
    former.end().await;
}

/// Back before the contract: at the end there is only the former release, with everything that both have written.
pub async fn back(database: &Database, scenario: &Scenario) {
    let (mut connection, migration) = set_up(database, scenario).await;
    let (former, new) = beside(database, scenario, &mut connection, &migration).await;
    new.end().await;
    former.seen(Seen::ByNobody);
    former.goes_on().await;
    let mut migrator = migrator(database).await;
    migrator.down(&Goal::Last { count: 1 }).await.unwrap();
    migrator.close().await;
    former.goes_on().await;
    former.end().await;
    let wrong = scenario.wrong_again;
    assert_eq!(number(&mut connection, wrong).await, 0, "taken back: {wrong}");
}
