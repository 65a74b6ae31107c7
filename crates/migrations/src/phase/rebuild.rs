//! SQLite's way to change what `ALTER TABLE` cannot: a new table is made and filled, the old one goes, and the new one takes its
//! name. Within one transaction the table is there at every moment, so that it stays together, in the expand.

use bascule_sql::{Action, Control, Dialect, Name};

use super::items::{Item, Place};
use crate::migration::Transactions;

/// Says of each table that goes for a new one under its name that it stays where it is.
pub(super) fn mark(list: &mut [Item], transactions: Transactions, dialect: Dialect) {
    if dialect != Dialect::Sqlite {
        return;
    }
    for at in 0..list.len() {
        let goes = list.get(at).filter(|item| item.place == Place::Contract).and_then(dropped).cloned();
        let Some(goes) = goes else { continue };
        let together = whole(list, transactions, at);
        if together.is_some_and(|(before, behind)| is_rebuilt(before, behind, &goes, dialect)) {
            list[at].place = Place::Rebuilt;
        }
    }
}

/// What stands before and behind the statement in its transaction; none where it is in none.
fn whole(list: &[Item], transactions: Transactions, at: usize) -> Option<(&[Item], &[Item])> {
    let (before, behind) = (&list[..at], &list[at + 1..]);
    let begins = before.iter().rposition(|item| item.control().is_some());
    let ends = behind.iter().position(|item| item.control().is_some());
    match (begins, ends) {
        (Some(begins), Some(ends)) if before[begins].control() == Some(&Control::Begin) => {
            Some((&before[begins..], &behind[..ends]))
        }
        (None, None) if transactions == Transactions::Usual => Some((before, behind)),
        _ => None,
    }
}

/// The one table that a statement drops.
fn dropped(item: &Item) -> Option<&Name> {
    match item.reading.actions.as_slice() {
        [Action::DropTable { tables, temporary: false, .. }] if tables.len() == 1 => tables.first(),
        _ => None,
    }
}

/// Whether a table that was made and filled before takes the name behind.
fn is_rebuilt(before: &[Item], behind: &[Item], goes: &Name, dialect: Dialect) -> bool {
    let comes = actions(behind).find_map(|action| match action {
        Action::RenameTable { table, to } if to.matches(goes, dialect) => Some(table),
        _ => None,
    });
    let Some(comes) = comes else { return false };
    let made = actions(before).find_map(|action| match action {
        Action::CreateTable(made) if made.table.matches(comes, dialect) && !made.temporary => Some(made),
        _ => None,
    });
    let is_filled =
        |action: &Action| matches!(action, Action::Insert { table, .. } if table.matches(comes, dialect));
    made.is_some_and(|made| made.from_query || actions(before).any(is_filled))
}

fn actions(items: &[Item]) -> impl Iterator<Item = &Action> {
    items.iter().flat_map(|item| &item.reading.actions)
}
