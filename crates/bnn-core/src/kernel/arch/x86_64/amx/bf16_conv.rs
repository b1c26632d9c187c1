//! The gradients of a convolution of stride 1 on the tiles of AMX-BF16, without a matrix of patches: on a
//! [`Grid`] the tap of 16 windows is a tile of 16 rows, wherever it begins.
//!
//! - Of the images, `dx[q] = sum over taps of dy[q - shift(tap)] · filters[tap]`: the left side is `dy` on the grid,
//!   zeros where no window begins, cut into its three parts once; all taps read it.
//! - Of the filters, `dw[tap] = sum over p of dy[p] · x[p + shift(tap)]`: the left side is `dy` transposed, the right side the
//!   signs on the grid, once with the pixels 0 and 1, 2 and 3 side by side, as tiles take their terms, and once with
//!   1 and 2, 3 and 4, for shifts by an odd number.

use core::arch::x86_64::{__m512i, _mm512_maskz_mov_epi16};

use std::cell::Cell;

use super::bf16_layout::{
    PAIR, PARTS, Row, SIDE, TERMS, block_of_columns, lane_mask, signs, split, store,
};
use super::bf16_tiles::{Operands, OutputTile, ROW, Step, Steps, TileStrides};
use super::tiles::{TILE, Tiles};
use crate::aligned::AlignedWords;
use crate::bits::{BitMatrixView, bits_at};
use crate::kernel::grid::Grid;
use crate::shape::row_words;

/// Words of a row of a tile.
const ROW_WORDS: usize = ROW / size_of::<u64>();

/// Bytes of two tiles.
const PAIR_BYTES: usize = PAIR * size_of::<u64>();

/// Images whose gradients of the filters are added up in one go at most, and pixels of theirs: both sides stay in an L2
/// cache.
const IMAGES: usize = 8;
const PIXELS: usize = 1024;

thread_local! {
    /// Both sides of the last gradient of filters: fresh memory would cost more than filling it.
    static ROOM: Cell<[Option<AlignedWords>; 2]> = const { Cell::new([None, None]) };
}

/// Room that is kept for the next gradient, in words: 4 MiB.
const MOST_ROOM: usize = 1 << 19;

/// At least `len` words of any value.
fn at_least(len: usize, room: Option<AlignedWords>) -> AlignedWords {
    room.filter(|room| room.words().len() >= len)
        .unwrap_or_else(|| AlignedWords::zeros(len))
}

/// Computes the gradient of images from `dy`, `[images, windows, outputs]`, to `dx`, `[images, pixels, channels]`. `filters` are
/// rows `[outputs, patch]`. Sizes fit each other.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
pub(super) fn image_gradient(grid: &Grid, dy: &[f32], filters: BitMatrixView<'_>, dx: &mut [f32]) {
    let (right, pairs) = (filter_tiles(grid, filters), grid.taps() * depth(grid));
    let mut gradient = PaddedGradient::new(grid);
    let steps = (0..grid.taps()).flat_map(|tap| {
        (0..depth(grid)).map(move |k| -> Step {
            let left = (grid.reach() - grid.shift(tap)) * depth(grid) + k;
            [left * ROW, (tap * depth(grid) + k) * PAIR_BYTES]
        })
    });
    let steps = Steps::new(steps);
    let row = depth(grid) * ROW;
    let left_strides = TileStrides {
        row,
        second: TILE * row,
        part: gradient.part_words * size_of::<u64>(),
    };
    let tiles = Tiles::configure();
    let images = dx.chunks_exact_mut(grid.image_len());
    for (dy, dx) in dy.chunks_exact(grid.output_len()).zip(images) {
        gradient.fill(grid, dy);
        for begin in (grid.first()..grid.first() + image_pixels(grid)).step_by(SIDE) {
            for (i, right) in right.words().chunks_exact(pairs * PAIR).enumerate() {
                let operands = Operands {
                    left: gradient.from(begin),
                    left_strides,
                    parts: PARTS,
                    right,
                    right_strides: TileStrides::DENSE,
                    steps: &steps,
                };
                let mut sums = [[0.0; SIDE]; SIDE];
                tiles.add(operands, sums.as_flattened_mut(), SIDE, true);
                let channels = i * SIDE..grid.channels.min((i + 1) * SIDE);
                for (at, sums) in (begin..).zip(&sums) {
                    if let Some(pixel) = grid.pixel(at) {
                        let dx = &mut dx[pixel * grid.channels..][channels.clone()];
                        dx.copy_from_slice(&sums[..channels.len()]);
                    }
                }
            }
        }
    }
}

