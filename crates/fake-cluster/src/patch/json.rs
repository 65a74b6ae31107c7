//! JSON Patch (RFC 6902). One that cannot be done is a 422, a failed `test` too.

use serde_json::Value;

use crate::failure::Failure;

pub(super) fn patch(live: &Value, body: &Value) -> Result<Value, Failure> {
    let operations: json_patch::Patch = serde_json::from_value(body.clone())
        .map_err(|error| Failure::bad_request(format!("error decoding patch: {error}")))?;
    let mut new = live.clone();
    json_patch::patch(&mut new, &operations).map_err(|_| Failure::unprocessable())?;
    Ok(new)
}
