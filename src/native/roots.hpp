// Cube roots of our own, because the last bit of std::cbrt differs between C libraries and it does
// not fill SIMD lanes. Only + - * /, conversions and bit copies, all of them exact to the last bit
// on every IEEE 754 processor, so loops over these functions compute the same bits at any width.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace pimenton {

// One step of Halley's method towards the cube root of x: an error of e becomes 2/3 e^3. Adding a
// small correction to the guess, not multiplying it, keeps the rounding under one unit. Dividing
// first keeps tiny products out of the subnormal range.
template <class Real>
[[gnu::always_inline]] inline Real halley_step(Real guess, Real x) {
    const Real cube = guess * guess * guess;
    return guess + guess * ((x - cube) / (cube + cube + x));
}

// The cube root of 0 <= x < 1e38 within 1 unit in the last place (0.965 measured on a third of all
// floats; 89 % of the results are the nearest one), exactly 0 below the smallest normal float.
// Branch-free.
[[gnu::always_inline]] inline float cube_root(float x) {
    // The bits of a float are nearly its logarithm, so their third is nearly the cube root's; the
    // offset is two thirds of the exponent's bias, moved to balance the error (3.5 %; FreeBSD's
    // s_cbrtf.c has the same constant).
    const auto bits = static_cast<float>(std::bit_cast<std::int32_t>(x));
    const auto third = static_cast<std::int32_t>(bits * (1.0f / 3.0f) + 709921077.0f);
    const float guess = std::bit_cast<float>(third);
    const float root = halley_step(halley_step(guess, x), x);
    return x < std::numeric_limits<float>::min() ? 0.0f : root;
}

// The same in double for the same range, within 0.8 units in the last place.
[[gnu::always_inline]] inline double cube_root(double x) {
    const double root = halley_step(static_cast<double>(cube_root(static_cast<float>(x))), x);
    return x < std::numeric_limits<float>::min() ? 0.0 : root;
}

}  // namespace pimenton
