//! Fingerprints of what a statement of MySQL is about: where one has changed, the statement did that. Pure.

use std::collections::BTreeMap;

use bascule_sql::{Action, CreateTable, Dialect, Maintenance, Name, Reading, TableChange};

use super::Verdict;
use super::probe::Probe;
use crate::connection::literal;

/// Something that a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    /// A table or a view.
    Relation(Option<String>, String),
    Routine(Option<String>, String),
    Trigger(Option<String>, String),
    Event(Option<String>, String),
    Database(String),
}

/// What is asked about a statement.
pub fn probe(reading: &Reading) -> Option<Probe> {
    let mut things = Vec::new();
    let mut repeatable = true;
    for action in &reading.actions {
        match about(action)? {
            About::Things(more) => {
                repeatable = false;
                things.extend(more);
            }
            About::Repeatable => {}
        }
    }
    if repeatable {
        return Some(Probe::Repeatable);
    }
    things.sort();
    things.dedup();
    let prints: Vec<String> = things.iter().map(fingerprint).collect();
    // Each table of one statement goes for itself.
    let all_go = reading.actions.iter().all(|action| matches!(action, Action::DropTable { .. }));
    Some(Probe::Fingerprints { sql: format!("CONCAT_WS(',', {})", prints.join(", ")), all_go })
}

/// By what was and what is; none where that cannot be told.
pub fn judge(probe: &Probe, before: Option<&str>, now: Option<&str>) -> Option<Verdict> {
    let Probe::Fingerprints { all_go, .. } = probe else {
        return matches!(probe, Probe::Repeatable).then_some(Verdict::NotDone);
    };
    let (before, now) = (prints(before?), prints(now?));
    let changed = before.iter().filter(|(thing, print)| now.get(*thing) != Some(*print)).count();
    match changed {
        0 => Some(Verdict::NotDone),
        _ if !all_go => Some(Verdict::Done),
        _ if now.values().all(|print| *print == ABSENT) => Some(Verdict::Done),
        _ => None,
    }
}

/// The fingerprint of what is not there.
const ABSENT: &str = "-";

fn prints(text: &str) -> BTreeMap<&str, &str> {
    text.split(',').filter_map(|print| print.split_once('=')).collect()
}

enum About {
    Things(Vec<Thing>),
    Repeatable,
}

fn about(action: &Action) -> Option<About> {
    let relation = |name: &Name| Thing::Relation(name.schema.clone(), name.name.clone());
    let relations = |names: &[Name]| Some(About::Things(names.iter().map(relation).collect()));
    let routine = |name: &Name| Thing::Routine(name.schema.clone(), name.name.clone());
    let one = |name: &Name| Some(About::Things(vec![relation(name)]));
    match action {
        Action::CreateTable(CreateTable { table, .. })
        | Action::ChangeTable { table, change: TableChange::Unknown { .. } }
        | Action::AddColumn { table, .. }
        | Action::DropColumn { table, .. }
        | Action::RenameColumn { table, .. }
        | Action::AlterColumnType { table, .. }
        | Action::ModifyColumn { table, .. }
        | Action::SetNotNull { table, .. }
        | Action::DropNotNull { table, .. }
        | Action::SetDefault { table, .. }
        | Action::DropDefault { table, .. }
        | Action::AddConstraint { table, .. }
        | Action::DropConstraint { table, .. } => one(table),
        Action::ChangeTable { table, change } => match change {
            // The same table as it was, written anew.
            TableChange::Keys | TableChange::OrderBy => Some(About::Repeatable),
            _ => one(table),
        },
        Action::CreateIndex(index) => one(&index.table),
        Action::DropIndex { table: Some(table), .. } => one(table),
        Action::RenameTable { table, to } => Some(About::Things(vec![relation(table), relation(to)])),
        Action::DropTable { tables, .. } => relations(tables),
        Action::CreateView { view, .. } => one(view),
        Action::DropView { views, .. } => relations(views),
        Action::CreateFunction { function, .. } => Some(About::Things(vec![routine(function)])),
        Action::DropFunction { functions, .. } => {
            Some(About::Things(functions.iter().map(routine).collect()))
        }
        Action::CreateTrigger { trigger, .. } | Action::DropTrigger { trigger, .. } => {
            Some(About::Things(vec![Thing::Trigger(trigger.schema.clone(), trigger.name.clone())]))
        }
        Action::CreateObject { kind, name: Some(name), .. } => object(*kind, std::slice::from_ref(name)),
        Action::DropObject { kind, names, .. } => object(*kind, names),
        // `TRUNCATE` leaves nothing that tells, and rows that came since must not go with a second one.
        Action::Grant { .. } | Action::Set(_) | Action::Comment { .. } => Some(About::Repeatable),
        Action::Maintain { maintenance, .. } => {
            (*maintenance != Maintenance::Cluster).then_some(About::Repeatable)
        }
        _ => None,
    }
}

