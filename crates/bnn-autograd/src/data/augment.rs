//! Augmentation of training images: its settings and one random draw from them.

use rand_xoshiro::Xoshiro256PlusPlus;

use super::random::{below, unit};
use super::{DataError, Layout};

/// The variations of training images; none by default. Every image of every epoch is drawn
/// anew; the draw depends on the seed, the epoch and the sample's index alone, not on threads or
/// the order of batches.
///
/// Images are mirrored, turned and zoomed about their centre, shifted, and then cut out of. Pixels
/// from outside the image are 0. With a rotation or zoom, everything is one resampling (bilinear,
/// rounded to whole pixels); otherwise pixels are moved as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Augment {
    /// Move the image by up to this many pixels, independently and uniformly in x and y.
    pub shift: usize,
    /// Mirror left and right with probability 1/2.
    pub flip: bool,
    /// Turn by up to this many degrees either way, 0 to 180.
    pub rotate: f64,
    /// Zoom by a factor between `1 - zoom` and `1 + zoom`, from 0 to less than 1.
    pub zoom: f64,
    /// Set a square of this many pixels a side to 0. Its centre is any pixel, so that parts of it
    /// may lie outside (DeVries & Taylor 2017, arXiv 1708.04552).
    pub cutout: usize,
}

impl Augment {
    /// Whether these strengths make sense for images of that layout.
    ///
    /// # Errors
    ///
    /// [`DataError::Shift`] and [`DataError::Cutout`] if they are not less than both width and
    /// height, which could leave nothing of an image; [`DataError::Strength`] for a rotation or
    /// zoom outside its range.
    pub(super) fn check(self, layout: Layout) -> Result<(), DataError> {
        let (width, height) = (layout.width, layout.height);
        let (shift, side) = (self.shift, self.cutout);
        let empties = |pixels: usize| pixels > 0 && pixels >= width.min(height);
        if empties(shift) {
            return Err(DataError::Shift {
                shift,
                width,
                height,
            });
        }
        if empties(side) {
            return Err(DataError::Cutout {
                side,
                width,
                height,
            });
        }
        for (what, expected, found, inside) in [
            (
                "rotation",
                "0 to 180 degrees",
                self.rotate,
                (0.0..=180.0).contains(&self.rotate),
            ),
            (
                "zoom",
                "0 to less than 1",
                self.zoom,
                (0.0..1.0).contains(&self.zoom),
            ),
        ] {
            if !inside {
                return Err(DataError::Strength {
                    what,
                    expected,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// One random draw from an [`Augment`]: a view of the image.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct View {
    layout: Layout,
    right: isize,
    down: isize,
    mirrored: bool,
    turn: Option<Turn>,
    hole: Option<Hole>,
}

/// Rotation and zoom, the way back from where a pixel is seen to where it was: `[a b; -b a]`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Turn {
    a: f64,
    b: f64,
}

/// A rectangle of pixels; the ends are exclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Hole {
    left: usize,
    right: usize,
    top: usize,
    bottom: usize,
}

impl View {
    /// What is switched off draws nothing, but for the shift: so the draws of those switched on
    /// before stay what they were.
    pub(super) fn draw(augment: Augment, layout: Layout, mut rng: Xoshiro256PlusPlus) -> Self {
        let rng = &mut rng;
        // The shift is less than a side of an image that is in memory, so its double cannot
        // overflow.
        let reach = augment.shift as isize;
        let mut offset = || below(rng, 2 * augment.shift + 1) as isize - reach;
        let (right, down) = (offset(), offset());
        Self {
            layout,
            right,
            down,
            mirrored: augment.flip && below(rng, 2) == 1,
            turn: Turn::draw(augment, rng),
            hole: (augment.cutout > 0).then(|| Hole::draw(augment.cutout, layout, rng)),
        }
    }

    /// Appends the augmented image, `[height, width, channels]`.
    pub(super) fn append(&self, image: &[u8], pixels: &mut Vec<f32>) {
        let start = pixels.len();
        match self.turn {
            None => self.append_moved(image, pixels),
            Some(turn) => self.append_turned(turn, image, pixels),
        }
        if let Some(hole) = self.hole {
            hole.cut(self.layout, &mut pixels[start..]);
        }
    }

    /// The image moved right and down, after it was mirrored.
    fn append_moved(&self, image: &[u8], pixels: &mut Vec<f32>) {
        let Layout {
            width,
            height,
            channels,
            ..
        } = self.layout;
        for y in 0..height {
            let row = moved(y, self.down, height).map(|from| &image[from * width * channels..]);
            for x in 0..width {
                match (row, moved(x, self.right, width)) {
                    (Some(row), Some(from)) => {
                        let from = if self.mirrored {
                            width - 1 - from
                        } else {
                            from
                        };
                        let pixel = &row[from * channels..][..channels];
                        pixels.extend(pixel.iter().copied().map(f32::from));
                    }
                    _ => pixels.extend(std::iter::repeat_n(0.0, channels)),
                }
            }
        }
    }

    /// The image moved right and down, after it was turned and zoomed, after it was mirrored.
    fn append_turned(&self, turn: Turn, image: &[u8], pixels: &mut Vec<f32>) {
        let (width, height) = (self.layout.width, self.layout.height);
        let (last_x, last_y) = ((width - 1) as f64, (height - 1) as f64);
        for y in 0..height {
            let v = y as f64 - self.down as f64 - last_y / 2.0;
            for x in 0..width {
                let u = x as f64 - self.right as f64 - last_x / 2.0;
                let from_x = turn.a * u + turn.b * v + last_x / 2.0;
                let from_y = turn.a * v - turn.b * u + last_y / 2.0;
                let from_x = if self.mirrored {
                    last_x - from_x
                } else {
                    from_x
                };
                self.append_between(from_x, from_y, image, pixels);
            }
        }
    }

    /// Appends the pixel at a place between pixels, weighing the four around it; those outside are
    /// 0.
    fn append_between(&self, x: f64, y: f64, image: &[u8], pixels: &mut Vec<f32>) {
        let Layout {
            width,
            height,
            channels,
            ..
        } = self.layout;
        // Not so far away that none of the four is inside; this also turns away what is not finite.
        let near = x > -1.0 && x < width as f64 && y > -1.0 && y < height as f64;
        if !near {
            pixels.extend(std::iter::repeat_n(0.0, channels));
            return;
        }
        let (left, top) = (x.floor(), y.floor());
        let (dx, dy) = (x - left, y - top);
        let corner = |right: isize, down: isize| {
            let x = (left as isize + right) as usize; // -1 wraps to more than any width
            let y = (top as isize + down) as usize;
            (x < width && y < height).then(|| &image[(y * width + x) * channels..][..channels])
        };
        let corners = [
            (corner(0, 0), (1.0 - dx) * (1.0 - dy)),
            (corner(1, 0), dx * (1.0 - dy)),
            (corner(0, 1), (1.0 - dx) * dy),
            (corner(1, 1), dx * dy),
        ];
        pixels.extend((0..channels).map(|channel| {
            let value = |pixel: Option<&[u8]>| pixel.map_or(0.0, |pixel| f64::from(pixel[channel]));
            let sum: f64 = corners
                .iter()
                .map(|(pixel, weight)| weight * value(*pixel))
                .sum();
            // The weights sum to 1 within rounding, so this is at most the largest of the four.
            sum.round() as f32
        }));
    }
}

impl Turn {
    fn draw(augment: Augment, rng: &mut Xoshiro256PlusPlus) -> Option<Self> {
        if augment.rotate == 0.0 && augment.zoom == 0.0 {
            return None;
        }
        let mut within = |reach: f64| match reach {
            0.0 => 0.0,
            reach => (2.0 * unit(rng) - 1.0) * reach,
        };
        let angle = within(augment.rotate).to_radians();
        let factor = 1.0 + within(augment.zoom);
        Some(Self {
            a: angle.cos() / factor,
            b: angle.sin() / factor,
        })
    }
}

impl Hole {
    fn draw(side: usize, layout: Layout, rng: &mut Xoshiro256PlusPlus) -> Self {
        // From `side / 2` before the centre on; the parts that lie outside are cut off.
        let mut range = |size: usize| {
            let centre = below(rng, size);
            let end = centre + side - side / 2;
            (centre.saturating_sub(side / 2), end.min(size))
        };
        let ((left, right), (top, bottom)) = (range(layout.width), range(layout.height));
        Self {
            left,
            right,
            top,
            bottom,
        }
    }

    fn cut(self, layout: Layout, image: &mut [f32]) {
        let row = layout.width * layout.channels;
        let (left, right) = (self.left * layout.channels, self.right * layout.channels);
        for row in image.chunks_exact_mut(row).take(self.bottom).skip(self.top) {
            row[left..right].fill(0.0);
        }
    }
}

/// Where the pixel now at `at` was before a move by `by`, if it was inside `0..size`.
fn moved(at: usize, by: isize, size: usize) -> Option<usize> {
    at.checked_add_signed(-by).filter(|&from| from < size)
}

#[cfg(test)]
mod laws;
