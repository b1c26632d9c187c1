// What library this is, what it runs on and with how many threads. Part of bnn.hpp.
#ifndef BNN_INFO_HPP
#define BNN_INFO_HPP

#include <string>

#include "error.hpp"

namespace bnn {

/// The library's version, such as "1.2.3".
inline std::string version() { return bnn_version(); }

/// Throws (BNN_ERROR_MISMATCH) if the loaded library does not have the ABI that the header
/// describes.
inline void check_abi() {
    if (bnn_abi_version() != BNN_ABI_VERSION) {
        throw Error(BNN_ERROR_MISMATCH, "ABI of libbnn: expected " + std::to_string(BNN_ABI_VERSION) + ", found " +
                                            std::to_string(bnn_abi_version()));
    }
}

/// The instruction set in use: "avx2", "neon", ..; throws if the variable BNN_ISA asks for one that
/// the CPU lacks.
inline std::string isa() {
    const std::string name = bnn_isa();
    if (name.empty()) {
        throw Error(BNN_ERROR_ISA_ABSENT, bnn_last_error_message());
    }
    return name;
}

/// The number of threads that large calls use; see `bnn_set_num_threads`.
inline std::size_t num_threads() { return bnn_num_threads(); }
inline void set_num_threads(std::size_t threads) { detail::check(bnn_set_num_threads(threads)); }

} // namespace bnn

#endif
