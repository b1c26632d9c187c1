// The product of the guide's first example, by the C++ header; prints "1 -3".
#include <bnn.hpp>

#include <cstdio>
#include <vector>

int main() {
    const std::vector<float> x = {0.5f, -2.0f, 0.0f};
    const std::vector<float> w = {1.0f, 1.0f, 1.0f, -1.0f, 1.0f, -1.0f};
    const bnn::Linear layer(w, 2, 3);
    std::vector<float> y(2);
    layer.forward(x, y);
    std::printf("%.0f %.0f\n", y[0], y[1]);
    return 0;
}
