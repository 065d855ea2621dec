// Tables over all 2^24 opaque colors, in the order of histograms: neighbours in color are neighbours
// in memory, so the pixels of a photograph touch few parts of a table.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "histogram.hpp"
#include "simd.hpp"

namespace pimenton {

constexpr std::size_t n_opaque = std::size_t{1} << 24;

// The place of each opaque color among all of them.
struct WriteCodes {
    [[gnu::always_inline]] static void run(const std::uint8_t* colors, std::size_t n,
                                           std::uint32_t* codes) {
        for (std::size_t i = 0; i < n; ++i) codes[i] = zorder::opaque_code(colors + 4 * i);
    }
};

inline void opaque_codes(std::span<const std::uint8_t> colors, std::span<std::uint32_t> codes,
                         Width width) {
    run<WriteCodes>(width, colors.data(), codes.size(), codes.data());
}

// The color at each place.
inline void opaque_colors(std::span<const std::uint32_t> codes, std::span<std::uint8_t> colors) {
    for (std::size_t i = 0; i < codes.size(); ++i) {
        const Rgba color = zorder::opaque_color(codes[i] & (n_opaque - 1));
        std::copy(color.begin(), color.end(), colors.begin() + static_cast<std::ptrdiff_t>(4 * i));
    }
}

// Writes what a table has for each opaque pixel, and zero for the others.
struct LookUp {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t begin,
                                           std::size_t end, const std::uint8_t* table,
                                           std::uint8_t* out, bool* all_opaque) {
        bool opaque = true;
        for_each_code(
            pixels, begin, end, [=](std::size_t i, std::uint32_t code) { out[i] = table[code]; },
            [&](std::size_t i, std::uint32_t) {
                out[i] = 0;
                opaque = false;
            });
        *all_opaque = opaque;
    }
};

// Returns whether all pixels were opaque.
inline bool look_up(std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> table,
                    std::span<std::uint8_t> out, int n_threads, Width width) {
    std::atomic<bool> all_opaque{true};
    for_each_piece(out.size(), n_threads, [&](std::size_t begin, std::size_t end, std::size_t) {
        bool opaque = true;
        run<LookUp>(width, pixels.data(), begin, end, table.data(), out.data(), &opaque);
        if (!opaque) all_opaque = false;
    });
    return all_opaque;
}

}  // namespace pimenton
