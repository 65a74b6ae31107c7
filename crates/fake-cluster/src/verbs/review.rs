//! `SelfSubjectAccessReview`: what the caller may do, by the list of what is denied.

use serde_json::json;

use crate::answer::Answer;
use crate::core::Core;
use crate::failure::Failure;
use crate::object;
use crate::request::Request;

pub(crate) fn review(core: &Core, request: &Request) -> Result<Answer, Failure> {
    let mut review = request.object()?;
    let attributes = &review["spec"]["resourceAttributes"];
    let (resource, subresource) =
        (object::text(attributes, "/resource"), object::text(attributes, "/subresource"));
    let resource =
        if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
    let allowed = !core.is_denied(object::text(attributes, "/verb"), &resource);
    review["status"] = json!({"allowed": allowed});
    review["kind"] = json!("SelfSubjectAccessReview");
    review["apiVersion"] = json!("authorization.k8s.io/v1");
    object::default(&mut review, &["metadata"], json!({"creationTimestamp": null}));
    Ok(Answer::created(review))
}
