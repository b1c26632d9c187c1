// bnn for C++17: binary neural networks, weights and activations in {-1, +1}, one bit each.
//
// Header-only, over the C functions of bnn.h: objects that free themselves, spans that know their
// size, exceptions. It does nothing that bnn.h cannot do; what bnn.h promises holds here. Guide:
// docs/C_API.md.
//
// Sizes     Buffers are bnn::Span, made of a std::vector, std::array, std::span or a pointer and a
// size. Sizes count elements
//           and are checked before the library is called.
// Errors    Everything that can fail throws bnn::Error, which has the status and says what was
// wrong, with the numbers.
//           Outputs are then unchanged, except after BNN_ERROR_INTERNAL. Moves, destructors and plain getters do not throw.
// Threads   Const member functions may be called from any number of threads at once. A moved-from
// object may only be destroyed
//           or assigned to.
#ifndef BNN_HPP
#define BNN_HPP

#include "bnn/bits.hpp"
#include "bnn/builder.hpp"
#include "bnn/conv2d.hpp"
#include "bnn/error.hpp"
#include "bnn/graph.hpp"
#include "bnn/info.hpp"
#include "bnn/linear.hpp"
#include "bnn/model.hpp"
#include "bnn/packed_model.hpp"
#include "bnn/span.hpp"
#include "bnn/stream.hpp"

#endif
