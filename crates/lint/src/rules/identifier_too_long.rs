//! A name is longer than the server keeps.

use bascule_sql::{Action, Dialect};

use crate::{
    rule::{Hit, Rule},
    site::Site,
};

pub(super) const RULE: Rule = Rule {
    name: "identifier-too-long",
    dialects: &[Dialect::Postgres, Dialect::Mysql],
    title: "a name is longer than the server keeps",
    reason: "PostgreSQL cuts names to 63 bytes without an error, so that two may become one and nobody \
            finds it by what the file says. MySQL refuses more than 64 characters.",
    safe: "Take a shorter name.",
    severity: "warning with PostgreSQL, block with MySQL",
    check,
};

fn check(site: &Site<'_>) -> Vec<Hit> {
    let too_long = |name: &&String| match site.dialect() {
        Dialect::Mysql => name.chars().count() > 64,
        _ => name.len() > 63,
    };
    let names: Vec<String> = site.actions().flat_map(names).collect();
    let Some(name) = names.iter().find(too_long) else { return Vec::new() };
    vec![if site.is(Dialect::Mysql) {
        Hit::block(format!("the server refuses `{name}`"))
    } else {
        let kept: String =
            name.char_indices().take_while(|(at, c)| at + c.len_utf8() <= 63).map(|(_, c)| c).collect();
        Hit::warning(format!("`{name}` becomes `{kept}`"))
    }]
}

/// The names that an action gives.
fn names(action: &Action) -> Vec<String> {
    match action {
        Action::CreateTable(made) => {
            let columns = made.columns.iter().map(|column| column.name.clone());
            let constraints = made.constraints.iter().filter_map(|constraint| constraint.name.clone());
            std::iter::once(made.table.name.clone()).chain(columns).chain(constraints).collect()
        }
        Action::AddColumn { column, .. } => vec![column.name.clone()],
        Action::AddConstraint { constraint, .. } => constraint.name.iter().cloned().collect(),
        Action::CreateIndex(index) => index.index.iter().map(|name| name.name.clone()).collect(),
        Action::RenameTable { to, .. } => vec![to.name.clone()],
        Action::RenameColumn { to, .. } => vec![to.clone()],
        Action::CreateView { view: name, .. }
        | Action::CreateFunction { function: name, .. }
        | Action::CreateTrigger { trigger: name, .. } => vec![name.name.clone()],
        _ => Vec::new(),
    }
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
                (
                    "CREATE INDEX iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii ON small (a)",
                    Severity::Warning,
                ),
                (
                    "ALTER TABLE t ADD COLUMN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa int",
                    Severity::Warning,
                ),
            ],
            &["CREATE INDEX iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii ON small (a)"],
        );
        testing::table(
            &RULE,
            Dialect::Mysql,
            &[(
                "ALTER TABLE t ADD COLUMN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa int",
                Severity::Block,
            )],
            &[
                "ALTER TABLE t ADD COLUMN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa int",
            ],
        );
    }
}
