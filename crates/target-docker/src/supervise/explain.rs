//! The engine's words for a container that could not be made or started, for a person. Pure.

/// One sentence; the engine's own words are kept where they are not known here.
pub(crate) fn explain(words: &str, user: &str) -> String {
    let words = words.trim();
    if let Some((program, why)) = of_program(words) {
        if why.contains("executable file not found") || why.contains("no such file or directory") {
            return format!(
                "its program {program:?} is not in the image (exec: {program:?}: {})",
                first(why)
            );
        }
        if why.contains("permission denied") {
            return format!(
                "its program {program:?} may not be run by {}: it is not executable for that user (exec: {program:?}: {})",
                if user.is_empty() { "its user" } else { user },
                first(why)
            );
        }
        if why.contains("exec format error") {
            return format!("its program {program:?} is not made for this machine (exec format error)");
        }
    }
    let table = [
        ("unable to find user", "the image has no such user"),
        ("unable to find group", "the image has no such group"),
        ("bind source path does not exist", "a folder that it is to see is not there on this machine"),
        ("port is already allocated", "the port that was to lead to it is taken"),
        ("address already in use", "its address or port is taken"),
        ("No such image", "its image is not on this machine any more"),
        ("Cannot restart a paused", "it is paused"),
    ];
    let known = table.iter().find(|(part, _)| words.to_lowercase().contains(&part.to_lowercase()));
    match known {
        Some((_, sentence)) => format!("{sentence} ({words})"),
        None => words.to_owned(),
    }
}

/// The program that the runtime names, and what it says of it.
fn of_program(words: &str) -> Option<(&str, &str)> {
    let (_, rest) = words.split_once("exec: \"")?;
    let (program, why) = rest.split_once("\":")?;
    Some((program, why.trim()))
}

fn first(why: &str) -> &str {
    why.strip_suffix(": unknown").unwrap_or(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtimes_words_are_told() {
        let table = [
            (
                "OCI runtime create failed: container_linux.go:380: starting container process caused: exec: \"nosuch\": executable file not found in $PATH: unknown",
                "its program \"nosuch\" is not in the image (exec: \"nosuch\": executable file not found in $PATH)",
            ),
            (
                "failed to create shim: OCI runtime create failed: exec: \"/x\": stat /x: no such file or directory: unknown",
                "its program \"/x\" is not in the image (exec: \"/x\": stat /x: no such file or directory)",
            ),
            (
                "runc create failed: unable to start container process: exec: \"/etc/passwd\": permission denied: unknown",
                "its program \"/etc/passwd\" may not be run by app: it is not executable for that user (exec: \"/etc/passwd\": permission denied)",
            ),
            (
                "unable to find user bob: no matching entries in passwd file",
                "the image has no such user (unable to find user bob: no matching entries in passwd file)",
            ),
            ("something new", "something new"),
        ];
        for (words, expected) in table {
            assert_eq!(explain(words, "app"), expected);
        }
    }
}
