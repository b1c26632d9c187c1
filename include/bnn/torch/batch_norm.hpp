// Batch norms whose evaluation is that of model files, as modules. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_BATCH_NORM_HPP
#define BNN_TORCH_BATCH_NORM_HPP

#include <ostream>
#include <utility>
#include <vector>

#include "tensor.hpp"

namespace bnn::torch {

namespace detail {

/// The base of both batch norms. `BatchNormImplBase` would be the base, if LibTorch exported it.
template <std::size_t D, class Derived>
class BatchNormLayer : public ::torch::nn::NormImplBase<D, Derived, ::torch::nn::BatchNormOptions> {
    using Base = ::torch::nn::NormImplBase<D, Derived, ::torch::nn::BatchNormOptions>;

  public:
    using Base::Base;

    Tensor forward(const Tensor &input) {
        this->_check_input_dim(input);
        TORCH_CHECK(input.size(1) == this->options.num_features(), "bnn: input: expected ", this->options.num_features(),
                    " channels, found shape ", input.sizes());
        if (this->is_training() || !this->options.track_running_stats()) {
            return train_forward(input);
        }
        const auto [scale, bias] = folded();
        std::vector<int64_t> shape(static_cast<std::size_t>(input.dim()), 1);
        shape[1] = -1;
        return input * scale.view(shape) + bias.view(shape);
    }

    /// The factor and the summand of each channel in evaluation: `a = weight / sqrt(running_var +
    /// eps)` and `bias - running_mean * a`, each operation rounded to a float.
    std::pair<Tensor, Tensor> folded() const {
        Tensor scale = (this->running_var + this->options.eps()).sqrt();
        scale = this->weight.defined() ? this->weight / scale : scale.reciprocal();
        const Tensor shift = this->running_mean * scale;
        return {scale, this->bias.defined() ? this->bias - shift : -shift};
    }

    void pretty_print(std::ostream &stream) const override {
        stream << std::boolalpha << "bnn::torch::BatchNorm" << D << "d(" << this->options.num_features()
               << ", eps=" << this->options.eps() << ", momentum=" << this->options.momentum().value_or(0.0)
               << ", affine=" << this->options.affine() << ", track_running_stats=" << this->options.track_running_stats()
               << ")";
    }

  private:
    /// Normalizes by the statistics of the batch and updates the running ones, as LibTorch does.
    Tensor train_forward(const Tensor &input) {
        double share = this->options.momentum().value_or(0.0);
        if (this->num_batches_tracked.defined()) {
            this->num_batches_tracked += 1;
            if (!this->options.momentum().has_value()) { // the mean over all batches
                share = 1.0 / this->num_batches_tracked.template item<double>();
            }
        }
        return ::torch::nn::functional::detail::batch_norm(input, this->running_mean, this->running_var, this->weight,
                                                           this->bias, /*training=*/true, share, this->options.eps());
    }
};

} // namespace detail

/// See `BatchNorm1d`.
class BatchNorm1dImpl : public detail::BatchNormLayer<1, BatchNorm1dImpl> {
  public:
    using detail::BatchNormLayer<1, BatchNorm1dImpl>::BatchNormLayer;

  protected:
    void _check_input_dim(const Tensor &input) override {
        TORCH_CHECK(input.dim() == 2 || input.dim() == 3, "bnn: BatchNorm1d: expected 2 or 3 dimensions, found shape ",
                    input.sizes());
    }
};

/// A `torch::nn::BatchNorm1d`, with its options, parameters and buffers, that evaluates as model
/// files do: `scale * x + bias`, product and sum rounded to a float each, the same on every CPU.
///
/// LibTorch's own rounds once on CPUs with fused multiply-add, and twice on others. Its scores
/// differ from those of a model file, and from one CPU to another, in their last bits.
class BatchNorm1d : public ::torch::nn::ModuleHolder<BatchNorm1dImpl> {
  public:
    using ::torch::nn::ModuleHolder<BatchNorm1dImpl>::ModuleHolder;
    using Impl = BatchNorm1dImpl;
};

/// See `BatchNorm2d`.
class BatchNorm2dImpl : public detail::BatchNormLayer<2, BatchNorm2dImpl> {
  public:
    using detail::BatchNormLayer<2, BatchNorm2dImpl>::BatchNormLayer;

  protected:
    void _check_input_dim(const Tensor &input) override {
        TORCH_CHECK(input.dim() == 4, "bnn: BatchNorm2d: expected 4 dimensions, found shape ", input.sizes());
    }
};

/// A `torch::nn::BatchNorm2d` that evaluates as model files do; see `BatchNorm1d`.
class BatchNorm2d : public ::torch::nn::ModuleHolder<BatchNorm2dImpl> {
  public:
    using ::torch::nn::ModuleHolder<BatchNorm2dImpl>::ModuleHolder;
    using Impl = BatchNorm2dImpl;
};

} // namespace bnn::torch

#endif
