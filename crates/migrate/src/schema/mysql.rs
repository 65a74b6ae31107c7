//! MySQL and MariaDB: what there is in one question, the tables' and routines' own texts in a second.
//!
//! Grants are the server's and not the schema's; definers are left out, and the database's own name before a name is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bascule_sql::Dialect;

use super::filter::Filter;
use super::snapshot::{BODY, Object};
use crate::connection::{Connection, Row, identifier};
use crate::error::DatabaseError;

const QUESTION: &str = "\
SELECT 'database', 'database', '0', CONCAT('character set ', default_character_set_name, ' collate ', default_collation_name) \
    FROM information_schema.schemata WHERE schema_name = DATABASE() \
UNION ALL SELECT 'name', DATABASE(), '0', '' \
UNION ALL SELECT 'table', table_name, '0', '' FROM information_schema.tables \
    WHERE table_schema = DATABASE() AND table_type <> 'VIEW' \
UNION ALL SELECT 'view', table_name, '0', CONCAT('security ', LOWER(security_type), ', check option ', LOWER(check_option)) \
    FROM information_schema.views WHERE table_schema = DATABASE() \
UNION ALL SELECT 'view', table_name, '2', view_definition FROM information_schema.views WHERE table_schema = DATABASE() \
UNION ALL SELECT 'trigger', CONCAT(event_object_table, '.', trigger_name), '0', \
        CONCAT(LOWER(action_timing), ' ', LOWER(event_manipulation), ', number ', action_order) \
    FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
UNION ALL SELECT 'trigger', CONCAT(event_object_table, '.', trigger_name), '2', action_statement \
    FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
UNION ALL SELECT LOWER(routine_type), routine_name, '0', CONCAT('security ', LOWER(security_type), ', ', LOWER(sql_data_access)) \
    FROM information_schema.routines WHERE routine_schema = DATABASE() \
UNION ALL SELECT 'event', event_name, '0', CONCAT_WS(' ', LOWER(event_type), execute_at, interval_value, interval_field, starts, ends, \
        LOWER(status), LOWER(on_completion)) FROM information_schema.events WHERE event_schema = DATABASE() \
UNION ALL SELECT 'event', event_name, '2', event_definition FROM information_schema.events WHERE event_schema = DATABASE()";

pub(super) async fn objects(
    connection: &mut Connection,
    filter: &Filter,
) -> Result<Vec<Object>, DatabaseError> {
    let mut objects: BTreeMap<(String, String), Vec<(u8, String)>> = BTreeMap::new();
    let mut database = String::new();
    for row in connection.rows(QUESTION).await? {
        let [Some(kind), Some(name), Some(rank), line] = <[_; 4]>::try_from(row).unwrap_or_default() else {
            continue;
        };
        if kind == "name" {
            database = name;
        } else if !filter.hides(name.split('.').next().unwrap_or(&name)) {
            let lines = objects.entry((kind, name)).or_default();
            lines.push((rank.parse().unwrap_or_default(), line.unwrap_or_default()));
        }
    }
    let mut texts = String::new();
    for (kind, name) in objects.keys() {
        if matches!(kind.as_str(), "table" | "procedure" | "function") {
            let _ = write!(texts, "SHOW CREATE {kind} {};", identifier(Dialect::Mysql, name));
        }
    }
    if !texts.is_empty() {
        for row in connection.rows(&texts).await? {
            add(&mut objects, row);
        }
    }
    let own = format!("{}.", identifier(Dialect::Mysql, &database));
    let object = |((kind, name), lines): ((String, String), Vec<(u8, String)>)| {
        let lines = lines.into_iter().filter(|(_, text)| !text.is_empty());
        Object::of(kind, name, lines.map(|(rank, text)| (rank, text.replace(&own, ""))).collect())
    };
    Ok(objects.into_iter().map(object).collect())
}

/// A row of `SHOW CREATE`: two values for a table, more for a routine, whose kind is in its text.
fn add(objects: &mut BTreeMap<(String, String), Vec<(u8, String)>>, row: Row) {
    let mut values = row.into_iter();
    let (Some(Some(name)), second, third) = (values.next(), values.next().flatten(), values.next().flatten())
    else {
        return;
    };
    let Some(text) = third else {
        let lines = objects.entry(("table".to_owned(), name)).or_default();
        return lines.extend(table(&second.unwrap_or_default()));
    };
    let text = without_definer(&text);
    let kind = if text.starts_with("CREATE PROCEDURE") { "procedure" } else { "function" };
    objects.entry((kind.to_owned(), name)).or_default().push((BODY, text));
}

/// The lines of a `CREATE TABLE` as the server writes it: one column, key or constraint on each, then the options.
fn table(text: &str) -> Vec<(u8, String)> {
    let mut lines = text.lines();
    let mut found = Vec::new();
    if !text.starts_with("CREATE TABLE") {
        return vec![(BODY, text.to_owned())];
    }
    lines.next();
    for line in lines.by_ref() {
        if let Some(options) = line.strip_prefix(')') {
            found.push((0, without_counter(options.trim())));
            break;
        }
        found.push((1, line.trim().trim_end_matches(',').to_owned()));
    }
    let rest: Vec<&str> = lines.map(str::trim).collect();
    if !rest.is_empty() {
        found.push((0, rest.join(" ")));
    }
    found
}

/// Without the number that the next row gets.
fn without_counter(options: &str) -> String {
    let words = options.split(' ').filter(|word| !word.starts_with("AUTO_INCREMENT="));
    words.collect::<Vec<_>>().join(" ")
}

fn without_definer(text: &str) -> String {
    let Some(at) = text.find("DEFINER=") else { return text.to_owned() };
    if at > "CREATE OR REPLACE ".len() {
        return text.to_owned();
    }
    // `user`@`host`: neither part of it ends before a backtick that a space follows.
    let rest = &text[at..];
    let end = rest.find("` ").map_or(rest.len(), |end| end + 2);
    format!("{}{}", &text[..at], &rest[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_line_by_line_without_its_counter() {
        let text = "CREATE TABLE `t` (\n  `id` int(11) NOT NULL AUTO_INCREMENT,\n  `a` text DEFAULT NULL,\n  PRIMARY KEY (`id`)\n) \
                    ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4\n PARTITION BY HASH (`id`)\nPARTITIONS 2";
        let found: Vec<String> =
            table(text).into_iter().map(|(rank, line)| format!("{rank} {line}")).collect();
        assert_eq!(
            found,
            [
                "1 `id` int(11) NOT NULL AUTO_INCREMENT",
                "1 `a` text DEFAULT NULL",
                "1 PRIMARY KEY (`id`)",
                "0 ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
                "0 PARTITION BY HASH (`id`) PARTITIONS 2",
            ]
        );
    }

    #[test]
    fn a_definer_is_left_out() {
        for (text, without) in [
            (
                "CREATE DEFINER=`root`@`localhost` PROCEDURE `p`()\nBEGIN END",
                "CREATE PROCEDURE `p`()\nBEGIN END",
            ),
            ("CREATE FUNCTION `f`() RETURNS int(11)", "CREATE FUNCTION `f`() RETURNS int(11)"),
        ] {
            assert_eq!(without_definer(text), without);
        }
    }
}
