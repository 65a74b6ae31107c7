//! The statements of a migration with the phases in which they are applied.
//!
//! Files of our own format say it. Of any other file, what can wait until the former release is gone goes with the
//! contract, as it is done when it is applied: also of a statement that does several things, each by itself.

use bascule_migrations::{Format, Migration, Part, Phase};
use bascule_sql::{Action, Class, Control, Dialect, Name, Needed, Reading, classify_reading, read};

use crate::{
    Context, Phases,
    site::{Read, Whole},
};

/// Everything that a migration does, in its order.
pub(crate) fn reads<'a>(migration: &'a Migration, context: &Context) -> Vec<Read<'a>> {
    let by_class = context.phases == Phases::ByClass && migration.origin.format != Format::Bascule;
    let mut all = Vec::new();
    let mut open = false;
    for part in &migration.parts {
        let statements = match part {
            Part::Expand { statements } | Part::Contract { statements } => statements.as_slice(),
            Part::Backfill(backfill) => std::slice::from_ref(&backfill.statement),
        };
        for statement in statements {
            let reading = read(statement, context.dialect);
            let whole = Whole { parts: reading.actions.len(), in_transaction: open };
            match reading.actions.first() {
                Some(Action::Control(Control::Begin)) => open = true,
                Some(Action::Control(Control::Commit | Control::Rollback)) => open = false,
                _ => {}
            }
            // Of a file without phases, what can wait goes with the contract.
            let (waiting, first) =
                if by_class { waits(reading, context.dialect) } else { (None, Some(reading)) };
            let mixed = waiting.is_some() && first.is_some();
            let phases = [(first, part.phase()), (waiting, Phase::Contract)];
            for (number, (reading, phase)) in phases.into_iter().enumerate() {
                let Some(reading) = reading else { continue };
                let effect = classify_reading(&reading, context.dialect);
                all.push(Read { statement, reading, effect, phase, whole, mixed: mixed && number == 0 });
            }
        }
    }
    if by_class {
        keep_what_is_made_anew(&mut all, context.dialect);
    }
    all
}

/// What of a statement can wait until the former release is gone, and what cannot.
fn waits(reading: Reading, dialect: Dialect) -> (Option<Reading>, Option<Reading>) {
    let can_wait = |reading: &Reading| {
        let effect = classify_reading(reading, dialect);
        matches!(effect.class, Class::Contract | Class::Destructive) && effect.needed == Needed::Later
    };
    if reading.actions.len() == 1 {
        return if can_wait(&reading) { (Some(reading), None) } else { (None, Some(reading)) };
    }
    let (later, now): (Vec<Action>, Vec<Action>) = reading.actions.into_iter().partition(|action| {
        can_wait(&Reading { actions: vec![action.clone()], algorithm: None, lock: None })
    });
    let part = |actions: Vec<Action>| {
        (!actions.is_empty()).then(|| Reading {
            actions,
            algorithm: reading.algorithm.clone(),
            lock: reading.lock.clone(),
        })
    };
    (part(later), part(now))
}

/// What goes only to be made anew under the same name stays where it is.
fn keep_what_is_made_anew(all: &mut [Read<'_>], dialect: Dialect) {
    for at in 0..all.len() {
        let (before, behind) = all.split_at_mut(at + 1);
        let Some(read) = before.last_mut().filter(|read| read.phase == Phase::Contract) else { continue };
        let gone: Vec<&Name> = read.reading.actions.iter().flat_map(dropped).collect();
        let again = |name: &&Name| {
            behind
                .iter()
                .flat_map(|later| &later.reading.actions)
                .any(|action| made(action).is_some_and(|made| made.matches(name, dialect)))
        };
        if !gone.is_empty() && gone.iter().any(again) {
            read.phase = Phase::Expand;
        }
    }
}

/// What goes without rows of its own.
fn dropped(action: &Action) -> &[Name] {
    match action {
        Action::DropIndex { indexes: names, .. }
        | Action::DropView { views: names, .. }
        | Action::DropFunction { functions: names, .. }
        | Action::DropType { names, .. }
        | Action::DropObject { names, .. } => names,
        Action::DropTrigger { trigger, .. } => std::slice::from_ref(trigger),
        _ => &[],
    }
}

/// What comes.
pub(crate) fn made(action: &Action) -> Option<&Name> {
    match action {
        Action::CreateIndex(index) => index.index.as_ref(),
        Action::CreateView { view: name, .. }
        | Action::CreateFunction { function: name, .. }
        | Action::CreateTrigger { trigger: name, .. }
        | Action::CreateType { name, .. } => Some(name),
        Action::CreateObject { name, .. } => name.as_ref(),
        Action::CreateTable(made) => Some(&made.table),
        _ => None,
    }
}
