//! Looking for damage: that all of the contents fit together. Pages and indexes are the server's own to check.

use bascule_model::ids::RunId;
use sqlx::PgConnection;

use super::{audit, environments, runs};
use crate::failure::{Failure, corrupt};

pub(super) async fn everything(connection: &mut PgConnection) -> Result<(), Failure> {
    // A restore without constraints, or a session that switched them off, leaves what belongs to nothing.
    let strays: Option<String> = sqlx::query_scalar(
        "SELECT 'events' FROM bascule_journal.events e
             WHERE NOT EXISTS (SELECT 1 FROM bascule_journal.runs r WHERE r.id = e.run)
         UNION ALL SELECT 'outbox' FROM bascule_journal.outbox o
             WHERE NOT EXISTS (SELECT 1 FROM bascule_journal.runs r WHERE r.id = o.run)
         UNION ALL SELECT 'leases' FROM bascule_journal.leases l
             WHERE run IS NOT NULL AND NOT EXISTS (SELECT 1 FROM bascule_journal.runs r WHERE r.id = l.run)
         LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(table) = strays {
        return Err(corrupt(format!("a row of {table} belongs to a run that is not there")));
    }
    environments::all(connection).await?;
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM bascule_journal.runs ORDER BY id")
        .fetch_all(&mut *connection)
        .await?;
    for id in ids {
        runs::get_checked(connection, &RunId::from_text(id)).await?;
    }
    audit::check(connection).await
}
