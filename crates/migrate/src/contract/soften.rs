//! Which statements of a contract become soft, and how. Pure.

use bascule_migrations::Version;
use bascule_sql::{Action, Dialect, Name, ObjectKind, Statement, apart, read};

use super::error::Error;
use super::inverse::{Inverse, inverse};
use super::name::id;
use super::tombstone::Kind;

/// One step of a soft contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoftStep {
    /// It runs as it is written.
    Run {
        /// Its id, by which a run that was cut off sees whether it is done.
        id: String,
        /// Its place among the steps of the migration's contract.
        position: usize,
        /// The statement.
        statement: Statement,
        /// What it takes that nothing brings back, in words.
        loses: Option<String>,
    },
    /// Something goes softly.
    Bury(Box<Burial>),
}

/// Something that a statement drops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burial {
    /// Its id, which is also in the tombstone's name.
    pub id: String,
    /// Its place among the steps of the migration's contract.
    pub position: usize,
    /// What it is.
    pub kind: Kind,
    /// The thing; of a column, its table.
    pub name: Name,
    /// The table that it stands at, where it is said: of indexes (MySQL), triggers (PostgreSQL), policies.
    pub table: Option<Name>,
    /// The column, the constraint or the trigger, as the server knows it.
    pub part: Option<String>,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// `CASCADE`.
    pub cascade: bool,
    /// The statement that drops just this, as it would be run without us.
    pub statement: Statement,
    /// What takes a change back, where nothing has to be asked for that.
    pub inverse: Vec<String>,
    /// Of a column: the triggers and functions of a recipe that keep it equal to others, dropped right before it.
    pub keepers: Vec<Burial>,
}

impl Burial {
    /// A statement that drops nothing and has no inverse, as if it did: so that it is noted when it is done.
    pub(super) fn of_statement(id: &str, position: usize, statement: &Statement) -> Self {
        Self {
            id: id.to_owned(),
            position,
            kind: Kind::Change,
            name: Name::bare("the contract"),
            table: None,
            part: Some(format!("line {}", statement.line)),
            if_exists: false,
            cascade: false,
            statement: statement.clone(),
            inverse: Vec::new(),
            keepers: Vec::new(),
        }
    }

    /// The thing in words: `column users.name`.
    #[must_use]
    pub fn words(&self) -> String {
        super::tombstone::words(self.kind, &self.name.written, self.part.as_deref())
    }

    /// The name that is renamed.
    #[must_use]
    pub fn own_name(&self) -> &str {
        self.part.as_deref().unwrap_or(&self.name.name)
    }
}

/// What a contract's statements become.
///
/// # Errors
/// [`Error::Mixed`] for a statement that drops beside other things and cannot be taken apart.
pub fn soften(version: &Version, statements: &[Statement], dialect: Dialect) -> Result<Vec<SoftStep>, Error> {
    let mut steps = Vec::new();
    for statement in statements {
        let actions = read(statement, dialect).actions;
        if !actions.iter().any(|action| drops(action).is_some()) {
            steps.push(keep(version, statement, &actions, steps.len(), dialect));
            continue;
        }
        if let [action] = &actions[..] {
            bury(version, statement, action, &mut steps);
            continue;
        }
        let pieces = apart(statement, dialect);
        if pieces.len() != actions.len() {
            return Err(Error::Mixed { line: statement.line });
        }
        for (piece, action) in pieces.iter().zip(&actions) {
            match drops(action) {
                Some(_) => bury(version, piece, action, &mut steps),
                None => {
                    let one = std::slice::from_ref(action);
                    steps.push(keep(version, piece, one, steps.len(), dialect));
                }
            }
        }
    }
    Ok(with_keepers(steps))
}

/// Triggers and functions of a recipe that stand right before the column that they kept are dropped with it, not before: they keep
/// its tombstone equal too, so that nothing is missing and nothing is out of date when it comes back.
fn with_keepers(steps: Vec<SoftStep>) -> Vec<SoftStep> {
    let mut out: Vec<SoftStep> = Vec::with_capacity(steps.len());
    for step in steps {
        match step {
            SoftStep::Bury(mut burial) if burial.kind == Kind::Column => {
                let kept = out
                    .iter()
                    .rev()
                    .take_while(|step| matches!(step, SoftStep::Bury(one) if keeps(one)))
                    .count();
                let keepers = out.split_off(out.len() - kept).into_iter();
                burial.keepers = keepers
                    .filter_map(|step| match step {
                        SoftStep::Bury(keeper) => Some(*keeper),
                        SoftStep::Run { .. } => None,
                    })
                    .collect();
                out.push(SoftStep::Bury(burial));
            }
            step => out.push(step),
        }
    }
    out
}

/// Whether it is a trigger or a function of a recipe.
fn keeps(burial: &Burial) -> bool {
    let name = &burial.name.name;
    matches!(burial.kind, Kind::Trigger | Kind::Function)
        && (name.starts_with("bascule_") || name.starts_with("zz_bascule_"))
}

