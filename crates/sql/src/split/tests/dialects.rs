//! Tables of texts and their statements.

use crate::{
    Dialect::{self, Mysql, Postgres, Sqlite},
    Opened, SplitError, split,
};

fn texts(text: &str, dialect: Dialect) -> Vec<String> {
    match split(text, dialect) {
        Ok(found) => found.into_iter().map(|statement| statement.text).collect(),
        Err(error) => panic!("{dialect}: {text}\n{error}"),
    }
}

#[test]
fn what_is_one_statement_stays_one() {
    let rows: &[(Dialect, &str)] = &[
        (Postgres, "DO $$ BEGIN PERFORM 1; END $$"),
        (Postgres, "DO $a$ BEGIN EXECUTE $b$ SELECT 1; $b$; END $a$"),
        (Postgres, "INSERT INTO t VALUES ('a;b', E'c\\';d', \"e;f\")"),
        (Postgres, "SELECT 1 /* a; /* b; */ c; */ + 2 -- d;\n+ 3"),
        (Postgres, "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END"),
        (
            Postgres,
            "CREATE OR REPLACE PROCEDURE p(a int) BEGIN ATOMIC SELECT CASE a WHEN 1 THEN CASE WHEN true THEN 2 END END; \
             INSERT INTO t VALUES (a); END",
        ),
        (Postgres, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT t.end, t.begin FROM t; END"),
        (Postgres, "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END; $$"),
        (Postgres, "CREATE FUNCTION f(a int DEFAULT CASE WHEN true THEN 1 END) RETURNS int RETURN a"),
        (
            Postgres,
            "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); INSERT INTO b VALUES (2))",
        ),
        (Postgres, "CREATE TABLE t (begin int, \"end\" int)"),
        (Postgres, "SELECT $1, a#>'{b}', c->>'d' FROM t"),
        (Postgres, "COPY t FROM '/tmp/x.csv' WITH (FORMAT csv)"),
        (Postgres, "COPY (SELECT 1) TO stdout"),
        (Mysql, "INSERT INTO t VALUES ('it\\'s; a', \"b;\\\"c\", `d;e`)"),
        (Mysql, "SELECT 1 # a;\n + 5--1 -- b;\n"),
        (Mysql, "/*!50003 SET @a = 1 */"),
        (Mysql, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1"),
        (Mysql, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1; SET NEW.b = 2; END"),
        (
            Mysql,
            "CREATE DEFINER=`root`@`localhost` TRIGGER g AFTER UPDATE ON t FOR EACH ROW IF NEW.a THEN SET @x = 1; \
             ELSEIF NEW.b THEN SET @x = IF(NEW.c, 1, 2); ELSE SET @x = 3; END IF",
        ),
        (
            Mysql,
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW FOLLOWS f IF NEW.a THEN SET NEW.b = 1; SET NEW.c = 2; END IF",
        ),
        (
            Mysql,
            "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW PRECEDES `if` CASE WHEN NEW.a THEN SET @a = 1; SET @b = 2; END CASE",
        ),
        (
            Mysql,
            "CREATE TRIGGER follows AFTER DELETE ON precedes FOR EACH ROW FOLLOWS loop l: LOOP SET @a = 1; LEAVE l; END LOOP l",
        ),
        (Mysql, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW FOLLOWS f SET NEW.b = IF(NEW.a, 1, 2)"),
        (
            Mysql,
            "CREATE PROCEDURE p() BEGIN DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN SET @d = 1; END; \
             l: LOOP IF @d THEN LEAVE l; END IF; END LOOP l; WHILE @i < 3 DO SET @i = @i + 1; END WHILE; \
             REPEAT SET @i = @i - 1; UNTIL @i < 0 END REPEAT; END",
        ),
        (
            Mysql,
            "CREATE PROCEDURE p(a INT) BEGIN CASE a WHEN 1 THEN SELECT 1; ELSE BEGIN END; END CASE; \
             SELECT CASE WHEN a THEN IF(a, 1, 2) ELSE IF(a, 3, 4) END; DROP TABLE IF EXISTS x; END",
        ),
        (
            Mysql,
            "CREATE FUNCTION f(a INT) RETURNS INT DETERMINISTIC RETURN IF(a, REPEAT('x', 3), CASE a WHEN 1 THEN 2 END)",
        ),
        (Mysql, "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM t; DELETE FROM u; END"),
        (
            Mysql,
            "CREATE OR REPLACE FUNCTION f() RETURNS INT BEGIN IF 1 THEN RETURN 1; ELSE IF 2 THEN RETURN 2; END IF; END IF; END",
        ),
        (Mysql, "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END"),
        (Mysql, "CREATE PROCEDURE p() IF 1 THEN SELECT 1; END IF"),
        (Mysql, "SELECT \\N"),
        (Sqlite, "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = 1; DELETE FROM u; END"),
        (
            Sqlite,
            "CREATE TEMP TRIGGER IF NOT EXISTS g AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN RAISE(ABORT, 'a;b') END; END",
        ),
        (Sqlite, "INSERT INTO [a;b] VALUES ('c;d', \"e;f\", `g;h`)"),
        (Sqlite, "CREATE TABLE t (a, b, CHECK (a IN ('begin', 'end')))"),
    ];
    for (dialect, text) in rows {
        let trimmed = text.trim_end().trim_end_matches("-- b;").trim_end();
        assert_eq!(texts(text, *dialect), [trimmed], "alone, {dialect}");
        let twice = format!("{text}\n;\n{text}\n;");
        assert_eq!(texts(&twice, *dialect), [trimmed, trimmed], "twice, {dialect}");
    }
}

#[test]
fn a_semicolon_divides() {
    let rows: &[(Dialect, &str, &[&str])] = &[
        (Postgres, "BEGIN; SELECT 1; END; SELECT 2", &["BEGIN", "SELECT 1", "END", "SELECT 2"]),
        (Postgres, "\u{feff}SELECT 1;\r\nSELECT 2;\r\n", &["SELECT 1", "SELECT 2"]),
        (Postgres, ";; -- a\n;/* b */;SELECT 1 -- c\n;", &["SELECT 1"]),
        (Postgres, "SELECT '\\'; SELECT '\\'", &["SELECT '\\'", "SELECT '\\'"]),
        (
            Postgres,
            "CREATE TABLE a (b int); CREATE INDEX c ON a (b)",
            &["CREATE TABLE a (b int)", "CREATE INDEX c ON a (b)"],
        ),
        (Mysql, "BEGIN; UPDATE t SET a = 1; COMMIT", &["BEGIN", "UPDATE t SET a = 1", "COMMIT"]),
        (
            Mysql,
            "DELIMITER //\nCREATE PROCEDURE p() BEGIN SELECT 1; END//\nDELIMITER ;\nSELECT 2;",
            &["CREATE PROCEDURE p() BEGIN SELECT 1; END", "SELECT 2"],
        ),
        (
            Mysql,
            "delimiter $$\r\nSELECT 1; SELECT 2$$\r\ndelimiter ;\r\nSELECT 3",
            &["SELECT 1; SELECT 2", "SELECT 3"],
        ),
        (
            Mysql,
            "DELIMITER ;;\n/*!50003 CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW BEGIN SELECT 1; END */;;\nDELIMITER ;\n",
            &["/*!50003 CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW BEGIN SELECT 1; END */"],
        ),
        (Mysql, "CREATE TABLE t (a INT) /* b; */; SELECT 1", &["CREATE TABLE t (a INT)", "SELECT 1"]),
        (
            Mysql,
            "CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW SET @a = 1; SELECT 2",
            &["CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW SET @a = 1", "SELECT 2"],
        ),
        (
            Sqlite,
            "PRAGMA foreign_keys=OFF; CREATE TABLE t (a)",
            &["PRAGMA foreign_keys=OFF", "CREATE TABLE t (a)"],
        ),
        (Sqlite, "", &[]),
        (Sqlite, "-- nothing", &[]),
    ];
    for (dialect, text, expected) in rows {
        assert_eq!(texts(text, *dialect), *expected, "{dialect}: {text}");
    }
}

#[test]
fn what_is_open_or_for_a_client_is_named_with_its_line() {
    let unclosed = |line, opened| SplitError::Unclosed { line, opened };
    let client = |line, command: &str, program| SplitError::ClientCommand {
        line,
        command: command.to_owned(),
        program,
    };
    let rows: &[(Dialect, &str, SplitError)] = &[
        (Postgres, "SELECT 1;\nSELECT 'a\n;", unclosed(2, Opened::Text)),
        (Postgres, "SELECT 1;\n\nDO $x$ a $y$", unclosed(3, Opened::Dollar("$x$".to_owned()))),
        (Postgres, "/* a /* b */", unclosed(1, Opened::Comment)),
        (Postgres, "SELECT \"a", unclosed(1, Opened::Name)),
        (
            Postgres,
            "SELECT 1;\nCREATE FUNCTION f() RETURNS int\nBEGIN ATOMIC SELECT 1;",
            unclosed(3, Opened::Block),
        ),
        (
            Postgres,
            "SELECT 1;\nCOPY public.t (a, b) FROM stdin;\n1\t2\n\\.\n",
            SplitError::CopyFromStdin { line: 2 },
        ),
        (Postgres, "copy t from STDIN with csv", SplitError::CopyFromStdin { line: 1 }),
        (Postgres, "SELECT 1;\n\\connect app\n", client(2, "\\connect", "psql")),
        (Postgres, "\\i other.sql", client(1, "\\i", "psql")),
        (Postgres, "SELECT 1 \\gexec", client(1, "\\gexec", "psql")),
        (Mysql, "SELECT `a", unclosed(1, Opened::Name)),
        (
            Mysql,
            "SELECT 1;\nCREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW\nBEGIN SELECT 1;\n",
            unclosed(3, Opened::Block),
        ),
        (Mysql, "\nsource other.sql;", client(2, "source", "mysql")),
        (Mysql, "SELECT 1\\G", client(1, "\\G", "mysql")),
        (Mysql, "DELIMITER\n", client(1, "DELIMITER", "mysql")),
        (Mysql, "\n/*!50003 SET a = 1", unclosed(2, Opened::Comment)),
        (Sqlite, ".read other.sql", client(1, ".read", "sqlite3")),
        (Sqlite, "SELECT 1;\nCREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1;", unclosed(2, Opened::Block)),
    ];
    for (dialect, text, expected) in rows {
        assert_eq!(split(text, *dialect).as_ref(), Err(expected), "{dialect}: {text}");
    }
}

#[test]
fn the_line_is_that_of_the_first_word() {
    let found = split("-- a\n\nSELECT 1;\r\n/* b\n*/ SELECT\n2;\nSELECT 3", Postgres).expect("statements");
    assert_eq!(found.iter().map(|one| one.line).collect::<Vec<_>>(), [3, 5, 7]);
}
