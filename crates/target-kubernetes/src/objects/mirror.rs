//! The Secret in which an environment's last run is kept for those who do not have its journal. Annotations say what decides about it,
//! so that nobody has to read the contents for that. Pure.

use std::collections::BTreeMap;

use bascule_model::ids::{EnvironmentKey, Generation};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::ResourceExt as _;

use crate::names;

/// The key of the contents.
const CONTENTS: &str = "run.json";

/// Who keeps it.
pub(crate) struct Keeper<'a> {
    /// What the environment's objects say of who made them.
    pub(crate) owner: &'a str,
    pub(crate) generation: Generation,
    /// The machine and the state folder.
    pub(crate) home: &'a str,
}

/// The object; `version`: of the one that it takes the place of, and who wrote to that one since makes this one refused.
pub(crate) fn secret(
    key: &EnvironmentKey,
    keeper: &Keeper<'_>,
    contents: &[u8],
    version: Option<String>,
) -> Secret {
    let values = [
        (names::OWNER, keeper.owner.to_owned()),
        (names::GENERATION, keeper.generation.0.to_string()),
        (names::HOME, keeper.home.to_owned()),
    ];
    Secret {
        metadata: ObjectMeta {
            name: Some(names::mirror(key)),
            labels: Some(names::of_environment(key)),
            annotations: Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            resource_version: version,
            ..ObjectMeta::default()
        },
        type_: Some("Opaque".to_owned()),
        data: Some(BTreeMap::from([(CONTENTS.to_owned(), ByteString(contents.to_vec()))])),
        ..Secret::default()
    }
}

/// What one that is there means for whoever has the environment under a generation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is older, or our own.
    Ours,
    /// Somebody has taken the environment over; where that one is.
    Elsewhere(String),
    /// It is not of this environment, or not of whoever made its other objects.
    Foreign,
}

/// What is made of one that is there. What we keep of an environment that we took over says that it is of whoever had it before.
pub(crate) fn judge(there: &Secret, key: &EnvironmentKey, keeper: &Keeper<'_>) -> Standing {
    let is_ours =
        said(there, names::OWNER) == Some(keeper.owner) || said(there, names::HOME) == Some(keeper.home);
    if !is_of(there, key) || !is_ours {
        return Standing::Foreign;
    }
    if generation(there) > keeper.generation {
        return Standing::Elsewhere(said(there, names::HOME).unwrap_or("another machine").to_owned());
    }
    Standing::Ours
}

/// Whether it is what is kept of that environment: two names that were cut may be one.
pub(crate) fn is_of(there: &Secret, key: &EnvironmentKey) -> bool {
    let has = |name: &str, value: &str| there.labels().get(name).is_some_and(|it| it == value);
    has(names::APP, key.app.as_str())
        && has(names::ENVIRONMENT, key.environment.as_str())
        && said(there, names::HOME).is_some()
}

pub(crate) fn said<'a>(there: &'a Secret, name: &str) -> Option<&'a str> {
    there.annotations().get(name).map(String::as_str)
}

pub(crate) fn generation(there: &Secret) -> Generation {
    said(there, names::GENERATION).and_then(|text| text.parse().ok()).map_or(Generation(0), Generation)
}

pub(crate) fn contents(there: &Secret) -> &[u8] {
    there.data.as_ref().and_then(|data| data.get(CONTENTS)).map_or(&[], |contents| &contents.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_write_over_it() {
        let key: EnvironmentKey = "shop/staging".parse().unwrap();
        let keeper = Keeper { owner: "a", generation: Generation(7), home: "web1:/state" };
        let there = secret(&key, &keeper, b"{}", None);
        assert_eq!(contents(&there), b"{}");
        let elsewhere = Standing::Elsewhere("web1:/state".to_owned());
        for (owner, home, fence, expected) in [
            ("a", "web2:/state", 7, Standing::Ours),
            ("a", "web2:/state", 8, Standing::Ours),
            ("a", "web2:/state", 6, elsewhere),
            ("b", "web2:/state", 9, Standing::Foreign),
            ("b", "web1:/state", 9, Standing::Ours),
        ] {
            let keeper = Keeper { owner, generation: Generation(fence), home };
            assert_eq!(judge(&there, &key, &keeper), expected, "{owner} {home} {fence}");
        }
        let other = "shop/production".parse().unwrap();
        assert_eq!(judge(&there, &other, &keeper), Standing::Foreign);
        assert_eq!(judge(&Secret::default(), &key, &keeper), Standing::Foreign);
    }
}
