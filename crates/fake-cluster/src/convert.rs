//! Versions of a kind: an object is kept in one and shown in the one that was asked for.

use serde_json::{Value, json};

use crate::kinds::Resource;
use crate::object;

/// Writes an object in the version of `resource`. Only horizontal pod autoscalers have several here.
pub(crate) fn to(resource: &Resource, object: &Value) -> Value {
    let mut object = object.clone();
    if resource.plural == "horizontalpodautoscalers" {
        let from_v1 = object["apiVersion"] == "autoscaling/v1";
        match (from_v1, resource.version == "v1") {
            (true, false) => {
                let target = object["spec"]["targetCPUUtilizationPercentage"].take();
                object::set(&mut object, &["spec", "targetCPUUtilizationPercentage"], Value::Null);
                if !target.is_null() {
                    let target = json!({"type": "Utilization", "averageUtilization": target});
                    let metric = json!({"type": "Resource", "resource": {"name": "cpu", "target": target}});
                    object::set(&mut object, &["spec", "metrics"], json!([metric]));
                }
            }
            (false, true) => {
                let metrics = object["spec"]["metrics"].take();
                object::set(&mut object, &["spec", "metrics"], Value::Null);
                let cpu = object::items(&metrics, "").iter().find(|one| one["resource"]["name"] == "cpu");
                let target =
                    cpu.map_or(Value::Null, |one| one["resource"]["target"]["averageUtilization"].clone());
                object::set(&mut object, &["spec", "targetCPUUtilizationPercentage"], target);
            }
            _ => {}
        }
    }
    object["apiVersion"] = json!(resource.api_version());
    object
}
