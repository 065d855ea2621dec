// The one place that knows about processors: every hot loop is plain C++, compiled once per SIMD
// width. A kernel is a struct with `static void run(...)`, marked [[gnu::always_inline]], so that
// its loops are compiled anew, for wider registers, inside each of the functions below. Lanes run
// over points and nothing is fused or reordered, so every width computes the same bits.
#pragma once

#include <string_view>

namespace pimenton {

enum class Width { baseline, avx2, avx512 };

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

inline Width widest_supported() {
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return Width::avx512;
    return __builtin_cpu_supports("avx2") ? Width::avx2 : Width::baseline;
}

template <class Kernel, class... Args>
[[gnu::target("avx2,popcnt")]] void run_avx2(Args... args) {
    Kernel::run(args...);
}

template <class Kernel, class... Args>
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx2,popcnt")]] void run_avx512(Args... args) {
    Kernel::run(args...);
}

#else

inline Width widest_supported() { return Width::baseline; }

template <class Kernel, class... Args>
void run_avx2(Args... args) {
    Kernel::run(args...);
}

template <class Kernel, class... Args>
void run_avx512(Args... args) {
    Kernel::run(args...);
}

#endif

template <class Kernel, class... Args>
void run_baseline(Args... args) {
    Kernel::run(args...);
}

// Arguments are passed by value: pointers, numbers and small views only.
template <class Kernel, class... Args>
void run(Width width, Args... args) {
    switch (width) {
        case Width::avx512: return run_avx512<Kernel, Args...>(args...);
        case Width::avx2: return run_avx2<Kernel, Args...>(args...);
        case Width::baseline: return run_baseline<Kernel, Args...>(args...);
    }
}

inline std::string_view name_of(Width width) {
    return width == Width::avx512 ? "avx512" : width == Width::avx2 ? "avx2" : "baseline";
}

}  // namespace pimenton
