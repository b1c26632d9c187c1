//! Tables as people have them, and tables that are wrong.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::*;

const SMALL: Values = Values::Whole { max: 16 };

/// Two features from 0 to 16, and the label where it is usual.
fn table(text: &str) -> Result<Table, DataError> {
    read_table(text.as_bytes(), 2, &LabelColumn::Auto, &SMALL)
}

fn refusal(text: &str) -> String {
    table(text).unwrap_err().to_string()
}

/// The labels of a table as they were written.
fn labels(table: &Table) -> Vec<String> {
    let labels = table.labels.as_ref().unwrap();
    let names = labels.class_names();
    let classes = labels.classes(&names).unwrap();
    classes
        .into_iter()
        .map(|class| names[usize::from(class)].clone())
        .collect()
}

#[test]
fn a_stream_without_line_ends_is_refused_before_it_fills_the_memory() {
    let error = read_table(std::io::repeat(b'1'), 2, &LabelColumn::Auto, &SMALL).unwrap_err();
    let max = rows::MAX_LINE;
    assert!(matches!(error, DataError::CsvLine { line: 1, max: m } if m == max));
}

#[test]
fn rows_without_an_end_are_refused_at_the_limit_of_values() {
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
            let whole = bytes.len() / 4 * 4;
            bytes[..whole].copy_from_slice(&b"1,2\n".repeat(whole / 4));
            Ok(whole)
        }
    }
    let few = Cell {
        limit: 1000,
        ..whole(16)
    };
    let error = parse(Endless, Some(2), &LabelColumn::Auto, &few).unwrap_err();
    assert!(
        matches!(
            error,
            DataError::CsvTooLong {
                line: 501,
                max: 1000
            }
        ),
        "{error}"
    );
}

#[test]
fn rows_without_a_label_have_none() {
    let table = table("1,2\r\n3,4").unwrap();
    assert_eq!((table.pixels, table.labels), (vec![1, 2, 3, 4], None));
}

#[test]
fn whole_numbers_may_be_written_as_fractions() {
    let table = table(" 1.0 ,1.6e1, 255.0\n").unwrap();
    assert_eq!(table.pixels, [1, 16]);
    assert_eq!(labels(&table), ["255"]);
}

#[test]
fn delimiters_quotes_marks_and_line_ends_are_no_part_of_the_fields() {
    for text in [
        "a,b,label\n1,2,x\n3,4,\"y, z\"\n",
        "\u{feff}a;b;label\r\n1;2;x\r\n3;4;y, z\r\n",
        "a\tb\tlabel\n1\t2\tx\n\n3\t4\ty, z",
        "label,a,b\nx,1,2\n\"y, z\",3,4\n",
        "\"a\",\"Class\",\"b\"\n\"1\",\"x\",\"2\"\n3,\"y, z\",4\n",
        "1,2,x\n3,4,\"y, z\"\n",
    ] {
        let table = table(text).unwrap();
        assert_eq!(table.pixels, [1, 2, 3, 4], "{text:?}");
        assert_eq!(labels(&table), ["x", "y, z"], "{text:?}");
    }
    let quoted = table("1,2,\"say \"\"no\"\"\"\n").unwrap();
    assert_eq!(labels(&quoted), ["say \"no\""]);
    assert_eq!(
        refusal("1,2,\"no end\n"),
        "line 1: a quote is not closed in its line"
    );
    let wide = [0xFF, 0xFE, b'1', 0, b',', 0];
    let error = read_table(&wide[..], 2, &LabelColumn::Auto, &SMALL).unwrap_err();
    assert!(error.to_string().contains("UTF-8"), "{error}");
}

#[test]
fn a_header_is_told_from_data() {
    for (text, pixels) in [
        // Numbers for names, one word.
        ("0,1,target\n5,6,7\n", &[5, 6][..]),
        // One word each in the first two rows: labels.
        ("5,6,cat\n7,8,dog\n", &[5, 6, 7, 8]),
        ("a,b,c\n1,2,cat\n", &[1, 2]),
        ("5,6,7\n", &[5, 6]),
    ] {
        assert_eq!(table(text).unwrap().pixels, pixels, "{text:?}");
    }
    assert!(refusal("NA,5,cat\n7,8,dog\n").starts_with("line 1, column 1: "));
    assert!(refusal("a,b,label\n").contains("rows is 0"));
}

