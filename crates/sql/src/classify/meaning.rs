//! What an action means for the release that runs and the one that comes.

use super::part::Meaning;
use crate::{
    Action, Column, ConstraintKind, DataType, Dialect, ObjectKind, Reversible, TableChange, TypeChange,
};

pub(super) fn meaning(action: &Action, dialect: Dialect) -> Meaning {
    match action {
        Action::CreateTable(_) => Meaning::expand("a new table: nobody uses it yet"),
        Action::DropTable { temporary: true, .. } => Meaning::session("only a table of this session"),
        Action::DropTable { .. } => {
            Meaning::destructive("the rows are lost, and the former release may still use the table")
        }
        Action::RenameTable { .. } => Meaning::breaking("the former release uses the old name"),
        Action::ChangeTable { change, .. } => change_table(change),
        Action::Truncate { .. } => Meaning::destructive("all rows are lost"),
        Action::AddColumn { column, .. } => add_column(column),
        Action::DropColumn { .. } => {
            Meaning::destructive("the values are lost, and the former release may still use the column")
        }
        Action::RenameColumn { .. } => Meaning::breaking("the former release uses the old name"),
        Action::AlterColumnType { data_type, using, .. } => alter_type(data_type, using.is_some()),
        Action::ModifyColumn { column, to, .. } => modify(column, to),
        Action::SetNotNull { .. } => Meaning::contract("the former release may still write NULL"),
        Action::DropNotNull { .. } => Meaning::expand("the column takes more than before"),
        Action::SetDefault { .. } => Meaning::expand("only new rows are concerned"),
        Action::DropDefault { .. } => {
            Meaning::contract("rows that the former release writes may count on the default")
        }
        Action::AddConstraint { constraint, .. } => add_constraint(&constraint.kind),
        // It can wait, and it has to where the constraint does.
        Action::ValidateConstraint { .. } => Meaning::contract("rows that are there are checked"),
        Action::DropConstraint { constraint, .. } if dialect == Dialect::Mysql && constraint == "PRIMARY" => {
            Meaning::breaking("rows are found by the primary key").reversible(Reversible::Unknown)
        }
        Action::DropConstraint { .. } => {
            Meaning::expand("the table takes more than before").reversible(Reversible::Unknown)
        }
        Action::CreateIndex(index) if index.unique => {
            Meaning::expand("an index; what would be double is refused from then on")
        }
        Action::CreateIndex(_) => Meaning::expand("an index changes no result"),
        Action::DropIndex { .. } => Meaning::contract("queries of the former release may need the index"),
        Action::Reindex(_) => Meaning::session("the same index, built anew"),
        Action::AlterIndex { .. } => Meaning::expand("only the index itself is concerned"),
        Action::CreateView { or_replace: false, .. } => Meaning::expand("a new view: nobody uses it yet"),
        Action::CreateView { .. } => {
            Meaning::expand("a view is made or replaced").reversible(Reversible::Unknown)
        }
        Action::DropView { .. } => Meaning::contract("the former release may still use the view"),
        Action::RefreshView { .. } => Meaning::session("the rows of a view are made anew"),
        Action::CreateFunction { or_replace, .. } => {
            let reversible = if *or_replace { Reversible::Unknown } else { Reversible::Yes };
            Meaning::expand("a function is made or replaced").reversible(reversible)
        }
        Action::DropFunction { .. } => Meaning::contract("the former release may still call it"),
        Action::CreateTrigger { .. } => Meaning::expand("a trigger runs with what both releases write"),
        Action::DropTrigger { .. } => Meaning::contract("the former release may count on the trigger"),
        Action::CreateType { .. } => Meaning::expand("a new type: nobody uses it yet"),
        Action::AlterType { change, .. } => alter_user_type(change),
        Action::DropType { cascade: true, .. } => Meaning::destructive("columns of that type go with it"),
        Action::DropType { .. } => Meaning::contract("the former release may still use the type"),
        Action::CreateObject { kind, .. } => match kind {
            ObjectKind::Policy | ObjectKind::Rule => {
                Meaning::contract("what the former release reads or writes may be another set of rows")
            }
            _ => Meaning::expand("something new: nobody uses it yet"),
        },
        Action::AlterObject { to: Some(_), .. } => Meaning::breaking("the former release uses the old name"),
        Action::AlterObject { kind: ObjectKind::Server, .. } => {
            Meaning::unknown("the whole server is concerned")
        }
        Action::AlterObject { .. } => {
            Meaning::expand("what it is called and does stays").reversible(Reversible::Unknown)
        }
        Action::DropObject { kind, cascade, .. } => drop_object(*kind, *cascade),
        Action::Comment { .. } => Meaning::expand("only a comment"),
        Action::Grant { .. } => Meaning::expand("more is allowed than before"),
        Action::Revoke { .. } => Meaning::contract("the former release may need the right"),
        Action::Insert { overwrites: false, .. } => Meaning::data("rows come", Reversible::Unknown),
        Action::Insert { .. } => Meaning::data("rows come, and some may change", Reversible::No),
        Action::Update { .. } => Meaning::data("rows change; what they were is lost", Reversible::No),
        Action::Delete { filtered: true, .. } => Meaning::data("rows go", Reversible::No),
        Action::Delete { .. } => Meaning::destructive("all rows are lost"),
        Action::Select { calls } => select(calls),
        Action::Control(_) => Meaning::session("a transaction begins or ends"),
        Action::Set(setting) if setting.global => Meaning::unknown("the whole server is concerned"),
        Action::Set(_) => Meaning::session("a setting of the session"),
        Action::Lock { .. } => Meaning::session("a lock until the transaction ends"),
        Action::Maintain { .. } => Meaning::session("care for what is there"),
        Action::Run { .. } => Meaning::unknown("what the code does is not looked at"),
        Action::Unknown { .. } => Meaning::unknown("the statement is not understood"),
    }
}

