//! A key is smaller than bigint.

use bascule_sql::{Action, Column, ConstraintKind};

use crate::{
    rule::{Hit, POSTGRES, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "small-key",
    dialects: POSTGRES,
    title: "a key is smaller than bigint",
    reason: "An integer key is full at two thousand million rows, deleted ones included, and then every \
            INSERT fails; the way to bigint is long.",
    safe: "Use bigint (GENERATED ALWAYS AS IDENTITY) for keys.",
    severity: "a hint",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let small = |column: &&Column| {
        let name = column.data_type.as_ref().map_or("", |data_type| data_type.name.as_str());
        matches!(
            name,
            "int"
                | "integer"
                | "int4"
                | "smallint"
                | "int2"
                | "serial"
                | "serial4"
                | "smallserial"
                | "serial2"
        )
    };
    let hit = |action: &Action| {
        let Action::CreateTable(made) = action else { return None };
        let keyed = |name: &str| {
            made.constraints.iter().any(
                |one| matches!(&one.kind, ConstraintKind::PrimaryKey { columns } if columns.len() == 1 && columns[0] == name),
            )
        };
        let numbered = |column: &&Column| column.auto_increment || column.identity;
        let key = made.columns.iter().filter(|column| column.primary_key || keyed(&column.name));
        let column = key.filter(numbered).find(small)?;
        Some(Hit::hint(format!("`{}` is full at two thousand million rows or fewer", column.name)))
    };
    site.actions().filter_map(hit).collect()
}

#[cfg(test)]
mod tests {
    use bascule_sql::Dialect;

    use super::RULE;
    use crate::{Severity, testing};

    #[test]
    fn it_is_found_where_it_hurts() {
        testing::table(
            &RULE,
            Dialect::Postgres,
            &[
                ("CREATE TABLE t (id serial PRIMARY KEY)", Severity::Hint),
                ("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id))", Severity::Hint),
            ],
            &[
                "CREATE TABLE t (id bigserial PRIMARY KEY)",
                "CREATE TABLE t (id int PRIMARY KEY)",
                "CREATE TABLE t (id bigint, n int)",
            ],
        );
    }
}
