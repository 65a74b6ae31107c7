//! `[[verify]]` as it is written.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;

use super::{CommandSettings, Located, Reading};
use crate::ids::ServiceName;
use crate::manifest::json_path::JsonPath;
use crate::manifest::schema;
use crate::units::Duration;

/// A check of a release, made before the switch, and again through the users' door after it. It has exactly one of `get`,
/// `post`, `put`, `delete` and `command`.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Check", deny_unknown_fields, extend("required" = ["name"]))]
pub struct CheckSettings {
    /// Where the section begins.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// What reports call it; unique.
    #[schemars(length(min = 1, max = 80))]
    pub name: Option<Located<String>>,
    /// The service that is asked. Without it the only one with a port, or the only one with the path `/`.
    #[schemars(with = "Option<schema::Name>")]
    pub service: Option<Located<ServiceName>>,
    /// `GET` of this path. May use `${NAME}`, as may the other three.
    #[schemars(with = "Option<schema::OpenPath>")]
    pub get: Option<Located<String>>,
    /// `POST` to this path.
    #[schemars(with = "Option<schema::OpenPath>")]
    pub post: Option<Located<String>>,
    /// `PUT` to this path.
    #[schemars(with = "Option<schema::OpenPath>")]
    pub put: Option<Located<String>>,
    /// `DELETE` of this path.
    #[schemars(with = "Option<schema::OpenPath>")]
    pub delete: Option<Located<String>>,
    /// A check of one's own, run in the project's folder: exit code 0 is good. `$BASCULE_URL` is where the release answers.
    pub command: Option<CommandSettings>,
    /// Header fields of the request. May use `${NAME}`.
    #[schemars(with = "Option<BTreeMap<schema::FieldName, String>>")]
    pub header: Option<BTreeMap<String, Located<String>>>,
    /// The body of the request, not with `get`. May use `${NAME}`.
    pub body: Option<Located<String>>,
    /// What the answer has to be. A request expects at least one thing; for a command it may be left out.
    pub expect: Option<ExpectSettings>,
    /// How many more times a failed check is made.
    #[schemars(range(min = 0, max = 1000), extend("default" = 0))]
    pub retries: Option<Located<u32>>,
    /// The time over which retries are spread, only with `retries`.
    #[schemars(extend("default" = "5s"))]
    pub over: Option<Located<Duration>>,
    /// Something in it could not be read.
    #[schemars(skip)]
    pub(crate) reading: Reading,
}

/// What the answer has to be: all that is given.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename = "Expect", deny_unknown_fields)]
pub struct ExpectSettings {
    /// Where it stands.
    #[schemars(skip)]
    pub span: Range<usize>,
    /// The status. Without it, 200 to 299. Not for a command.
    #[schemars(range(min = 100, max = 599))]
    pub status: Option<Located<u16>>,
    /// The time in which the whole answer is there.
    #[schemars(extend("default" = "10s"))]
    pub within: Option<Located<Duration>>,
    /// The answer is JSON and has something other than null in this place, as in `$.users[0].name`.
    #[schemars(with = "Option<schema::JsonPlace>")]
    pub json: Option<Located<JsonPath>>,
    /// The answer contains this text. May use `${NAME}`.
    #[schemars(length(min = 1))]
    pub contains: Option<Located<String>>,
}
