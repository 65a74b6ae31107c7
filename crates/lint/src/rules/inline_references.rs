//! A reference at a column is not kept.

use bascule_sql::{Action, Column};

use crate::{
    rule::{Hit, MYSQL, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "inline-references",
    dialects: MYSQL,
    title: "a reference at a column is not kept",
    reason: "MySQL reads REFERENCES behind a column and forgets it: there is no foreign key. MariaDB keeps \
            it from 10.5 on.",
    safe: "Write FOREIGN KEY (…) REFERENCES … as a line of its own.",
    severity: "warning; nothing with MariaDB",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    if site.context.is_mariadb() || site.context.is_mysql_since(9, 0) {
        return Vec::new();
    }
    let columns = |action: &'_ Action| -> Vec<Column> {
        match action {
            Action::CreateTable(made) => made.columns.clone(),
            Action::AddColumn { column, .. } => vec![column.clone()],
            _ => Vec::new(),
        }
    };
    let found = site.actions().flat_map(columns).find(|column| column.references.is_some());
    found.map(|column| Hit::warning(format!("`{}` gets no foreign key", column.name))).into_iter().collect()
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
            Dialect::Mysql,
            &[
                ("CREATE TABLE t (a int REFERENCES u (id))", Severity::Warning),
                ("ALTER TABLE t ADD a int REFERENCES u (id)", Severity::Warning),
            ],
            &["CREATE TABLE t (a int, FOREIGN KEY (a) REFERENCES u (id))"],
        );
    }
}
