//! Models whose weights are laid out for this CPU: faster, in memory of their own.

use alloc::vec::Vec;
use core::marker::PhantomData;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::arguments::check_samples;
use super::error::ModelError;
use super::graph::packed::PackedGraph;
use super::io::{Input, Output, reach};
use super::layer::InputType;
use super::packed_layer::PackedLayer;
use super::reader::Model;
use super::workspaces::{Workspace, Workspaces};
use crate::bits::BitMatrixView;
use crate::conv::Images;
use crate::error::Error;
use crate::gemm::driver::compute_all;
use crate::gemm::output::{Columns, Grain, OutputRows, TiledOutput};
use crate::gemm::parallel::single_threaded;
use crate::memory;
use crate::shape::{WORD, mul, positive, row_len, row_words};

/// A model whose weights are laid out for this CPU's kernel: faster than [`Model::run`], the same
/// results.
///
/// Threads may share it: a run only reads it. The memory that runs work in is kept for the next
/// ones, one workspace for each thread that works at once.
#[derive(Clone, Debug)]
pub struct PackedModel<'a> {
    model: Model<'a>,
    /// The layers of a chain; a graph has none.
    pub(super) layers: Vec<PackedLayer<'a>>,
    pub(super) graph: Option<PackedGraph<'a>>,
    /// Samples that go through all layers together.
    pub(super) block: usize,
    pub(super) workspaces: Workspaces,
}

/// Bytes of the bits between two layers beyond which a block has no more samples: with the weights
/// they stay in the L2 cache.
const BLOCK: usize = if cfg!(test) { 512 } else { 128 << 10 };

impl<'a> PackedModel<'a> {
    /// Lays out the weights of all layers: as many bytes again as they have in the file, the
    /// outputs of each layer rounded up to a multiple of 32. Those of a first layer on bytes take
    /// up to eight times as many, where products of bytes are faster than those of bit planes.
    ///
    /// # Errors
    /// Those of [`Kernel::active`](crate::Kernel::active), and [`Error::OutOfMemory`].
    pub fn new(model: Model<'a>) -> Result<Self, ModelError> {
        let mut layers = memory::with_capacity(model.layers().len())?;
        for layer in model.layers() {
            layers.push(PackedLayer::new(layer)?);
        }
        // Words of a sample where they are most. No overflow: images fit memory, and are two.
        let most = layers.iter().map(PackedLayer::output_words).max();
        let graph = model
            .is_graph()
            .then(|| PackedGraph::new(&model))
            .transpose()?;
        let most = match &graph {
            Some(graph) => graph.words(1)?,
            None => most.unwrap_or(1),
        };
        let bytes = most.saturating_mul(size_of::<u64>());
        Ok(Self {
            model,
            layers,
            graph,
            block: (BLOCK / positive(bytes)).max(1),
            workspaces: Workspaces::new(),
        })
    }

    /// Runs the model as [`Model::run`] does, on as many threads of the ambient rayon pool as the
    /// work is worth, and in memory of its own. Samples go through all layers in blocks that stay
    /// in the cache.
    ///
    /// # Errors
    /// Those of [`Model::run`], after which nothing has been written; [`Error::OutOfMemory`], after
    /// which the output holds anything.
    pub fn run(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
    ) -> Result<(), ModelError> {
        check_samples(&self.model, samples, &input, &output)?;
        let chain = Chain {
            model: self,
            samples,
            input,
            lacking: AtomicUsize::new(0),
        };
        match output {
            Output::Bits(y) => chain.run(y),
            Output::I32(y) => chain.run(y),
            Output::F32(y) => chain.run(y),
        }
    }
}

/// A run.
struct Chain<'r, 'a> {
    model: &'r PackedModel<'a>,
    samples: usize,
    input: Input<'r>,
    /// Bytes of memory that a thread did not get.
    lacking: AtomicUsize,
}

/// An element of an output.
trait Element: Copy + Send {
    fn output(elements: &mut [Self]) -> Output<'_>;
}

impl Element for u64 {
    fn output(elements: &mut [Self]) -> Output<'_> {
        Output::Bits(elements)
    }
}

impl Element for i32 {
    fn output(elements: &mut [Self]) -> Output<'_> {
        Output::I32(elements)
    }
}

impl Element for f32 {
    fn output(elements: &mut [Self]) -> Output<'_> {
        Output::F32(elements)
    }
}

impl Chain<'_, '_> {
    fn run<E: Element>(&self, y: &mut [E]) -> Result<(), ModelError> {
        compute_all(
            &Outputs {
                chain: self,
                _of: PhantomData::<fn() -> E>,
            },
            y,
            self.model.model.output_len(),
        );
        match self.lacking.load(Ordering::Relaxed) {
            0 => Ok(()),
            bytes => Err(Error::OutOfMemory { bytes }.into()),
        }
    }

    /// Runs the samples `range`, block by block.
    fn run_blocks<E: Element>(&self, range: Range<usize>, y: &mut [E]) {
        let PackedModel {
            model,
            block,
            workspaces,
            ..
        } = self.model;
        let (k, n) = (model.input_len(), positive(model.output_len()));
        workspaces.with(|workspace| {
            let parts = y.chunks_mut(block.saturating_mul(n));
            for (y, first) in parts.zip(range.clone().step_by(*block)) {
                let samples = first..(first + block).min(range.end);
                let input = self.input.part(samples.start * k..samples.end * k);
                let done = self
                    .model
                    .run_block(samples.len(), input, E::output(y), workspace);
                if let Err(ModelError::Core(Error::OutOfMemory { bytes })) = done {
                    // If several samples lack memory, any one of them is reported.
                    self.lacking.store(bytes.max(1), Ordering::Relaxed);
                }
            }
        });
    }
}

