//! Opening: what is made, who may, and what is said where it cannot be. The password is in none of it.

use bascule_database_servers::Postgres;
use bascule_journal::{Journal, JournalError, PostgresJournal};
use bascule_model::problem::{Code, Problem};

use super::{guarded, unavailable};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_at_once_make_one_journal() {
    let Some(server) = Postgres::shared() else { return };
    let address = server.fresh();
    assert!(!PostgresJournal::look(&address).await.unwrap().is_there);
    let opened: Vec<_> = (0..4)
        .map(|_| {
            let address = address.clone();
            tokio::spawn(async move { PostgresJournal::open(&address).await.unwrap() })
        })
        .collect();
    let mut ids = Vec::new();
    for journal in opened {
        ids.push(journal.await.unwrap().id().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(PostgresJournal::look(&address).await.unwrap().is_there);
    let other = PostgresJournal::open(&server.fresh()).await.unwrap();
    assert_ne!(other.id(), ids[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_may_not_is_said_with_a_remedy() {
    let Some(server) = Postgres::shared() else { return };
    let (database, address) = guarded(server);
    let role = address.split(['/', ':']).nth(3).unwrap().to_owned();
    server.psql(&database, &format!("REVOKE CREATE ON DATABASE {database} FROM {role}"));
    let problem = unavailable(PostgresJournal::open(&address).await.unwrap_err());
    assert_eq!(problem.code, Code::JournalUnavailable);
    assert!(problem.remedy.contains("CREATE on the database"), "{}", problem.remedy);
    // A schema that an administrator has made for it will do.
    server.psql(&database, &format!("CREATE SCHEMA bascule_journal AUTHORIZATION {role}"));
    PostgresJournal::open(&address).await.unwrap().verify().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_is_in_no_message() {
    let Some(server) = Postgres::shared() else { return };
    let (database, address) = guarded(server);
    let journal = PostgresJournal::open(&address).await.unwrap();
    assert!(!format!("{journal:?}{}", journal.place()).contains("hunter2"), "{journal:?}");
    let cases = [
        address.replace("hunter2", "hunter22"),
        address.replace(&database, "nowhere"),
        address.replace(&format!(":{}", server.port()), ":1"),
        address.replace("sslmode=disable", "sslmode=verify-full"),
        address.replace("postgres:", "mysql:"),
    ];
    for address in cases {
        let error = PostgresJournal::open(&address).await.unwrap_err();
        let said = format!("{error:?} {error} {:?}", Problem::from(error.clone()));
        assert!(!said.contains("hunter2"), "{said}");
        let code = unavailable(error).code;
        assert!(matches!(code, Code::JournalUnavailable | Code::Usage), "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_can_only_be_read_is_said() {
    let Some(primary) = Postgres::start(&[]) else { return };
    let database = primary.database();
    PostgresJournal::open(&primary.address(&database)).await.unwrap().close().await;
    let replica = Postgres::follow(&primary);
    let journal = PostgresJournal::open(&replica.address(&database)).await.unwrap();
    let record = bascule_journal::EnvironmentRecord::new("shop/staging".parse().unwrap());
    let problem = unavailable(journal.put_environment(&record).await.unwrap_err());
    assert!(problem.remedy.contains("primary"), "{problem} {}", problem.remedy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_versions_journal_is_refused_with_its_name() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    PostgresJournal::open(&server.address(&database)).await.unwrap();
    server.psql(&database, "INSERT INTO bascule_journal.migrations VALUES (77, '9.1.0')");
    let error = PostgresJournal::open(&server.address(&database)).await.unwrap_err();
    assert_eq!(error, JournalError::Newer { found: 77, known: 1, by: "9.1.0".to_owned() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_journal_is_left_alone() {
    let Some(server) = Postgres::shared() else { return };
    let database = server.database();
    server.psql(&database, "CREATE SCHEMA bascule_journal CREATE TABLE events (a INT)");
    let error = PostgresJournal::open(&server.address(&database)).await.unwrap_err();
    assert!(
        matches!(&error, JournalError::Corrupt(what) if what.contains("no journal of Bascule")),
        "{error:?}"
    );
    assert_eq!(server.ask(&database, "SELECT count(*) FROM bascule_journal.events"), "0");
}
