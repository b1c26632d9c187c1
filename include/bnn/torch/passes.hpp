// The passes that both autograd functions share: what a graph keeps, and the gradients that it
// gives. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_PASSES_HPP
#define BNN_TORCH_PASSES_HPP

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "../layer.hpp"
#include "tensor.hpp"

namespace bnn::torch::detail {

using ::torch::autograd::AutogradContext;
using ::torch::autograd::variable_list;

/// Is set once gradients of a module's parameters have been computed: an optimizer may then change
/// these.
using Watch = std::shared_ptr<std::atomic<bool>>;

/// A layer in a graph, with LibTorch's reference count.
template <class Layer> struct Held : ::torch::CustomClassHolder {
    Held(std::shared_ptr<const Layer> held, Watch watched) : layer(std::move(held)), watch(std::move(watched)) {}
    std::shared_ptr<const Layer> layer;
    Watch watch;
};

/// Computes `y` of `x`, both dense, of `batch` rows or images. The library refuses empty batches,
/// so they end here.
template <class Layer> void run(const Layer &layer, int64_t batch, const Tensor &x, const Tensor &y) {
    if (batch > 0) {
        checked([&] { layer.forward(read(x), write(y)); });
    }
}

/// Does what `run` does, and keeps in the context what `gradients` needs: the packed input, and the
/// layer with its packed weights.
template <class Layer>
void run_saving(AutogradContext *ctx, const std::shared_ptr<const Layer> &layer, const Watch &watch, int64_t batch,
                const Tensor &x, const Tensor &y, bool has_scale, bool has_bias) {
    const std::size_t size = batch > 0 ? layer->saved_words(static_cast<std::size_t>(batch)) : 0;
    const Tensor saved = ::at::empty({static_cast<int64_t>(size)}, ::at::kLong);
    if (batch > 0) {
        checked([&] { layer->forward_saving(read(x), write(y), words(saved)); });
    }
    ctx->save_for_backward({saved});
    ctx->saved_data["layer"] = ::c10::IValue::make_capsule(::c10::make_intrusive<Held<Layer>>(layer, watch));
    ctx->saved_data["has_scale"] = has_scale;
    ctx->saved_data["has_bias"] = has_bias;
}

/// The gradients of input, weight, scale and bias; undefined if not needed.
struct GradientTensors {
    Tensor x, w, scale, bias;
};

/// The gradients that are needed: `x` and `w` dense, in the shapes given.
template <class Layer>
GradientTensors gradients(AutogradContext *ctx, const Tensor &grad_y, ::at::IntArrayRef x_shape,
                          ::at::IntArrayRef w_shape) {
    TORCH_CHECK(!::at::GradMode::is_enabled(), "bnn: binary layers have no second derivatives; expected "
                                               "create_graph = false");
    const Tensor saved = ctx->get_saved_variables()[0];
    const auto held = ::c10::static_intrusive_pointer_cast<Held<Layer>>(ctx->saved_data["layer"].toCapsule());
    GradientTensors g;
    std::size_t input = 0; // counts the inputs that are tensors
    const auto allocate = [&](Tensor &gradient, bool present, ::at::IntArrayRef shape) {
        if (present && ctx->needs_input_grad(input++)) {
            gradient = ::at::empty(shape, grad_y.options());
        }
    };
    const int64_t outputs[] = {w_shape[0]};
    allocate(g.x, true, x_shape);
    allocate(g.w, true, w_shape);
    allocate(g.scale, ctx->saved_data["has_scale"].toBool(), outputs);
    allocate(g.bias, ctx->saved_data["has_bias"].toBool(), outputs);
    if (held->watch != nullptr && (g.w.defined() || g.scale.defined() || g.bias.defined())) {
        held->watch->store(true);
    }
    if (grad_y.numel() > 0) {
        const Tensor dy = dense(grad_y);
        checked([&] {
            held->layer->backward(words(saved), read(dy),
                                  Gradients{write(g.x), write(g.w), write(g.scale), write(g.bias)});
        });
    } else {
        for (Tensor *gradient : {&g.x, &g.w, &g.scale, &g.bias}) {
            if (gradient->defined()) {
                gradient->zero_();
            }
        }
    }
    return g;
}

} // namespace bnn::torch::detail

#endif
