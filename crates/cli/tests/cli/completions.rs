//! What is made from the definitions: completions and the schema.

use crate::support::Scratch;

#[test]
fn for_every_shell() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = scratch.run(&["completions", shell]);
        assert_eq!(done.status, 0, "{shell}");
        for command in ["deploy", "rollback", "doctor"] {
            assert!(done.out.contains(command), "{shell} does not complete {command}");
        }
    }
    assert_eq!(scratch.run(&["completions", "cmd"]).status, 2);
}

#[test]
fn the_schema_is_json() {
    let done = Scratch::new().run(&["schema"]);
    assert_eq!(done.status, 0);
    let schema: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert!(schema["properties"]["services"].is_object());
}
