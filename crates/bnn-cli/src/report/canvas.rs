//! A drawing as a string of SVG.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::ReportError;
use super::palette::Role;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws on an area of `width` x `height`, origin at the top left.
pub(super) fn svg<E: ToString>(
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), E>,
) -> Result<String, ReportError> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        draw(&area).map_err(|error| ReportError::Draw(error.to_string()))?;
        area.present()
            .map_err(|error| ReportError::Draw(error.to_string()))?;
    }
    Ok(text)
}

/// Text of `size` pixels. Without a font at hand plotters only guesses widths, so text is always
/// placed by an anchor that the browser resolves.
pub(super) fn label(size: f64, role: &Role, horizontal: HPos) -> TextStyle<'static> {
    // plotters-svg writes the nominal size divided by 1.24.
    ("sans-serif", size * 1.24)
        .into_font()
        .color(&role.light)
        .pos(Pos::new(horizontal, VPos::Center))
}
