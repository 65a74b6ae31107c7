//! Schemas as text: the same for the same schema, however it came about, and without what is not the users'.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

use bascule_database_servers::{MariaDb, Postgres};
use bascule_migrate::schema::{Filter, Snapshot, diff, snapshot};
use bascule_migrate::{Address, Connection};

async fn connect(address: &str) -> Connection {
    Connection::open(&Address::parse(address).unwrap(), "test").await.unwrap()
}

/// Of a fresh database in which that was run.
async fn schema_of(address: &str, sql: &str) -> Snapshot {
    let mut connection = connect(address).await;
    connection.run(sql).await.unwrap();
    let schema = snapshot(&mut connection, &Filter::default()).await.unwrap();
    connection.close().await;
    schema
}

const OTHERS: &str = "CREATE TABLE schema_migrations (version int PRIMARY KEY)";

#[tokio::test]
async fn postgres_is_shown_without_the_order_of_its_columns_and_without_what_is_ours() {
    let Some(server) = Postgres::shared() else { return };
    let sql = "CREATE TABLE users (id int PRIMARY KEY, name text DEFAULT E'a\\nb', mail text NOT NULL); CREATE INDEX by_name ON users (name); \
        COMMENT ON COLUMN users.mail IS 'where'; CREATE VIEW v AS SELECT name FROM users";
    let other = "CREATE TABLE users (mail text NOT NULL, name text DEFAULT E'a\\nb', gone int, id int PRIMARY KEY); CREATE INDEX by_name ON users (name); \
        ALTER TABLE users DROP COLUMN gone; COMMENT ON COLUMN users.mail IS 'where'; CREATE VIEW v AS SELECT name FROM users; \
        CREATE SCHEMA bascule; CREATE TABLE bascule.migration (id int); CREATE TABLE goose_db_version (id serial PRIMARY KEY)";
    let one = schema_of(&server.fresh(), sql).await;
    let other = schema_of(&server.fresh(), &format!("{other}; {OTHERS}")).await;
    assert_eq!(diff(&one, &other), []);
    assert_eq!(one.hash(), other.hash());
    let text = one.to_string();
    let expected = "\
constraint public.users.users_pkey
    PRIMARY KEY (id)

extension plpgsql
    version 1.0 in pg_catalog

index public.users.by_name
    CREATE INDEX by_name ON public.users USING btree (name)

schema public
    schema
    comment 'standard public schema'
    grant USAGE to public

table public.users
    table
    id integer not null
    mail text not null
    name text default 'a\\nb'::text
    comment on mail 'where'

view public.v
";
    assert!(text.starts_with(expected), "{text}");
    let all = snapshot(&mut connect(&server.fresh()).await, &Filter::ours()).await.unwrap();
    assert!(!all.to_string().contains("table "));
}

#[tokio::test]
async fn a_snapshot_within_a_transaction_shows_what_it_changed_and_leaves_its_settings() {
    let Some(server) = Postgres::shared() else { return };
    let mut connection = connect(&server.fresh()).await;
    connection.run("SET search_path = pg_temp, public").await.unwrap();
    connection.run("BEGIN; CREATE TABLE public.t (id int)").await.unwrap();
    let within = snapshot(&mut connection, &Filter::default()).await.unwrap();
    let path = connection.value("SHOW search_path").await.unwrap();
    connection.run("ROLLBACK").await.unwrap();
    let after = snapshot(&mut connection, &Filter::default()).await.unwrap();
    assert_eq!(path.as_deref(), Some("pg_temp, public"));
    assert_eq!(connection.value("SHOW search_path").await.unwrap().as_deref(), Some("pg_temp, public"));
    let told: Vec<String> = diff(&within, &after).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["table public.t is missing"]);
}

#[tokio::test]
async fn mariadb_is_shown_without_counters_and_the_name_of_the_database() {
    let Some(server) = MariaDb::shared() else { return };
    let sql = |database: &str| {
        format!(
            "CREATE TABLE users (id int AUTO_INCREMENT PRIMARY KEY, a int, KEY k (a)); CREATE VIEW v AS SELECT a FROM {database}.users; \
             CREATE PROCEDURE p() SELECT 1; CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW SET NEW.a = 1"
        )
    };
    let (one, other) = (server.database(), server.database());
    let first = schema_of(&server.address(&one), &sql(&one)).await;
    let more = format!(
        "{}; INSERT INTO users (a) VALUES (1), (2); CREATE TABLE bascule_migration (id int); {OTHERS}",
        sql(&other)
    );
    let second = schema_of(&server.address(&other), &more).await;
    assert_eq!(diff(&first, &second), []);
    let text = first.to_string();
    for line in ["procedure p", "trigger users.t", "view v", "    KEY `k` (`a`)"] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
}

#[tokio::test]
async fn sqlite_is_shown_whatever_the_quoting() {
    let folder = tempfile::tempdir().unwrap();
    let address = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let one = "CREATE TABLE Users (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'a, b'); CREATE INDEX i ON Users (name)";
    let other = "CREATE TABLE x (name text /* why */ default 'a, b', \"id\" integer primary key); ALTER TABLE x RENAME TO Users; \
        CREATE INDEX [i] ON \"Users\" ( `name` ); CREATE TABLE bascule_migration (id int)";
    let first = schema_of(&address("one"), one).await;
    let second = schema_of(&address("two"), &format!("{other}; {OTHERS}")).await;
    let told: Vec<String> = diff(&first, &second).iter().map(ToString::to_string).collect();
    assert_eq!(told, Vec::<String>::new());
}
