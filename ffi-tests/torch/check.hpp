// Counting of checks, and what LibTorch itself computes of the same formulas.
#pragma once

#include <torch/torch.h>

#include <bnn_torch.hpp>

#include <sstream>
#include <string>
#include <vector>

using torch::Tensor;

// Counts a check; a failed one is printed. `context` says which case it was.
void check(bool passed, const std::string &what, const char *file, int line);
#define EXPECT(condition) check((condition), #condition, __FILE__, __LINE__)
#define EXPECT_FOR(context, condition) check((condition), std::string(#condition) + ", " + (context), __FILE__, __LINE__)

// Checks that an expression throws LibTorch's error, with a message that contains a text.
#define EXPECT_REFUSED(text, ...)                                                                                       \
    do {                                                                                                               \
        std::string message = "nothing thrown";                                                                        \
        try {                                                                                                          \
            (void)(__VA_ARGS__);                                                                                       \
        } catch (const c10::Error &error) {                                                                            \
            message = error.what_without_backtrace();                                                                  \
        }                                                                                                              \
        check(message.find(text) != std::string::npos, #__VA_ARGS__ ": " + message, __FILE__, __LINE__);               \
    } while (0)

// The sign law, apart from the library.
inline Tensor signs(const Tensor &x) { return torch::where(x >= 0, torch::ones_like(x), -torch::ones_like(x)); }

// Signs with their straight-through gradients, made of LibTorch's own operations: in front of the
// subtraction and after it stands the same number, so that the value is that of the sign and the
// gradient that of `clamp`, or of `w` itself.
inline Tensor sign_of_input(const Tensor &x, double clip = 1.0) {
    const Tensor passed = x.clamp(-clip, clip);
    return signs(x).detach() + (passed - passed.detach());
}
inline Tensor sign_of_weight(const Tensor &w) { return signs(w).detach() + (w - w.detach()); }

// LibTorch's convolution, of images that it has padded as the windows say.
inline Tensor convolved(const Tensor &x, const Tensor &w, const bnn::torch::Windows &windows) {
    const auto &before = windows.pad_before, &after = windows.pad_after;
    const double values[] = {0.0, -1.0, 1.0};
    const Tensor padded = torch::constant_pad_nd(x, {before->at(1), after->at(1), before->at(0), after->at(0)},
                                                 values[windows.pad_value]);
    const std::vector<int64_t> none = {0, 0};
    return torch::conv2d(padded, w, {}, windows.stride, none, windows.dilation, windows.groups);
}

// How a module prints itself.
template <class Module> std::string printed(const Module &module) {
    std::ostringstream s;
    s << module;
    return s.str();
}

// A number from `low` to `high`, by LibTorch's generator.
inline int64_t draw(int64_t low, int64_t high) { return torch::randint(low, high + 1, {1}).item<int64_t>(); }

// Numbers with zeros of both signs among them, and ones, which lie on the border of the clip.
inline Tensor numbers(torch::IntArrayRef shape) {
    Tensor x = torch::randn(shape);
    const Tensor kind = torch::randint(0, 12, shape);
    x = torch::where(kind == 0, torch::zeros_like(x), x);
    x = torch::where(kind == 1, -torch::zeros_like(x), x);
    return torch::where(kind == 2, torch::sign(x), x);
}

void test_linear();
void test_conv2d();
void test_gradients();
void test_inputs();
void test_modules();
void test_sign_weight();
void test_export();
void test_graph();
void test_saved();
void test_threads();
