//! SQL as text: dialects, statements with their places, and what a statement does to a database. No I/O.
//!
//! Nothing here decides whether SQL is right: that is the server's word. What is not understood is said to be unknown.

mod action;
mod apart;
mod classify;
mod dialect;
mod effect;
mod error;
mod follow;
mod lexer;
mod name;
mod narrow;
mod read;
mod split;
mod statement;

pub use action::{
    Action, Column, Constraint, ConstraintKind, Control, CreateIndex, CreateTable, DataType, DefaultValue,
    Generated, IndexColumn, Maintenance, ObjectKind, Reading, Reindex, Setting, TableChange, TypeChange,
    TypeDefinition,
};
pub use apart::apart;
pub use classify::{classify, classify_reading};
pub use dialect::Dialect;
pub use effect::{
    Blocks, Class, Effect, LockMode, Needed, Reversible, Rewrite, Span, TableLock, Transactional,
};
pub use error::{Opened, SplitError};
pub use follow::follow;
pub use name::Name;
pub use narrow::{NarrowError, Narrowed};
pub use read::{called_functions, read, separate};
pub use split::{comments, pieces, split};
pub use statement::{Comment, Piece, Statement};
