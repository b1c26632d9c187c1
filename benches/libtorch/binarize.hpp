// Signs with straight-through gradients (Hubara et al. 2016, arXiv 1602.02830), as one writes them
// in LibTorch.
//
// `sign()` gives 0 for 0, where the engine gives +1: the one vectorised operation that LibTorch has
// for it. What comes out of a batch norm, and latent weights, are 0 hardly ever, and the time does
// not depend on it.
#pragma once

#include <torch/torch.h>

// Of activations: the gradient passes where |x| < 1.
struct SignActivation : torch::autograd::Function<SignActivation> {
    static torch::Tensor forward(torch::autograd::AutogradContext *ctx, const torch::Tensor &x) {
        ctx->save_for_backward({x});
        return x.sign();
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx,
                                                   torch::autograd::variable_list grads) {
        // One pass, instead of the three of `grad * (x.abs() <= 1)`.
        return {torch::hardtanh_backward(grads[0], ctx->get_saved_variables()[0], -1, 1)};
    }
};

// Of latent weights: the gradient passes everywhere; they are clipped to [-1, 1] after each step.
struct SignWeight : torch::autograd::Function<SignWeight> {
    static torch::Tensor forward(torch::autograd::AutogradContext *, const torch::Tensor &w) {
        return w.sign();
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *,
                                                   torch::autograd::variable_list grads) {
        return {grads[0]};
    }
};
