//! Names, types, defaults, constraints and what else is read of a statement.

use crate::{
    Action, Column, ConstraintKind, DefaultValue,
    Dialect::{self, Mysql, Postgres, Sqlite},
    IndexColumn, Statement, read, separate,
};

fn first(text: &str, dialect: Dialect) -> Action {
    read(&Statement { text: text.to_owned(), line: 1 }, dialect).actions.remove(0)
}

fn added(definition: &str, dialect: Dialect) -> Column {
    match first(&format!("ALTER TABLE t ADD COLUMN {definition}"), dialect) {
        Action::AddColumn { column, .. } => column,
        other => panic!("{definition}: {other:?}"),
    }
}

#[test]
fn names_are_as_the_server_knows_them() {
    let rows: &[(Dialect, &str, Option<&str>, &str)] = &[
        (Postgres, "Users", None, "users"),
        (Postgres, "Public . \"Users\"", Some("public"), "Users"),
        (Postgres, "\"a\"\"b\"", None, "a\"b"),
        (Mysql, "`Users`", None, "Users"),
        (Mysql, "d.Users", Some("d"), "Users"),
        (Sqlite, "[a b]", None, "a b"),
        (Sqlite, "'a'", None, "a"),
    ];
    for (dialect, written, schema, name) in rows {
        let Action::DropTable { tables, .. } = first(&format!("DROP TABLE {written}"), *dialect) else {
            panic!("{written}")
        };
        assert_eq!((tables[0].schema.as_deref(), tables[0].name.as_str()), (*schema, *name), "{written}");
        assert_eq!(tables[0].written, *written);
    }
}

#[test]
fn types_have_names_and_arguments() {
    let rows: &[(Dialect, &str, &str, &[&str], bool)] = &[
        (Postgres, "Character Varying (10)", "character varying", &["10"], false),
        (Postgres, "timestamp(3) with time zone", "timestamp with time zone", &["3"], false),
        (Postgres, "timestamp without time zone", "timestamp without time zone", &[], false),
        (Postgres, "double precision[]", "double precision", &[], true),
        (Postgres, "numeric(10, 2)", "numeric", &["10", "2"], false),
        (Postgres, "s.my_type", "my_type", &[], false),
        (Postgres, "interval year to month", "interval year to month", &[], false),
        (Mysql, "int(11) unsigned", "int unsigned", &["11"], false),
        (Mysql, "enum('a','b')", "enum", &["'a'", "'b'"], false),
        (Mysql, "national varchar(10)", "national varchar", &["10"], false),
        (Sqlite, "unsigned big int", "unsigned big int", &[], false),
    ];
    for (dialect, written, name, arguments, array) in rows {
        let column = added(&format!("c {written} NOT NULL"), *dialect);
        let data_type = column.data_type.expect("a type");
        assert_eq!((data_type.name.as_str(), data_type.array), (*name, *array), "{written}");
        assert_eq!(data_type.arguments, *arguments, "{written}");
        assert_eq!(data_type.written, *written);
        assert!(column.not_null, "{written}");
    }
    assert_eq!(added("c", Sqlite).data_type, None);
    let column =
        added("c varchar(5) CHARACTER SET utf8 COLLATE utf8_bin NOT NULL COMMENT 'x' AFTER b", Mysql);
    assert!(column.collation && column.not_null);
}

#[test]
fn defaults_are_told_apart() {
    let rows: &[(Dialect, &str, &str)] = &[
        (Postgres, "'a;b'::text", "constant"),
        (Postgres, "'{}'", "constant"),
        (Postgres, "(now() AT TIME ZONE 'utc')", "constant"),
        (Postgres, "CURRENT_TIMESTAMP(3)", "constant"),
        (Postgres, "'x'::character varying(10)", "constant"),
        (Postgres, "NULL", "null"),
        (Postgres, "NULL::text", "null"),
        (Postgres, "public.uuid_generate_v4()", "volatile"),
        (Postgres, "md5(random()::text)", "volatile"),
        (Postgres, "nextval('s')", "volatile"),
        (Postgres, "own()", "unknown"),
        (Mysql, "(uuid())", "volatile"),
        (Mysql, "-1", "constant"),
        (Mysql, "b'0'", "constant"),
        (Sqlite, "(datetime('now'))", "constant"),
        (Sqlite, "(hex(randomblob(8)))", "volatile"),
    ];
    for (dialect, written, kind) in rows {
        let column = added(&format!("c text DEFAULT {written} NOT NULL"), *dialect);
        let (found, kept) = match column.default.as_ref().expect("a default") {
            DefaultValue::Constant { written } => ("constant", written.as_str()),
            DefaultValue::Null => ("null", *written),
            DefaultValue::Volatile { written } => ("volatile", written.as_str()),
            DefaultValue::Unknown { written } => ("unknown", written.as_str()),
        };
        assert_eq!((found, kept), (*kind, *written));
        assert!(column.not_null, "{written}");
    }
}

