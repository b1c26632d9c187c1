// The BLAS that the process has: Debian's LibTorch takes whatever `libblas.so.3` leads to.
#pragma once

#include <dlfcn.h>

#include <filesystem>
#include <string>

inline std::string blas() {
    void *sgemm = dlsym(RTLD_DEFAULT, "sgemm_");
    Dl_info info{};
    if (sgemm == nullptr || dladdr(sgemm, &info) == 0) {
        return "unknown";
    }
    if (void *config = dlsym(RTLD_DEFAULT, "openblas_get_config")) {
        return reinterpret_cast<const char *(*)()>(config)();
    }
    return std::filesystem::canonical(info.dli_fname).string();
}
