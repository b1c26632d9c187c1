// The binary linear layer as a module. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_LINEAR_HPP
#define BNN_TORCH_LINEAR_HPP

#include <ostream>

#include "latent.hpp"
#include "linear_function.hpp"
#include "packed_cache.hpp"

namespace bnn::torch {

/// Options of `BinaryLinear`: those of `torch::nn::Linear` and two more.
struct BinaryLinearOptions {
    BinaryLinearOptions(int64_t in_features, int64_t out_features)
        : in_features_(in_features), out_features_(out_features) {}

    TORCH_ARG(int64_t, in_features);
    TORCH_ARG(int64_t, out_features);
    /// A learnt summand per output, 0 at first. A batch norm after the layer makes it superfluous.
    TORCH_ARG(bool, bias) = true;
    /// A learnt factor per output, 1 at first.
    TORCH_ARG(bool, scale) = false;
    /// The gradient of the input passes where `|input| <= clip`.
    TORCH_ARG(double, clip) = 1.0;
};

/// See `BinaryLinear`.
class BinaryLinearImpl : public detail::LatentLayer<BinaryLinearImpl> {
  public:
    BinaryLinearImpl(int64_t in_features, int64_t out_features)
        : BinaryLinearImpl(BinaryLinearOptions(in_features, out_features)) {}

    explicit BinaryLinearImpl(const BinaryLinearOptions &given) : options(given) {
        TORCH_CHECK(options.in_features() > 0 && options.out_features() > 0,
                    "bnn: BinaryLinear: expected features of at least 1, found ", options.in_features(), " and ",
                    options.out_features());
        BinaryLinearImpl::reset();
    }

    void reset() override {
        register_latent({options.out_features(), options.in_features()}, options.scale(), options.bias());
    }

    /// `[.., in_features]` to `[.., out_features]`.
    Tensor forward(const Tensor &input) {
        const OptionalTensor s = detail::if_defined(scale), b = detail::if_defined(bias);
        const auto pack = [&] { return pack_linear(weight, s, b, options.clip()); };
        if (is_training()) {
            check_weight();
        }
        const auto layer = is_training() ? pack() : packed_.get({weight, scale, bias}, {}, pack);
        return detail::apply_linear(input, weight, s, b, layer, packed_.watch());
    }

    /// Also forgets the packed weights.
    void train(bool on = true) override {
        packed_.clear();
        Module::train(on);
    }

    void pretty_print(std::ostream &stream) const override {
        stream << std::boolalpha << "bnn::torch::BinaryLinear(in_features=" << options.in_features()
               << ", out_features=" << options.out_features() << ", bias=" << options.bias()
               << ", scale=" << options.scale() << ", clip=" << options.clip() << ")";
    }

    BinaryLinearOptions options;

  private:
    detail::PackedCache<Linear> packed_;
};

/// `scale * (sign(input) · sign(weight)^T) + bias` as a module, with the parameters `weight`,
/// `[out_features, in_features]`, `scale` and `bias`, `[out_features]`.
///
/// In training the weights are packed at each call. In evaluation they are packed once, and again
/// after a parameter was changed in place or exchanged. LibTorch does not count changes through
/// `data()`, as `torch::optim::SGD` makes them. So weights are packed at each call while parameters
/// have gradients (from LibTorch 2.0 on `zero_grad()` takes them away), and once gradients have
/// been computed in evaluation, until `train()` or `eval()` is called. Also call `eval()` after you
/// have written through `weight.data()` yourself.
class BinaryLinear : public ::torch::nn::ModuleHolder<BinaryLinearImpl> {
  public:
    using ::torch::nn::ModuleHolder<BinaryLinearImpl>::ModuleHolder;
    using Impl = BinaryLinearImpl;
};

} // namespace bnn::torch

#endif
