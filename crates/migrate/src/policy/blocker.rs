//! A session that holds what a statement waits for.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A session that holds what a statement waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blocker {
    /// Its number at the server (`pid`, the connection's id).
    pub session: u64,
    /// Its user.
    pub user: Option<String>,
    /// How it calls itself (`application_name`), or where it comes from.
    pub name: Option<String>,
    /// What it does (`idle in transaction`, `active`).
    pub state: Option<String>,
    /// How long its transaction is open.
    pub since: Option<Duration>,
    /// The beginning of its statement, of now or the last one. May hold values.
    pub statement: Option<String>,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}", self.session)?;
        let of: Vec<&str> = [&self.user, &self.name].into_iter().flatten().map(String::as_str).collect();
        if !of.is_empty() {
            write!(f, " of {}", of.join(", "))?;
        }
        if let Some(state) = &self.state {
            write!(f, ", {state}")?;
        }
        if let Some(since) = self.since {
            write!(f, " for {} s", since.as_secs())?;
        }
        if let Some(statement) = &self.statement {
            write!(f, ": {statement}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocker_is_named_with_what_is_known() {
        let mut blocker = Blocker {
            session: 7,
            user: Some("ann".to_owned()),
            name: Some("psql".to_owned()),
            state: Some("idle in transaction".to_owned()),
            since: Some(Duration::from_secs(61)),
            statement: Some("SELECT 1".to_owned()),
        };
        assert_eq!(blocker.to_string(), "session 7 of ann, psql, idle in transaction for 61 s: SELECT 1");
        blocker = Blocker { user: None, name: None, state: None, since: None, statement: None, ..blocker };
        assert_eq!(blocker.to_string(), "session 7");
    }
}
