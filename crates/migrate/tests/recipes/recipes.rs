//! All recipes, each on the servers that can do it.

use crate::course::{back, through};
use crate::database::Database;
use crate::scenario::{Scenario, Write};

/// Both courses, each on a database of its own.
macro_rules! recipe {
    ($name:ident: $($kind:ident => $scenario:expr),+ $(,)?) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn to_the_contract_and_beyond() {
                $(if let Some(database) = $kind() { through(&database, &$scenario).await; })+
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn and_back() {
                $(if let Some(database) = $kind() { back(&database, &$scenario).await; })+
            }
        }
    };
}

fn postgres() -> Option<Database> {
    Database::postgres()
}

fn maria() -> Option<Database> {
    Database::maria()
}

fn sqlite() -> Option<Database> {
    Some(Database::sqlite())
}

// What a release wrote last stands in `expect` as well, which no recipe touches.

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(80) NOT NULL, expect varchar(80) NOT NULL, n int DEFAULT 0); \
    INSERT INTO users (id, name, expect) SELECT g, 'start', 'start' FROM {rows}";

/// SQLite cannot make a column that is `NOT NULL` not so.
const USERS_SQLITE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, expect TEXT NOT NULL, n int DEFAULT 0); \
    INSERT INTO users (id, name, expect) SELECT g, 'start', 'start' FROM {rows}";

const FORMER_WRONG: &str = "SELECT count(*) FROM users WHERE name <> expect OR name IS NULL";
const TOTAL_WRONG: &str = "SELECT count(*) FROM orders WHERE total <> expect OR total IS NULL";

const RENAMED_FORMER: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, name, expect) VALUES ({new}, '{value}', '{value}')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND full_name = '{value}'",
    },
    Write {
        sql: "UPDATE users SET name = 'u{value}', expect = 'u{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND full_name = 'u{value}'",
    },
    // Only the case changes.
    Write {
        sql: "UPDATE users SET name = 'U{value}', expect = 'U{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND full_name LIKE 'U%'",
    },
    Write { sql: "UPDATE users SET n = n + 1 WHERE id = {row}", seen: "" },
    Write { sql: "DELETE FROM users WHERE id = {new} - 20", seen: "" },
];

const RENAMED_NEW: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, full_name, expect) VALUES ({new}, '{value}', '{value}')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND name = '{value}'",
    },
    Write {
        sql: "UPDATE users SET full_name = 'u{value}', expect = 'u{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND name = 'u{value}'",
    },
    Write { sql: "UPDATE users SET n = n + 1 WHERE id = {row}", seen: "" },
    Write { sql: "DELETE FROM users WHERE id = {new} - 20", seen: "" },
];

const fn renamed(setup: &'static str, recipe: &'static str) -> Scenario {
    Scenario {
        setup,
        recipe,
        former: RENAMED_FORMER,
        new: RENAMED_NEW,
        differs: "SELECT count(*) FROM users WHERE name <> full_name OR name IS NULL OR full_name IS NULL OR name <> expect",
        wrong: "SELECT count(*) FROM users WHERE full_name <> expect OR full_name IS NULL",
        wrong_again: FORMER_WRONG,
        wrong_undone: FORMER_WRONG,
    }
}

recipe!(rename_column:
    postgres => renamed(USERS, "-- recipe rename-column table=users from=name to=full_name type=text key=id null=no"),
    maria => renamed(USERS, "-- recipe rename-column table=users from=name to=full_name type=varchar(80) key=id null=no"),
    sqlite => renamed(USERS_SQLITE, "-- recipe rename-column table=users from=name to=full_name type=TEXT key=id"),
);

const SPLIT_FORMER: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, name, expect) VALUES ({new}, 'Ann {value}', 'Ann {value}')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND first_name = 'Ann' AND last_name = '{value}'",
    },
    Write {
        sql: "UPDATE users SET name = 'Bob u{value}', expect = 'Bob u{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND first_name = 'Bob' AND last_name = 'u{value}'",
    },
];

const SPLIT_NEW: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, first_name, last_name, expect) VALUES ({new}, 'Cy', '{value}', 'Cy {value}')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND name = 'Cy {value}'",
    },
    Write {
        sql: "UPDATE users SET first_name = 'Di', last_name = 'u{value}', expect = 'Di u{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND name = 'Di u{value}'",
    },
];

