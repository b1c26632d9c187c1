//! Escapes untrusted text: file names, class names, the meta text of a model.
//!
//! Text for a terminal must not control the terminal ([`printable`]). A value in the `key=value`
//! lines of a meta text must not end its line ([`escape_meta`]) and must be restored exactly
//! ([`unescape_meta`]).

use std::borrow::Cow;

/// Escapes text for one line on a terminal: control characters, line separators, marks of writing
/// direction and invisible characters become escapes of a Rust string.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match is_unprintable(letter) {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    shown.into()
}

/// Whether [`printable`] escapes the character.
pub(crate) fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' // marks of direction, a space of no width
                | '\u{2028}'..='\u{202e}' // line and paragraph separators, embeddings and overrides
                | '\u{2060}'..='\u{206f}' // joiners and isolates
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// Escapes text for the value of a meta line: backslashes and the characters that [`printable`]
/// escapes.
pub(crate) fn escape_meta(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter == '\\' || is_unprintable(letter) {
            true => value.extend(letter.escape_default()),
            false => value.push(letter),
        }
    }
    value
}

/// Reverses [`escape_meta`], and Rust's `escape_debug`, which earlier versions used. Any other
/// backslash stands for itself.
pub(crate) fn unescape_meta(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return value.into();
    }
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let (letter, len) = escaped(rest).unwrap_or(('\\', 1));
        text.push(letter);
        rest = &rest[len..];
    }
    text.push_str(rest);
    text.into()
}

/// The character that the escape at the start of `text` stands for, and the bytes that the escape
/// has.
fn escaped(text: &str) -> Option<(char, usize)> {
    let letter = match text.as_bytes().get(1)? {
        b'\\' => '\\',
        b'\'' => '\'',
        b'"' => '"',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'0' => '\0',
        b'u' => {
            let code = text.get(2..)?.strip_prefix('{')?;
            let digits = &code[..code.find('}')?];
            let letter = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            return Some((letter, digits.len() + r"\u{}".len()));
        }
        _ => return None,
    };
    Some((letter, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 12] = [
        "plain",
        "driver's license",
        "a \"quoted\" name",
        "C:\\new\\table",
        "\u{1b}]0;title\u{7}",
        "two\nlines\r\n",
        "\u{9b}31m",
        "\u{202e}gnp.exe",
        "\\u{41}",
        "\\",
        "e\u{301}, 日本, 👩\u{200d}👩",
        "",
    ];

    #[test]
    fn printable_text_is_one_line_that_controls_nothing() {
        for text in HOSTILE {
            let shown = printable(text);
            assert!(!shown.contains(is_unprintable), "{shown:?}");
            assert_eq!(printable(&shown), shown, "escaping again changes nothing");
        }
        for text in [
            "driver's license",
            "C:\\new",
            "e\u{301}, 日本, 👩\u{200d}👩",
        ] {
            assert_eq!(printable(text), text);
        }
        assert_eq!(printable("\u{1b}]0;x\u{7}\n"), r"\u{1b}]0;x\u{7}\n");
    }

    #[test]
    fn a_meta_value_comes_back_as_it_was_and_stays_on_its_line() {
        for text in HOSTILE {
            let value = escape_meta(text);
            assert!(!value.contains(is_unprintable), "{value:?}");
            assert_eq!(unescape_meta(&value), text, "{value:?}");
        }
        assert_eq!(escape_meta("driver's license"), "driver's license");
    }

    #[test]
    fn values_of_earlier_versions_are_read_too() {
        for text in HOSTILE {
            assert_eq!(unescape_meta(&text.escape_debug().to_string()), text);
        }
    }

    #[test]
    fn a_backslash_that_escapes_nothing_stands_for_itself() {
        for text in [
            r"\",
            r"\x41",
            r"\u",
            r"\u{",
            r"\u{}",
            r"\u{d800}",
            r"\u{110000}",
            r"\é",
            r"a\",
        ] {
            assert_eq!(unescape_meta(text), text);
        }
    }
}
