//! Rows in columns, as wide as what stands in them.

use anstyle::Style;

use crate::text::style::paint;
use crate::text::wrap::wrap;

/// A cell: its text and how it is shown.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell in that style.
    pub fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self { text: text.into(), style: Style::new() }
    }
}

/// Rows that line up.
#[derive(Debug, Default)]
pub struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<Cell>),
    Free(String),
}

impl Table {
    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(Row::Cells(cells.into_iter().collect()));
    }

    /// Adds a line that takes no part in the columns.
    pub fn free(&mut self, line: impl Into<String>) {
        self.rows.push(Row::Free(line.into()));
    }

    /// The rows, each behind `indent` spaces; two spaces between columns. What stands last in a row goes on below itself
    /// when it is too long.
    pub fn render(&self, indent: usize) -> String {
        let columns = self.rows.iter().map(Row::columns).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| self.rows.iter().map(|row| row.width(column)).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            match row {
                Row::Free(line) => text.push_str(line),
                Row::Cells(cells) => text.push_str(&line(cells, &widths, indent)),
            }
            text.push('\n');
        }
        text
    }
}

fn line(cells: &[Cell], widths: &[usize], indent: usize) -> String {
    let mut line = " ".repeat(indent);
    let mut owed = 0;
    let mut column = indent;
    let last = cells.iter().rposition(|cell| !cell.text.is_empty());
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        if *width == 0 {
            continue;
        }
        if !cell.text.is_empty() {
            line.push_str(&" ".repeat(owed));
            let text = if Some(i) == last { wrap(&cell.text, column, column) } else { cell.text.clone() };
            line.push_str(&paint(cell.style, &text));
            owed = 0;
        }
        // Spaces are written when something follows them: no line ends in any.
        owed += width.saturating_sub(cell.text.chars().count()) + 2;
        column += width + 2;
    }
    line
}

impl Row {
    fn columns(&self) -> usize {
        match self {
            Self::Cells(cells) => cells.len(),
            Self::Free(_) => 0,
        }
    }

    fn width(&self, column: usize) -> usize {
        match self {
            Self::Cells(cells) => cells.get(column).map_or(0, |cell| cell.text.chars().count()),
            Self::Free(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_spaces() {
        let mut table = Table::default();
        table.row(["a".into(), "".into(), "long".into(), "x".into()]);
        table.free("  free");
        table.row(["bcd".into(), "".into(), "s".into(), "".into()]);
        assert_eq!(table.render(2), "  a    long  x\n  free\n  bcd  s\n");
        let mut table = Table::default();
        table.row(["name".into(), format!("{} end", "word ".repeat(14).trim()).into()]);
        assert_eq!(table.render(2), format!("  name  {}\n        end\n", "word ".repeat(14).trim()));
    }
}
