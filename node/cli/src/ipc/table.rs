//! Tables for a terminal: columns as wide as what stands in them.

/// Which side of a column its text stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// A heading and rows of as many cells.
pub(super) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<String>>,
}

const INDENT: &str = "  ";

impl Table {
    pub(super) fn new(columns: &[(&'static str, Side)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) fn heading(&self) -> String {
        let cells: Vec<_> = self.columns.iter().map(|(head, _)| (*head).to_owned()).collect();
        self.line(&cells)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        self.rows.iter().map(|row| self.line(row))
    }

    fn width(&self, index: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.chars().count());
        cells.chain([self.columns[index].0.chars().count()]).max().unwrap_or(0)
    }

    fn line(&self, cells: &[String]) -> String {
        let mut out = String::new();
        for (index, (cell, (_, side))) in cells.iter().zip(&self.columns).enumerate() {
            let pad = " ".repeat(self.width(index).saturating_sub(cell.chars().count()));
            out.push_str(INDENT);
            match side {
                Side::Left => out.extend([cell.as_str(), &pad]),
                Side::Right => out.extend([pad.as_str(), cell]),
            }
        }
        out.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_end_together() {
        let mut table = Table::new(&[("name", Side::Left), ("bytes", Side::Right)]);
        table.row(vec!["µ".into(), "1".into()]);
        table.row(vec!["longer".into(), "1234567".into()]);
        assert_eq!(table.heading(), "  name      bytes");
        assert_eq!(table.lines().collect::<Vec<_>>(), ["  µ             1", "  longer  1234567"]);
    }
}
