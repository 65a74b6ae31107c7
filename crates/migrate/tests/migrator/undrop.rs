//! A contract that was made softly is taken back, and can be made again.

use bascule_migrate::backfill::{self, Id, Options};
use bascule_migrate::contract::{Deed, Policy};
use bascule_migrate::{Contract, Phases, Wish};
use bascule_migrations::Part;
use bascule_sql::Dialect;
use tokio_util::sync::CancellationToken;

use crate::support::database::Database;
use crate::support::{migration, open, phased, version};

#[tokio::test]
async fn what_went_comes_back_with_the_rows_that_came_meanwhile() {
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let Some(database) = Database::of(dialect) else { continue };
        let set = [
            migration(dialect, "1", "CREATE TABLE a (id int PRIMARY KEY, old varchar(20))", None),
            phased(
                dialect,
                "2",
                "ALTER TABLE a ADD COLUMN new_one varchar(20)",
                Some(("a", "UPDATE a SET new_one = old WHERE new_one IS NULL")),
                "ALTER TABLE a DROP COLUMN old",
                "ALTER TABLE a DROP COLUMN new_one",
            ),
        ];
        let wish = Wish::new(Phases::Expand);
        let mut migrator = open(&database.address).await;
        migrator.up(&set[..1], &wish).await.unwrap();
        migrator.connection().run("INSERT INTO a VALUES (1, 'x'), (2, 'y')").await.unwrap();
        migrator.up(&set, &wish).await.unwrap();
        let Part::Backfill(fill) = &set[1].parts[1] else { panic!("it has a backfill") };
        let id = Id { version: version("2"), part: 1 };
        let mut connection = database.open().await;
        backfill::ensure(&mut connection).await.unwrap();
        backfill::define(&mut connection, &id, fill).await.unwrap();
        let stop = CancellationToken::new();
        backfill::run(&mut connection, &id, "test", &Options::of(dialect), &stop, |_| ()).await.unwrap();
        connection.close().await;
        assert!(migrator.contracts_made().await.unwrap().is_empty());

        for round in 0..2 {
            migrator.contract_softly(&version("2"), &Policy::default()).await.unwrap();
            assert_eq!(migrator.contracts_made().await.unwrap()[0].gone, None);
            let meanwhile = match round {
                0 => "INSERT INTO a (id, new_one) VALUES (3, 'c'); UPDATE a SET new_one = 'B' WHERE id = 2",
                _ => "UPDATE a SET new_one = 'A' WHERE id = 1",
            };
            migrator.connection().run(meanwhile).await.unwrap();
            let back = migrator.undrop(&version("2"), &Policy::default()).await.unwrap();
            assert_eq!(back.filled, ["column a.old"], "{dialect:?}");
            let wrong = "SELECT count(*) FROM a WHERE old IS NULL OR old <> new_one";
            assert_eq!(database.ask(wrong).await, "0", "{dialect:?}");
            let journal = migrator.journal().await.unwrap();
            assert_eq!(journal.find(&version("2")).unwrap().contract, Contract::Waiting);
            assert!(migrator.floor().await.unwrap().contracted.is_empty());
            // Once more: it is back already.
            assert!(migrator.undrop(&version("2"), &Policy::default()).await.unwrap().back.is_empty());
        }
        let history = migrator.history().await.unwrap();
        let deeds: Vec<Deed> = history.iter().filter_map(|entry| entry.contract).collect();
        assert_eq!(deeds, [Deed::Soft, Deed::Undo, Deed::Soft, Deed::Undo], "{dialect:?}");
        assert!(migrator.ailments(&set).await.unwrap().is_empty(), "{dialect:?}");
        migrator.close().await;
    }
}
