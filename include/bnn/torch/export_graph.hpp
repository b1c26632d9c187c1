// A trained residual network as a model file, compared with the network before it is given out.
// Part of bnn_torch.hpp.
#ifndef BNN_TORCH_EXPORT_GRAPH_HPP
#define BNN_TORCH_EXPORT_GRAPH_HPP

#include <utility>
#include <vector>

#include "export_file.hpp"
#include "graph_modules.hpp"

namespace bnn::torch {

/// The bytes of a model file that computes what `net` computes in evaluation, whatever its
/// `forward` connects: residual blocks, several branches, float layers at the ends.
///
/// `describe` says what `forward` computes: it is called with a `GraphBuilder` and the node of the
/// samples, and returns the node of the outputs.
///
/// ```
/// const auto file = bnn::torch::export_graph(net, images, [&](auto &g, auto x) {
///     x = g.apply(net->stem, x);
///     x = g.add(x, g.apply(net->norm, g.apply(net->conv, x)));
///     return g.apply(net->head, g.flatten(g.average_pool(x)));
/// }, bnn::torch::ExportOptions().tolerance(1e-5)); // for the mean of floats, and those of the head
/// ```
///
/// The file is run on `samples` and compared with what `net->forward(samples)` gives: all outputs
/// must be equal, bit for bit, or at most `options.tolerance()` times the largest output apart.
/// Throws a `c10::Error` that names the module if a file cannot hold it, if the description leaves
/// a parameter or a buffer of the network out, or if file and network differ.
///
/// - `samples`: float32, `[batch, features]` or `[batch, channels, height, width]`: integers from 0
///   to `2^input_bits - 1`, which the file takes as bytes; with `input_bits` 0 any numbers, of
///   which it takes the signs as bits. The file takes images with channels last.
template <class Net, class Describe>
std::vector<std::uint8_t> export_graph(::torch::nn::ModuleHolder<Net> net, const Tensor &samples,
                                       const Describe &describe, const ExportOptions &options = {}) {
    const ::at::NoGradGuard no_grad;
    detail::check_samples(samples);
    const detail::Evaluation evaluation(*net);
    GraphBuilder builder(*net, samples, options);
    const GraphBuilder::Node output = describe(builder, builder.input());
    detail::Written written{builder.finish(output, options), {}};
    // A copy, for a `forward` that changes its input: the file takes the samples as they are.
    const Tensor outputs = net->forward(samples.clone());
    detail::check_tensor("outputs", outputs);
    written.allowed = (outputs.abs().max() * options.tolerance()).reshape({1});
    detail::compare(written, samples, outputs,
                    "does `forward` compute what the description says? Sums of floats, which LibTorch adds in another order "
                    "than a file, need a tolerance (ExportOptions::tolerance)");
    return std::move(written.file);
}

} // namespace bnn::torch

#endif