fn change_table(change: &TableChange) -> Meaning {
    match change {
        TableChange::Schema { .. } => Meaning::breaking("the former release looks for it in the old schema"),
        TableChange::DropPartition => Meaning::destructive("the rows of the partition are lost"),
        TableChange::DetachPartition { .. } => {
            Meaning::contract("the former release no longer finds the rows of the partition")
        }
        TableChange::RowSecurity => Meaning::contract("the former release may see and write other rows"),
        TableChange::Expression { set: true } => Meaning::breaking("the values become others"),
        TableChange::ConvertCharacterSet | TableChange::Repartition => {
            Meaning::expand("the rows stay").reversible(Reversible::Unknown)
        }
        TableChange::Unknown { .. } => Meaning::unknown("the change of the table is not understood"),
        _ => Meaning::expand("names, columns and rows stay"),
    }
}

/// A value is asked for that writers who do not know the column do not give.
fn add_column(column: &Column) -> Meaning {
    let filled =
        column.default.is_some() || column.generated.is_some() || column.identity || column.auto_increment;
    if (column.not_null || column.primary_key) && !filled {
        return Meaning::breaking("the former release writes rows without the column, which then fails");
    }
    Meaning::expand("the former release does not name the column")
}

fn is_text(data_type: &DataType) -> bool {
    !data_type.array
        && matches!(
            data_type.name.as_str(),
            "text" | "varchar" | "character varying" | "citext" | "tinytext" | "mediumtext" | "longtext"
        )
}

fn alter_type(data_type: &DataType, using: bool) -> Meaning {
    if is_text(data_type) && !using {
        return Meaning::expand("a wider text, where it was a text before").reversible(Reversible::Unknown);
    }
    Meaning::breaking("the former release reads and writes the old type").reversible(Reversible::Unknown)
}

fn modify(column: &str, to: &Column) -> Meaning {
    if !column.eq_ignore_ascii_case(&to.name) {
        return Meaning::breaking("the former release uses the old name").reversible(Reversible::Unknown);
    }
    if to.data_type.as_ref().is_some_and(is_text) {
        if to.not_null && to.default.is_none() {
            return Meaning::contract("the former release may still write NULL, or leave the column out")
                .reversible(Reversible::Unknown);
        }
        return Meaning::expand("a wider text, where it was a text before").reversible(Reversible::Unknown);
    }
    Meaning::breaking("the former release reads and writes the old type").reversible(Reversible::Unknown)
}

fn add_constraint(kind: &ConstraintKind) -> Meaning {
    match kind {
        ConstraintKind::Check { .. } | ConstraintKind::Exclude | ConstraintKind::NotNull { .. } => {
            Meaning::contract("the former release may write what it forbids")
        }
        ConstraintKind::ForeignKey { .. } => Meaning::expand(
            "the new release may count on it; rows without their counterpart are refused from then on",
        ),
        ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. } => {
            Meaning::expand("the new release may count on it; what would be double is refused from then on")
        }
    }
}

fn alter_user_type(change: &TypeChange) -> Meaning {
    match change {
        TypeChange::AddValue { .. } => {
            Meaning::expand("the type takes one value more, which it cannot lose again")
                .reversible(Reversible::No)
        }
        TypeChange::RenameValue { .. } | TypeChange::Rename { .. } => {
            Meaning::breaking("the former release uses the old name")
        }
        TypeChange::Attribute => Meaning::breaking("the former release reads and writes the old type")
            .reversible(Reversible::Unknown),
        TypeChange::AddDomainConstraint { .. } | TypeChange::SetDomainNotNull => {
            Meaning::contract("the former release may write what it forbids")
        }
        TypeChange::ValidateDomainConstraint => Meaning::expand("rows that are there are checked"),
        TypeChange::LoosenDomain => {
            Meaning::expand("the type takes more than before").reversible(Reversible::Unknown)
        }
        TypeChange::Other => Meaning::expand("what it is called and holds stays"),
    }
}

fn drop_object(kind: ObjectKind, cascade: bool) -> Meaning {
    match kind {
        ObjectKind::Database | ObjectKind::Tablespace | ObjectKind::VirtualTable => {
            Meaning::destructive("all that is in it is lost")
        }
        ObjectKind::Schema if cascade => Meaning::destructive("all that is in it is lost"),
        _ if cascade => Meaning::destructive("whatever needs it goes as well"),
        ObjectKind::Sequence => {
            Meaning::contract("the former release may still draw from it").reversible(Reversible::Unknown)
        }
        _ => Meaning::contract("the former release may still need it"),
    }
}

fn select(calls: &[String]) -> Meaning {
    let known = |call: &String| {
        matches!(call.as_str(), "setval" | "set_config" | "nextval" | "currval")
            || call.starts_with("pg_advisory")
    };
    if calls.is_empty() {
        Meaning::session("only a query")
    } else if calls.iter().all(known) {
        Meaning::data("a sequence or a setting", Reversible::Unknown)
    } else {
        Meaning::unknown("a query; what its functions do is not looked at")
    }
}
