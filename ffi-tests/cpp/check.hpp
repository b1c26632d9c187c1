// Counting of checks, and numbers to check with.
#pragma once

#include <bnn.hpp>

#include <vector>

// Counts a check; a failed one is printed.
void check(bool passed, const char *what, const char *file, int line);
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)

// Checks that an expression throws bnn::Error of a status, with a message that contains a text.
#define CHECK_ERROR(expected_status, text, ...)                                                                        \
    do {                                                                                                               \
        bool thrown = false;                                                                                           \
        try {                                                                                                          \
            (void)(__VA_ARGS__);                                                                                       \
        } catch (const bnn::Error &error) {                                                                            \
            thrown = error.status() == (expected_status) && is_in(text, error.what());                                 \
        }                                                                                                              \
        check(thrown, #__VA_ARGS__ " throws " #expected_status, __FILE__, __LINE__);                                   \
    } while (0)
bool is_in(const char *text, const char *message);

// Numbers from -2 to 2, the same for the same seed, with zeros of both signs among them.
std::vector<float> numbers(std::size_t count, unsigned seed);
// As `numbers`, with NaNs among them: inputs may have some, weights may not.
std::vector<float> numbers_with_nan(std::size_t count, unsigned seed);

// The sign law, apart from the library.
inline float sign(float x) { return x >= 0.0f ? 1.0f : -1.0f; }

void test_bits();
void test_linear();
void test_conv2d();
void test_model();
void test_graph();
void test_stream();
void test_threads();
