// The binary networks: pixels times signs of weights in the first layer, signs times signs in the
// others, batch norm after every layer and no bias, as in `bnn_autograd::models`.
#pragma once

#include <vector>

#include "binarize.hpp"

class Network : public torch::nn::Module {
  public:
    virtual torch::Tensor forward(torch::Tensor x) = 0;

    // Latent weights, one tensor per layer.
    const std::vector<torch::Tensor> &weights() const { return weights_; }

  protected:
    torch::Tensor add_weight(torch::IntArrayRef shape) {
        auto w = torch::empty(shape);
        torch::nn::init::xavier_uniform_(w);
        w = register_parameter("weight" + std::to_string(weights_.size()), w);
        weights_.push_back(w);
        return w;
    }

    torch::Tensor signs(size_t layer) { return SignWeight::apply(weights_[layer]); }

  private:
    std::vector<torch::Tensor> weights_;
};

// 784-1024-1024-1024-10.
class Mlp : public Network {
  public:
    Mlp() {
        const std::vector<int64_t> widths = {784, 1024, 1024, 1024, 10};
        for (size_t i = 0; i + 1 < widths.size(); i++) {
            add_weight({widths[i + 1], widths[i]});
            norms_->push_back(torch::nn::BatchNorm1d(widths[i + 1]));
        }
        register_module("norms", norms_);
    }

    torch::Tensor forward(torch::Tensor x) override {
        for (size_t i = 0; i < norms_->size(); i++) {
            if (i > 0) {
                x = SignActivation::apply(x);
            }
            x = norms_[i]->as<torch::nn::BatchNorm1d>()->forward(torch::linear(x, signs(i)));
        }
        return x;
    }

  private:
    torch::nn::ModuleList norms_;
};

// Three times 3x3 convolution, 2x2 maximum, batch norm: 1x28x28, 32x14x14, 64x7x7, 128x3x3; then 10
// scores.
class Cnn : public Network {
  public:
    Cnn() {
        const std::vector<int64_t> channels = {1, 32, 64, 128};
        for (size_t i = 0; i + 1 < channels.size(); i++) {
            add_weight({channels[i + 1], channels[i], 3, 3});
            norms_->push_back(torch::nn::BatchNorm2d(channels[i + 1]));
        }
        register_module("norms", norms_);
        add_weight({10, 128 * 3 * 3});
        last_norm_ = register_module("last_norm", torch::nn::BatchNorm1d(10));
    }

    torch::Tensor forward(torch::Tensor x) override {
        const size_t convolutions = norms_->size();
        for (size_t i = 0; i < convolutions; i++) {
            if (i > 0) {
                x = SignActivation::apply(x);
            }
            x = torch::conv2d(x, signs(i), {}, /*stride=*/1, /*padding=*/1);
            x = norms_[i]->as<torch::nn::BatchNorm2d>()->forward(torch::max_pool2d(x, 2));
        }
        x = torch::linear(SignActivation::apply(x).flatten(1), signs(convolutions));
        return last_norm_(x);
    }

  private:
    torch::nn::ModuleList norms_;
    torch::nn::BatchNorm1d last_norm_{nullptr};
};