/// A statement that drops nothing: it runs as it is, with its inverse beside it where it has one.
fn keep(
    version: &Version,
    statement: &Statement,
    actions: &[Action],
    position: usize,
    dialect: Dialect,
) -> SoftStep {
    match inverse(actions, dialect) {
        Some(Inverse { table, what, sql }) => SoftStep::Bury(Box::new(Burial {
            id: id(&version.0, position, &[Kind::Change.as_str(), &table.name, &what]),
            position,
            kind: Kind::Change,
            name: table,
            table: None,
            part: Some(what),
            if_exists: false,
            cascade: false,
            statement: statement.clone(),
            inverse: sql,
            keepers: Vec::new(),
        })),
        None => {
            let line = format!("line {}", statement.line);
            SoftStep::Run {
                id: id(&version.0, position, &[&line, &statement.text]),
                position,
                statement: statement.clone(),
                loses: actions.iter().find_map(loses),
            }
        }
    }
}

/// What an action drops: things of a kind.
struct Drops<'a> {
    kind: Kind,
    names: Vec<&'a Name>,
    table: Option<&'a Name>,
    part: Option<&'a String>,
    if_exists: bool,
    cascade: bool,
}

fn drops(action: &Action) -> Option<Drops<'_>> {
    let plain =
        |kind, names, if_exists, cascade| Drops { kind, names, table: None, part: None, if_exists, cascade };
    Some(match action {
        Action::DropTable { tables, if_exists, cascade, temporary: false } => {
            plain(Kind::Table, tables.iter().collect(), *if_exists, *cascade)
        }
        Action::DropColumn { table, column, if_exists, cascade } => {
            Drops { part: Some(column), ..plain(Kind::Column, vec![table], *if_exists, *cascade) }
        }
        Action::DropConstraint { table, constraint, if_exists, cascade } => {
            Drops { part: Some(constraint), ..plain(Kind::Constraint, vec![table], *if_exists, *cascade) }
        }
        Action::DropIndex { indexes, table, if_exists, cascade, .. } => Drops {
            table: table.as_ref(),
            ..plain(Kind::Index, indexes.iter().collect(), *if_exists, *cascade)
        },
        Action::DropView { views, materialized, if_exists, cascade } => {
            let kind = if *materialized { Kind::MaterializedView } else { Kind::View };
            plain(kind, views.iter().collect(), *if_exists, *cascade)
        }
        Action::DropFunction { functions, procedure, if_exists, cascade } => {
            let kind = if *procedure { Kind::Procedure } else { Kind::Function };
            plain(kind, functions.iter().collect(), *if_exists, *cascade)
        }
        Action::DropTrigger { trigger, table, if_exists } => {
            Drops { table: table.as_ref(), ..plain(Kind::Trigger, vec![trigger], *if_exists, false) }
        }
        Action::DropType { names, if_exists, cascade, .. } => {
            plain(Kind::Type, names.iter().collect(), *if_exists, *cascade)
        }
        Action::DropObject { kind, names, table, if_exists, cascade } => Drops {
            table: table.as_ref(),
            ..plain(object(*kind)?, names.iter().collect(), *if_exists, *cascade)
        },
        _ => return None,
    })
}

/// Things that stay until the hard part: there is no soft way for them.
fn object(kind: ObjectKind) -> Option<Kind> {
    match kind {
        ObjectKind::Schema => Some(Kind::Schema),
        ObjectKind::Sequence => Some(Kind::Sequence),
        ObjectKind::Extension => Some(Kind::Extension),
        ObjectKind::ForeignTable => Some(Kind::ForeignTable),
        _ => None,
    }
}

/// Statements that run as they are, though nothing brings back what they take.
fn loses(action: &Action) -> Option<String> {
    match action {
        Action::Truncate { tables, .. } => {
            let tables: Vec<_> = tables.iter().map(|table| table.written.as_str()).collect();
            Some(format!("all rows of {}", tables.join(", ")))
        }
        Action::Delete { table, .. } => Some(format!("rows of {table}")),
        Action::Update { table, .. } => Some(format!("former values of {table}")),
        _ => None,
    }
}

fn bury(version: &Version, statement: &Statement, action: &Action, steps: &mut Vec<SoftStep>) {
    let Some(drops) = drops(action) else { return };
    for name in &drops.names {
        let position = steps.len();
        let part = drops.part.map_or("", String::as_str);
        let text = match (&drops.names[..], own_statement(drops.kind, name, &drops)) {
            // Several at once: each gets a statement of its own.
            ([_, _, ..], Some(text)) => text,
            _ => statement.text.clone(),
        };
        steps.push(SoftStep::Bury(Box::new(Burial {
            id: id(&version.0, position, &[drops.kind.as_str(), &name.name, part]),
            position,
            kind: drops.kind,
            name: (*name).clone(),
            table: drops.table.cloned(),
            part: drops.part.cloned(),
            if_exists: drops.if_exists,
            cascade: drops.cascade,
            statement: Statement { text, line: statement.line },
            inverse: Vec::new(),
            keepers: Vec::new(),
        })));
    }
}

fn own_statement(kind: Kind, name: &Name, drops: &Drops<'_>) -> Option<String> {
    let if_exists = if drops.if_exists { "IF EXISTS " } else { "" };
    let cascade = if drops.cascade { " CASCADE" } else { "" };
    kind.keyword().map(|keyword| format!("DROP {keyword} {if_exists}{}{cascade}", name.written))
}
