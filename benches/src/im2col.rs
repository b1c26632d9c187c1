//! Turns a convolution of floats into a product.

use bnn_core::conv::Conv2d;

/// Writes the patches of one zero-padded image, for strides and dilations of 1: `patches` has a row of
/// `conv.patch_len()` numbers for each output pixel.
pub(crate) fn im2col(conv: &Conv2d, x: &[f32], patches: &mut [f32]) {
    let ([height, width], [_, out_width]) =
        (conv.windows().input_size(), conv.windows().output_size());
    let ([kernel_height, kernel_width], [top, left]) =
        (conv.windows().kernel(), conv.windows().padding_before());
    let channels = conv.channels();
    for (p, patch) in patches.chunks_exact_mut(conv.patch_len()).enumerate() {
        let (oy, ox) = (p / out_width, p % out_width);
        let lines = patch
            .chunks_exact_mut(kernel_width * channels)
            .take(kernel_height);
        for (ky, line) in lines.enumerate() {
            // The taps inside the image are contiguous.
            let first = left.saturating_sub(ox).min(kernel_width);
            let end = (width + left - ox).min(kernel_width).max(first);
            let Some(iy) = (oy + ky).checked_sub(top).filter(|&iy| iy < height) else {
                line.fill(0.0);
                continue;
            };
            let from = (iy * width + ox + first - left) * channels;
            line[..first * channels].fill(0.0);
            line[first * channels..end * channels]
                .copy_from_slice(&x[from..from + (end - first) * channels]);
            line[end * channels..].fill(0.0);
        }
    }
}
