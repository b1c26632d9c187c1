//! Constants that a node applies to a value, as numbers for each channel.

use super::value::{Tensor, broadcast, offsets};

/// A value of the chain: its shape, the batch first, and the pixels of a channel. Where an image
/// was flattened, the elements of a channel follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'a> {
    pub(super) sizes: &'a [usize],
    pub(super) channels: usize,
}

impl Shape<'_> {
    /// A number for each channel. The reason if a constant differs from pixel to pixel.
    pub(super) fn per_channel(&self, constant: &Tensor) -> Result<Vec<f32>, String> {
        let Some(numbers) = constant.as_floats() else {
            return Err("expected constants of floats".into());
        };
        if let &[one] = numbers {
            return Ok(vec![one; self.channels]);
        }
        if broadcast(&[self.sizes, &constant.shape]).as_deref() != Some(self.sizes) {
            return Err(format!(
                "a constant of the shape {:?} does not fit a value of {:?}",
                constant.shape, self.sizes
            ));
        }
        // Any sample of the batch.
        let sample: Vec<usize> = [&[1], &self.sizes[1..]].concat();
        let fits = broadcast(&[&sample, &constant.shape]).as_deref() == Some(&*sample);
        if !fits {
            return Err("a constant that differs from sample to sample".into());
        }
        let each: Vec<f32> = offsets(&constant.shape, &sample)
            .map(|i| numbers[i])
            .collect();
        let pixels = each.len() / self.channels;
        let channels = each.chunks_exact(pixels.max(1));
        let per_channel = channels.map(|channel| {
            let first = channel[0];
            channel.iter().all(|&x| x == first).then_some(first)
        });
        let per_channel: Option<Vec<f32>> = per_channel.collect();
        per_channel.ok_or_else(|| "a constant that differs from pixel to pixel".into())
    }
}
