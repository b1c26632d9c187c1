//! Tables on the terminal. Every cell is escaped, because its text may be untrusted.

use std::fmt::Display;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, ColumnConstraint, Table};

use crate::text::printable;

/// A table of names and values.
pub(crate) fn facts(rows: &[(String, String)]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    for (name, value) in rows {
        table.add_row([printable(name), printable(value)]);
    }
    table
}

/// A table with a header; all columns but the first are right-aligned.
pub(crate) fn columns<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(header);
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// Columns under a header of any length, all but the first one flush right.
pub(crate) fn matrix(header: &[String], rows: &[Vec<String>]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(header.iter().map(|cell| printable(cell)));
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
    table
}

/// Groups the digits of an unsigned integer: `1234567` becomes `1 234 567`.
pub(crate) fn thousands(n: impl Display) -> String {
    let digits = n.to_string();
    let groups: Vec<&str> = {
        let head = digits.len() % 3;
        let (head, rest) = digits.split_at(head);
        let rest = (0..rest.len() / 3).map(|i| &rest[3 * i..3 * i + 3]);
        [head]
            .into_iter()
            .filter(|h| !h.is_empty())
            .chain(rest)
            .collect()
    };
    groups.join(" ")
}

/// Nanoseconds, in the unit that suits their size.
pub(crate) fn duration(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_control_the_terminal() {
        let hostile = "\u{1b}[2J\nx".to_owned();
        let shown = facts(&[(hostile.clone(), hostile.clone())]).to_string();
        assert!(
            !shown.contains('\u{1b}') && shown.contains(r"\u{1b}[2J\nx"),
            "{shown}"
        );
        let shown = columns(["a"], &[[hostile]]).to_string();
        assert!(
            !shown.contains('\u{1b}') && shown.contains(r"\u{1b}[2J\nx"),
            "{shown}"
        );
    }

    #[test]
    fn numbers_are_grouped_and_times_have_their_unit() {
        assert_eq!(thousands(7), "7");
        assert_eq!(thousands(1000), "1 000");
        assert_eq!(thousands(12_345_678), "12 345 678");
        assert_eq!(duration(12.3), "12 ns");
        assert_eq!(duration(12_300.0), "12.30 us");
    }
}
