//! What differs between two schemas, in words.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::snapshot::{Object, Snapshot};

/// How a thing differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "lowercase")]
pub enum Change {
    /// It was there and is not any more.
    Missing,
    /// It was not there and is now.
    Added,
    /// It is there in both.
    Changed {
        /// Lines that it had.
        before: Vec<String>,
        /// Lines that it has instead.
        after: Vec<String>,
    },
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What it is.
    pub kind: String,
    /// Its qualified name.
    pub name: String,
    /// How.
    #[serde(flatten)]
    pub change: Change,
}

/// What is not in `after` as it is in `before`, by kind and name. What belongs to a table that is gone or new is not listed on its own.
#[must_use]
pub fn diff(before: &Snapshot, after: &Snapshot) -> Vec<Difference> {
    let (was, is) = (named(before), named(after));
    let names: std::collections::BTreeSet<_> = was.keys().chain(is.keys()).copied().collect();
    let mut differences: Vec<Difference> = Vec::new();
    for (kind, name) in names {
        let change = match (was.get(&(kind, name)), is.get(&(kind, name))) {
            (Some(_), None) => Change::Missing,
            (None, Some(_)) => Change::Added,
            (Some(was), Some(is)) if was.lines != is.lines => changed(was, is),
            _ => continue,
        };
        differences.push(Difference { kind: kind.to_owned(), name: name.to_owned(), change });
    }
    let whole: Vec<String> = differences
        .iter()
        .filter(|difference| HOLDERS.contains(&difference.kind.as_str()))
        .filter(|difference| !matches!(difference.change, Change::Changed { .. }))
        .map(|difference| format!("{}.", difference.name))
        .collect();
    differences.retain(|difference| {
        !HELD.contains(&difference.kind.as_str())
            || !whole.iter().any(|table| difference.name.starts_with(table))
    });
    differences
}

/// What has parts with its own name in front, and those parts.
const HOLDERS: [&str; 4] = ["table", "view", "materialized view", "foreign table"];
const HELD: [&str; 6] = ["constraint", "index", "trigger", "rule", "policy", "statistics"];

fn named(snapshot: &Snapshot) -> BTreeMap<(&str, &str), &Object> {
    snapshot.objects().iter().map(|object| ((object.kind.as_str(), object.name.as_str()), object)).collect()
}

fn changed(was: &Object, is: &Object) -> Change {
    let (before, after) = (without(&was.lines, &is.lines), without(&is.lines, &was.lines));
    if before.is_empty() && after.is_empty() {
        // The same lines in another order, which only a body has.
        return Change::Changed { before: was.lines.clone(), after: is.lines.clone() };
    }
    Change::Changed { before, after }
}

/// The lines that the others do not have, or not as often.
fn without(lines: &[String], others: &[String]) -> Vec<String> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    for line in others {
        *left.entry(line).or_default() += 1;
    }
    let gone = lines.iter().filter(|line| match left.get_mut(line.as_str()) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    gone.cloned().collect()
}

impl fmt::Display for Difference {
    /// One line that says it, then the lines that differ with `-` and `+`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, change } = self;
        match change {
            Change::Missing => write!(f, "{kind} {name} is missing"),
            Change::Added => write!(f, "{kind} {name} is left over"),
            Change::Changed { before, after } => {
                write!(f, "{kind} {name} differs")?;
                before.iter().try_for_each(|line| write!(f, "\n  - {line}"))?;
                after.iter().try_for_each(|line| write!(f, "\n  + {line}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bascule_sql::Dialect;

    use super::*;

    fn schema(objects: &[(&str, &str, &[&str])]) -> Snapshot {
        let of = |(kind, name, lines): &(&str, &str, &[&str])| Object {
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        Snapshot::new(Dialect::Postgres, objects.iter().map(of).collect())
    }

    fn told(before: &Snapshot, after: &Snapshot) -> String {
        diff(before, after).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_way_to_differ_has_its_words() {
        let before = schema(&[
            ("table", "public.users", &["email text", "id int"]),
            ("index", "public.users.by_email", &["CREATE INDEX"]),
            ("function", "public.f()", &["a", "b"]),
        ]);
        assert_eq!(told(&before, &before), "");
        let after = schema(&[
            ("table", "public.users", &["email text not null", "id int"]),
            ("table", "public.orders", &["id int"]),
            ("constraint", "public.orders.orders_pkey", &["PRIMARY KEY (id)"]),
            ("function", "public.f()", &["b", "a"]),
        ]);
        assert_eq!(
            told(&before, &after),
            "function public.f() differs\n  - a\n  - b\n  + b\n  + a\n\
             index public.users.by_email is missing\n\
             table public.orders is left over\n\
             table public.users differs\n  - email text\n  + email text not null"
        );
    }
}
