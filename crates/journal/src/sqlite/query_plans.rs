//! Tests: what `status` and a start ask for never reads all runs or events, however many there are.

use sqlx::ConnectOptions as _;

/// Queries as they are in the modules beside this one, and the index that has to answer them.
const INDEXED: &[(&str, &str)] = &[
    (
        "SELECT id, key, actor, created_at, finished_at, outcome, plan, state FROM runs
         WHERE key = ? ORDER BY created_at DESC, id DESC LIMIT ?",
        "INDEX runs_newest",
    ),
    (
        "SELECT id, key, actor, created_at, finished_at, outcome, plan, state FROM runs
         WHERE key = ? AND finished_at IS NULL",
        "INDEX runs_unfinished",
    ),
    (
        "SELECT id, key, actor, created_at, finished_at, outcome, plan, state FROM runs
         WHERE finished_at IS NULL ORDER BY created_at, id",
        "INDEX runs_unfinished",
    ),
    (
        "SELECT sequence, at, generation, payload FROM events WHERE run = ? AND sequence > ? ORDER BY sequence",
        "PRIMARY KEY",
    ),
    ("SELECT 1 FROM events WHERE run = ? AND step = ? AND attempt = ? AND kind = ?", "INDEX events_once"),
    (
        "SELECT id, standard, release, source, sealed FROM releases WHERE key = ?
         ORDER BY number DESC, id DESC LIMIT ?",
        "INDEX releases_newest",
    ),
    (
        "SELECT sequence, at, actor, action, key, run, detail, hash FROM audit
         WHERE run IS NULL AND key = ? AND action = ? AND at >= ? ORDER BY at, sequence",
        "INDEX audit_deeds",
    ),
    ("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1", "SCAN audit"),
    (
        "SELECT step, attempt, action, since FROM outbox WHERE run = ? AND performed_at IS NULL ORDER BY since, step",
        "PRIMARY KEY",
    ),
];

#[tokio::test]
async fn lists_are_answered_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    super::SqliteJournal::open(&path).await.unwrap().close().await;
    let mut connection = super::open::options(&path).connect().await.unwrap();
    for (query, index) in INDEXED {
        let rows: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")))
                .fetch_all(&mut connection)
                .await
                .unwrap();
        let plan = rows.into_iter().map(|row| row.3).collect::<Vec<_>>().join("; ");
        assert!(plan.contains(index), "{query}\n{plan}");
        if query.contains("LIMIT") {
            assert!(!plan.contains("TEMP B-TREE"), "all rows would be sorted: {query}\n{plan}");
        }
    }
}

#[tokio::test]
async fn a_file_of_the_first_version_is_brought_to_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.db");
    super::SqliteJournal::open(&path).await.unwrap().close().await;
    let mut connection = super::open::options(&path).connect().await.unwrap();
    sqlx::raw_sql("DROP INDEX audit_deeds; DELETE FROM migrations WHERE version > 1;")
        .execute(&mut connection)
        .await
        .unwrap();
    drop(connection);
    super::SqliteJournal::open(&path).await.unwrap().close().await;
    let mut connection = super::open::options(&path).connect().await.unwrap();
    let index: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'audit_deeds'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(index, 1);
}