/// Pixels of the grid from an image's first to its last.
fn image_pixels(grid: &Grid) -> usize {
    (grid.input[0] - 1) * grid.width() + grid.input[1]
}

/// Instructions that a pixel's outputs take as terms.
fn depth(grid: &Grid) -> usize {
    grid.outputs.div_ceil(TERMS)
}

/// `dy` of an image on the grid, with zeros as far as taps reach before and after it: `[part][pixel][output]`.
struct PaddedGradient {
    words: AlignedWords,
    /// Where windows begin.
    windows: Vec<usize>,
    part_words: usize,
    pixel_words: usize,
}

impl PaddedGradient {
    fn new(grid: &Grid) -> Self {
        // The last of the 32 pixels computed together may lie after the image's last pixel.
        let last = grid.first() + image_pixels(grid).next_multiple_of(SIDE);
        let pixels = grid.reach() + grid.pixels().max(last);
        let pixel_words = depth(grid) * ROW_WORDS;
        Self {
            words: AlignedWords::zeros(PARTS * pixels * pixel_words),
            windows: (0..grid.windows())
                .filter(|&at| grid.window(at).is_some())
                .collect(),
            part_words: pixels * pixel_words,
            pixel_words,
        }
    }

    /// The zeros around the windows stay.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn fill(&mut self, grid: &Grid, dy: &[f32]) {
        for (at, dy) in self.windows.iter().zip(dy.chunks_exact(grid.outputs)) {
            let at = (grid.reach() + at) * self.pixel_words;
            for (k, dy) in dy.chunks(TERMS).enumerate() {
                let parts = match dy.first_chunk() {
                    Some(dy) => split(dy),
                    None => {
                        let mut some = [0.0; TERMS];
                        some[..dy.len()].copy_from_slice(dy);
                        split(&some)
                    }
                };
                for (i, part) in parts.into_iter().enumerate() {
                    let at = i * self.part_words + at + k * ROW_WORDS;
                    store_at(part, self.words.words_mut(), at);
                }
            }
        }
    }

    /// The words from `grid.reach()` pixels before the pixel `at` on.
    fn from(&self, at: usize) -> &[u64] {
        self.words
            .words()
            .get(at * self.pixel_words..)
            .unwrap_or_default()
    }
}

