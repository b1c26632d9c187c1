// Packed weights of a module, kept while they are those of its parameters. Part of bnn_torch.hpp.
#ifndef BNN_TORCH_PACKED_CACHE_HPP
#define BNN_TORCH_PACKED_CACHE_HPP

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "passes.hpp"

namespace bnn::torch::detail {

/// Holds one layer. It recognises the tensors that the layer was made of by their memory and
/// version. LibTorch counts a tensor's in-place changes, except those through `data()`, as a step
/// of `torch::optim::SGD` makes them. A step needs gradients: so nothing is held while parameters
/// have some, and the watch tells of gradients that came and went.
///
/// A copy is empty, because a copied module has parameters of its own.
template <class Layer> class PackedCache {
  public:
    PackedCache() = default;
    PackedCache(const PackedCache &) {}
    PackedCache &operator=(const PackedCache &) {
        clear();
        return *this;
    }

    void clear() {
        const std::lock_guard<std::mutex> lock(mutex_);
        layer_ = nullptr;
        sources_.clear();
        watch_->store(false);
    }

    /// Set it when gradients of the parameters are computed: nothing is held from then on, until
    /// `clear`.
    const Watch &watch() const noexcept { return watch_; }

    /// The layer of these parameters and numbers: the held one, or the result of `make()`, which is
    /// then held.
    template <class Make>
    std::shared_ptr<const Layer> get(const std::vector<Tensor> &parameters, const std::vector<int64_t> &numbers,
                                     const Make &make) {
        // Inference tensors do not count their changes; tensors with gradients may be changed by a
        // step that is not counted.
        const auto uncounted = [](const Tensor &t) {
            return t.defined() && (t.is_inference() || (t.is_leaf() && t.grad().defined()));
        };
        if (std::any_of(parameters.begin(), parameters.end(), uncounted)) {
            return make();
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        if (watch_->load()) {
            return make();
        }
        if (layer_ == nullptr || numbers != numbers_ || !made_of(parameters)) {
            layer_ = make();
            numbers_ = numbers;
            sources_.clear();
            for (const Tensor &parameter : parameters) {
                sources_.emplace_back(parameter);
            }
        }
        return layer_;
    }

  private:
    struct Source {
        explicit Source(const Tensor &parameter) {
            if (parameter.defined()) {
                // A reference, so that no other tensor can get this memory while it stands for the
                // parameter.
                memory = parameter.detach();
                version = parameter._version();
            }
        }

        bool is(const Tensor &parameter) const {
            if (!memory.defined() || !parameter.defined()) {
                return memory.defined() == parameter.defined();
            }
            return memory.data_ptr() == parameter.data_ptr() && version == parameter._version() &&
                   memory.sizes() == parameter.sizes() && memory.strides() == parameter.strides() &&
                   memory.options().type_equal(parameter.options());
        }

        Tensor memory;
        int64_t version = 0;
    };

    bool made_of(const std::vector<Tensor> &parameters) const {
        return std::equal(sources_.begin(), sources_.end(), parameters.begin(), parameters.end(),
                          [](const Source &source, const Tensor &parameter) { return source.is(parameter); });
    }

    std::mutex mutex_;
    const Watch watch_ = std::make_shared<std::atomic<bool>>(false);
    std::shared_ptr<const Layer> layer_;
    std::vector<int64_t> numbers_;
    std::vector<Source> sources_;
};

} // namespace bnn::torch::detail

#endif