const fn split(setup: &'static str, recipe: &'static str, joined: [&'static str; 2]) -> Scenario {
    Scenario {
        setup,
        recipe,
        former: SPLIT_FORMER,
        new: SPLIT_NEW,
        differs: joined[0],
        wrong: joined[1],
        wrong_again: FORMER_WRONG,
        wrong_undone: FORMER_WRONG,
    }
}

const PIPES: [&str; 2] = [
    "SELECT count(*) FROM users WHERE name <> expect OR name IS NULL OR first_name || ' ' || last_name <> expect OR first_name IS NULL",
    "SELECT count(*) FROM users WHERE first_name || ' ' || last_name <> expect OR first_name IS NULL",
];
const CONCAT: [&str; 2] = [
    "SELECT count(*) FROM users WHERE name <> expect OR name IS NULL OR concat(first_name, ' ', last_name) <> expect OR first_name IS NULL",
    "SELECT count(*) FROM users WHERE concat(first_name, ' ', last_name) <> expect OR first_name IS NULL",
];

const NAMED: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name varchar(80) NOT NULL, expect varchar(80) NOT NULL); \
    INSERT INTO users (id, name, expect) SELECT g, 'Ed start', 'Ed start' FROM {rows}";
const NAMED_SQLITE: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, expect TEXT NOT NULL); \
    INSERT INTO users (id, name, expect) SELECT g, 'Ed start', 'Ed start' FROM {rows}";

recipe!(split_column:
    postgres => split(NAMED, "-- recipe split-column table=users from=name into=first_name,last_name type=text key=id null=no split.first_name=\"split_part({name}, ' ', 1)\" split.last_name=\"substr({name}, strpos({name}, ' ') + 1)\" join=\"concat_ws(' ', {first_name}, {last_name})\"", PIPES),
    maria => split(NAMED, "-- recipe split-column table=users from=name into=first_name,last_name type=varchar(80) key=id null=no from-type=varchar(80) split.first_name=\"substring_index({name}, ' ', 1)\" split.last_name=\"substr({name}, locate(' ', {name}) + 1)\" join=\"concat_ws(' ', {first_name}, {last_name})\"", CONCAT),
    sqlite => split(NAMED_SQLITE, "-- recipe split-column table=users from=name into=first_name,last_name type=TEXT key=id split.first_name=\"substr({name}, 1, instr({name}, ' ') - 1)\" split.last_name=\"substr({name}, instr({name}, ' ') + 1)\" join=\"{first_name} || ' ' || {last_name}\"", PIPES),
);

const ORDERS: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, total int NOT NULL, expect int NOT NULL); \
    INSERT INTO orders (id, total, expect) SELECT g, g, g FROM {rows}";
const ORDERS_SQLITE: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, total int, expect int NOT NULL); \
    INSERT INTO orders (id, total, expect) SELECT g, g, g FROM {rows}";

const TYPED_FORMER: &[Write] = &[
    Write {
        sql: "INSERT INTO orders (id, total, expect) VALUES ({new}, {number}, {number})",
        seen: "SELECT count(*) FROM orders WHERE id = {new} AND cents = {number} * 100",
    },
    Write {
        sql: "UPDATE orders SET total = {number} + 5, expect = {number} + 5 WHERE id = {row}",
        seen: "SELECT count(*) FROM orders WHERE id = {row} AND cents = ({number} + 5) * 100",
    },
];
const TYPED_NEW: &[Write] = &[
    Write {
        sql: "INSERT INTO orders (id, cents, expect) VALUES ({new}, {number} * 100, {number})",
        seen: "SELECT count(*) FROM orders WHERE id = {new} AND total = {number}",
    },
    Write {
        sql: "UPDATE orders SET cents = ({number} + 7) * 100, expect = {number} + 7 WHERE id = {row}",
        seen: "SELECT count(*) FROM orders WHERE id = {row} AND total = {number} + 7",
    },
];

const fn typed(setup: &'static str, recipe: &'static str) -> Scenario {
    Scenario {
        setup,
        recipe,
        former: TYPED_FORMER,
        new: TYPED_NEW,
        differs: "SELECT count(*) FROM orders WHERE total <> expect OR total IS NULL OR cents <> expect * 100 OR cents IS NULL",
        wrong: "SELECT count(*) FROM orders WHERE cents <> expect * 100 OR cents IS NULL",
        wrong_again: TOTAL_WRONG,
        wrong_undone: TOTAL_WRONG,
    }
}

recipe!(change_type:
    postgres => typed(ORDERS, "-- recipe change-type table=orders column=total to=cents type=bigint key=id null=no using=\"{total}::bigint * 100\" back=\"{cents} / 100\""),
    maria => typed(ORDERS, "-- recipe change-type table=orders column=total to=cents type=bigint from-type=int key=id null=no using=\"{total} * 100\" back=\"{cents} DIV 100\""),
    sqlite => typed(ORDERS_SQLITE, "-- recipe change-type table=orders column=total to=cents type=bigint key=id using=\"{total} * 100\" back=\"{cents} / 100\""),
);

