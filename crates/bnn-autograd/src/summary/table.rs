//! A summary as an aligned table.

use std::fmt;

use super::{ParamCounts, Summary, SummaryRow};

const COLUMNS: usize = 7;
const HEADER: [&str; COLUMNS] = [
    "Layer",
    "Kind",
    "Output",
    "Parameters",
    "Bits",
    "Binary MACs",
    "Float MACs",
];
/// The first columns are text, aligned left; the others are numbers, aligned right.
const TEXTS: usize = 3;
const GAP: &str = "  ";

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![HEADER.map(str::to_owned)];
        lines.extend(self.rows.iter().map(cells));
        lines.push(cells(&SummaryRow {
            layer: "total".into(),
            params: self.params,
            macs: self.macs,
            ..SummaryRow::default()
        }));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths: [usize; COLUMNS] = std::array::from_fn(|column| width(column).unwrap_or(0));
        let rule = "─".repeat(widths.iter().sum::<usize>() + GAP.len() * (COLUMNS - 1));
        for (i, line) in lines.iter().enumerate() {
            if i == 1 || i + 1 == lines.len() {
                writeln!(f, "{rule}")?;
            }
            writeln!(f, "{}", aligned(line, &widths).trim_end())?;
        }
        writeln!(f, "{rule}")?;
        self.write_sizes(f)
    }
}

impl Summary {
    fn write_sizes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params = self.params;
        let packed = params.packed_bytes();
        let float = 4 * (params.binary + params.float);
        let factor = float as f64 / packed.max(1) as f64;
        writeln!(
            f,
            "parameters: {} of 1 bit, {} of 32 bits: {} bytes; all in f32: {} bytes ({factor:.1} x)",
            grouped(params.binary as u64),
            grouped(params.float as u64),
            grouped(packed as u64),
            grouped(float as u64),
        )?;
        let saved = grouped(self.saved_bytes as u64);
        write!(
            f,
            "input {:?}: {saved} bytes kept for the reverse pass",
            self.input
        )
    }
}

fn aligned(line: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let cell = |(column, (text, &width)): (usize, (&String, &usize))| match column < TEXTS {
        true => format!("{text:<width$}"),
        false => format!("{text:>width$}"),
    };
    let cells: Vec<_> = line.iter().zip(widths).enumerate().map(cell).collect();
    cells.join(GAP)
}

fn cells(row: &SummaryRow) -> [String; COLUMNS] {
    [
        row.layer.clone(),
        row.kind.clone(),
        row.output
            .as_ref()
            .map_or(String::new(), |shape| format!("{shape:?}")),
        number((row.params.binary + row.params.float) as u64),
        bits(row.params).into(),
        number(row.macs.binary),
        number(row.macs.float),
    ]
}

fn bits(params: ParamCounts) -> &'static str {
    match (params.binary, params.float) {
        (0, 0) => "",
        (_, 0) => "1",
        (0, _) => "32",
        _ => "1, 32",
    }
}

fn number(n: u64) -> String {
    match n {
        0 => "-".into(),
        n => grouped(n),
    }
}

/// `1234567` as `1 234 567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}
