//! What a statement does, as data: one action for each thing that changes.

mod column;
mod index;
mod object;
mod session;
mod table;

use serde::{Deserialize, Serialize};

pub use column::{Column, Constraint, ConstraintKind, DataType, DefaultValue, Generated};
pub use index::{CreateIndex, IndexColumn, Reindex};
pub use object::{ObjectKind, TypeChange, TypeDefinition};
pub use session::{Control, Maintenance, Setting};
pub use table::{CreateTable, TableChange};

use crate::Name;

/// One thing that a statement does.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// A table is made.
    CreateTable(CreateTable),
    /// Tables go, with their rows.
    DropTable {
        /// The tables.
        tables: Vec<Name>,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`: what needs them goes as well.
        cascade: bool,
        /// Only a table of this session (MySQL's `DROP TEMPORARY TABLE`).
        temporary: bool,
    },
    /// A table is renamed.
    RenameTable {
        /// The table.
        table: Name,
        /// Its new name.
        to: Name,
    },
    /// Something of a table as a whole is changed.
    ChangeTable {
        /// The table.
        table: Name,
        /// What.
        #[serde(flatten)]
        change: TableChange,
    },
    /// All rows of tables go.
    Truncate {
        /// The tables.
        tables: Vec<Name>,
        /// `CASCADE`: the rows of tables that refer to them go as well.
        cascade: bool,
    },
    /// A column comes.
    AddColumn {
        /// The table.
        table: Name,
        /// The column.
        column: Column,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// MySQL: `FIRST` or `AFTER`: it is not the last one.
        placed: bool,
    },
    /// A column goes, with its values.
    DropColumn {
        /// The table.
        table: Name,
        /// The column.
        column: String,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`: what needs it goes as well.
        cascade: bool,
    },
    /// A column is renamed.
    RenameColumn {
        /// The table.
        table: Name,
        /// The column.
        column: String,
        /// Its new name.
        to: String,
    },
    /// A column gets another type.
    AlterColumnType {
        /// The table.
        table: Name,
        /// The column.
        column: String,
        /// The new type.
        data_type: DataType,
        /// `USING …`: how values are made anew, where it is written.
        using: Option<String>,
    },
    /// MySQL: a column is described anew (`MODIFY`, `CHANGE`): type, null, default, place.
    ModifyColumn {
        /// The table.
        table: Name,
        /// The column, by its name until now.
        column: String,
        /// What it becomes.
        to: Column,
        /// `FIRST` or `AFTER`.
        placed: bool,
    },
    /// A column takes no `NULL` any more.
    SetNotNull {
        /// The table.
        table: Name,
        /// The column.
        column: String,
    },
    /// A column takes `NULL`.
    DropNotNull {
        /// The table.
        table: Name,
        /// The column.
        column: String,
    },
    /// New rows get another value.
    SetDefault {
        /// The table.
        table: Name,
        /// The column.
        column: String,
        /// The value.
        default: DefaultValue,
    },
    /// New rows get no value.
    DropDefault {
        /// The table.
        table: Name,
        /// The column.
        column: String,
    },
    /// A constraint comes.
    AddConstraint {
        /// The table.
        table: Name,
        /// The constraint.
        constraint: Constraint,
    },
    /// A constraint that was added `NOT VALID` is checked against the rows that are there.
    ValidateConstraint {
        /// The table.
        table: Name,
        /// The constraint.
        constraint: String,
    },
    /// A constraint goes; MySQL's `DROP PRIMARY KEY`, `DROP FOREIGN KEY` and `DROP CHECK` as well.
    DropConstraint {
        /// The table.
        table: Name,
        /// The constraint (`PRIMARY` for MySQL's primary key).
        constraint: String,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// An index is built.
    CreateIndex(CreateIndex),
    /// Indexes go.
    DropIndex {
        /// The indexes.
        indexes: Vec<Name>,
        /// The table, where the statement says it (MySQL).
        table: Option<Name>,
        /// `CONCURRENTLY`.
        concurrently: bool,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// Indexes are built anew.
    Reindex(Reindex),
    /// An index is changed or renamed.
    AlterIndex {
        /// The index.
        index: Name,
        /// `RENAME TO`: its new name.
        to: Option<String>,
    },
    /// A view is made or replaced.
    CreateView {
        /// The view.
        view: Name,
        /// `OR REPLACE`.
        or_replace: bool,
        /// Its rows are kept.
        materialized: bool,
        /// It goes with its session.
        temporary: bool,
        /// The query takes `*`: columns that come later are not in it.
        star: bool,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// Views go.
    DropView {
        /// The views.
        views: Vec<Name>,
        /// Their rows are kept.
        materialized: bool,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// The rows of a materialized view are made anew.
    RefreshView {
        /// The view.
        view: Name,
        /// `CONCURRENTLY`.
        concurrently: bool,
    },
    /// A function or a procedure is made or replaced.
    CreateFunction {
        /// The function.
        function: Name,
        /// `OR REPLACE`.
        or_replace: bool,
        /// It is a procedure.
        procedure: bool,
    },
    /// Functions or procedures go.
    DropFunction {
        /// The functions.
        functions: Vec<Name>,
        /// They are procedures.
        procedure: bool,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// A trigger is made or replaced.
    CreateTrigger {
        /// The trigger.
        trigger: Name,
        /// The table; none for an event trigger.
        table: Option<Name>,
        /// `OR REPLACE`.
        or_replace: bool,
    },
    /// A trigger goes.
    DropTrigger {
        /// The trigger.
        trigger: Name,
        /// The table, where the statement says it (PostgreSQL).
        table: Option<Name>,
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// A type or a domain is made.
    CreateType {
        /// The type.
        name: Name,
        /// What it is.
        #[serde(flatten)]
        definition: TypeDefinition,
    },
    /// A type or a domain is changed.
    AlterType {
        /// The type.
        name: Name,
        /// How.
        #[serde(flatten)]
        change: TypeChange,
    },
    /// Types or domains go.
    DropType {
        /// The types.
        names: Vec<Name>,
        /// They are domains.
        domain: bool,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// Something else is made.
    CreateObject {
        /// What kind of thing.
        kind: ObjectKind,
        /// Its name, where it has one.
        name: Option<Name>,
        /// The table that it stands at (policies, rules, statistics).
        table: Option<Name>,
        /// `OR REPLACE`.
        or_replace: bool,
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
    },
    /// Something else is changed.
    AlterObject {
        /// What kind of thing.
        kind: ObjectKind,
        /// Its name, where it has one.
        name: Option<Name>,
        /// `RENAME TO`: its new name.
        to: Option<String>,
    },
    /// Something else goes.
    DropObject {
        /// What kind of thing.
        kind: ObjectKind,
        /// The names.
        names: Vec<Name>,
        /// The table that it stands at (policies, rules).
        table: Option<Name>,
        /// `IF EXISTS`.
        if_exists: bool,
        /// `CASCADE`.
        cascade: bool,
    },
    /// A comment at something.
    Comment {
        /// The table or the like, where one is named.
        on: Option<Name>,
    },
    /// Rights are given.
    Grant {
        /// What they are for, where it is named.
        on: Vec<Name>,
    },
    /// Rights are taken.
    Revoke {
        /// What they were for, where it is named.
        on: Vec<Name>,
    },
    /// Rows come (`INSERT`, `REPLACE`, `COPY … FROM`, `LOAD DATA`).
    Insert {
        /// The table.
        table: Name,
        /// `REPLACE`, `ON CONFLICT DO UPDATE`, `MERGE`: rows that are there may change.
        overwrites: bool,
    },
    /// Rows change.
    Update {
        /// The table.
        table: Name,
        /// The columns that get a value, as often as they are written.
        columns: Vec<String>,
        /// There is a condition.
        filtered: bool,
    },
    /// Rows go.
    Delete {
        /// The table.
        table: Name,
        /// There is a condition.
        filtered: bool,
    },
    /// A query; a function that it calls may do anything.
    Select {
        /// Its functions that are known to change something (`setval`), in lower case.
        calls: Vec<String>,
    },
    /// Where transactions begin and end.
    Control(Control),
    /// A setting of the session, the transaction or the server.
    Set(Setting),
    /// Tables are locked.
    Lock {
        /// The tables.
        tables: Vec<Name>,
        /// The mode, in upper case (`ACCESS EXCLUSIVE`, `WRITE`).
        mode: Option<String>,
    },
    /// Care for what is there (`VACUUM`, `ANALYZE`, `CLUSTER`, `OPTIMIZE TABLE`).
    Maintain {
        /// Which.
        maintenance: Maintenance,
        /// The tables; none: all.
        tables: Vec<Name>,
    },
    /// A block of code that is run (`DO $$…$$`, `CALL p()`).
    Run {
        /// The procedure, where one is named.
        procedure: Option<Name>,
    },
    /// What is not understood.
    Unknown {
        /// Its first words.
        words: String,
    },
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What it does, in order; never empty.
    pub actions: Vec<Action>,
    /// MySQL: `ALGORITHM = …`, in upper case.
    pub algorithm: Option<String>,
    /// MySQL: `LOCK = …`, in upper case.
    pub lock: Option<String>,
}