#[test]
fn a_table_has_its_columns_and_constraints() {
    let text = "CREATE TABLE s.t (\n  id bigint PRIMARY KEY, -- the key\n  a int REFERENCES b (id) ON DELETE SET NULL DEFAULT 5,\n  \
                c text CHECK (c IN ('x', 'y')), CONSTRAINT u UNIQUE (a, c), FOREIGN KEY (a, c) REFERENCES d (e, f), \
                PRIMARY KEY (id), EXCLUDE USING gist (r WITH &&)) PARTITION BY RANGE (id)";
    let Action::CreateTable(made) = first(text, Postgres) else { panic!() };
    let names: Vec<_> = made.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["id", "a", "c"]);
    assert!(made.columns[0].primary_key);
    assert_eq!(made.columns[1].references.as_ref().map(|name| name.name.as_str()), Some("b"));
    assert!(made.columns[1].default.is_some(), "what stands behind ON DELETE");
    assert!(made.columns[2].check);
    assert_eq!(made.constraints.len(), 4);
    assert_eq!(made.constraints[0].name.as_deref(), Some("u"));
    let ConstraintKind::ForeignKey { columns, references, referred } = &made.constraints[1].kind else {
        panic!()
    };
    assert_eq!((columns.len(), references.name.as_str(), referred.len()), (2, "d", 2));
    assert!(!made.from_query);

    let text = "CREATE TABLE t (id int unsigned NOT NULL AUTO_INCREMENT, k varchar(9) DEFAULT NULL, PRIMARY KEY (id), \
                UNIQUE KEY u (k), KEY i (k), CONSTRAINT f FOREIGN KEY (k) REFERENCES d (e)) ENGINE=InnoDB DEFAULT CHARSET=utf8";
    let Action::CreateTable(made) = first(text, Mysql) else { panic!() };
    assert_eq!(made.columns.len(), 2);
    assert_eq!(made.constraints.len(), 3);
    assert_eq!(made.constraints[1].name.as_deref(), Some("u"));
    assert!(made.columns[0].auto_increment);
}

#[test]
fn indexes_go_by_columns_and_expressions() {
    let Action::CreateIndex(index) = first(
        "CREATE UNIQUE INDEX CONCURRENTLY i ON s.t USING btree (a DESC, lower(b), \"C\", (d || e)) WHERE a > 0",
        Postgres,
    ) else {
        panic!()
    };
    let column = |name: &str| IndexColumn::Column { name: name.to_owned() };
    let expression = |written: &str| IndexColumn::Expression { written: written.to_owned() };
    assert_eq!(index.columns, [column("a"), expression("lower(b)"), column("C"), expression("(d || e)")]);
    assert!(index.unique && index.concurrently && index.partial);
    assert_eq!(index.method.as_deref(), Some("btree"));
    let Action::CreateIndex(index) = first("CREATE INDEX i ON t (a(20), b)", Mysql) else { panic!() };
    assert_eq!(index.columns, [column("a"), column("b")]);
}

#[test]
fn what_mysql_is_told_of_the_way_is_read() {
    let statement = |text: &str| Statement { text: text.to_owned(), line: 1 };
    for text in [
        "ALTER TABLE t ALGORITHM=INPLACE, ADD INDEX (a), LOCK = none",
        "CREATE INDEX i ON t (a) ALGORITHM = inplace LOCK NONE",
    ] {
        let reading = read(&statement(text), Mysql);
        assert_eq!(
            (reading.algorithm.as_deref(), reading.lock.as_deref()),
            (Some("INPLACE"), Some("NONE")),
            "{text}"
        );
        assert_eq!(reading.actions.len(), 1, "{text}");
    }
}

