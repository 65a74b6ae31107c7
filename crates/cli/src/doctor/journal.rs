//! The journal in a database, where `BASCULE_JOURNAL` names one.

use bascule_journal::PostgresJournal;
use bascule_model::problem::Problem;

use super::Finding;
use crate::context::Context;

/// Whether its server lets us in, and what is there. Nothing without the variable: the state folder's own journal is looked at by
/// whoever serves it.
pub async fn database(context: &Context) -> Option<Finding> {
    const CHECK: &str = "journal";
    let address = context.machine.variable("BASCULE_JOURNAL")?;
    Some(match PostgresJournal::look(&address).await {
        Ok(look) if look.is_there => {
            Finding::good(CHECK, format!("PostgreSQL at {} answers and has a journal", look.place))
        }
        Ok(look) => Finding::good(
            CHECK,
            format!("PostgreSQL at {} answers; the first control plane makes the journal there", look.place),
        ),
        Err(error) => {
            let problem = Problem::from(error);
            Finding::stops(CHECK, problem.message, problem.remedy)
        }
    })
}
