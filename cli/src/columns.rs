//! Text in columns, for people.

use std::fmt::Write as _;

/// Columns as wide as their widest cell under their heads, the first `left` of them aligned to the left.
pub(crate) fn columns<const N: usize>(head: &[&str; N], rows: Vec<[String; N]>, left: usize) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            // Writing to a string does not fail.
            let _ = if column < left { write!(row, "{gap}{cell:<width$}") } else { write!(row, "{gap}{cell:>width$}") };
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}
