//! A table of statements for each dialect: six letters say what each one means.
//!
//! Class: `E` expand, `C` contract that can wait, `B` contract that the new release needs at its start, `X` destructive,
//! `D` data, `S` session, `U` unknown. Blocks: `0` nothing, `w` writes, `r` reads and writes. Span: `m` a moment, `n` grows
//! with the rows, `?`. Rewrite: `-`, `R`, `?`. Reversible: `y`, `n`, `?`. In a transaction: `t` yes, `x` no, `c` commits,
//! `k` controls.

use crate::{
    Blocks, Class, Dialect, Effect, LockMode, Needed, Reversible, Rewrite, Span, Statement, Transactional,
    classify,
};

fn letters(effect: &Effect) -> String {
    let class = match (effect.class, effect.needed) {
        (Class::Expand, _) => 'E',
        (Class::Contract, Needed::Later) => 'C',
        (Class::Contract, Needed::AtStart) => 'B',
        (Class::Destructive, Needed::Later) => 'X',
        (Class::Destructive, Needed::AtStart) => 'M',
        (Class::Data, _) => 'D',
        (Class::Session, _) => 'S',
        (Class::Unknown, _) => 'U',
    };
    let blocks = match effect.blocks {
        Blocks::Nothing => '0',
        Blocks::Writes => 'w',
        Blocks::ReadsAndWrites => 'r',
    };
    let span = match effect.span {
        Span::Moment => 'm',
        Span::Rows => 'n',
        Span::Unknown => '?',
    };
    let rewrite = match effect.rewrite {
        Rewrite::No => '-',
        Rewrite::Yes => 'R',
        Rewrite::Unknown => '?',
    };
    let reversible = match effect.reversible {
        Reversible::Yes => 'y',
        Reversible::No => 'n',
        Reversible::Unknown => '?',
    };
    let transactional = match effect.transactional {
        Transactional::Yes => 't',
        Transactional::No => 'x',
        Transactional::Commits => 'c',
        Transactional::Controls => 'k',
    };
    [class, blocks, span, rewrite, reversible, transactional].iter().collect()
}

fn check(table: &str, dialect: Dialect) {
    let mut wrong = Vec::new();
    let mut count = 0;
    for row in table.lines().filter(|row| !row.is_empty() && !row.starts_with('#')) {
        let (expected, text) = row.split_once(' ').expect("letters and a statement");
        let effect = classify(&statement(text), dialect);
        count += 1;
        assert!(!effect.reason.is_empty(), "{text}");
        if letters(&effect) != expected {
            wrong.push(format!("{} instead of {expected}: {text}", letters(&effect)));
        }
    }
    assert!(count > 120, "{count} statements");
    assert!(wrong.is_empty(), "{}\n", wrong.join("\n"));
}

fn statement(text: &str) -> Statement {
    Statement { text: text.to_owned(), line: 1 }
}

#[test]
fn postgres() {
    check(include_str!("tests/postgres.txt"), Dialect::Postgres);
}

#[test]
fn mysql() {
    check(include_str!("tests/mysql.txt"), Dialect::Mysql);
}

#[test]
fn sqlite() {
    check(include_str!("tests/sqlite.txt"), Dialect::Sqlite);
}

#[test]
fn locks_are_named_with_their_tables() {
    type Locks = &'static [(&'static str, LockMode)];
    let rows: &[(Dialect, &str, Locks)] = &[
        (
            Dialect::Postgres,
            "ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES s.c (id) NOT VALID",
            &[("a", LockMode::ShareRowExclusive), ("s.c", LockMode::ShareRowExclusive)],
        ),
        (Dialect::Postgres, "CREATE INDEX i ON a (b)", &[("a", LockMode::Share)]),
        (
            Dialect::Postgres,
            "ALTER TABLE a SET (fillfactor = 70), ADD COLUMN b int",
            &[("a", LockMode::AccessExclusive)],
        ),
        (Dialect::Postgres, "ALTER TABLE a VALIDATE CONSTRAINT c", &[("a", LockMode::ShareUpdateExclusive)]),
        (
            Dialect::Postgres,
            "CREATE TABLE a (b int REFERENCES c, d int REFERENCES a)",
            &[("c", LockMode::ShareRowExclusive)],
        ),
        (
            Dialect::Postgres,
            "LOCK TABLE a, b IN SHARE ROW EXCLUSIVE MODE NOWAIT",
            &[("a", LockMode::ShareRowExclusive), ("b", LockMode::ShareRowExclusive)],
        ),
        (Dialect::Mysql, "ALTER TABLE a MODIFY b BIGINT, ALGORITHM=COPY", &[("a", LockMode::MetadataShared)]),
        (Dialect::Mysql, "ALTER TABLE a ADD b INT, ALGORITHM=INSTANT", &[("a", LockMode::MetadataBrief)]),
        (Dialect::Sqlite, "ALTER TABLE a ADD b", &[("a", LockMode::FileWrite)]),
    ];
    for (dialect, text, expected) in rows {
        let effect = classify(&statement(text), *dialect);
        let locks: Vec<_> =
            effect.locks.iter().map(|lock| (lock.table.written.as_str(), lock.mode)).collect();
        assert_eq!(locks, *expected, "{text}");
    }
}

#[test]
fn what_is_touched_is_named() {
    let touched = |text: &str, dialect| {
        let effect = classify(&statement(text), dialect);
        effect.touches.iter().map(|name| name.written.clone()).collect::<Vec<_>>()
    };
    assert_eq!(touched("ALTER TABLE a RENAME TO b", Dialect::Postgres), ["a", "b"]);
    assert_eq!(touched("DROP TABLE a, \"B\".c", Dialect::Postgres), ["a", "\"B\".c"]);
    assert_eq!(touched("CREATE INDEX i ON `a` (b)", Dialect::Mysql), ["`a`"]);
    assert_eq!(touched("DELETE FROM a WHERE b", Dialect::Sqlite), ["a"]);
}
