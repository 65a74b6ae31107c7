//! `patch`, of an object or its status.

use super::replace::subresource;
use crate::answer::Answer;
use crate::convert;
use crate::core::Core;
use crate::failure::{Cause, Failure};
use crate::patch::{self, Format, Outcome, Patch};
use crate::request::{Request, Target};
use crate::store::Key;

pub(crate) fn patch(core: &mut Core, target: &Target, request: &Request) -> Result<Answer, Failure> {
    let (format, body) = read(request)?;
    let version = crate::object::text(&body, "/apiVersion");
    if format == Format::Apply && version != target.resource.api_version() {
        return Err(Failure::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
            target.resource.api_version()
        )));
    }
    let stored = core.resource(target.resource.plural);
    let body = if format == Format::Apply { convert::to(stored, &body) } else { body };
    let key = Key::new(stored.plural, &target.namespace, &target.name);
    let actor = request.actor(format.operation(), subresource(target));
    let sent = Patch { format, conflicts: request.conflicts(), body: &body };
    let (outcome, object) = patch::patch(core, stored, &key, &sent, &actor, request.persist())?;
    let object = convert::to(target.resource, &object);
    Ok(match outcome {
        Outcome::Changed => Answer::ok(object),
        Outcome::Created => Answer::created(object),
    })
}

/// The format and the body of a patch. An apply without a field manager is refused.
pub(crate) fn read(request: &Request) -> Result<(Format, serde_json::Value), Failure> {
    let format = Format::of(&request.content_type).ok_or_else(|| Failure::of_code(415, None, ""))?;
    if format == Format::Apply && request.query.text("fieldManager").is_empty() {
        return Err(Failure::patch_options(&Cause::required("fieldManager", "is required for apply patch")));
    }
    if format != Format::Apply && request.query.get("force").is_some() {
        return Err(Failure::patch_options(&Cause::forbidden(
            "force",
            "may not be specified for non-apply patch",
        )));
    }
    if format == Format::Json {
        return Ok((format, request.json()?));
    }
    Ok((format, request.object()?))
}
