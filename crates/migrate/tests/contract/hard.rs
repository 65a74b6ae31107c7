//! For good.

use bascule_migrate::Connection;
use bascule_migrate::contract::{self, Backup, Error, Policy, Refusal, State};
use bascule_sql::{Dialect, split};

use crate::support::{Database, backup, policy, shop, soften, version};

#[tokio::test]
async fn it_goes_for_good_with_a_backup_and_does_not_come_back() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        let gone = soften(
            &mut connection,
            "ALTER TABLE users DROP COLUMN email; ALTER TABLE users DROP COLUMN name; DROP TABLE users",
        )
        .await
        .unwrap();
        let due = contract::due(&mut connection).await.unwrap();
        assert_eq!(
            due.iter().map(|one| &one.id).collect::<Vec<_>>(),
            gone.iter().map(|one| &one.id).collect::<Vec<_>>()
        );
        let words = contract::point_of_no_return(&[], &due).unwrap();
        assert!(words.starts_with("column users.email ("), "{words}");
        let table = &gone[2];
        for (given, expected) in [
            (None, Refusal::NoBackup),
            (Some(Backup { id: "b0".to_owned(), begun: 1 }), Refusal::OldBackup { backup: "b0".to_owned() }),
        ] {
            let error =
                contract::drop_hard(&mut connection, &table.id, given.as_ref(), &policy()).await.unwrap_err();
            assert_eq!(error, Error::Refused { what: "table users".to_owned(), refusal: expected });
        }
        let dropped =
            contract::drop_hard(&mut connection, &table.id, Some(&backup()), &policy()).await.unwrap();
        assert_eq!((dropped.state, dropped.backup.as_deref()), (State::Hard, Some("b1")));
        let kept = table.renamed.as_deref().unwrap();
        connection.run(&format!("SELECT 1 FROM {kept}")).await.unwrap_err();
        let error = contract::undo(&mut connection, &table.id, &policy()).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "table users cannot come back: it is gone for good; restore it from the backup b1"
        );
        let error = contract::undo_all(&mut connection, &version(), &policy()).await.unwrap_err();
        assert!(matches!(error, Error::Gone { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_column_goes_for_good() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        let gone = soften(
            &mut connection,
            "ALTER TABLE users DROP COLUMN email; ALTER TABLE users DROP COLUMN nick",
        )
        .await
        .unwrap();
        for one in &gone {
            contract::drop_hard(&mut connection, &one.id, Some(&backup()), &policy()).await.unwrap();
        }
        let columns = connection.columns("SELECT * FROM users").await.unwrap();
        assert_eq!(columns, ["id", "name", "team"]);
        let error =
            contract::drop_hard(&mut connection, &gone[0].id, Some(&backup()), &policy()).await.unwrap_err();
        assert_eq!(error.to_string(), "column users.email may not go for good: it is gone already");
    }
}

#[tokio::test]
async fn before_its_time_it_stays() {
    for database in Database::all() {
        let mut connection = shop(&database).await;
        let statements = split("DROP TABLE users", connection.dialect()).unwrap();
        let usual = Policy::default();
        contract::drop_softly(&mut connection, &version(), &statements, &usual).await.unwrap();
        assert_eq!(contract::due(&mut connection).await.unwrap(), []);
        let listed = contract::list(&mut connection).await.unwrap();
        let error =
            contract::drop_hard(&mut connection, &listed[0].id, Some(&backup()), &usual).await.unwrap_err();
        let early = "table users may not go for good: it stays for another ";
        assert!(error.to_string().starts_with(early), "{error}");
    }
}

#[tokio::test]
async fn what_somebody_still_uses_stays() {
    let Some(database) = Database::postgres() else { return };
    let mut connection = shop(&database).await;
    let gone = soften(&mut connection, "DROP TABLE users").await.unwrap();
    // As if it had gone a while ago: its use until then is counted by now.
    age(&mut connection).await;
    contract::due(&mut connection).await.unwrap();
    let kept = gone[0].renamed.clone().unwrap();
    let mut somebody = database.open().await;
    somebody.run(&format!("UPDATE {kept} SET nick = 'x'")).await.unwrap();
    // A session tells its counts when it ends.
    somebody.close().await;
    let writes = format!("SELECT n_tup_upd FROM pg_stat_user_tables WHERE relname = '{kept}'");
    for attempt in 0.. {
        if connection.value(&writes).await.unwrap().as_deref() == Some("2") {
            break;
        }
        assert!(attempt < 400, "the counts do not come");
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    let error =
        contract::drop_hard(&mut connection, &gone[0].id, Some(&backup()), &policy()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "table users may not go for good: somebody still uses it: 2 rows of it were written since it went softly; \
         undo it, or find who it is"
    );
}

async fn age(connection: &mut Connection) {
    assert_eq!(connection.dialect(), Dialect::Postgres);
    connection.run("UPDATE bascule.tombstone SET softly_at = softly_at - interval '1 hour'").await.unwrap();
}
