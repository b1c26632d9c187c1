//! Turns a convolution of floats into a product.

use bnn_core::conv::Conv2d;

/// Writes the patches of a group of channels of one zero-padded image: `patches` has a row of
/// `conv.patch_len()` numbers for each output pixel.
pub(crate) fn im2col(conv: &Conv2d, group: usize, x: &[f32], patches: &mut [f32]) {
    let windows = conv.windows();
    let ([height, width], [_, out_width]) = (windows.input_size(), windows.output_size());
    let ([kernel_height, kernel_width], [top, left]) = (windows.kernel(), windows.padding_before());
    let ([down, right], [far_down, far_right]) = (windows.stride(), windows.dilation());
    let (channels, each) = (conv.channels(), conv.channels() / conv.groups());
    for (p, patch) in patches.chunks_exact_mut(conv.patch_len()).enumerate() {
        let (oy, ox) = (p / out_width * down, p % out_width * right);
        let lines = patch.chunks_exact_mut(kernel_width * each);
        for (ky, line) in lines.take(kernel_height).enumerate() {
            let iy = (oy + ky * far_down).checked_sub(top);
            let Some(iy) = iy.filter(|&iy| iy < height) else {
                line.fill(0.0);
                continue;
            };
            if far_right == 1 && conv.groups() == 1 {
                // The taps inside the image are contiguous.
                let first = left.saturating_sub(ox).min(kernel_width);
                let end = (width + left).saturating_sub(ox);
                let end = end.min(kernel_width).max(first);
                let from = (iy * width + ox + first).saturating_sub(left) * channels;
                line[..first * channels].fill(0.0);
                line[first * channels..end * channels]
                    .copy_from_slice(&x[from..from + (end - first) * channels]);
                line[end * channels..].fill(0.0);
                continue;
            }
            for (kx, tap) in line.chunks_exact_mut(each).enumerate() {
                let ix = (ox + kx * far_right).checked_sub(left);
                match ix.filter(|&ix| ix < width) {
                    Some(ix) => {
                        let from = (iy * width + ix) * channels + group * each;
                        tap.copy_from_slice(&x[from..from + each]);
                    }
                    None => tap.fill(0.0),
                }
            }
        }
    }
}
