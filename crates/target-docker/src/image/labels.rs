//! The labels that images of ours carry, and their names.

use std::collections::{BTreeMap, HashMap};

/// Whose it is: the id of the state folder.
pub(super) const OWNER: &str = "bascule.owner";
pub(super) const APP: &str = "bascule.app";
/// The environment that it was built for first.
pub(super) const ENVIRONMENT: &str = "bascule.environment";
/// The fingerprint of everything that its build saw.
pub(super) const SOURCE: &str = "bascule.source";
/// The commit that the project stood on; left out where there is none.
pub(super) const COMMIT: &str = "bascule.commit";
/// When it was built, by the engine's clock (RFC 3339).
pub(super) const CREATED: &str = "bascule.created";
/// The hash of the plan that it was built for.
pub(super) const PLAN: &str = "bascule.plan";

/// How much of a fingerprint names an image.
const SHORT: usize = 12;
/// How much of the state folder's id keeps the names of two control planes on one engine apart.
const SHORT_OWNER: usize = 8;

/// The tag of an image that was built from these sources.
pub(super) fn tag(fingerprint: &str, owner: &str) -> String {
    let owner: String = owner.chars().filter(char::is_ascii_alphanumeric).take(SHORT_OWNER).collect();
    format!("{}-{owner}", &fingerprint[..SHORT.min(fingerprint.len())])
}

/// What there is to say of an image that is taken because it was built from the same sources.
pub(super) fn unchanged(labels: &HashMap<String, String>) -> String {
    let of = |name: &str| labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let mut says = "nothing has changed since the image was built".to_owned();
    if let Some(environment) = of(ENVIRONMENT) {
        says.push_str(&format!(" for {environment}"));
    }
    if let Some(created) = of(CREATED) {
        says.push_str(&format!(" on {created}"));
    }
    if let Some(commit) = of(COMMIT) {
        says.push_str(&format!(" (commit {})", commit.get(..SHORT).unwrap_or(commit)));
    }
    says.push_str(": it is taken as it is");
    says
}

/// The filter of a list of images that have these labels.
pub(super) fn filter(labels: &[(&str, &str)]) -> HashMap<String, Vec<String>> {
    let labels = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    HashMap::from([("label".to_owned(), labels)])
}

/// Labels by name, for a build.
pub(super) type Labels = BTreeMap<&'static str, String>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_an_image_that_was_there() {
        let labels = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(
            unchanged(&labels(&[])),
            "nothing has changed since the image was built: it is taken as it is"
        );
        let all =
            [(ENVIRONMENT, "production"), (CREATED, "2026-11-25T14:00:00Z"), (COMMIT, "0123456789abcdef")];
        assert_eq!(
            unchanged(&labels(&all)),
            "nothing has changed since the image was built for production on 2026-11-25T14:00:00Z \
             (commit 0123456789ab): it is taken as it is"
        );
        assert_eq!(tag(&"ab".repeat(32), "01-2/3456789"), "abababababab-01234567");
    }
}
