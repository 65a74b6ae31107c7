//! Laying an applied configuration over a live object.

use serde_json::Value;

use super::{Element, List, Path, Shape, key_of};

/// Sets in `live` what `applied` sets; keyed lists item by item, everything atomic as a whole.
pub(crate) fn merge(live: &mut Value, applied: &Value, shape: Shape<'_>) {
    merge_at(live, applied, &mut Vec::new(), shape);
}

fn merge_at(live: &mut Value, applied: &Value, path: &mut Path, shape: Shape<'_>) {
    match (live, applied) {
        (Value::Object(live), Value::Object(applied)) if !shape.is_atomic_map(path) => {
            for (name, value) in applied {
                path.push(Element::Field(name.clone()));
                merge_at(live.entry(name.clone()).or_insert(Value::Null), value, path, shape);
                path.pop();
            }
        }
        (Value::Array(live), Value::Array(applied)) => match shape.list(path) {
            List::Atomic => live.clone_from(applied),
            List::Set => {
                for item in applied {
                    if !live.contains(item) {
                        live.push(item.clone());
                    }
                }
            }
            List::Keyed(keys) => {
                for item in applied {
                    let key = key_of(item, keys);
                    match live.iter_mut().find(|one| super::set::is_item(one, &key)) {
                        Some(one) => {
                            path.push(key);
                            merge_at(one, item, path, shape);
                            path.pop();
                        }
                        None => live.push(item.clone()),
                    }
                }
            }
        },
        (live, applied) => live.clone_from(applied),
    }
}