const OWN_NAME: &[Write] = &[
    Write { sql: "INSERT INTO orders (id, total, expect) VALUES ({new}, {number}, {number})", seen: "" },
    Write { sql: "UPDATE orders SET total = {number} + 5, expect = {number} + 5 WHERE id = {row}", seen: "" },
];

const fn own_name(setup: &'static str, recipe: &'static str) -> Scenario {
    Scenario {
        setup,
        recipe,
        former: OWN_NAME,
        new: OWN_NAME,
        differs: TOTAL_WRONG,
        wrong: TOTAL_WRONG,
        wrong_again: TOTAL_WRONG,
        wrong_undone: TOTAL_WRONG,
    }
}

recipe!(change_type_under_its_own_name:
    postgres => own_name(ORDERS, "-- recipe change-type table=orders column=total type=bigint key=id null=no"),
    sqlite => own_name(ORDERS_SQLITE, "-- recipe change-type table=orders column=total type=bigint key=id"),
);

const MAILS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, email varchar(80), expect varchar(80) NOT NULL); \
    INSERT INTO users (id, email, expect) SELECT g, CASE WHEN g % 2 = 0 THEN 'set' END, CASE WHEN g % 2 = 0 THEN 'set' ELSE 'none' END FROM {rows}";

const FILLED_FORMER: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, expect) VALUES ({new}, 'none')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND email = 'none'",
    },
    Write {
        sql: "UPDATE users SET email = NULL, expect = 'none' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND email = 'none'",
    },
    Write {
        sql: "UPDATE users SET email = '{value}', expect = '{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND email = '{value}'",
    },
];
const FILLED_NEW: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, email, expect) VALUES ({new}, '{value}', '{value}')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND email = '{value}'",
    },
    Write { sql: "UPDATE users SET email = '{value}', expect = '{value}' WHERE id = {row}", seen: "" },
];

const fn filled(recipe: &'static str) -> Scenario {
    Scenario {
        setup: MAILS,
        recipe,
        former: FILLED_FORMER,
        new: FILLED_NEW,
        differs: "SELECT count(*) FROM users WHERE email IS NULL OR email <> expect",
        wrong: "SELECT count(*) FROM users WHERE email IS NULL OR email <> expect",
        wrong_again: "SELECT count(*) FROM users WHERE coalesce(email, 'none') <> expect",
        wrong_undone: "SELECT count(*) FROM users WHERE email IS NULL OR email <> expect",
    }
}

recipe!(add_not_null:
    postgres => filled("-- recipe add-not-null table=users column=email key=id fill=\"'none'\""),
    maria => filled("-- recipe add-not-null table=users column=email key=id fill=\"'none'\" type=varchar(80)"),
);

const UNIQUE_WRITES: &[Write] = &[
    Write { sql: "INSERT INTO users (id, email) VALUES ({new}, '{value}')", seen: "" },
    Write { sql: "INSERT INTO users (id) VALUES (-{new})", seen: "" },
    Write { sql: "DELETE FROM users WHERE id = {new} - 40 OR id = -{new} + 40", seen: "" },
];

const fn unique(setup: &'static str, recipe: &'static str) -> Scenario {
    const TWICE: &str = "SELECT count(*) FROM (SELECT email FROM users WHERE email IS NOT NULL GROUP BY email HAVING count(*) > 1) twice";
    Scenario {
        setup,
        recipe,
        former: UNIQUE_WRITES,
        new: UNIQUE_WRITES,
        differs: TWICE,
        wrong: TWICE,
        wrong_again: TWICE,
        wrong_undone: TWICE,
    }
}

const UNIQUE_TEXT: &str = "CREATE TABLE users (id bigint PRIMARY KEY, email varchar(80)); \
    INSERT INTO users (id, email) SELECT g, CAST(g AS char(10)) FROM {rows}";

recipe!(add_unique:
    postgres => unique(UNIQUE_TEXT, "-- recipe add-unique table=users columns=email name=users_email_key phase=expand"),
    maria => unique(UNIQUE_TEXT, "-- recipe add-unique table=users columns=email name=users_email_key phase=expand"),
    sqlite => unique(UNIQUE_TEXT, "-- recipe add-unique table=users columns=email name=users_email_key phase=expand"),
);

mod add_unique_with_the_contract {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn to_the_contract_and_beyond() {
        let recipe = "-- recipe add-unique table=users columns=email name=users_email_key";
        for database in Database::all() {
            through(&database, &unique(UNIQUE_TEXT, recipe)).await;
        }
    }
}

const TEAMS: &str = "CREATE TABLE teams (id bigint PRIMARY KEY); INSERT INTO teams SELECT g FROM {rows}; \
    CREATE TABLE users (id bigint PRIMARY KEY, team bigint, expect bigint); INSERT INTO users SELECT g, g, g FROM {rows}";
