// Pixels of one to four channels made pixels of four, with every invisible pixel zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "parallel.hpp"
#include "simd.hpp"

namespace pimenton {

// Writes n pixels of gray, gray with alpha, RGB or RGBA as RGBA.
struct ExpandPixels {
    [[gnu::always_inline]] static void run(const std::uint8_t* values, std::size_t n,
                                           std::size_t n_channels, std::uint8_t* pixels) {
        switch (n_channels) {
            case 1: return expand<1>(values, n, pixels);
            case 2: return expand<2>(values, n, pixels);
            case 3: return expand<3>(values, n, pixels);
            default: return expand<4>(values, n, pixels);
        }
    }

    template <std::size_t n_channels>
    [[gnu::always_inline]] static void expand(const std::uint8_t* values, std::size_t n,
                                              std::uint8_t* pixels) {
        constexpr std::size_t green = n_channels > 2 ? 1 : 0, blue = 2 * green;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint8_t* value = values + n_channels * i;
            const std::uint8_t alpha = n_channels % 2 ? 255 : value[n_channels - 1];
            const std::uint8_t seen = alpha == 0 ? 0 : 255;
            pixels[4 * i] = value[0] & seen;
            pixels[4 * i + 1] = value[green] & seen;
            pixels[4 * i + 2] = value[blue] & seen;
            pixels[4 * i + 3] = alpha;
        }
    }
};

// Whether an invisible pixel of n RGBA pixels has a color.
struct FindHiddenColor {
    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t n, bool* found) {
        unsigned hidden = 0;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint8_t* p = pixels + 4 * i;
            const unsigned color = p[0] | p[1] | p[2];
            hidden |= p[3] == 0 ? color : 0u;
        }
        *found = hidden != 0;
    }
};

constexpr std::size_t pixels_at_once = std::size_t{1} << 18;

inline void expand_pixels(std::span<const std::uint8_t> values, std::size_t n_channels,
                          std::span<std::uint8_t> pixels, Width width) {
    const std::size_t n = pixels.size() / 4;
    for_each_chunk(chunks_of(n, pixels_at_once), 1, [&](std::size_t chunk) {
        const std::size_t first = chunk * pixels_at_once;
        run<ExpandPixels>(width, values.data() + n_channels * first,
                          std::min(pixels_at_once, n - first), n_channels,
                          pixels.data() + 4 * first);
    });
}

inline bool has_hidden_colors(std::span<const std::uint8_t> pixels, Width width) {
    const std::size_t n = pixels.size() / 4;
    bool any = false;
    for_each_chunk(chunks_of(n, pixels_at_once), 1, [&](std::size_t chunk) {
        const std::size_t first = chunk * pixels_at_once;
        bool found = false;
        run<FindHiddenColor>(width, pixels.data() + 4 * first, std::min(pixels_at_once, n - first),
                             &found);
        any = any || found;
    });
    return any;
}

}  // namespace pimenton
