//! Refusals, as the `Status` objects that the real server sends.

use serde_json::{Value, json};

use crate::kinds::Resource;

/// A request that was refused: what becomes a `Status` object.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Value,
    /// Seconds of the header `Retry-After`.
    pub retry_after: Option<u64>,
}

/// What is wrong with one field.
#[derive(Debug, Clone)]
pub(crate) struct Cause {
    pub reason: &'static str,
    pub field: String,
    pub message: String,
}

impl Cause {
    pub(crate) fn invalid(field: &str, value: &Value, why: &str) -> Self {
        let message = format!("Invalid value: {value}: {why}");
        Self { reason: "FieldValueInvalid", field: field.to_owned(), message }
    }

    pub(crate) fn required(field: &str, why: &str) -> Self {
        let message =
            if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self { reason: "FieldValueRequired", field: field.to_owned(), message }
    }

    pub(crate) fn forbidden(field: &str, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", field: field.to_owned(), message: format!("Forbidden: {why}") }
    }

    fn json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl Failure {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: json!({}), retry_after: None }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        self.details = details(resource.group, resource.plural, name);
        self
    }

    pub(crate) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }

    pub(crate) fn not_found(resource: &Resource, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{} {name:?} not found", resource.qualified()))
            .about(resource, name)
    }

    pub(crate) fn already_exists(resource: &Resource, name: &str, live: &Value) -> Self {
        let going = if crate::object::is_terminating(live) { "object is being deleted: " } else { "" };
        let message = format!("{going}{} {name:?} already exists", resource.qualified());
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    pub(crate) fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", resource.qualified());
        Self::new(409, "Conflict", message).about(resource, name)
    }

    pub(crate) fn modified(resource: &Resource, name: &str) -> Self {
        let why =
            "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    pub(crate) fn invalid(resource: &Resource, name: &str, causes: &[Cause]) -> Self {
        let each: Vec<_> = causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
        let what = if each.len() == 1 { each[0].clone() } else { format!("[{}]", each.join(", ")) };
        let message = format!("{} {name:?} is invalid: {what}", resource.qualified_kind());
        let mut failure = Self::new(422, "Invalid", message);
        failure.details = details(resource.group, resource.kind, name);
        failure.details["causes"] = causes.iter().map(Cause::json).collect();
        failure
    }

    /// As [`Failure::invalid`], by the name of the resource and not of the kind.
    pub(crate) fn invalid_resource(resource: &Resource, name: &str, cause: &Cause) -> Self {
        let what = format!("{}: {}", cause.field, cause.message);
        let mut failure =
            Self::new(422, "Invalid", format!("{} {name:?} is invalid: {what}", resource.qualified()));
        failure.details = details(resource.group, resource.plural, name);
        failure.details["causes"] = json!([cause.json()]);
        failure
    }

    pub(crate) fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let named = if name.is_empty() { String::new() } else { format!(" {name:?}") };
        let message = format!("{}{named} is forbidden: {why}", resource.qualified());
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// Fields that other managers own: each is the manager, as the server names it, and the field.
    pub(crate) fn apply_conflicts(conflicts: &[(String, String)]) -> Self {
        let causes = conflicts.iter().map(|(manager, field)| Cause {
            reason: "FieldManagerConflict",
            field: field.clone(),
            message: format!("conflict with {manager}"),
        });
        let message = match conflicts {
            [(manager, field)] => format!("Apply failed with 1 conflict: conflict with {manager}: {field}"),
            many => {
                let groups = many.chunk_by(|one, other| one.0 == other.0).map(|group| {
                    let fields: String = group.iter().map(|(_, field)| format!("\n- {field}")).collect();
                    format!("conflicts with {}:{fields}", group[0].0)
                });
                let groups: Vec<_> = groups.collect();
                format!("Apply failed with {} conflicts: {}", many.len(), groups.join("\n"))
            }
        };
        let mut failure = Self::new(409, "Conflict", message);
        failure.details = json!({"causes": causes.map(|cause| cause.json()).collect::<Vec<_>>()});
        failure
    }

    /// A precondition of a deletion that does not hold: `what` is `UID` or `ResourceVersion`.
    pub(crate) fn precondition(
        resource: &Resource,
        name: &str,
        what: &str,
        (wanted, is): (&str, &str),
    ) -> Self {
        let end = if what == "UID" { "deleted and then recreated" } else { "modified" };
        let message = format!(
            "Operation cannot be fulfilled on {} {name:?}: the {what} in the precondition ({wanted}) does not match the \
             {what} in record ({is}). The object might have been {end}",
            resource.qualified_kind()
        );
        let mut failure = Self::new(409, "Conflict", message);
        failure.details = details(resource.group, resource.kind, name);
        failure
    }

    /// Parameters of a patch that do not go together.
    pub(crate) fn patch_options(cause: &Cause) -> Self {
        let message = format!("PatchOptions.meta.k8s.io \"\" is invalid: {}: {}", cause.field, cause.message);
        let mut failure = Self::new(422, "Invalid", message);
        failure.details = json!({"group": "meta.k8s.io", "kind": "PatchOptions", "causes": [cause.json()]});
        failure
    }

    /// What the server fails at, without a reason.
    pub(crate) fn unreasoned(message: &str) -> Self {
        let mut failure = Self::new(500, "", message);
        failure.details = Value::Null;
        failure
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        let mut failure = Self::new(400, "BadRequest", message);
        failure.details = Value::Null;
        failure
    }

    /// What an admission webhook says no to.
    pub(crate) fn denied_by_webhook(words: &str) -> Self {
        Self::bad_request(format!("admission webhook \"guard.test\" denied the request: {words}"))
    }

    /// An admission webhook with side effects is not asked by a dry run, and so the dry run is refused.
    pub(crate) fn no_dry_run() -> Self {
        Self::bad_request("admission webhook \"guard.test\" does not support dry run")
    }

    pub(crate) fn unknown_path() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// A JSON Patch that could not be done, a failed `test` among them.
    pub(crate) fn unprocessable() -> Self {
        Self::new(422, "Invalid", "the server rejected our request due to an error in our request")
    }

    pub(crate) fn expired(asked: u64, oldest: u64) -> Self {
        let mut failure = Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"));
        failure.details = Value::Null;
        failure
    }

    /// The usual answer with this HTTP status.
    pub(crate) fn of_code(code: u16, resource: Option<&Resource>, name: &str) -> Self {
        let (reason, message) = match code {
            400 => ("BadRequest", "the server rejected our request for an unknown reason"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden: User \"fake-user\" cannot do this"),
            404 => ("NotFound", "the server could not find the requested resource"),
            405 => ("MethodNotAllowed", "the server does not allow this method on the requested resource"),
            409 => ("Conflict", "the server reported a conflict"),
            410 => ("Expired", "The resourceVersion for the provided watch is too old."),
            415 => ("UnsupportedMediaType", "415: Unsupported Media Type"),
            422 => ("Invalid", "the server rejected our request due to an error in our request"),
            429 => ("TooManyRequests", "The apiserver is under heavy load, please try again later."),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => ("Timeout", "the server was unable to return a response in the time allotted"),
            _ => ("InternalError", "Internal error occurred: injected"),
        };
        match (code, resource) {
            (409, Some(resource)) => Self::modified(resource, name),
            (403, Some(resource)) => Self::forbidden(resource, name, "injected"),
            (_, Some(resource)) => Self::new(code, reason, message).about(resource, name),
            (_, None) => Self::new(code, reason, message),
        }
    }
}

/// `details` of a status; what is empty is left out.
pub(crate) fn details(group: &str, kind: &str, name: &str) -> Value {
    let mut details = json!({"kind": kind});
    if !name.is_empty() {
        details["name"] = json!(name);
    }
    if !group.is_empty() {
        details["group"] = json!(group);
    }
    details
}
