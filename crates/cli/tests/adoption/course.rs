//! There and back again: the same course for every tool and every database.

use bascule_sql::Dialect;
use serde_json::{Value, json};

use crate::project::Project;
use crate::tool::{Change, Tool, WayBack, change};

/// Runs it.
pub async fn there_and_back(tool: &impl Tool, dialect: Dialect) {
    let Some(project) = Project::on(dialect) else { return };
    let changes: Vec<Change> = (1..=5).map(|number| change(number, dialect)).collect();
    let versions = |numbers: &[usize]| -> Value {
        numbers.iter().map(|number| tool.version(&changes[number - 1])).collect::<Vec<_>>().into()
    };
    let tool_up = async || tool.up(&project.migrations(), &project.address).await;
    let log = async || project.ask("SELECT n FROM log ORDER BY n").await;
    for change in &changes[..3] {
        project.put(&tool.files(change));
    }
    tool_up().await;

    // Nobody is let apply what is applied: the command that takes over is named.
    let (status, refused) = project.migrate(&["up"]);
    assert_eq!((status, &refused["error"]["code"]), (4, &json!("MIGRATIONS_DIFFER")), "{refused}");
    assert!(refused["error"]["remedy"].as_str().unwrap().contains("migrate baseline"), "{refused}");
    let notes = project.notes(&["status"]);
    assert!(notes.contains("3 migrations by its table") && notes.contains("migrate baseline"), "{notes}");
    assert_eq!(project.well(&["baseline"])["versions"], versions(&[1, 2, 3]));
    assert_eq!(project.notes(&["status"]), "");
    assert_eq!(standings(&project), ["applied", "applied", "applied"]);
    assert_eq!(applied(&project), json!([]));
    assert_eq!(log().await, ["1", "2"]);

    // Bascule goes on.
    project.put(&tool.files(&changes[3]));
    assert_eq!(applied(&project), versions(&[4]));
    assert_eq!(log().await, ["1", "2", "4"]);

    // The tool goes on.
    assert_eq!(project.well(&["baseline", "--hand-back"])["versions"], versions(&[4]));
    tool_up().await;
    assert_eq!(log().await, ["1", "2", "4"]);
    project.put(&tool.files(&changes[4]));
    tool_up().await;
    assert_eq!(log().await, ["1", "2", "4", "5"]);

    // And Bascule again, with what the tool did meanwhile.
    assert_eq!(project.well(&["baseline"])["versions"], versions(&[5]));
    assert_eq!(applied(&project), json!([]));

    // What Bascule takes back, whoever applied it, the tool applies anew.
    let (status, said) = project.migrate(&["down", "--last", "2"]);
    if tool.way_back() == WayBack::None {
        assert_eq!((status, &said["error"]["code"]), (4, &json!("MIGRATION_IRREVERSIBLE")), "{said}");
        return;
    }
    assert_eq!(status, 0, "{said}");
    assert_eq!(log().await, ["1", "2"]);
    assert_eq!(project.well(&["baseline", "--hand-back"])["versions"], json!([]));
    tool_up().await;
    assert_eq!(log().await, ["1", "2", "4", "5"]);
    assert_eq!(project.well(&["baseline"])["versions"], versions(&[4, 5]));
    assert_eq!(applied(&project), json!([]));
    assert_eq!(log().await, ["1", "2", "4", "5"]);
}

/// What `up` applied.
fn applied(project: &Project) -> Value {
    let outcome = project.well(&["up"]);
    let applied = outcome["applied"].as_array().unwrap();
    applied.iter().map(|one| one["version"].clone()).collect::<Vec<_>>().into()
}

/// How each migration stands.
fn standings(project: &Project) -> Vec<String> {
    let status = project.well(&["status"]);
    let lines = status["lines"].as_array().unwrap();
    lines.iter().map(|line| line["standing"].as_str().unwrap().to_owned()).collect()
}
