//! What only a journal in PostgreSQL meets: a server that is away, answers that get lost, several control planes, damage by others'
//! hands. Each test says that it was skipped where PostgreSQL is not installed.

mod away;
mod damage;
mod opening;
mod several;
mod wire;

use bascule_database_servers::Postgres;
use bascule_journal::JournalError;
use bascule_model::problem::Problem;

/// A database with a role that has to give its password, and its address over TCP.
fn guarded(server: &Postgres) -> (String, String) {
    let database = server.database();
    let role = bascule_database_servers::fresh_name();
    server.psql(&database, &format!("CREATE ROLE {role} LOGIN PASSWORD 'hunter2'"));
    server.psql(&database, &format!("GRANT CREATE ON DATABASE {database} TO {role}"));
    let address = server.address_over_tcp(&role, "hunter2", &database);
    (database, address)
}

fn unavailable(error: JournalError) -> Problem {
    match error {
        JournalError::Unavailable(problem) => problem,
        other => panic!("{other:?}"),
    }
}
