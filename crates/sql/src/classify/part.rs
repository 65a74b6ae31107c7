//! What one action means; a statement's effect is that of its actions together.

use crate::{
    Blocks, Class, Effect, LockMode, Name, Needed, Reversible, Rewrite, Span, TableLock, Transactional,
};

/// What an action means for the releases, whatever the server.
pub(super) struct Meaning {
    pub(super) class: Class,
    pub(super) needed: Needed,
    pub(super) reversible: Reversible,
    pub(super) reason: &'static str,
}

impl Meaning {
    /// It adds, and the new release may count on it.
    pub(super) fn expand(reason: &'static str) -> Self {
        Self { class: Class::Expand, needed: Needed::AtStart, reversible: Reversible::Yes, reason }
    }

    /// It takes what only the former release needs.
    pub(super) fn contract(reason: &'static str) -> Self {
        Self { class: Class::Contract, needed: Needed::Later, reversible: Reversible::Yes, reason }
    }

    /// The former release cannot go on with it, and the new one may not be able to start without.
    pub(super) fn breaking(reason: &'static str) -> Self {
        Self { class: Class::Contract, needed: Needed::AtStart, reversible: Reversible::Yes, reason }
    }

    /// It takes data.
    pub(super) fn destructive(reason: &'static str) -> Self {
        Self { class: Class::Destructive, needed: Needed::Later, reversible: Reversible::No, reason }
    }

    /// It changes rows.
    pub(super) fn data(reason: &'static str, reversible: Reversible) -> Self {
        Self { class: Class::Data, needed: Needed::AtStart, reversible, reason }
    }

    /// It changes nothing that stays.
    pub(super) fn session(reason: &'static str) -> Self {
        Self { class: Class::Session, needed: Needed::AtStart, reversible: Reversible::Yes, reason }
    }

    /// It is not understood.
    pub(super) fn unknown(reason: &'static str) -> Self {
        Self { class: Class::Unknown, needed: Needed::AtStart, reversible: Reversible::Unknown, reason }
    }

    pub(super) fn reversible(self, reversible: Reversible) -> Self {
        Self { reversible, ..self }
    }
}

/// What an action does on a server.
pub(super) struct Work {
    pub(super) locks: Vec<TableLock>,
    pub(super) blocks: Blocks,
    pub(super) span: Span,
    pub(super) rewrite: Rewrite,
    pub(super) transactional: Transactional,
}

impl Work {
    /// It keeps nobody out.
    pub(super) fn none() -> Self {
        Self {
            locks: Vec::new(),
            blocks: Blocks::Nothing,
            span: Span::Moment,
            rewrite: Rewrite::No,
            transactional: Transactional::Yes,
        }
    }

    /// A lock for a change of the catalog.
    pub(super) fn moment(table: &Name, mode: LockMode) -> Self {
        Self { blocks: blocks(mode), ..Self::none() }.also(table, mode)
    }

    /// A lock as long as a scan, a build or a copy takes.
    pub(super) fn rows(table: &Name, mode: LockMode) -> Self {
        Self { span: Span::Rows, ..Self::moment(table, mode) }
    }

    /// A lock while the table is written anew.
    pub(super) fn rewrite(table: &Name, mode: LockMode) -> Self {
        Self { rewrite: Rewrite::Yes, ..Self::rows(table, mode) }
    }

    /// A lock while the table may be written anew.
    pub(super) fn perhaps(table: &Name, mode: LockMode) -> Self {
        Self { rewrite: Rewrite::Unknown, span: Span::Unknown, ..Self::moment(table, mode) }
    }

    /// Another lock.
    pub(super) fn also(mut self, table: &Name, mode: LockMode) -> Self {
        self.blocks = self.blocks.max(blocks(mode));
        self.locks.push(TableLock { table: table.clone(), mode });
        self
    }

    /// The same lock on each of the tables.
    pub(super) fn each<'a>(tables: impl IntoIterator<Item = &'a Name>, mode: LockMode) -> Self {
        tables.into_iter().fold(Self::none(), |work, table| work.also(table, mode))
    }

    pub(super) fn spanning(self, span: Span) -> Self {
        Self { span, ..self }
    }

    pub(super) fn blocking(self, blocks: Blocks) -> Self {
        Self { blocks, ..self }
    }

    pub(super) fn rewriting(self, rewrite: Rewrite) -> Self {
        Self { rewrite, ..self }
    }

    pub(super) fn in_transaction(self, transactional: Transactional) -> Self {
        Self { transactional, ..self }
    }
}

fn blocks(mode: LockMode) -> Blocks {
    match mode {
        LockMode::AccessShare
        | LockMode::RowShare
        | LockMode::RowExclusive
        | LockMode::ShareUpdateExclusive => Blocks::Nothing,
        LockMode::Share
        | LockMode::ShareRowExclusive
        | LockMode::Exclusive
        | LockMode::MetadataShared
        | LockMode::FileWrite => Blocks::Writes,
        LockMode::AccessExclusive
        | LockMode::MetadataBrief
        | LockMode::MetadataExclusive
        | LockMode::FileExclusive => Blocks::ReadsAndWrites,
    }
}

/// The effect of all of a statement's actions.
pub(super) fn together(parts: Vec<(Meaning, Work, Vec<Name>)>) -> Effect {
    let mut effect = Effect {
        class: Class::Session,
        needed: Needed::Later,
        locks: Vec::new(),
        blocks: Blocks::Nothing,
        span: Span::Moment,
        rewrite: Rewrite::No,
        reversible: Reversible::Yes,
        transactional: Transactional::Yes,
        touches: Vec::new(),
        reason: String::new(),
    };
    for (meaning, work, touches) in parts {
        if effect.reason.is_empty() || weight(meaning.class) > weight(effect.class) {
            effect.class = meaning.class;
            meaning.reason.clone_into(&mut effect.reason);
        }
        if meaning.needed == Needed::AtStart {
            effect.needed = Needed::AtStart;
        }
        effect.blocks = effect.blocks.max(work.blocks);
        effect.span = effect.span.max(work.span);
        effect.rewrite = worse_rewrite(effect.rewrite, work.rewrite);
        effect.reversible = worse_reversible(effect.reversible, meaning.reversible);
        if work.transactional != Transactional::Yes {
            effect.transactional = work.transactional;
        }
        for lock in work.locks {
            match effect.locks.iter_mut().find(|known| known.table == lock.table) {
                Some(known) => known.mode = known.mode.max(lock.mode),
                None => effect.locks.push(lock),
            }
        }
        for table in touches {
            if !effect.touches.contains(&table) {
                effect.touches.push(table);
            }
        }
    }
    effect
}

fn weight(class: Class) -> u8 {
    match class {
        Class::Session => 0,
        Class::Data => 1,
        Class::Expand => 2,
        Class::Contract => 3,
        Class::Destructive => 4,
        Class::Unknown => 5,
    }
}

fn worse_rewrite(one: Rewrite, two: Rewrite) -> Rewrite {
    match (one, two) {
        (Rewrite::Yes, _) | (_, Rewrite::Yes) => Rewrite::Yes,
        (Rewrite::Unknown, _) | (_, Rewrite::Unknown) => Rewrite::Unknown,
        _ => Rewrite::No,
    }
}

fn worse_reversible(one: Reversible, two: Reversible) -> Reversible {
    match (one, two) {
        (Reversible::No, _) | (_, Reversible::No) => Reversible::No,
        (Reversible::Unknown, _) | (_, Reversible::Unknown) => Reversible::Unknown,
        _ => Reversible::Yes,
    }
}
