//! What a plan does to the database: each statement with its lock and whether it can be taken back, and the one point of no return.

use bascule_model::schema::{PlannedMigration, SchemaPlan};

use crate::text::escape;
use crate::text::style::{DIM, WARNING, paint};
use crate::text::wrap::wrap;

/// The section; empty where nothing becomes of the database.
pub fn section(schema: Option<&SchemaPlan>) -> String {
    let Some(schema) = schema else { return String::new() };
    let mut text = format!("  {}\n", wrap(&escape::line(&schema.guarantees), 2, 2));
    part(&mut text, "goes first, since no release needs it any more", &schema.contract);
    part(&mut text, "applied before the new release starts", &schema.apply);
    part(&mut text, "waits until the former release is gone", &schema.later);
    if let Some(point) = &schema.point_of_no_return {
        let sentence = format!("no return: {point}");
        text.push_str(&format!("  {}\n", paint(WARNING, &wrap(&escape::line(&sentence), 2, 2))));
    }
    text
}

fn part(text: &mut String, title: &str, migrations: &[PlannedMigration]) {
    if migrations.is_empty() {
        return;
    }
    text.push_str(&format!("  {title}:\n"));
    for migration in migrations {
        text.push_str(&format!(
            "    {} {}\n",
            escape::line(&migration.version),
            escape::line(&migration.name)
        ));
        for statement in &migration.statements {
            let sql = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
            text.push_str(&format!("      {}\n", wrap(&escape::line(&sql), 6, 8)));
            let says = format!("{}; {}", statement.lock, statement.reversible);
            text.push_str(&format!("        {}\n", paint(DIM, &wrap(&escape::line(&says), 8, 8))));
        }
    }
}
