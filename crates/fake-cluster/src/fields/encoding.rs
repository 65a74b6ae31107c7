//! Sets of fields as `fieldsV1`, the JSON of `metadata.managedFields`.

use serde_json::{Map, Value};

use super::{Element, Path, Set};

pub(crate) fn encode(set: &Set) -> Value {
    let mut root = Value::Object(Map::new());
    for path in set {
        // The mark is needed only where there is something below; it is taken away again where there is not.
        insert(&mut root, path);
    }
    without_marks_of_leaves(&mut root);
    root
}

fn insert(node: &mut Value, path: &[Element]) {
    let Some(fields) = node.as_object_mut() else { return };
    let name = path.first().map_or_else(|| ".".to_owned(), Element::encoded);
    let child = fields.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if let Some((_, rest)) = path.split_first() {
        insert(child, rest);
    }
}

fn without_marks_of_leaves(value: &mut Value) {
    let Some(fields) = value.as_object_mut() else { return };
    if fields.len() == 1 && fields.contains_key(".") {
        fields.clear();
    }
    for (name, child) in fields.iter_mut() {
        if name != "." {
            without_marks_of_leaves(child);
        }
    }
}

pub(crate) fn decode(fields: &Value) -> Set {
    let mut set = Set::new();
    read(fields, &mut Vec::new(), &mut set);
    set
}

fn read(value: &Value, path: &mut Path, set: &mut Set) {
    let Some(fields) = value.as_object() else { return };
    if (fields.is_empty() || fields.contains_key(".")) && !path.is_empty() {
        set.insert(path.clone());
    }
    for (name, child) in fields {
        if let Some(element) = element(name) {
            path.push(element);
            read(child, path, set);
            path.pop();
        }
    }
}

fn element(text: &str) -> Option<Element> {
    match text.split_at_checked(2)? {
        ("f:", name) => Some(Element::Field(name.to_owned())),
        ("v:", value) => serde_json::from_str(value).ok().map(Element::Value),
        ("k:", fields) => serde_json::from_str(fields).ok().map(Element::Key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Shape, of};
    use super::*;
    use crate::kinds::Flavour;

    #[test]
    fn fields_are_written_as_the_server_writes_them() {
        let object = json!({
            "kind": "Deployment", "metadata": {"name": "x", "labels": {"app": "a"}},
            "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}},
        });
        let set = of(&object, Shape { kind: "Deployment", flavour: Flavour::New });
        let encoded = encode(&set);
        let expected = json!({
            "f:metadata": {"f:labels": {"f:app": {}}},
            "f:spec": {
                "f:replicas": {},
                "f:template": {"f:spec": {"f:containers": {
                    "k:{\"name\":\"c\"}": {".": {}, "f:image": {}, "f:name": {}},
                }}},
            },
        });
        assert_eq!(encoded, expected);
        assert_eq!(decode(&encoded), set);
    }
}
