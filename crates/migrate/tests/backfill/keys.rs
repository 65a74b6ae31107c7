//! Keys of every kind, and those that are refused.

use bascule_migrate::backfill::Error;
use bascule_sql::Dialect;

use crate::support::{Database, done, number, of, whole};

/// Column types, and values of that type in no order, as literals.
fn kinds(dialect: Dialect) -> Vec<(&'static str, Vec<&'static str>)> {
    match dialect {
        Dialect::Postgres => vec![
            ("bigint", vec!["9223372036854775807", "-5", "0", "9007199254740993", "9007199254740992"]),
            ("text", vec!["'b'", "'O''Neil'", "''", r"E'back\\slash'", "'Ümlaut'", "'a;b'"]),
            ("numeric(20,5)", vec!["1.5", "-1.50001", "12345678901.12345"]),
            (
                "uuid",
                vec!["'b2f5ff47-4366-40ab-9a0e-1f8a5b1f0c11'", "'00000000-0000-0000-0000-000000000000'"],
            ),
            ("timestamptz", vec!["'2026-03-29 02:30:00.123456+02'", "'infinity'", "'2020-01-01'"]),
            ("date", vec!["'2026-01-31'", "'1999-12-31'"]),
            ("bytea", vec![r"'\x00ff'", r"'\x'", r"'\x5c27'"]),
            ("bit(5)", vec!["'10110'", "'00001'"]),
            ("char(5)", vec!["'ab'", "'abc'"]),
            ("\"char\"", vec!["'a'", "'b'"]),
            ("double precision", vec!["0.1", "1e300", "-0.30000000000000004"]),
            ("inet", vec!["'10.0.0.1'", "'10.0.0.0/8'"]),
            ("interval", vec!["'1 day 2 hours'", "'-3 months'"]),
            ("int4range", vec!["'[1,5)'", "'empty'"]),
            ("varchar(3)[]", vec!["'{a,b}'", "'{}'"]),
        ],
        Dialect::Mysql => vec![
            ("bigint unsigned", vec!["18446744073709551615", "0", "9007199254740993", "9007199254740992"]),
            (
                "varchar(40) CHARACTER SET latin1 COLLATE latin1_german1_ci",
                vec!["'b'", "'O''Neil'", "''", "'a\\\\b'"],
            ),
            ("varchar(40)", vec!["'Ümlaut'", "'a;b'", "'z'"]),
            ("decimal(20,5)", vec!["1.5", "-1.50001", "12345678901.12345"]),
            ("varbinary(16)", vec!["X'00FF'", "X''", "X'5C27'"]),
            ("datetime(6)", vec!["'2026-03-29 02:30:00.123456'", "'1999-01-01'"]),
            ("date", vec!["'2026-01-31'", "'1999-12-31'"]),
            (
                "uuid",
                vec!["'b2f5ff47-4366-40ab-9a0e-1f8a5b1f0c11'", "'00000000-0000-0000-0000-000000000001'"],
            ),
        ],
        Dialect::Sqlite => vec![
            ("", vec!["7", "'text'", "X'00FF'", "1.5", "-9223372036854775808", "'O''Neil'"]),
            ("INTEGER", vec!["7", "-7"]),
            ("TEXT COLLATE NOCASE", vec!["'b'", "'A'", "'c'"]),
        ],
    }
}

