//! JSON Merge Patch (RFC 7396).

use serde_json::Value;

use crate::failure::Failure;

pub(super) fn patch(live: &Value, body: &Value) -> Result<Value, Failure> {
    if !body.is_object() {
        return Err(Failure::bad_request("error decoding patch: it is no object"));
    }
    let mut new = live.clone();
    json_patch::merge(&mut new, body);
    Ok(new)
}