/// The filters as right sides, for every 32 channels `[tap][32 outputs][pair of tiles]`.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
fn filter_tiles(grid: &Grid, filters: BitMatrixView<'_>) -> AlignedWords {
    let (depth, blocks) = (depth(grid), grid.channels.div_ceil(SIDE));
    let mut right = AlignedWords::zeros(blocks * grid.taps() * depth * PAIR);
    let pairs = right.words_mut().chunks_exact_mut(PAIR);
    for (i, pair) in pairs.enumerate() {
        let (block, tap, k) = (
            i / (grid.taps() * depth),
            i / depth % grid.taps(),
            i % depth,
        );
        let first = tap * grid.channels + block * SIDE;
        let (rows, _) = pair.as_chunks_mut::<ROW_WORDS>();
        let (left, right) = rows.split_at_mut(TILE);
        for (i, (left, right)) in left.iter_mut().zip(right).enumerate() {
            let [even, odd] = [0, 1].map(|term| {
                // Rows in place of missing outputs are multiplied with zeros.
                let output = (k * TERMS + 2 * i + term).min(grid.outputs - 1);
                bits_at(filters.row(output), first, SIDE) as u32
            });
            store(signs(even, odd), left);
            store(signs(even >> TILE, odd >> TILE), right);
        }
    }
    right
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store_at(vector: __m512i, words: &mut [u64], at: usize) {
    let row: Option<&mut Row> = words.get_mut(at..).and_then(<[u64]>::first_chunk_mut);
    if let Some(row) = row {
        store(vector, row);
    }
}

/// Computes the gradient of filters, `[outputs, patch]`, from `dy`, `[images, windows, outputs]`, and the signs of images, a row
/// of bits each. Sizes fit each other.
#[target_feature(enable = "avx512f,avx512bw,bmi2")]
pub(super) fn filter_gradient(grid: &Grid, dy: &[f32], images: BitMatrixView<'_>, dw: &mut [f32]) {
    let group = (PIXELS / grid.pixels()).clamp(1, IMAGES);
    let [left, right] = ROOM.take();
    let mut transposed = TransposedGradient::new(grid, group, left);
    let mut pairs = Pairs::new(grid, group, right);
    let (words, per_image) = (images.words(), row_words(images.cols()));
    let groups = dy.chunks(group * grid.output_len());
    let tiles = Tiles::configure();
    for (i, (dy, words)) in groups.zip(words.chunks(group * per_image)).enumerate() {
        let images = dy.len() / grid.output_len();
        transposed.fill(grid, dy);
        for (image, words) in words.chunks(per_image).enumerate() {
            pairs.fill(grid, image, words);
        }
        let steps = (0..images * transposed.steps).map(|step| -> Step {
            let (image, at) = (step / transposed.steps, step % transposed.steps);
            [step * PARTS * PAIR_BYTES, pairs.bytes_to(image, at * TERMS)]
        });
        let steps = Steps::new(steps);
        for row in (0..grid.outputs).step_by(SIDE) {
            for tap in 0..grid.taps() {
                for channel in (0..grid.channels).step_by(SIDE) {
                    let place = OutputTile {
                        stride: grid.patch(),
                        row,
                        rows: (grid.outputs - row).min(SIDE),
                        col: tap * grid.channels + channel,
                        cols: (grid.channels - channel).min(SIDE),
                        begin: i == 0,
                    };
                    let operands = Operands {
                        left: transposed.of(row / SIDE),
                        left_strides: TileStrides::DENSE,
                        parts: PARTS,
                        right: pairs.from(grid.shift(tap), channel / SIDE),
                        right_strides: pairs.strides(),
                        steps: &steps,
                    };
                    place.add(&tiles, operands, dw);
                }
            }
        }
    }
    drop(tiles);
    let rooms = [transposed.words, pairs.words].map(Some);
    ROOM.set(rooms.map(|room| room.filter(|room| room.words().len() <= MOST_ROOM)));
}

/// `dy` of some images transposed, zeros where no window begins: for every 32 outputs
/// `[image][32 pixels][part][2 tiles][16 outputs][32 pixels]`. Missing outputs have any value.
struct TransposedGradient {
    words: AlignedWords,
    /// The window that begins at a pixel.
    windows: Vec<Option<usize>>,
    block_words: usize,
    /// Steps of an image.
    steps: usize,
}

impl TransposedGradient {
    fn new(grid: &Grid, images: usize, room: Option<AlignedWords>) -> Self {
        let steps = grid.windows().div_ceil(TERMS);
        let block_words = images * steps * PARTS * PAIR;
        Self {
            words: at_least(grid.outputs.div_ceil(SIDE) * block_words, room),
            windows: (0..grid.windows()).map(|at| grid.window(at)).collect(),
            block_words,
            steps,
        }
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    fn fill(&mut self, grid: &Grid, dy: &[f32]) {
        for (image, dy) in dy.chunks(grid.output_len()).enumerate() {
            for step in 0..self.steps {
                let rows: [&[f32]; TERMS] = core::array::from_fn(|i| {
                    let window = self.windows.get(step * TERMS + i).copied().flatten();
                    let row = window.and_then(|window| dy.get(window * grid.outputs..));
                    row.and_then(|row| row.get(..grid.outputs))
                        .unwrap_or_default()
                });
                for tile in 0..grid.outputs.div_ceil(TILE) {
                    let block = block_of_columns(&rows, tile * TILE);
                    let first = tile / 2 * self.block_words
                        + (image * self.steps + step) * PARTS * PAIR
                        + tile % 2 * TILE * ROW_WORDS;
                    for (i, x) in block.iter().enumerate() {
                        for (part, y) in split(x).into_iter().enumerate() {
                            let at = first + part * PAIR + i * ROW_WORDS;
                            store_at(y, self.words.words_mut(), at);
                        }
                    }
                }
            }
        }
    }

    /// The gradient of 32 outputs.
    fn of(&self, block: usize) -> &[u64] {
        self.words
            .words()
            .get(block * self.block_words..)
            .unwrap_or_default()
    }
}

/// The signs of some images on the grid, two pixels side by side:
/// `[even or odd][image][pair of pixels][channel][2 pixels]`.
struct Pairs {
    words: AlignedWords,
    half_words: usize,
    image_pairs: usize,
    /// Blocks of 32 channels.
    blocks: usize,
    /// The pixel of the image at a pixel of the grid.
    pixels: Vec<Option<usize>>,
    /// The bits of every pixel of the grid.
    bits: Vec<Option<u32>>,
}

impl Pairs {
    fn new(grid: &Grid, images: usize, room: Option<AlignedWords>) -> Self {
        // Up to 31 pixels after those at which windows begin, and all their taps, are multiplied with zeros.
        let pixels = grid.windows().next_multiple_of(TERMS) + grid.reach();
        let (image_pairs, blocks) = (pixels / 2 + 1, grid.channels.div_ceil(SIDE));
        let half_words = images * image_pairs * blocks * 2 * ROW_WORDS;
        Self {
            words: at_least(2 * half_words, room),
            half_words,
            image_pairs,
            blocks,
            pixels: (0..=2 * image_pairs).map(|at| grid.pixel(at)).collect(),
            bits: Vec::with_capacity(2 * image_pairs + 1),
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,bmi2")]
    fn fill(&mut self, grid: &Grid, image: usize, words: &[u64]) {
        let padding = grid.padding.map(|sign| if sign { u32::MAX } else { 0 });
        for block in 0..self.blocks {
            self.bits.clear();
            let first = block * SIDE;
            let bits = |pixel: usize| bits_at(words, pixel * grid.channels + first, SIDE) as u32;
            let pixels = self.pixels.iter();
            self.bits
                .extend(pixels.map(|pixel| pixel.map(bits).or(padding)));
            for odd in 0..2 {
                let pixels = self.bits.get(odd..).unwrap_or_default();
                let first =
                    odd * self.half_words + image * self.image_pairs * self.blocks * 2 * ROW_WORDS;
                for (i, pair) in pixels.chunks_exact(2).take(self.image_pairs).enumerate() {
                    let at = first + (i * self.blocks + block) * 2 * ROW_WORDS;
                    let there = lane_mask(pair[0].is_some(), pair[1].is_some());
                    let [a, b] = [pair[0], pair[1]].map(Option::unwrap_or_default);
                    let vectors = [signs(a, b), signs(a >> TILE, b >> TILE)];
                    for (tile, vector) in vectors.into_iter().enumerate() {
                        let vector = _mm512_maskz_mov_epi16(there, vector);
                        store_at(vector, self.words.words_mut(), at + tile * ROW_WORDS);
                    }
                }
            }
        }
    }

    /// The strides of pairs of pixels.
    fn strides(&self) -> TileStrides {
        TileStrides {
            row: self.blocks * 2 * ROW,
            second: ROW,
            part: 0,
        }
    }

    /// Bytes from the first image's first pixel to a pixel with an even number.
    fn bytes_to(&self, image: usize, pixel: usize) -> usize {
        (image * self.image_pairs + pixel / 2) * self.blocks * 2 * ROW
    }

    /// The words that begin with 32 channels of the pixel at `shift`.
    fn from(&self, shift: usize, block: usize) -> &[u64] {
        let half = shift % 2 * self.half_words;
        let at = half + (shift / 2 * self.blocks + block) * 2 * ROW_WORDS;
        self.words.words().get(at..).unwrap_or_default()
    }
}
