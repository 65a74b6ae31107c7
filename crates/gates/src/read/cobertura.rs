//! Cobertura's XML. Rates and totals in it are not looked at: the lines are counted.

use super::xml::{self, Node};
use super::{Unreadable, relative};
use crate::coverage::{Coverage, Lines};

/// Reads one. A class stands for a part of a file. Its methods repeat its lines, and some tools count their heads there as well: they
/// are looked at only where the class has no lines of its own.
pub fn read(text: &str, root: &str) -> Result<Coverage, Unreadable> {
    let mut sources: Vec<String> = Vec::new();
    let mut in_source = false;
    let mut file: Option<String> = None;
    let (mut own, mut of_methods) = (Vec::new(), Vec::new());
    let mut in_methods = false;
    let mut coverage = Coverage::default();
    let mut classes = 0_usize;
    xml::walk(text, |node| {
        match node {
            Node::Begin("source", _) => in_source = true,
            Node::Text(text) if in_source => sources.push(text.trim().to_owned()),
            Node::End("source") => in_source = false,
            Node::Begin("class", attributes) => {
                let name =
                    attributes.get("filename").ok_or_else(|| Unreadable::new("a class has no filename"))?;
                let path = place(&name, &sources, root);
                coverage.add(&path, Lines::default());
                file = Some(path);
                classes += 1;
            }
            Node::Begin("methods", _) => in_methods = true,
            Node::End("methods") => in_methods = false,
            Node::End("class") => {
                let (own, of_methods) = (std::mem::take(&mut own), std::mem::take(&mut of_methods));
                if let Some(file) = file.take() {
                    coverage.add(&file, Lines::new(if own.is_empty() { of_methods } else { own }));
                }
            }
            Node::Begin("line", attributes) => {
                let Some(file) = &file else { return Ok(()) };
                let (number, hits) = (attributes.number("number"), attributes.get("hits"));
                let hits = hits.and_then(|hits| hits.trim().parse::<f64>().ok());
                let (Some(number), Some(hits)) = (number.and_then(|number| u32::try_from(number).ok()), hits)
                else {
                    return Err(Unreadable::new(format!("a line of {file} has no number or no hits")));
                };
                if in_methods { &mut of_methods } else { &mut own }.push((number, hits > 0.0));
            }
            _ => {}
        }
        Ok(())
    })?;
    if classes == 0 {
        return Err(Unreadable::new("it names no file"));
    }
    Ok(coverage)
}

/// File names are relative to one of the sources: to that which lies in the checkout, where one does.
fn place(name: &str, sources: &[String], root: &str) -> String {
    let name = name.replace('\\', "/");
    if name.starts_with('/') {
        return relative(&name, root);
    }
    let inner = sources.iter().find_map(|source| {
        let source = source.replace('\\', "/");
        let folder = relative(&format!("{}/", source.trim_end_matches('/')), root);
        (!root.is_empty() && !folder.starts_with('/') && !folder.contains(':')).then_some(folder)
    });
    let folder = inner.unwrap_or_default();
    let folder = folder.trim_matches('/');
    let name = name.trim_start_matches("./");
    if folder.is_empty() || folder == "." { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Share;

    #[test]
    fn lines_are_counted_and_rates_are_not_believed() {
        let text = "<?xml version='1.0'?>\n<!DOCTYPE coverage SYSTEM 'x.dtd'>\n<coverage line-rate='1'><sources><source>/w/src</source></sources>\
            <packages><package><classes><class filename='a.py' line-rate='1'><methods><method><lines><line number='1' hits='2'/></lines></method></methods>\
            <lines><line number='1' hits='0'/><line number='2' hits='0' branch='true'/></lines></class>\
            <class filename='a.py'><lines><line number='2' hits='1'/></lines></class></classes></package></packages></coverage>";
        let coverage = read(text, "/w").unwrap();
        assert_eq!(coverage.share(), Share { covered: 1, total: 2 });
        assert_eq!(coverage.files().next().map(|(file, _)| file), Some("src/a.py"));
        assert_eq!(read(text, "").unwrap().files().next().map(|(file, _)| file), Some("a.py"));
    }

    #[test]
    fn what_is_cut_off_is_unreadable() {
        for bad in [
            "<coverage/>",
            "<coverage><packages>",
            "<coverage><class/></coverage>",
            "<coverage><class filename='a'><line number='1'/></class></coverage>",
            "<coverage><class filename='a'></coverage>",
        ] {
            assert!(read(bad, "").is_err(), "{bad}");
        }
    }
}
