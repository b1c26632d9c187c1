// A trained network as a model file, compared with the network before it is given out. Part of
// bnn_torch.hpp.
#ifndef BNN_TORCH_EXPORT_HPP
#define BNN_TORCH_EXPORT_HPP

#include <string>
#include <utility>
#include <vector>

#include "export_layers.hpp"
#include "export_file.hpp"

namespace bnn::torch {

/// The bytes of a model file that computes what `layers` compute in evaluation, one after another.
///
/// The file is run on `samples` and compared with `outputs`, which the network gave for them in
/// evaluation: the scores must be equal, bit for bit, or as far apart as `options.tolerance()`
/// allows. Every sign inside is equal for every sum that can occur, for the thresholds are found by
/// evaluating the modules themselves. Throws a `c10::Error` that names the layer if a model file
/// cannot hold it, or if file and network differ.
///
/// - `samples`: float32, `[batch, features]` or `[batch, channels, height, width]`. If the first
///   layer is a `SignWeightLinear` or a `SignWeightConv2d`, integers from 0 to `2^input_bits - 1`,
///   which the file takes as bytes; if it is a `BinaryLinear` or a `BinaryConv2d`, any numbers, of
///   which the file takes the signs as bits. The file takes images with channels last.
/// - `layers`: the layers of this library, `torch::nn::BatchNorm1d`, `BatchNorm2d`, `MaxPool2d`,
///   `Flatten`, `Hardtanh`, `Identity`, dropout, and `Sequential`s of these. For a module of your
///   own, put its layers into a `Sequential` in the order of its `forward`, and pass as `outputs`
///   what the module itself computes.
inline std::vector<std::uint8_t> export_model(::torch::nn::Sequential layers, const Tensor &samples, const Tensor &outputs,
                                              const ExportOptions &options = {}) {
    const ::at::NoGradGuard no_grad;
    detail::check_samples(samples);
    const detail::Evaluation evaluation(*layers);
    const detail::Layers found(*layers, samples.slice(0, 0, 1), options.input_bits());
    detail::Written written = detail::write_file(found, samples, options);
    detail::compare(written, samples, outputs,
                    "does the network compute something beside the layers that were exported, such as a sum of two of "
                    "them? (export_graph is for networks that are no chain)");
    return std::move(written.file);
}

/// The bytes of a model file that computes what `net` computes in evaluation, and is compared with
/// that; `samples` and errors are those of the function above.
inline std::vector<std::uint8_t> export_model(::torch::nn::Sequential net, const Tensor &samples,
                                              const ExportOptions &options = {}) {
    Tensor outputs;
    {
        const ::at::NoGradGuard no_grad;
        const detail::Evaluation evaluation(*net);
        outputs = net->forward(samples);
    }
    return export_model(std::move(net), samples, outputs, options);
}

} // namespace bnn::torch

#endif
