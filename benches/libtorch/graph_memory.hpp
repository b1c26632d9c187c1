// How many bytes the graph keeps for the backward pass.
//
// LibTorch tells a `MemoryReportingInfoBase` of every allocation and release of the thread. What a
// forward pass has allocated and not released, while nothing of it is held but the loss, is what
// the graph keeps: saved activations, statistics, indices of maxima, and copies such as sign(w).
// What was there before, weights, gradients, the optimizer's state and the batch, is not counted.
#pragma once

#include <c10/core/Allocator.h>
#include <torch/torch.h>

class LiveBytes : public c10::MemoryReportingInfoBase {
  public:
    void reportMemoryUsage(void *, int64_t size, int64_t, int64_t, c10::Device) override { bytes_ += size; }
    bool memoryProfilingEnabled() const override { return true; }
    int64_t bytes() const { return bytes_; }

  private:
    int64_t bytes_ = 0; // releases are reported as negative sizes
};

template <class Forward> int64_t graph_bytes(const Forward &forward) {
    auto live = std::make_shared<LiveBytes>();
    c10::DebugInfoGuard guard(c10::DebugInfoKind::PROFILER_STATE, live);
    torch::Tensor loss = forward();
    return live->bytes() - static_cast<int64_t>(loss.nbytes());
}
