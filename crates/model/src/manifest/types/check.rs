//! A check of a release, before and after the switch.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::text::{InstanceText, Value};
use crate::ids::ServiceName;
use crate::manifest::json_path::JsonPath;
use crate::units::Duration;

/// A check of a release: something is asked, and the answer has to be as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, unique in the environment.
    pub name: String,
    /// What is asked.
    pub request: CheckRequest,
    /// What the answer has to be.
    pub expect: Expect,
    /// When a failure is tried again; none: at once final.
    pub retry: Option<Retry>,
}

/// What a check asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CheckRequest {
    /// A request to a service of the release.
    Http {
        /// The service that is asked; it has traffic.
        service: ServiceName,
        /// The method.
        method: Method,
        /// The path with its query; begins with `/` (a private one is checked when it is known).
        path: Value,
        /// Header fields by name.
        headers: BTreeMap<String, Value>,
        /// The body.
        body: Option<Value>,
    },
    /// A program on this machine; exit code 0 is good. It gets the environment's shared configuration, and where the release
    /// answers as `BASCULE_URL`.
    Command {
        /// The service that `BASCULE_URL` leads to; none when the app has no service with traffic.
        service: Option<ServiceName>,
        /// The program and its arguments, at least one; holds no private value. Run in the project's folder.
        arguments: Vec<InstanceText>,
    },
}

/// The method of a check's request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

impl Method {
    /// The name on the wire, as in `GET`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
}

/// What the answer has to be: all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// The status; none: any of 200 to 299. Always none for a command, which has to end with exit code 0.
    pub status: Option<u16>,
    /// The whole answer is there within this time (10 s when the manifest does not say).
    pub within: Duration,
    /// The body (for a command: its output) is JSON and has something other than `null` in this place.
    pub json: Option<JsonPath>,
    /// The body (for a command: its output) contains this text.
    pub contains: Option<Value>,
}

/// How often and how long a failed check is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// So many more times, at least 1.
    pub times: u32,
    /// Spread over this time.
    pub over: Duration,
}
