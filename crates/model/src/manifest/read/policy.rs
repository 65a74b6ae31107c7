//! Reads `[environments.NAME.policy]` and `promote_from`.

use super::keys;
use super::reader::{Node, Reader, shortened};
use super::scalars::{Kind, NAME, array, duration, flag, number, parsed, report_repeated, text};
use crate::ids::EnvironmentName;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::resolve::template::is_variable_name;
use crate::manifest::types::{Located, PolicySettings};
use crate::units::Duration;

const MOMENT: Duration = Duration::from_seconds(1);
const MONTH: Duration = Duration::from_seconds(30 * 86_400);

const WINDOW: Kind = Kind {
    what: "a freeze window",
    help: "write days or dates with times and a time zone if you like, as in \"Fri 16:00..Mon 08:00 Europe/Berlin\", \"Sat..Sun\" or \"2026-12-20..2027-01-02\"",
};
const VARIABLE: Kind =
    Kind { what: "the name of a variable", help: "write a name of the configuration, as in \"DEBUG_TOKEN\"" };

/// `[environments.NAME.policy]`
pub(crate) fn policy<'t>(reader: &mut Reader, node: &'t Node<'t>, place: &str) -> Option<PolicySettings> {
    let section = reader.section(node, place, &keys::POLICY)?;
    Some(PolicySettings {
        approvals: section.read(reader, "approvals", |r, key, node| number(r, key, node, 0..=10)),
        approvals_for: section
            .read(reader, "approvals_for", |r, key, node| duration(r, key, node, MOMENT..=MONTH)),
        freeze: section.read(reader, "freeze", |r, key, node| {
            array(r, key, node, "write a list, as in freeze = [\"Fri 16:00..Mon 08:00\"]", |r, key, node| {
                parsed(r, key, node, &WINDOW)
            })
        }),
        allow_dirty: section.read(reader, "allow_dirty", flag),
        checklist: section.read(reader, "checklist", flag),
        left_out: section.read(reader, "left_out", left_out),
    })
}

fn left_out<'t>(reader: &mut Reader, key: &'static str, node: &'t Node<'t>) -> Option<Vec<Located<String>>> {
    let names = array(reader, key, node, "write a list of names, as in left_out = [\"DEBUG\"]", variable)?;
    report_repeated(reader, key, &names);
    Some(names)
}

fn variable(reader: &mut Reader, key: &'static str, node: &Node<'_>) -> Option<Located<String>> {
    let name = text(reader, key, node, &VARIABLE)?;
    if is_variable_name(&name.value) {
        return Some(name);
    }
    let message = format!("`{key}`: \"{}\" is not {}", shortened(&name.value), VARIABLE.what);
    reader.report(
        Diagnostic::new(Code::BadValue, &name.span, message)
            .label(format!("expected {}", VARIABLE.what))
            .help(VARIABLE.help),
    );
    None
}

/// `promote_from`
pub(crate) fn promote_from(
    reader: &mut Reader,
    key: &'static str,
    node: &Node<'_>,
) -> Option<Located<EnvironmentName>> {
    parsed(reader, key, node, &NAME)
}
