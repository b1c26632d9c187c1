//! The form in which a graph holds a value of the network.

/// A value of the network as a tensor of the graph.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    /// 0 is the model's input, `i` what the node before `i` makes.
    pub(super) tensor: usize,
    /// `[height, width, channels]`.
    pub(super) image: [usize; 3],
    /// Whether the network has flattened the image, channels first.
    pub(super) is_flat: bool,
    pub(super) what: What,
    /// Padding above, to the left, below and to the right, and its value, which the next
    /// convolution takes; `image` is without it.
    pub(super) pads: Option<([usize; 4], f32)>,
}

/// The elements of the tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Real,
    /// Bits that stand for two numbers: -1 for `low` and +1 for `high`, which may be the lesser.
    Bits {
        low: f32,
        high: f32,
    },
}

impl Held {
    /// Gives the elements another shape, the batch first.
    pub(super) fn reshaped(&self, from: &[usize], to: &[usize]) -> Result<Self, String> {
        let [height, width, channels] = self.image;
        let elements = height * width * channels;
        let mut held = self.clone();
        match *to {
            [batch, n] if from.first() == Some(&batch) && n == elements => {
                held.is_flat |= from.len() != 2 && [height, width] != [1, 1];
            }
            [batch, c, h, w] if from.first() == Some(&batch) && [h, w, c] == self.image => {
                held.is_flat = false;
            }
            _ => {
                return Err(format!(
                    "makes {to:?} of the shape {from:?}: neither flattens an image nor leaves it"
                ));
            }
        }
        Ok(held)
    }
}
