//! `ports` and `expose`, short and long: the container's TCP port that gets requests, and the machine's address before it.

use std::net::SocketAddr;

use bascule_yaml::{Node, Value};

use crate::interpolate::{Place, plain};
use crate::notes::Notes;

/// A port of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) container: u16,
    /// Where the machine has it, when the file says so.
    pub(crate) machine: Option<SocketAddr>,
}

/// The first TCP port; a note for every other one.
pub(crate) fn read(service: &Node, place: &str, notes: &mut Notes) -> Option<Port> {
    let mut first: Option<Port> = None;
    for key in ["ports", "expose"] {
        let name = format!("{place}.{key}");
        for element in service.get(key).map(Node::elements).unwrap_or_default() {
            let Some(port) = one(element, &name, notes) else { continue };
            match first {
                None => first = Some(port),
                Some(taken) if taken.container == port.container => {}
                Some(taken) => notes.add(
                    element.line,
                    name.clone(),
                    format!("left out: a service gets requests at one port, here {}", taken.container),
                ),
            }
        }
    }
    first
}

fn one(node: &Node, name: &str, notes: &mut Notes) -> Option<Port> {
    let at = Place { line: node.line, name };
    let (container, published, address, protocol) = match &node.value {
        Value::Map(_) => {
            let mut text = |key: &str| plain(node.get(key)?.text()?, &at, notes);
            (text("target")?, text("published"), text("host_ip"), text("protocol"))
        }
        _ => {
            let text = plain(node.text()?, &at, notes)?;
            let (ports, protocol) =
                text.rsplit_once('/').map_or((text.as_str(), None), |(p, t)| (p, Some(t.to_owned())));
            let (rest, container) =
                ports.rsplit_once(':').map_or((None, ports), |(rest, port)| (Some(rest), port));
            let (address, published) = match rest.map(|rest| rest.rsplit_once(':').unwrap_or(("", rest))) {
                Some((address, published)) => {
                    (Some(address.trim_matches(['[', ']']).to_owned()), Some(published.to_owned()))
                }
                None => (None, None),
            };
            (container.to_owned(), published, address, protocol)
        }
    };
    if protocol.is_some_and(|protocol| !protocol.eq_ignore_ascii_case("tcp")) {
        notes.add(node.line, name, "left out: the edge carries HTTP and WebSockets over TCP only");
        return None;
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    // A range has more ports than a service can have: the first is taken.
    let mut first_of = |text: &str| {
        let (low, high) = text.split_once('-').unwrap_or((text, ""));
        if !high.is_empty() {
            notes.add(node.line, name, format!("of the range {text} only the first port is taken"));
        }
        number(low)
    };
    let Some(container) = first_of(&container) else {
        notes.add(node.line, name, "left out: no port could be read here");
        return None;
    };
    let machine = published.as_deref().and_then(|text| number(text.split('-').next()?)).and_then(|port| {
        let address = address.as_deref().filter(|address| !address.is_empty()).unwrap_or("0.0.0.0");
        Some(SocketAddr::new(address.parse().ok()?, port))
    });
    Some(Port { container, machine })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bascule_yaml as yaml;

    #[test]
    fn every_form_of_a_port() {
        for (text, container, machine) in [
            ("ports: ['8080:80']", 80, Some("0.0.0.0:8080")),
            ("ports: ['127.0.0.1:8080:80/tcp']", 80, Some("127.0.0.1:8080")),
            ("ports: ['[::1]:8080:80']", 80, Some("[::1]:8080")),
            ("ports: [3000]", 3000, None),
            ("ports: ['127.0.0.1::80']", 80, None),
            ("ports: ['3000-3002:4000-4002']", 4000, Some("0.0.0.0:3000")),
            ("ports: [{target: 80, published: '8080', host_ip: 127.0.0.1}]", 80, Some("127.0.0.1:8080")),
            ("ports: ['${P:-81}:80']", 80, Some("0.0.0.0:81")),
            ("ports: ['53:53/udp', '90:91']", 91, Some("0.0.0.0:90")),
            ("expose: ['8000']", 8000, None),
        ] {
            let port = read(&yaml::parse(text).unwrap(), "s", &mut Notes::default()).unwrap();
            assert_eq!(
                (port.container, port.machine.map(|a| a.to_string()).as_deref()),
                (container, machine),
                "{text}"
            );
        }
        for text in
            ["ports: ['x']", "ports: ['${P}:80']", "ports: []", "image: x", "ports: ['0']", "ports: {a: b}"]
        {
            assert_eq!(read(&yaml::parse(text).unwrap(), "s", &mut Notes::default()), None, "{text}");
        }
    }
}