#[tokio::test]
async fn keys_of_every_type_are_gone_through_row_by_row() {
    for database in Database::all() {
        let mut connection = database.open().await;
        for (number_of, (data_type, values)) in kinds(connection.dialect()).into_iter().enumerate() {
            let table = format!("t{number_of}");
            let create = format!(
                "CREATE TABLE {table} (k {data_type} NOT NULL PRIMARY KEY, n int NOT NULL DEFAULT 0)"
            );
            connection.run(&create).await.unwrap();
            for value in &values {
                connection.run(&format!("INSERT INTO {table} (k) VALUES ({value})")).await.unwrap();
            }
            let mut backfill = of(&table, &["k"], &format!("UPDATE {table} SET n = n + 1"));
            backfill.batch = 1;
            let id = backfill_id(number_of);
            bascule_migrate::backfill::define(&mut connection, &id, &backfill).await.unwrap();
            let mut options = crate::support::quick(&connection);
            options.pace.ceiling = 1;
            options.pace.floor = 1;
            let stop = tokio_util::sync::CancellationToken::new();
            let outcome =
                bascule_migrate::backfill::run(&mut connection, &id, "test", &options, &stop, |_| {}).await;
            assert_eq!(outcome.unwrap(), done(), "{data_type}");
            let once = number(&mut connection, &format!("SELECT count(*) FROM {table} WHERE n = 1")).await;
            assert_eq!(once, i64::try_from(values.len()).unwrap(), "{data_type}");
        }
    }
}

fn backfill_id(part: usize) -> bascule_migrate::backfill::Id {
    let version = bascule_migrations::Version("20260101000000".to_owned());
    bascule_migrate::backfill::Id { version, part: u32::try_from(part).unwrap() }
}

#[tokio::test]
async fn a_key_of_several_columns_goes_in_the_order_of_its_index() {
    for database in Database::all() {
        let mut connection = database.open().await;
        connection
            .run("CREATE TABLE items (line int NOT NULL, invoice int NOT NULL, n int NOT NULL DEFAULT 0, PRIMARY KEY (invoice, line))")
            .await
            .unwrap();
        for invoice in 1..=40 {
            let rows: Vec<_> = (1..=10).map(|line| format!("({line}, {invoice})")).collect();
            connection
                .run(&format!("INSERT INTO items (line, invoice) VALUES {}", rows.join(", ")))
                .await
                .unwrap();
        }
        let mut backfill = of("items", &["line", "invoice"], "UPDATE items SET n = n + 1");
        backfill.batch = 7;
        assert_eq!(whole(&mut connection, &backfill).await.unwrap(), done());
        assert_eq!(number(&mut connection, "SELECT count(*) FROM items WHERE n = 1").await, 400);
        let record = bascule_migrate::backfill::find(&mut connection, &crate::support::id()).await.unwrap();
        assert_eq!(record.unwrap().reached.unwrap(), ["40", "10"]);
    }
}

#[tokio::test]
async fn what_a_backfill_cannot_go_by_is_refused_before_it_begins() {
    for database in Database::all() {
        let mut connection = database.users(10).await;
        let sql = "CREATE TABLE loose (a int, b int UNIQUE, c int NOT NULL)";
        connection.run(sql).await.unwrap();
        connection.run("INSERT INTO loose VALUES (1, NULL, 1), (2, 2, 2)").await.unwrap();
        let update = "UPDATE loose SET a = a";
        let refused = [
            (of("nowhere", &["id"], "UPDATE nowhere SET a = 1"), "NoTable"),
            (of("users", &["number"], "UPDATE users SET touched = 1"), "NoColumn"),
            (of("loose", &["c"], update), "NotUnique"),
            (of("loose", &["b"], update), "NullKey"),
            (of("users", &["id"], update), "OtherTable"),
            (of("users", &["id"], "DELETE FROM users"), "Statement"),
        ];
        for (at, (backfill, expected)) in refused.into_iter().enumerate() {
            let id = backfill_id(at);
            bascule_migrate::backfill::define(&mut connection, &id, &backfill).await.unwrap();
            let options = crate::support::quick(&connection);
            let stop = tokio_util::sync::CancellationToken::new();
            let error = bascule_migrate::backfill::run(&mut connection, &id, "test", &options, &stop, |_| {})
                .await
                .unwrap_err();
            assert!(format!("{error:?}").starts_with(expected), "{expected}: {error:?}");
            assert!(!matches!(error, Error::Query { .. }));
        }
    }
}
