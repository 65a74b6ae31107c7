//! How one statement is run, by what it does.

use bascule_sql::{
    Action, Blocks, Class, Control, Dialect, Effect, Reading, Span, Statement, TableChange, Transactional,
};

/// How a statement goes with transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// In one.
    Transaction,
    /// Not in one.
    Alone,
    /// The file begins one there.
    Begin,
    /// The file ends one there.
    Commit,
    /// It takes back what was done, or leaves the transaction to somebody else: not in a migration.
    Refused,
    /// We do that ourselves: it is left out.
    Ours,
}

/// How long a statement waits for its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Patience {
    /// As long as it takes: it stops nobody while it waits, and a timeout would only harm it.
    Unlimited,
    /// As long as it may be tried at all, in one go: it stops nobody while it waits.
    Budget,
    /// Shortly, and again: while it waits, others queue behind it.
    Brief,
}

/// What a statement leaves of itself in the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settings {
    /// Nothing.
    Unchanged,
    /// Settings that the next file must not inherit.
    Changed,
}

/// How SQLite has to treat foreign keys while a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ForeignKeys {
    /// As usual; looked at when the transaction ends.
    Enforced,
    /// Not at all: dropping a table that is made anew would take the rows of others with it. All of them are checked before the end.
    Suspended,
}

/// How one statement is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment {
    pub manner: Manner,
    pub patience: Patience,
    pub settings: Settings,
    pub foreign_keys: ForeignKeys,
}

/// How a statement is run.
pub fn treat(dialect: Dialect, statement: &Statement) -> (Treatment, Reading, Effect) {
    let reading = bascule_sql::read(statement, dialect);
    let effect = bascule_sql::classify(statement, dialect);
    let treatment = decide(dialect, &reading, &effect);
    (treatment, reading, effect)
}

fn decide(dialect: Dialect, reading: &Reading, effect: &Effect) -> Treatment {
    let pragma = pragma_of_foreign_keys(reading);
    let rebuilds = dialect == Dialect::Sqlite
        && (pragma
            || reading
                .actions
                .iter()
                .any(|action| matches!(action, Action::DropTable { .. } | Action::RenameTable { .. })));
    Treatment {
        manner: if pragma { Manner::Ours } else { manner(reading, effect) },
        patience: patience(reading, effect),
        settings: settings(reading),
        foreign_keys: if rebuilds { ForeignKeys::Suspended } else { ForeignKeys::Enforced },
    }
}

fn manner(reading: &Reading, effect: &Effect) -> Manner {
    for action in &reading.actions {
        if let Action::Control(control) = action {
            return match control {
                Control::Begin => Manner::Begin,
                Control::Commit => Manner::Commit,
                Control::Savepoint | Control::Release | Control::RollbackTo => Manner::Transaction,
                Control::Rollback | Control::TwoPhase => Manner::Refused,
            };
        }
    }
    match effect.transactional {
        Transactional::No | Transactional::Commits => Manner::Alone,
        Transactional::Yes | Transactional::Controls => Manner::Transaction,
    }
}

fn patience(reading: &Reading, effect: &Effect) -> Patience {
    let concurrent = reading.actions.iter().any(|action| match action {
        Action::CreateIndex(index) => index.concurrently,
        Action::Reindex(reindex) => reindex.concurrently,
        Action::DropIndex { concurrently, .. } | Action::RefreshView { concurrently, .. } => *concurrently,
        Action::ChangeTable { change: TableChange::DetachPartition { concurrently, .. }, .. } => {
            *concurrently
        }
        Action::ValidateConstraint { .. } => true,
        _ => false,
    });
    match effect.blocks {
        _ if concurrent => Patience::Unlimited,
        Blocks::Nothing if effect.span == Span::Rows => Patience::Unlimited,
        Blocks::Nothing if effect.class != Class::Unknown => Patience::Budget,
        _ => Patience::Brief,
    }
}

fn settings(reading: &Reading) -> Settings {
    let changed = reading.actions.iter().any(|action| match action {
        Action::Set(setting) => !setting.local && !setting.global && !setting.pragma,
        Action::Select { calls } => calls.iter().any(|call| call.ends_with("set_config")),
        Action::Lock { .. } => true,
        _ => false,
    });
    if changed { Settings::Changed } else { Settings::Unchanged }
}

fn pragma_of_foreign_keys(reading: &Reading) -> bool {
    reading.actions.iter().any(
        |action| matches!(action, Action::Set(setting) if setting.pragma && setting.name == "foreign_keys"),
    )
}