#[test]
fn rows_are_changed_with_or_without_a_condition() {
    let rows: &[(Dialect, &str, bool)] = &[
        (Postgres, "UPDATE t SET a = (SELECT b FROM c WHERE d)", false),
        (Postgres, "UPDATE t SET a = 1 WHERE b", true),
        (Mysql, "UPDATE t SET a = 1 LIMIT 5", true),
        (Sqlite, "UPDATE t SET a = 'WHERE'", false),
    ];
    for (dialect, text, expected) in rows {
        assert!(
            matches!(first(text, *dialect), Action::Update { filtered, .. } if filtered == *expected),
            "{text}"
        );
    }
}

#[test]
fn what_an_update_sets_is_read() {
    let Action::Update { columns, .. } =
        first("UPDATE t AS x SET a = f(1, 2), \"B\" = 2, (c, d) = (3, 4), a = 5 WHERE e", Postgres)
    else {
        panic!()
    };
    assert_eq!(columns, ["a", "B", "c", "d", "a"]);
    let called = super::called_functions(
        &Statement { text: "SELECT S.F(g(1)), x::numeric(1)".to_owned(), line: 1 },
        Postgres,
    );
    assert_eq!(called, ["f", "g"]);
}

#[test]
fn parts_of_an_alter_table_become_statements() {
    let parts = |text: &str, dialect| {
        let statement = Statement { text: text.to_owned(), line: 7 };
        separate(&statement, dialect).into_iter().map(|one| (one.text, one.line)).collect::<Vec<_>>()
    };
    assert_eq!(
        parts("ALTER TABLE ONLY s.t ADD a numeric(1, 2) DEFAULT f(1, 2), DROP COLUMN b", Postgres),
        [
            ("ALTER TABLE ONLY s.t ADD a numeric(1, 2) DEFAULT f(1, 2)".to_owned(), 7),
            ("ALTER TABLE ONLY s.t DROP COLUMN b".to_owned(), 7),
        ]
    );
    for text in
        ["ALTER TABLE t ADD a int", "ALTER TABLE t ADD a int, DROP b, ALGORITHM=COPY", "DROP TABLE a, b"]
    {
        assert_eq!(parts(text, Mysql), [(text.to_owned(), 7)]);
    }
}

#[test]
fn a_star_of_a_view_is_seen() {
    let star = |text: &str| matches!(first(text, Postgres), Action::CreateView { star: true, .. });
    assert!(star("CREATE VIEW v AS SELECT * FROM t"));
    assert!(star("CREATE VIEW v AS SELECT a, t.* FROM t"));
    assert!(!star("CREATE VIEW v AS SELECT count(*), a * b FROM t"));
}

mod whatever {
    use proptest::prelude::*;

    use crate::{Dialect, Statement, classify, separate};

    const WORDS: [&str; 48] = [
        "CREATE",
        "ALTER",
        "DROP",
        "TABLE",
        "INDEX",
        "UNIQUE",
        "ADD",
        "COLUMN",
        "CONSTRAINT",
        "a",
        "\"b\"",
        "`c`",
        "(",
        ")",
        ",",
        ".",
        "NOT",
        "NULL",
        "DEFAULT",
        "'x'",
        "1",
        "PRIMARY",
        "KEY",
        "FOREIGN",
        "REFERENCES",
        "CHECK",
        "ON",
        "USING",
        "TYPE",
        "SET",
        "RENAME",
        "TO",
        "AS",
        "SELECT",
        "*",
        "INSERT",
        "INTO",
        "UPDATE",
        "WHERE",
        "WITH",
        "VIEW",
        "FUNCTION",
        "TRIGGER",
        "ENUM",
        "=",
        "[",
        "::",
        "ä",
    ];

    proptest! {
        #[test]
        fn the_order_of_words_it_ends(
            words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..30),
            dialect in prop::sample::select(&[Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite][..]),
        ) {
            let statement = Statement { text: words.join(" "), line: 1 };
            prop_assert!(!classify(&statement, dialect).reason.is_empty());
            prop_assert!(!separate(&statement, dialect).is_empty());
        }
    }
}