#[test]
fn the_label_is_where_it_is_said_to_be() {
    let read = |text: &str, label| read_table(text.as_bytes(), 2, &label, &SMALL);
    let named = |name: &str| LabelColumn::Named(name.to_owned());
    let noted = |index, name: Option<&str>| LabelColumn::Noted {
        index,
        name: name.map(str::to_owned),
    };
    for (text, label) in [
        ("9,1,2\n8,3,4\n", LabelColumn::First),
        ("1,2,9\n3,4,8\n", LabelColumn::Last),
        ("1,2,9\n3,4,8\n", LabelColumn::Auto),
        ("a,kind,b\n1,9,2\n3,8,4\n", named("kind")),
        ("a,Kind,b\n1,9,2\n3,8,4\n", named("kind")),
        ("y,a,b\n9,1,2\n8,3,4\n", LabelColumn::Auto),
        ("a,kind,b\n1,9,2\n3,8,4\n", noted(0, Some("kind"))),
        ("9,1,2\n8,3,4\n", noted(0, Some("kind"))),
        ("9,1,2\n8,3,4\n", noted(0, None)),
    ] {
        let table = read(text, label).unwrap();
        assert_eq!(table.pixels, [1, 2, 3, 4], "{text:?}");
        assert_eq!(labels(&table), ["9", "8"], "{text:?}");
    }
    let error = read("a,b,c\n1,2,3\n", named("kind"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"kind\"") && error.contains("\"a\", \"b\", \"c\""),
        "{error}"
    );
    let error = read("1,2,3\n", named("kind")).unwrap_err().to_string();
    assert!(
        error.contains("\"kind\"") && error.contains("no header"),
        "{error}"
    );
}

#[test]
fn numbers_are_classes_by_number_and_names_by_name() {
    let classes = |text: &str| {
        let table = table(text).unwrap();
        let labels = table.labels.unwrap();
        let names = labels.class_names();
        let rows = labels.classes(&names).unwrap();
        (names, rows)
    };
    let (names, rows) = classes("1,2,3\n1,2,0\n1,2,3.0\n");
    assert_eq!((names.len(), rows), (4, vec![3, 0, 3]));
    let (names, rows) = classes("1,2,dog\n1,2,cat\n1,2,10\n");
    assert_eq!(
        (names, rows),
        (
            ["10", "cat", "dog"].map(str::to_owned).to_vec(),
            vec![2, 1, 0]
        )
    );
    // By the classes of a model: by name first, then by number.
    let labels = table("1,2,10\n1,2,2\n1,2,0\n").unwrap().labels.unwrap();
    let model = ["10", "2", "x"].map(str::to_owned);
    assert_eq!(labels.classes(&model).unwrap(), [0, 1, 0]);
    let error = labels.classes(&model[..1]).unwrap_err().to_string();
    assert_eq!(
        error,
        "row 2 has the label \"2\", which is none of the 1 classes"
    );
    // More classes than 8 bits can number.
    let text: String = (0..70_000)
        .map(|class| format!("1,2,{}\n", class % 65_536))
        .collect();
    let labels = table(&text).unwrap().labels.unwrap();
    let names = labels.class_names();
    assert_eq!(names.len(), 65_536);
    assert_eq!(labels.classes(&names).unwrap()[65_535], 65_535);
    let text: String = (0..65_537).map(|class| format!("1,2,n{class}\n")).collect();
    assert!(
        refusal(&text).starts_with("line 65537"),
        "{}",
        refusal(&text)
    );
}

#[test]
fn a_field_that_is_no_whole_number_in_range_is_named_by_line_and_column() {
    for field in ["x", "1.5", "17", "-1", "inf", "1e300", "0x1", "ﬁve"] {
        let message = refusal(&format!("0,0\n0,{field}\n"));
        assert!(message.starts_with("line 2, column 2: "), "{message}");
        assert!(message.contains(&format!("{field:?}")), "{message}");
        assert!(
            message.ends_with("a whole number from 0 to 16"),
            "{message}"
        );
    }
    for missing in ["", " ", "NA", "nan", "?", "NULL"] {
        let message = refusal(&format!("0,0\n0,{missing}\n"));
        assert!(message.starts_with("line 2, column 2: "), "{message}");
        assert!(message.contains("missing"), "{message}");
    }
    assert!(refusal("0,0,\n").starts_with("line 1, column 3: "));
    for label in ["1.5", "-1"] {
        let message = refusal(&format!("0,0,{label}\n"));
        assert!(
            message.starts_with("line 1, column 3: ") && message.contains(label),
            "{message}"
        );
    }
}

