// The nearest palette entry of each of many pixels, in any order.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "colors.hpp"
#include "simd.hpp"

namespace pimenton {

// The coordinates of a channel's values in a space whose axes are those of red, green and blue.
using ChannelTable = std::array<float, 256>;

// Labels of opaque pixels by tables of small cubes of colors: in each one's cube of eight values a
// channel must be one of `colors`, which are in Z-order. `opacity` is the fourth coordinate of them
// all. Returns whether all were there.
bool map_pixels(std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> colors,
                const ChannelTable& table, float opacity, std::span<const float> entries,
                std::span<std::uint8_t> labels, int n_threads, Width width);

// Labels of any pixels by grids over the space; each thread fills one of its own.
void map_by_grid(std::span<const std::uint8_t> pixels, const ColorSpace& space,
                 std::span<const float> entries, std::span<std::uint8_t> labels, int n_threads,
                 Width width);

}  // namespace pimenton
