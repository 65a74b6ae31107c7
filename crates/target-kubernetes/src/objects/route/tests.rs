use serde_json::json;

use super::*;

fn ingress(names: &[&str]) -> Value {
    let path = |name: &&str| json!({ "path": "/", "backend": { "service": { "name": name, "port": { "number": 80 } } } });
    let paths: Vec<Value> = names.iter().map(path).collect();
    json!({ "spec": { "rules": [{ "host": "a.example", "http": { "paths": paths } }] } })
}

fn http_route(rules: &[&[&str]]) -> Value {
    let of = |rule: &&[&str]| {
        let refs: Vec<Value> =
            rule.iter().map(|name| json!({ "name": name, "port": 80, "weight": 1 })).collect();
        json!({ "backendRefs": refs })
    };
    json!({ "spec": { "rules": rules.iter().map(of).collect::<Vec<_>>() } })
}

fn read(kind: RouteKind, object: &Value) -> Named {
    let services = ["web", "api"].map(|name| name.parse().unwrap());
    let app = "shop".parse().unwrap();
    let routed = Routed { app: &app, services: &services };
    routed.named(&backends(kind, "shop", object))
}

fn unfit(kind: RouteKind, object: &Value) -> Option<String> {
    let services = ["web", "api"].map(|name| name.parse().unwrap());
    let app = "shop".parse().unwrap();
    Routed { app: &app, services: &services }.unfit(&backends(kind, "shop", object))
}

#[test]
fn an_ingress_leads_to_one_slot_or_it_is_said_why_not() {
    let both = |object: &Value| match read(RouteKind::Ingress, object) {
        Named::Slot(slot) => slot.to_string(),
        Named::Nobody => "nobody".to_owned(),
        Named::Amiss(why) => why,
    };
    for (names, expected) in [
        (vec!["shop-web-blue"], "blue"),
        (vec!["docs", "shop-web-green"], "green"),
        (vec!["shop-web-green", "shop-api-green"], "green"),
        (vec!["docs", "shop-web"], "nobody"),
        // Who is live is said by the one that leads.
        (vec!["shop-api-green"], "nobody"),
        (vec![], "nobody"),
        (vec!["shop-web-green", "shop-web-blue"], "leads to shop-web-green and to shop-web-blue"),
        (vec!["shop-web-blue", "shop-api-green"], "leads to shop-web-blue and to shop-api-green"),
    ] {
        assert_eq!(both(&ingress(&names)), expected, "{names:?}");
    }
    let default = json!({ "spec": { "defaultBackend": { "service": { "name": "shop-web-blue", "port": { "name": "http" } } } } });
    assert_eq!(both(&default), "blue");
    let other_port = json!({ "spec": { "defaultBackend": { "service": { "name": "shop-web-blue", "port": { "number": 3000 } } } } });
    assert_eq!(both(&other_port), "blue");
    assert_eq!(
        unfit(RouteKind::Ingress, &other_port).unwrap(),
        "leads to the port 3000 of shop-web-blue, whose port is 80"
    );
    assert_eq!(unfit(RouteKind::Ingress, &default), None);
    // As older servers have it.
    let old = json!({ "spec": {
        "backend": { "serviceName": "shop-web-green", "servicePort": 80 },
        "rules": [{ "http": { "paths": [{ "backend": { "serviceName": "shop-web-green", "servicePort": "http" } }] } }],
    } });
    assert_eq!(both(&old), "green");
    let resource = json!({ "spec": { "defaultBackend": { "resource": { "kind": "Bucket", "name": "shop-web-blue" } } } });
    assert_eq!(both(&resource), "nobody");
}

#[test]
fn an_http_route_leads_to_one_slot_or_it_is_said_why_not() {
    let read = |object: &Value| read(RouteKind::HTTPRoute, object);
    assert_eq!(read(&http_route(&[&["shop-web-blue"], &["docs", "more"]])), Named::Slot(Slot::Blue));
    assert_eq!(read(&http_route(&[&["docs"]])), Named::Nobody);
    for (split, is_one) in [(&["shop-web-blue", "shop-web-green"], false), (&["shop-web-blue", "docs"], true)]
    {
        let object = http_route(&[&["docs"], split]);
        // Where its users can be moved from, and whether a release may come to them by it, are two questions.
        assert_eq!(read(&object) == Named::Slot(Slot::Blue), is_one, "{split:?}");
        let why = unfit(RouteKind::HTTPRoute, &object).unwrap();
        assert!(why.contains("spec.rules[1]") && why.contains("shop-web-blue"), "{why}");
    }
    // The Service of that name in another namespace, and what is no Service.
    for (key, value, expected) in [
        ("namespace", "shop", Named::Slot(Slot::Blue)),
        ("namespace", "other", Named::Nobody),
        ("kind", "Service", Named::Slot(Slot::Blue)),
        ("kind", "Bucket", Named::Nobody),
        ("group", "", Named::Slot(Slot::Blue)),
    ] {
        let mut object = http_route(&[&["shop-web-blue"]]);
        object["spec"]["rules"][0]["backendRefs"][0][key] = json!(value);
        assert_eq!(read(&object), expected, "{key} {value}");
    }
}

#[test]
fn every_place_that_is_ours_is_swapped_and_nothing_else() {
    let services = ["web", "api"].map(|name| name.parse().unwrap());
    let app = "shop".parse().unwrap();
    let routed = Routed { app: &app, services: &services };
    let mut object = ingress(&["docs", "shop-web-blue", "shop-api-blue"]);
    object["spec"]["defaultBackend"] =
        json!({ "service": { "name": "shop-web-blue", "port": { "number": 80 } } });
    let all = backends(RouteKind::Ingress, "shop", &object);
    assert!(routed.moved(&object, &all, Slot::Blue).is_empty());
    let patch = routed.moved(&object, &all, Slot::Green);
    let patch: json_patch::Patch = serde_json::from_value(json!(patch)).unwrap();
    let mut after = object.clone();
    json_patch::patch(&mut after, &patch).unwrap();
    let mut expected = ingress(&["docs", "shop-web-green", "shop-api-green"]);
    expected["spec"]["defaultBackend"] =
        json!({ "service": { "name": "shop-web-green", "port": { "number": 80 } } });
    assert_eq!(after, expected);
    // Whoever wrote since keeps what they wrote.
    let mut changed = object.clone();
    changed["spec"]["rules"][0]["host"] = json!("b.example");
    assert!(json_patch::patch(&mut changed, &patch).is_err());
    assert_eq!(
        routed.unnamed(&backends(RouteKind::Ingress, "shop", &ingress(&["shop-web-blue"]))),
        [&services[1]]
    );
}
