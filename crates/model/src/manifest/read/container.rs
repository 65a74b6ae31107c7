//! Reads what a service's containers are given.

use super::reader::{Node, Reader};
use super::scalars::{Kind, TEXT, array, parsed, report_repeated, templated, text};
use crate::manifest::diagnostics::{Code, Diagnostic, nearest};
use crate::manifest::resolve::template;
use crate::manifest::types::{CAPABILITIES, Capability, HostEntry, Located, Templated, VolumeText};

pub(super) const USER: Kind = Kind {
    what: "a user",
    help: "write USER or USER:GROUP, by name or number, as in \"1000\" or \"app:app\"",
};

const VOLUME: Kind = Kind {
    what: "a volume",
    help: "write SOURCE:TARGET or SOURCE:TARGET:ro, where SOURCE is the name of a volume or a folder that begins with \"/\", \
           as in \"data:/var/lib/shop\" or \"/srv/shop:/data:ro\"",
};

const HOST_ENTRY: Kind =
    Kind { what: "a name and its address", help: "write NAME:ADDRESS, as in \"db:10.0.0.5\"" };

/// `volumes = ["data:/var/lib/shop"]`
pub(super) fn volumes<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<Vec<Located<Templated<VolumeText>>>> {
    array(reader, key, node, "write a list, as in [\"data:/var/lib/shop\"]", |r, key, element| {
        templated(r, key, element, &VOLUME)
    })
}

/// `extra_hosts = ["db:10.0.0.5"]`
pub(super) fn extra_hosts<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<Vec<Located<HostEntry>>> {
    let hosts = array(reader, key, node, "write a list, as in [\"db:10.0.0.5\"]", |r, key, element| {
        parsed(r, key, element, &HOST_ENTRY)
    })?;
    report_repeated(reader, key, &hosts);
    Some(hosts)
}

/// `capabilities = ["NET_BIND_SERVICE"]`
pub(super) fn capabilities<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<Vec<Located<Capability>>> {
    let help = "write a list, as in [\"NET_BIND_SERVICE\"]";
    let capabilities = array(reader, key, node, help, |reader, key, element| {
        let Located { value, span } = text(reader, key, element, &TEXT)?;
        if let Ok(capability) = value.parse() {
            return Some(Located { value: capability, span });
        }
        let label = match nearest(&value.to_ascii_uppercase(), CAPABILITIES.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "not a capability of Linux".to_owned(),
        };
        let message = format!("`{key}`: there is no such capability");
        reader.report(Diagnostic::new(Code::BadValue, &span, message).label(label));
        None
    })?;
    report_repeated(reader, key, &capabilities);
    Some(capabilities)
}

/// `secret_files = ["DATABASE_URL"]`
pub(super) fn secret_files<'t>(
    reader: &mut Reader,
    key: &'static str,
    node: &'t Node<'t>,
) -> Option<Vec<Located<String>>> {
    let help = "write a list, as in [\"DATABASE_URL\"]";
    let names = array(reader, key, node, help, |reader, key, element| {
        let name = text(reader, key, element, &TEXT)?;
        if template::is_variable_name(&name.value) && !template::is_reserved(&name.value) {
            return Some(name);
        }
        let message = format!("`{key}` has something that is not a name of the configuration");
        let problem =
            Diagnostic::new(Code::BadValue, &name.span, message).label("expected a variable's name");
        reader.report(problem.help("write the names that `env` or the env file sets"));
        None
    })?;
    report_repeated(reader, key, &names);
    Some(names)
}
