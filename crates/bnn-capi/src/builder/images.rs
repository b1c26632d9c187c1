//! Layers over images: convolutions, max pools, and the way to dense layers.

use bnn_autograd::Tensor;
use bnn_core::conv::{Padding, Pool2d};

use super::bnn_builder_t;
use super::layers::weights;
use crate::boundary::Input;
use crate::conv2d::bnn_conv2d_options_t;
use crate::draft::refused;
use crate::error::Error;
use crate::shape::nonzero;
use crate::status::bnn_status_t;

/// The windows of a pool. `bnn_pool2d_options_init` sets all of it but the kernel, which has no
/// default: it becomes 0, which in graphs stands for the whole image.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "the name of the header")]
pub struct bnn_pool2d_options_t {
    /// Pixels of a window, from top to bottom.
    pub kernel_height: usize,
    /// Pixels of a window, from left to right.
    pub kernel_width: usize,
    /// Pixels from window to window, downwards; 0, the default, stands for `kernel_height`.
    pub stride_y: usize,
    /// Pixels from window to window, to the right; 0, the default, stands for `kernel_width`.
    pub stride_x: usize,
    /// Rows of padding above an image, which takes no part in the largest or the mean; by default 0.
    pub pad_top: usize,
    /// Rows of padding below an image; by default 0.
    pub pad_bottom: usize,
    /// Columns of padding to the left of an image; by default 0.
    pub pad_left: usize,
    /// Columns of padding to the right of an image; by default 0.
    pub pad_right: usize,
}

plain!(bnn_pool2d_options_t {
    kernel_height,
    kernel_width,
    stride_y,
    stride_x,
    pad_top,
    pad_bottom,
    pad_left,
    pad_right
});

impl bnn_pool2d_options_t {
    /// The options with the sides of an image in place of a kernel's that are 0.
    pub(crate) fn or_whole(mut self, height: usize, width: usize) -> Self {
        let sides = [
            (&mut self.kernel_height, height),
            (&mut self.kernel_width, width),
        ];
        for (side, of_image) in sides {
            if *side == 0 {
                *side = of_image;
            }
        }
        self
    }

    /// The pool of images `[height, width, channels]`.
    pub(crate) fn pool(&self, image: [usize; 3]) -> Result<Pool2d, Error> {
        let (kernel, stride) = (self.kernel(), self.stride());
        Ok(Pool2d::new(image, kernel, stride, self.padding())?)
    }

    fn kernel(&self) -> [usize; 2] {
        [self.kernel_height, self.kernel_width]
    }

    fn stride(&self) -> [usize; 2] {
        let or_kernel = |stride, kernel| if stride == 0 { kernel } else { stride };
        [
            or_kernel(self.stride_y, self.kernel_height),
            or_kernel(self.stride_x, self.kernel_width),
        ]
    }

    fn padding(&self) -> Padding {
        Padding::Explicit {
            top: self.pad_top,
            bottom: self.pad_bottom,
            left: self.pad_left,
            right: self.pad_right,
        }
    }
}

export! {
    /// Sets what has a default to it, and the kernel, which has none, to 0.
    ///
    /// Errors: NULL, MISALIGNED.
    pub fn bnn_pool2d_options_init(options: *mut bnn_pool2d_options_t) -> bnn_status_t {
        options.place()?.put(bnn_pool2d_options_t {
            kernel_height: 0,
            kernel_width: 0,
            stride_y: 0,
            stride_x: 0,
            pad_top: 0,
            pad_bottom: 0,
            pad_left: 0,
            pad_right: 0,
        });
        Ok(())
    }
}

export! {
    /// Says that samples are images of this size. Call it before the first layer is added; without
    /// it samples are rows.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, LAYER (layers have been added, other images have
    /// been said, or the model is finished).
    pub fn bnn_builder_image(
        builder: *mut bnn_builder_t,
        height: usize,
        width: usize,
        channels: usize,
    ) -> bnn_status_t {
        let sides = [("height", height), ("width", width), ("channels", channels)];
        let mut elements = 1_usize;
        for (what, side) in sides {
            nonzero(what, side)?;
            let what = "elements of an image";
            let product = elements.checked_mul(side);
            elements = product.ok_or(bnn_core::Error::Overflow { what })?;
        }
        builder.add("image", 0, |to| to.image([height, width, channels]))
    }
}