/// The outputs of a run, to be shared among threads.
struct Outputs<'c, 'r, 'a, E> {
    chain: &'c Chain<'r, 'a>,
    _of: PhantomData<fn() -> E>,
}

impl<E: Element> TiledOutput for Outputs<'_, '_, '_, E> {
    type Elem = E;

    fn shape(&self) -> [usize; 2] {
        [self.chain.samples, self.chain.model.model.output_len()]
    }

    fn grain(&self) -> Grain {
        let operations = self.chain.model.model.operations() / WORD as u64;
        Grain {
            work: usize::try_from(operations)
                .unwrap_or(usize::MAX)
                .saturating_mul(self.chain.samples),
            samples: 1,
            columns: None,
        }
    }

    fn part(&self, range: Range<usize>, _: &Columns, out: &mut impl OutputRows<E>) {
        let is_part = range.len() < self.chain.samples;
        // Rows are whole: columns are not cut.
        let Some((y, n)) = out.rows_from(0) else {
            return;
        };
        let y = y.get_mut(..range.len() * n).unwrap_or_default();
        if is_part {
            // The other threads have parts of their own.
            single_threaded(|| self.chain.run_blocks(range, y));
        } else {
            self.chain.run_blocks(range, y);
        }
    }
}

/// Words of a workspace.
struct WorkspaceWords {
    /// The words that the largest layer writes for the next one.
    between: usize,
    /// Bits of bytes that thresholds make.
    reached: usize,
}

impl PackedModel<'_> {
    /// Words of a workspace for a block of samples.
    pub(super) fn workspace_words(&self, samples: usize) -> Result<usize, Error> {
        if let Some(graph) = &self.graph {
            return graph.words(samples);
        }
        let WorkspaceWords { between, reached } = self.workspace_parts(samples)?;
        // One layer reads what another one writes.
        let words = mul("words between layers", 2, between)?;
        words.checked_add(reached).ok_or(Error::Overflow {
            what: "words between layers",
        })
    }

    fn workspace_parts(&self, samples: usize) -> Result<WorkspaceWords, Error> {
        let [height, width, channels] = self.model.input_shape();
        let inner = self.layers.split_last().map_or(&[][..], |(_, inner)| inner);
        let between = inner.iter().map(PackedLayer::output_words).max();
        Ok(WorkspaceWords {
            between: mul("words between layers", samples, between.unwrap_or(0))?,
            reached: match self.model.input_type() {
                InputType::Thresholds => {
                    let pixels = mul("pixels of all images", samples, height * width)?;
                    mul("words of the input", pixels, row_words(channels))?
                }
                InputType::Bits | InputType::Unsigned { .. } => 0,
            },
        })
    }

    /// Runs a block of samples through all layers.
    fn run_block(
        &self,
        samples: usize,
        input: Input<'_>,
        output: Output<'_>,
        workspace: &mut Workspace,
    ) -> Result<(), ModelError> {
        if let Some(graph) = &self.graph {
            return graph.run(&self.model, samples, input, output, workspace);
        }
        let [height, width, channels] = self.model.input_shape();
        let pixels = mul("pixels of all images", samples, height * width)?;
        let Some((last, layers)) = self.layers.split_last() else {
            return Ok(()); // a model has a layer
        };
        let WorkspaceWords { between, reached } = self.workspace_parts(samples)?;
        let (is_reached, depth) = match self.model.input_type() {
            InputType::Thresholds => (true, 0),
            InputType::Unsigned { depth } => (false, depth.into()),
            InputType::Bits => (false, 0),
        };
        let (reached, rest) = workspace
            .words(self.workspace_words(samples)?)?
            .split_at_mut_checked(reached)
            .unwrap_or_default();
        if let (Input::Bytes(x), true) = (input, is_reached) {
            let first = self.model.layers().next();
            let thresholds = first.map(|layer| layer.input_thresholds);
            reach_rows(x, thresholds.unwrap_or_default(), reached);
        }
        let first: Images<'_> = match input {
            Input::Bits(x) => BitMatrixView::trusted(x, pixels, channels).into(),
            Input::Bytes(_) if is_reached => {
                BitMatrixView::trusted(reached, pixels, channels).into()
            }
            Input::Bytes(x) => Images::Unsigned { x, depth },
        };
        let (mut read, mut write) = rest.split_at_mut_checked(between).unwrap_or_default();
        let mut before: Option<&PackedLayer<'_>> = None;
        for layer in layers {
            let images = images_after(before, samples, read).unwrap_or(first);
            let words = samples * layer.output_words();
            layer.run(
                images,
                Output::Bits(write.get_mut(..words).unwrap_or_default()),
            )?;
            (read, write) = (write, read);
            before = Some(layer);
        }
        last.run(images_after(before, samples, read).unwrap_or(first), output)
    }
}

/// The images that a layer has written.
fn images_after<'w>(
    layer: Option<&PackedLayer<'_>>,
    samples: usize,
    words: &'w [u64],
) -> Option<Images<'w>> {
    let layer = layer?;
    let words = words
        .get(..samples * layer.output_words())
        .unwrap_or_default();
    Some(BitMatrixView::trusted(words, samples * layer.pixels, layer.channels).into())
}

/// [`reach`] of rows without gaps, one threshold for each element of a row.
fn reach_rows(x: &[u8], thresholds: &[u8], bits: &mut [u64]) {
    let k = positive(thresholds.len());
    let rows = bits.chunks_exact_mut(row_len(k));
    for (x, bits) in x.chunks_exact(k).zip(rows) {
        reach(x, thresholds, bits);
    }
}
