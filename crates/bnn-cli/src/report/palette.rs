//! Colours by role, each with a light and a dark form.
//!
//! The SVG drawings carry the light form, so they stand alone and print well; the style sheet finds
//! a role again by that very colour and replaces it with a variable that follows the reader's
//! theme.

use std::fmt::Write;

use plotters::style::RGBColor;

/// A colour in both themes.
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) light: RGBColor,
    dark: RGBColor,
}

pub(super) const INK: Role = role("ink", 0x1a2230, 0xe8ebf0);
pub(super) const MUTED: Role = role("muted", 0x5f6b7c, 0x9aa5b4);
pub(super) const GRID: Role = role("grid", 0xe3e7ed, 0x2b323d);
pub(super) const PAPER: Role = role("paper", 0xffffff, 0x171c24);
pub(super) const GROUND: Role = role("ground", 0xf4f6f9, 0x0f1319);
/// Test samples, and correct answers.
pub(super) const BLUE: Role = role("blue", 0x2a62d6, 0x7aa7ff);
/// Training samples.
pub(super) const AMBER: Role = role("amber", 0xc2680a, 0xf3ae4b);
/// Wrong answers.
pub(super) const RED: Role = role("red", 0xcf3a2b, 0xff8474);

const ROLES: [Role; 8] = [INK, MUTED, GRID, PAPER, GROUND, BLUE, AMBER, RED];

const fn role(name: &'static str, light: u32, dark: u32) -> Role {
    Role {
        name,
        light: rgb(light),
        dark: rgb(dark),
    }
}

const fn rgb(hex: u32) -> RGBColor {
    let [_, red, green, blue] = hex.to_be_bytes();
    RGBColor(red, green, blue)
}

/// Style rules: a variable for each role in both themes, and the drawings' colours tied to them.
/// Paper stays light.
pub(super) fn css() -> String {
    let (mut light, mut dark, mut rules) = (String::new(), String::new(), String::new());
    for Role {
        name,
        light: day,
        dark: night,
    } in &ROLES
    {
        let (day, night) = (hex(day), hex(night));
        // Writing to a String cannot fail.
        let _ = write!(light, "--{name}:{day};");
        let _ = write!(dark, "--{name}:{night};");
        let _ = write!(rules, "svg [fill=\"{day}\"]{{fill:var(--{name})}}");
        let _ = writeln!(rules, "svg [stroke=\"{day}\"]{{stroke:var(--{name})}}");
    }
    format!(
        ":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{rules}"
    )
}

/// A colour as plotters writes it; the selectors above must match that text exactly.
fn hex(RGBColor(red, green, blue): &RGBColor) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_light_colour_names_one_role() {
        let colours: HashSet<String> = ROLES.iter().map(|role| hex(&role.light)).collect();
        assert_eq!(colours.len(), ROLES.len());
    }

    #[test]
    fn text_is_readable_in_both_themes() {
        for (text, ground) in [
            (INK, PAPER),
            (MUTED, PAPER),
            (MUTED, GROUND),
            (BLUE, PAPER),
            (RED, PAPER),
        ] {
            for (text, ground) in [(text.light, ground.light), (text.dark, ground.dark)] {
                let ratio = contrast(text, ground);
                assert!(ratio >= 4.5, "{text:?} on {ground:?}: {ratio}");
            }
        }
    }

    /// Contrast ratio of WCAG 2.1; 4.5 is its level AA for text.
    fn contrast(a: RGBColor, b: RGBColor) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
        let linear = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}