fn object(kind: bascule_sql::ObjectKind, names: &[Name]) -> Option<About> {
    use bascule_sql::ObjectKind;
    let things = names.iter().map(|name| match kind {
        ObjectKind::Event => Some(Thing::Event(name.schema.clone(), name.name.clone())),
        ObjectKind::Database | ObjectKind::Schema => Some(Thing::Database(name.name.clone())),
        // MariaDB's sequences are tables.
        ObjectKind::Sequence => Some(Thing::Relation(name.schema.clone(), name.name.clone())),
        _ => None,
    });
    Some(About::Things(things.collect::<Option<Vec<_>>>()?))
}

/// An expression: `name=fingerprint`.
fn fingerprint(thing: &Thing) -> String {
    let text = |text: &str| literal(Dialect::Mysql, text);
    let schema = |schema: &Option<String>| schema.as_deref().map_or_else(|| "DATABASE()".to_owned(), text);
    let (label, print) = match thing {
        Thing::Relation(of, name) => (name, relation(&schema(of), &text(name))),
        Thing::Routine(of, name) => {
            let (of, name_text) = (schema(of), text(name));
            let columns = "ROUTINE_TYPE, DTD_IDENTIFIER, ROUTINE_DEFINITION, SQL_DATA_ACCESS, SECURITY_TYPE, LAST_ALTERED";
            let at = format!("ROUTINE_SCHEMA = {of} AND ROUTINE_NAME = {name_text}");
            (name, list("ROUTINES", columns, "ROUTINE_TYPE", &at))
        }
        Thing::Trigger(of, name) => {
            let at = format!("TRIGGER_SCHEMA = {} AND TRIGGER_NAME = {}", schema(of), text(name));
            let columns = "EVENT_OBJECT_TABLE, EVENT_MANIPULATION, ACTION_TIMING, ACTION_STATEMENT, CREATED";
            (name, list("TRIGGERS", columns, "TRIGGER_NAME", &at))
        }
        Thing::Event(of, name) => {
            let at = format!("EVENT_SCHEMA = {} AND EVENT_NAME = {}", schema(of), text(name));
            (name, list("EVENTS", "EVENT_DEFINITION, STATUS, LAST_ALTERED", "EVENT_NAME", &at))
        }
        Thing::Database(name) => {
            let at = format!("SCHEMA_NAME = {}", text(name));
            let columns = "SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME";
            (name, list("SCHEMATA", columns, "SCHEMA_NAME", &at))
        }
    };
    // Names go in as hex: they may hold what separates.
    let label: String = label.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("CONCAT('{label}=', COALESCE({print}, '{ABSENT}'))")
}

fn relation(schema: &str, name: &str) -> String {
    let at = format!("TABLE_SCHEMA = {schema} AND TABLE_NAME = {name}");
    let parts = [
        list(
            "COLUMNS",
            "COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT, IS_NULLABLE, COLUMN_TYPE, COLLATION_NAME, EXTRA, \
             COLUMN_COMMENT, GENERATION_EXPRESSION",
            "ORDINAL_POSITION",
            &at,
        ),
        list(
            "STATISTICS",
            "INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE, SUB_PART, INDEX_TYPE, COLLATION, INDEX_COMMENT",
            "INDEX_NAME, SEQ_IN_INDEX",
            &at,
        ),
        list(
            "TABLE_CONSTRAINTS",
            "CONSTRAINT_NAME, CONSTRAINT_TYPE",
            "CONSTRAINT_NAME, CONSTRAINT_TYPE",
            &at,
        ),
        list(
            "PARTITIONS",
            "PARTITION_NAME, PARTITION_METHOD, PARTITION_DESCRIPTION",
            "PARTITION_ORDINAL_POSITION",
            &at,
        ),
        list("VIEWS", "VIEW_DEFINITION, CHECK_OPTION, SECURITY_TYPE", "TABLE_NAME", &at),
    ];
    // Only where it is there: none of it otherwise.
    format!(
        "(SELECT MD5(CONCAT_WS('#', TABLE_TYPE, ENGINE, ROW_FORMAT, TABLE_COLLATION, CREATE_OPTIONS, TABLE_COMMENT, {})) \
         FROM information_schema.TABLES WHERE {at})",
        parts.join(", ")
    )
}

fn list(table: &str, columns: &str, order: &str, at: &str) -> String {
    format!(
        "(SELECT MD5(GROUP_CONCAT(CONCAT_WS('|', {columns}) ORDER BY {order} SEPARATOR ';')) \
         FROM information_schema.{table} WHERE {at})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_fingerprint_tells_what_came_of_a_statement() {
        let print = |all_go| Probe::Fingerprints { sql: String::new(), all_go };
        for (all_go, before, now, verdict) in [
            (false, Some("61=x"), Some("61=x"), Some(Verdict::NotDone)),
            (false, Some("61=-"), Some("61=y"), Some(Verdict::Done)),
            (false, Some("61=x,62=-"), Some("61=-,62=x"), Some(Verdict::Done)),
            (true, Some("61=x,62=y"), Some("61=-,62=-"), Some(Verdict::Done)),
            (true, Some("61=x,62=y"), Some("61=x,62=y"), Some(Verdict::NotDone)),
            (true, Some("61=x,62=y"), Some("61=-,62=y"), None),
            (false, None, Some("61=y"), None),
        ] {
            assert_eq!(judge(&print(all_go), before, now), verdict, "{before:?} {now:?}");
        }
    }
}
