//! Reads `network` of a service.

use std::ops::Range;

use super::keys;
use super::reader::{Node, Reader};
use super::scalars::{Kind, array, parsed, report_repeated};
use crate::manifest::types::NetworkSettings;

const PEER: Kind = Kind {
    what: "somebody who could come in",
    help: "write \"app\", \"namespace\", \"namespace/NAME\", addresses as in \"10.0.0.0/8\", or \"everyone\"",
};

pub(super) fn network<'t>(
    reader: &mut Reader,
    node: &'t Node<'t>,
    span: &Range<usize>,
    place: &str,
) -> Option<NetworkSettings> {
    let section = reader.section(node, format!("`network` of {place}"), &keys::NETWORK)?;
    let from = section.read(reader, "from", |reader, key, node| {
        let help = "write a list, as in [\"app\", \"namespace/ingress-nginx\"]";
        let peers =
            array(reader, key, node, help, |reader, key, element| parsed(reader, key, element, &PEER))?;
        report_repeated(reader, key, &peers);
        Some(peers)
    });
    Some(NetworkSettings { span: span.clone(), from })
}
