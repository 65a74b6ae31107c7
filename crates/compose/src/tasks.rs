//! Services that others wait for until they have ended (`condition: service_completed_successfully`): what is run once in every deploy.

use bascule_yaml::{Node, Value};

use crate::app::{One, free_name};
use crate::notes::Notes;
use crate::service::Service;
use crate::write::{Rows, quoted};

const ENDED: &str = "service_completed_successfully";

/// Whether a service waits for the end of that one.
pub(crate) fn is_waited_for(name: &str, service: &Node) -> bool {
    let condition = |node: &Node| node.get(name)?.get("condition")?.text().map(str::to_owned);
    service.get("depends_on").and_then(condition).is_some_and(|text| text == ENDED)
}

/// The first service that waits for the end of this one, or of what waits for it, and goes on running itself; none: it is no task.
pub(crate) fn who_waits<'a>(one: &One, mine: &'a [One]) -> Option<&'a One> {
    let waiting =
        |name: &str| mine.iter().filter(|other| is_waited_for(name, &other.node)).collect::<Vec<_>>();
    let mut next = waiting(&one.name);
    // No chain is longer than there are services, whatever the file says.
    for _ in 0..mine.len() {
        if let Some(found) = next.iter().find(|other| waiting(&other.name).is_empty()) {
            return Some(found);
        }
        next = next.iter().flat_map(|other| waiting(&other.name)).collect();
    }
    None
}

/// The services in an order in which who is waited for comes before who waits.
pub(crate) fn in_turn(mine: &[One]) -> Vec<&One> {
    let mut sorted: Vec<&One> = Vec::new();
    let mut left: Vec<&One> = mine.iter().collect();
    while !left.is_empty() {
        let waits = |one: &One| left.iter().any(|other| is_waited_for(&other.name, &one.node));
        // In a ring nobody is first.
        let at = left.iter().position(|one| !waits(one)).unwrap_or(0);
        sorted.push(left.remove(at));
    }
    sorted
}

/// It without what only one that goes on running has.
pub(crate) fn of_one_off(node: &Node) -> Node {
    let mut entries = node.entries().to_vec();
    entries.retain(|(key, _)| key != "restart" && key != "depends_on");
    Node { line: node.line, style: node.style, value: Value::Map(entries) }
}

/// Its rows; none where it does not say what it runs. `read` is what it would be as a service.
pub(crate) fn task(one: &One, after: &One, read: &Service, notes: &mut Notes) -> Option<Rows> {
    let mut rows = Rows::default();
    rows.add("name", quoted(&read.name));
    rows.add("service", quoted(&free_name(&after.name, &[])));
    let Some(command) = read.rows.get("command") else {
        notes.add(
            one.node.line,
            one.place(),
            "not taken: it runs what its image says, and a task says what it runs: write [[tasks]] with its `command`",
        );
        return None;
    };
    rows.add("command", command);
    notes.add(
        one.node.line,
        one.place(),
        format!(
            "taken as a task: it is run once in every deploy, before anything of the new release is started, with the configuration of `{}`",
            after.name
        ),
    );
    let of_after = after.node.get("environment").map(crate::service::pairs).unwrap_or_default();
    let has = |name: &str| of_after.iter().any(|(other, ..)| other == name);
    let lacks: Vec<&str> = read.env.iter().map(|(name, _)| name.as_str()).filter(|name| !has(name)).collect();
    if !lacks.is_empty() {
        let says = format!(
            "left out: a task has the configuration of its service: give `{}` {} as well, or put it into the top level's env",
            after.name,
            lacks.join(", ")
        );
        notes.add(one.node.line, format!("{}.environment", one.place()), says);
    }
    Some(rows)
}
