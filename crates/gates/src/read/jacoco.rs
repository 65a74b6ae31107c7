//! JaCoCo's XML: lines with missed (`mi`) and covered (`ci`) instructions.

use super::xml::{self, Node};
use super::{Unreadable, relative};
use crate::coverage::{Coverage, Lines};

/// Reads one. Its paths are those of packages: `com/example/A.java`.
pub fn read(text: &str, root: &str) -> Result<Coverage, Unreadable> {
    let mut coverage = Coverage::default();
    let mut package = String::new();
    let mut file: Option<(String, Vec<(u32, bool)>)> = None;
    let mut files = 0;
    xml::walk(text, |node| {
        match node {
            Node::Begin("package", attributes) => package = attributes.get("name").unwrap_or_default(),
            Node::Begin("sourcefile", attributes) => {
                let name = attributes.get("name").ok_or_else(|| Unreadable::new("a file has no name"))?;
                let path = if package.is_empty() { name } else { format!("{package}/{name}") };
                file = Some((relative(&path, root), Vec::new()));
            }
            Node::Begin("line", attributes) => {
                let Some((path, lines)) = &mut file else { return Ok(()) };
                let number = attributes.number("nr").and_then(|number| u32::try_from(number).ok());
                let (Some(number), Some(covered)) = (number, attributes.number("ci")) else {
                    return Err(Unreadable::new(format!("a line of {path} has no `nr` or no `ci`")));
                };
                lines.push((number, covered > 0));
            }
            Node::End("sourcefile") => {
                if let Some((path, lines)) = file.take() {
                    coverage.add(&path, Lines::new(lines));
                    files += 1;
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    if files == 0 { Err(Unreadable::new("it names no file")) } else { Ok(coverage) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Share;

    #[test]
    fn a_line_is_covered_when_one_of_its_instructions_is() {
        let text = "<report name='x'><package name='com/x'><class name='com/x/A'/><sourcefile name='A.java'>\
            <line nr='3' mi='0' ci='2' mb='0' cb='0'/><line nr='4' mi='2' ci='1'/><line nr='5' mi='9' ci='0'/>\
            <counter type='LINE' missed='0' covered='99'/></sourcefile></package></report>";
        let coverage = read(text, "").unwrap();
        assert_eq!(coverage.share(), Share { covered: 2, total: 3 });
        assert_eq!(coverage.files().next().map(|(file, _)| file), Some("com/x/A.java"));
        assert!(read("<report><package/></report>", "").is_err());
    }
}