const REFERRING: &[Write] = &[
    Write { sql: "INSERT INTO teams (id) VALUES ({new})", seen: "" },
    Write { sql: "INSERT INTO users (id, team, expect) VALUES ({new}, {new}, {new})", seen: "" },
    Write { sql: "UPDATE users SET team = {row}, expect = {row} WHERE id = {row}", seen: "" },
    Write { sql: "UPDATE users SET team = NULL, expect = NULL WHERE id = {new}", seen: "" },
    Write { sql: "DELETE FROM teams WHERE id = {new}", seen: "" },
];

const fn referring(recipe: &'static str) -> Scenario {
    const LOST: &str = "SELECT count(*) FROM users WHERE team IS NOT NULL AND (team <> expect OR team NOT IN (SELECT id FROM teams))";
    Scenario {
        setup: TEAMS,
        recipe,
        former: REFERRING,
        new: REFERRING,
        differs: LOST,
        wrong: LOST,
        wrong_again: LOST,
        wrong_undone: LOST,
    }
}

recipe!(add_foreign_key:
    postgres => referring("-- recipe add-foreign-key table=users columns=team references=teams target=id phase=expand"),
    maria => referring("-- recipe add-foreign-key table=users columns=team references=teams target=id phase=expand"),
);

mod add_foreign_key_with_the_contract {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn to_the_contract_and_beyond() {
        let recipe = "-- recipe add-foreign-key table=users columns=team references=teams target=id";
        for database in [postgres(), maria()].into_iter().flatten() {
            through(&database, &referring(recipe)).await;
        }
    }
}

const DROPPED_FORMER: &[Write] = &[
    Write { sql: "INSERT INTO users (id, name, expect) VALUES ({new}, '{value}', '{value}')", seen: "" },
    Write { sql: "UPDATE users SET name = 'u{value}', expect = 'u{value}' WHERE id = {row}", seen: "" },
];
const DROPPED_NEW: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, expect) VALUES ({new}, '')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND coalesce(name, '') = ''",
    },
    Write { sql: "UPDATE users SET n = n + 1 WHERE id = {row}", seen: "" },
];

const fn dropped(setup: &'static str, recipe: &'static str) -> Scenario {
    const WRONG: &str = "SELECT count(*) FROM users WHERE coalesce(name, '') <> expect";
    Scenario {
        setup,
        recipe,
        former: DROPPED_FORMER,
        new: DROPPED_NEW,
        differs: WRONG,
        wrong: "SELECT count(*) FROM users WHERE id < 0",
        wrong_again: WRONG,
        wrong_undone: WRONG,
    }
}

recipe!(drop_column:
    postgres => dropped(USERS, "-- recipe drop-column table=users column=name fill=\"''\""),
    maria => dropped(USERS, "-- recipe drop-column table=users column=name fill=\"''\""),
);

mod drop_column_that_may_be_null {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn to_the_contract_and_beyond() {
        let recipe = "-- recipe drop-column table=users column=name";
        through(&Database::sqlite(), &dropped(USERS_SQLITE, recipe)).await;
    }
}

const MOVED_FORMER: &[Write] = &[
    Write {
        sql: "INSERT INTO users (id, name, expect) VALUES ({new}, '{value}', '{value}')",
        seen: "SELECT count(*) FROM people WHERE id = {new} AND name = '{value}' AND n = 0",
    },
    Write {
        sql: "UPDATE users SET name = 'u{value}', expect = 'u{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM people WHERE id = {row} AND name = 'u{value}'",
    },
    Write { sql: "DELETE FROM users WHERE id = {new} - 20", seen: "" },
];
const MOVED_NEW: &[Write] = &[
    Write {
        sql: "INSERT INTO people (id, name, expect) VALUES ({new}, '{value}', '{value}')",
        seen: "SELECT count(*) FROM users WHERE id = {new} AND name = '{value}' AND n = 0",
    },
    Write {
        sql: "UPDATE people SET name = 'u{value}', expect = 'u{value}' WHERE id = {row}",
        seen: "SELECT count(*) FROM users WHERE id = {row} AND name = 'u{value}'",
    },
    Write { sql: "DELETE FROM people WHERE id = {new} - 20", seen: "" },
];

const MOVED: Scenario = Scenario {
    setup: USERS,
    recipe: "-- recipe rename-table from=users to=people",
    former: MOVED_FORMER,
    new: MOVED_NEW,
    differs: "SELECT count(*) FROM users u JOIN people p ON p.id = u.id WHERE u.name <> u.expect OR p.name <> u.name",
    wrong: "SELECT count(*) FROM people WHERE name <> expect",
    wrong_again: "SELECT count(*) FROM users WHERE name <> expect",
    wrong_undone: "SELECT count(*) FROM users WHERE name <> expect",
};

recipe!(rename_table: postgres => MOVED, maria => MOVED);
