// The binary linear layer as a module. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_LINEAR_HPP
#define BNN_TORCH_LINEAR_HPP

#include <ostream>

#include "linear_function.hpp"
#include "packed_cache.hpp"

namespace bnn::torch {

/// Options of `BinaryLinear`, those of `torch::nn::Linear` and two more.
struct BinaryLinearOptions {
    BinaryLinearOptions(int64_t in_features, int64_t out_features)
        : in_features_(in_features), out_features_(out_features) {}

    TORCH_ARG(int64_t, in_features);
    TORCH_ARG(int64_t, out_features);
    /// A learnt summand for each output, 0 at first. In front of a batch norm it is for nothing.
    TORCH_ARG(bool, bias) = true;
    /// A learnt factor for each output, 1 at first.
    TORCH_ARG(bool, scale) = false;
    /// The gradient of the input passes where `|input| <= clip`.
    TORCH_ARG(double, clip) = 1.0;
};

/// See `BinaryLinear`.
class BinaryLinearImpl : public ::torch::nn::Cloneable<BinaryLinearImpl> {
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
        weight = register_parameter("weight", ::torch::empty({options.out_features(), options.in_features()}));
        const auto per_output = [&](const char *name, bool present) {
            const Tensor t = present ? ::torch::empty({options.out_features()}) : Tensor();
            return register_parameter(name, t, /*requires_grad=*/present);
        };
        scale = per_output("scale", options.scale());
        bias = per_output("bias", options.bias());
        reset_parameters();
    }

    /// Latent weights Glorot-uniform, scales 1, biases 0.
    void reset_parameters() {
        const ::at::NoGradGuard no_grad;
        ::torch::nn::init::xavier_uniform_(weight);
        if (scale.defined()) {
            scale.fill_(1.0);
        }
        if (bias.defined()) {
            bias.zero_();
        }
    }

    /// Clamps the latent weights to [-1, 1], in place.
    void clamp_weight_() {
        const ::at::NoGradGuard no_grad;
        weight.clamp_(-1.0, 1.0);
    }

    /// `[.., in_features]` to `[.., out_features]`.
    Tensor forward(const Tensor &input) {
        const OptionalTensor s = detail::if_defined(scale), b = detail::if_defined(bias);
        const auto pack = [&] { return pack_linear(weight, s, b, options.clip()); };
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
    /// Latent weights, `[out_features, in_features]`; the forward pass sees their signs.
    Tensor weight;
    /// `[out_features]`, or undefined.
    Tensor scale, bias;

  private:
    detail::PackedCache<Linear> packed_;
};

/// `scale * (sign(input) · sign(weight)^T) + bias` as a module, with the parameters `weight`, `scale` and `bias`.
///
/// In training the weights are packed at each call. In evaluation they are packed once, and again where a parameter was
/// changed in place or exchanged. LibTorch does not count changes by way of `data()`, as `torch::optim::SGD` makes them: so
/// weights are packed at each call while parameters have gradients (`zero_grad()` takes them away from LibTorch 2.0 on), and
/// once gradients have been computed in evaluation, until `train()` or `eval()` is called. Call `eval()` also after having
/// written through `weight.data()` yourself.
class BinaryLinear : public ::torch::nn::ModuleHolder<BinaryLinearImpl> {
  public:
    using ::torch::nn::ModuleHolder<BinaryLinearImpl>::ModuleHolder;
    using Impl = BinaryLinearImpl;
};

} // namespace bnn::torch

#endif
