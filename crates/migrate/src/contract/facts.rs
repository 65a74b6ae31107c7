//! What has to be known of something before it goes, as data. Reading it is the work of `postgres`, `mysql` and `sqlite`.

/// What has to be known of something before it goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// It is there under its own name.
    pub there: bool,
    /// Its table has no rows: there is nothing to lose.
    pub empty: bool,
    /// Rows in its table, about.
    pub rows: Option<u64>,
    /// What would be broken without it, in words.
    pub dependents: Vec<String>,
    /// What makes it anew: definitions, and the rights on it.
    pub definitions: Vec<String>,
    /// Constraints that act on rows as long as they are there: they go with it, and come back with it.
    pub constraints: Vec<Constraint>,
    /// Of a column.
    pub column: ColumnFacts,
    /// Of a column: what keeps it equal to others.
    pub keepers: Vec<Keeper>,
    /// Whether it can be renamed.
    pub way: Way,
    /// SQLite: of a column, those of the primary key, or the row's own number; of a table, those that can be written.
    pub columns: Vec<String>,
}

/// How something with data can go softly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Way {
    /// It gets another name.
    #[default]
    Rename,
    /// SQLite: with another name it would go on acting on rows that come; its data are copied away.
    Copy,
}

/// A constraint that acts on rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its table, as it is written.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its definition, as it stands behind `ADD CONSTRAINT name` (PostgreSQL), behind `ADD` (MySQL).
    pub definition: String,
    /// PostgreSQL: it can come back without a look at the rows that are there.
    pub not_valid: NotValid,
}

/// Whether a constraint can come back without a look at the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotValid {
    /// It can.
    Possible,
    /// It cannot.
    Impossible,
}

/// What has to be known of a column.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnFacts {
    /// Inserts that leave it out fail.
    pub required: bool,
    /// `NOT NULL`.
    pub not_null: bool,
    /// Its default, as it is written.
    pub default: Option<String>,
    /// The server computes it (identity, generated): it is left as it is.
    pub computed: bool,
    /// It is in the primary key.
    pub primary: bool,
    /// Its type (SQLite); its whole definition (MySQL).
    pub definition: String,
}

/// A trigger or a function that keeps a column equal to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    /// What makes it.
    pub definition: String,
    /// What drops it, also when it is not there any more.
    pub drop: String,
}
