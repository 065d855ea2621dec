// The border between Python and the kernel: checks shapes, releases the interpreter lock, calls.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include "parallel.hpp"
#include "simd.hpp"

namespace nb = nanobind;
using namespace pimenton;

namespace {

// The width in use; tests lower it to show that no bit depends on it.
std::atomic<Width>& active_width() {
    static std::atomic<Width> width{widest_supported()};
    return width;
}

std::string simd_width() { return std::string(name_of(active_width())); }

void set_simd_width(const std::string& name) {
    for (auto width : {Width::baseline, Width::avx2, Width::avx512})
        if (name == name_of(width)) {
            if (width > widest_supported())
                throw std::invalid_argument("simd width " + name + " is not supported here");
            active_width() = width;
            return;
        }
    throw std::invalid_argument("simd width must be baseline, avx2 or avx512; got " + name);
}

}  // namespace

NB_MODULE(_native, m) {
    m.doc() = "Hot loops of pimenton.";
    m.def("simd_width", &simd_width);
    m.def("set_simd_width", &set_simd_width, nb::arg("name"));
}
