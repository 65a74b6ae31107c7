//! Tests: what `status` and a start ask for can be answered by an index, however many runs and events there are.

use bascule_database_servers::Postgres;

/// Queries as they are in the modules beside this one, and the index that has to answer them.
const INDEXED: &[(&str, &str)] = &[
    ("SELECT * FROM runs WHERE key = 'k' ORDER BY created_at DESC, id DESC LIMIT 5", "runs_newest"),
    ("SELECT * FROM runs WHERE key = 'k' AND finished_at IS NULL", "runs_unfinished"),
    ("SELECT * FROM runs WHERE finished_at IS NULL ORDER BY created_at, id", "runs_unfinished"),
    ("SELECT * FROM events WHERE run = 'r' AND sequence > 3 ORDER BY sequence", "events_pkey"),
    ("SELECT 1 FROM events WHERE run = 'r' AND step = 's' AND attempt = 1 AND kind = 'k'", "events_once"),
    ("SELECT * FROM releases WHERE key = 'k' ORDER BY number DESC, id DESC LIMIT 5", "releases_newest"),
    (
        "SELECT * FROM audit WHERE run IS NULL AND key = 'k' AND action = 'a' AND at >= 1 ORDER BY at, sequence",
        "audit_deeds",
    ),
    ("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1", "audit_pkey"),
    ("SELECT * FROM outbox WHERE run = 'r' AND performed_at IS NULL ORDER BY since, step", "outbox_pkey"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_answered_by_an_index() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    super::PostgresJournal::open(&server.address(&database)).await.unwrap().close().await;
    for (query, index) in INDEXED {
        // Tables that are empty would be read whole otherwise.
        let explain = format!(
            "SET search_path = bascule_journal; SET enable_seqscan = off; SET enable_bitmapscan = off; EXPLAIN {query}"
        );
        let plan = server.ask(&database, &explain);
        assert!(plan.contains(index), "{query}\n{plan}");
        if query.contains("LIMIT") {
            assert!(!plan.contains("Sort"), "all rows would be sorted: {query}\n{plan}");
        }
    }
}