export! {
    /// Adds the convolution of the signs of images `[height, width, channels]` with the signs of
    /// filters. If it is the first product of a model of unsigned integers, the integers stand in
    /// place of their signs; the padding must then be BNN_PAD_ZERO.
    ///
    /// - `options`: read. `height`, `width` and `channels` must be those of the images that the
    ///   layers so far give out, or that `bnn_builder_image` said; `clip` is not used.
    /// - `w`: read, `[outputs, kernel_height, kernel_width, channels / groups]` floats: latent
    ///   filters, whose signs count.
    ///
    /// Sums are at most 2^24 in magnitude, up to which training in floats is exact.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, NOT_FINITE (an element of `w`), RANGE and
    /// INDIVISIBLE (as in `bnn_conv2d_new_f32`), LAYER (there are no images, or images of another
    /// size; sums that are too large; numbers that the format has no room for; or the model is
    /// finished).
    pub fn bnn_builder_conv2d_f32(
        builder: *mut bnn_builder_t,
        options: *const bnn_conv2d_options_t,
        w: *const f32,
    ) -> bnn_status_t {
        let options = options.get()?;
        let conv = options.conv()?;
        let image = [options.height, options.width, options.channels];
        let expected = builder.image()?;
        if image != expected {
            let message = format!("options are of images {image:?}, expected {expected:?}, the images that there are");
            return Err(refused(&message));
        }
        let depth = conv.channels() / conv.groups();
        let shape = [conv.outputs(), options.kernel_height, options.kernel_width, depth];
        let w = filters(w, conv.outputs(), conv.patch_len(), shape)?;
        let options = options.windows()?;
        let shape = [conv.outputs(), conv.patch_len()];
        match builder.is_on_numbers() {
            true => builder.add_product("conv2d", shape, |to| to.sign_weight_conv2d(&w, options)),
            false => builder.add_product("conv2d", shape, |to| to.binary_conv2d(&w, options)),
        }
    }
}

fn filters(
    w: Input<'_, f32>,
    outputs: usize,
    patch: usize,
    shape: [usize; 4],
) -> Result<Tensor, Error> {
    Ok(weights(w, outputs, patch)?.reshape(&shape)?)
}

export! {
    /// Adds a max pool over images: of the sums of a convolution, of what affine steps make of
    /// them, or of signs. A model file pools signs, which gives the same result if a product or a
    /// sign takes the signs of what was pooled.
    ///
    /// - `options`: read: the windows.
    ///
    /// Errors: NULL, MISALIGNED, ZERO, OVERFLOW, RANGE (a window larger than the padded image),
    /// LAYER (there are no images, it would pool integers of the input, numbers that the format has
    /// no room for, or the model is finished). `bnn_builder_finish` and the next product refuse a
    /// pool whose signs they cannot take.
    pub fn bnn_builder_max_pool2d(
        builder: *mut bnn_builder_t,
        options: *const bnn_pool2d_options_t,
    ) -> bnn_status_t {
        let options = options.get()?;
        let image = builder.image()?;
        // An error of the geometry has a status of its own.
        options.pool(image)?;
        let (kernel, stride, padding) = (options.kernel(), options.stride(), options.padding());
        builder.add("max pool", 0, |to| to.max_pool2d(kernel, stride, padding))
    }
}

export! {
    /// Adds a flattening: each image becomes a row, in the order `[height, width, channels]`, for
    /// the dense layers that follow. Rows stay as they are. Without it a linear layer takes each
    /// pixel by itself.
    ///
    /// Errors: NULL, MISALIGNED, LAYER (the model is finished).
    pub fn bnn_builder_flatten(builder: *mut bnn_builder_t) -> bnn_status_t {
        builder.add("flatten", 0, |to| {
            to.flatten();
            Ok(())
        })
    }
}