#[test]
fn real_numbers_become_bytes_by_the_ranges() {
    let ranges: Ranges = "0:1,-2:2".parse().unwrap();
    let read = |text: &str| {
        read_table(
            text.as_bytes(),
            2,
            &LabelColumn::Auto,
            &Values::Real(ranges.clone()),
        )
    };
    let table = read("0.5,-2,a\n1,2,b\n-7,0,a\n1e9,1e-3,b\n").unwrap();
    assert_eq!(table.pixels, [128, 0, 255, 255, 0, 128, 255, 128]);
    for field in ["x", "inf", "1e40", "nan", ""] {
        let message = read(&format!("1,{field}\n")).unwrap_err().to_string();
        assert!(message.starts_with("line 1, column 2: "), "{message}");
    }
    let error = super::read_table(
        "1\n".as_bytes(),
        1,
        &LabelColumn::Auto,
        &Values::Real(ranges.clone()),
    );
    assert!(matches!(
        error,
        Err(DataError::CsvRanges {
            ranges: 2,
            features: 1
        })
    ));
}

#[test]
fn a_row_of_another_length_is_named_with_what_was_expected() {
    assert_eq!(
        refusal("1\n"),
        "line 1 has 1 columns, expected 2, or one more with the label"
    );
    assert!(refusal("1,2,3,4\n").starts_with("line 1 has 4 columns"));
    assert_eq!(
        refusal("1,2,3\n1,2\n"),
        "line 2 has 2 columns, expected 3 as in the first row"
    );
}

#[test]
fn lines_are_numbered_as_an_editor_does() {
    assert_eq!(table("1,2\n\n3,4\n").unwrap().pixels, [1, 2, 3, 4]);
    assert!(refusal("1,2\n\n\n3,x\n").starts_with("line 4, column 2"));
    assert!(refusal("1,2\r\n3,4\r\n \r\n3,x").starts_with("line 4, column 2"));
}

#[test]
fn no_rows_and_no_features_are_refused() {
    assert!(refusal("\n\n").contains("rows is 0"));
    for features in [0, usize::MAX] {
        assert!(read_table("1\n".as_bytes(), features, &LabelColumn::Auto, &SMALL).is_err());
    }
}

#[test]
fn a_huge_field_does_not_make_a_huge_message() {
    assert!(refusal(&"é".repeat(100_000)).len() < 200);
    let field = format!("0,0\n0,{}\n", "é".repeat(100_000));
    assert!(refusal(&field).len() < 200);
}

/// Pixels and a label of each row. Labels are numbers of classes, of which there are as many as the
/// largest says: few tables have tens of thousands.
fn rows() -> impl Strategy<Value = Vec<(u8, u8, u16)>> {
    prop_oneof![9 => Just(300), 1 => Just(u16::MAX)]
        .prop_flat_map(|most| prop::collection::vec((0_u8..=16, 0_u8..=16, 0..=most), 1..70))
}

proptest! {
    #[test]
    fn what_was_written_is_read(rows in rows()) {
        let text: String = rows.iter().map(|(a, b, label)| format!("{a},{b},{label}\n")).collect();
        let table = table(&text).unwrap();
        let pixels: Vec<u8> = rows.iter().flat_map(|&(a, b, _)| [a, b]).collect();
        prop_assert_eq!(table.pixels, pixels);
        let labels = table.labels.unwrap();
        let classes = labels.classes(&labels.class_names()).unwrap();
        prop_assert_eq!(classes, rows.iter().map(|row| row.2).collect::<Vec<_>>());
    }

    #[test]
    fn any_bytes_are_rows_or_an_error(
        bytes in prop::collection::vec(prop::sample::select(b"019.,;\t\"\r\n -eaN\xff".to_vec()), 0..60),
        features in 1_usize..4,
    ) {
        if let Ok(table) = read_table(&bytes[..], features, &LabelColumn::Auto, &SMALL) {
            prop_assert!(!table.pixels.is_empty());
            prop_assert_eq!(table.pixels.len() % features, 0);
            prop_assert!(table.pixels.iter().all(|&pixel| pixel <= 16));
        }
    }
}
