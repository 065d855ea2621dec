// The row filters of PNG, undone (W3C, "Portable Network Graphics", section 9). Each byte depends on
// the one a pixel before it, so this is one plain pass in order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

namespace pimenton {

namespace png {

using Byte = std::uint8_t;

// Of left, above and above left, the one nearest to left + above - above left.
inline Byte paeth(int a, int b, int c) {
    const int to_a = std::abs(b - c);
    const int to_b = std::abs(a - c);
    const int to_c = std::abs(a + b - 2 * c);
    return static_cast<Byte>(to_a <= to_b && to_a <= to_c ? a : to_b <= to_c ? b : c);
}

// Adds to each byte what `predict(left, above, above left)` says; before a row's begin all is zero.
template <class Predict>
void add_prediction(std::span<const Byte> in, std::span<const Byte> above, std::span<Byte> out,
                    std::size_t pixel_bytes, Predict predict) {
    const std::size_t head = std::min(pixel_bytes, in.size());
    for (std::size_t i = 0; i < head; ++i)
        out[i] = static_cast<Byte>(in[i] + predict(0, above[i], 0));
    for (std::size_t i = head; i < in.size(); ++i)
        out[i] = static_cast<Byte>(
            in[i] + predict(out[i - pixel_bytes], above[i], above[i - pixel_bytes]));
}

}  // namespace png

// Undoes the filters of rows of 1 + row_bytes bytes, of which the first names the filter. Tells
// whether every filter is one of the five.
inline bool unfilter(std::span<const std::uint8_t> filtered, std::size_t row_bytes,
                     std::size_t pixel_bytes, std::span<std::uint8_t> rows) {
    const std::vector<std::uint8_t> zeros(row_bytes);
    std::span<const std::uint8_t> above(zeros);
    for (std::size_t y = 0; y * (row_bytes + 1) < filtered.size(); ++y) {
        const auto in = filtered.subspan(y * (row_bytes + 1) + 1, row_bytes);
        const auto out = rows.subspan(y * row_bytes, row_bytes);
        const auto add = [&](auto predict) {
            png::add_prediction(in, above, out, pixel_bytes, predict);
        };
        switch (filtered[y * (row_bytes + 1)]) {
            case 0: std::copy(in.begin(), in.end(), out.begin()); break;
            case 1: add([](int left, int, int) { return left; }); break;
            case 2: add([](int, int up, int) { return up; }); break;
            case 3: add([](int left, int up, int) { return (left + up) / 2; }); break;
            case 4: add(png::paeth); break;
            default: return false;
        }
        above = out;
    }
    return true;
}

}  // namespace pimenton
