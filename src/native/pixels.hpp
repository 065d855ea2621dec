// Pixels of one to four channels made pixels of four, with every invisible pixel zero; pictures of
// half the size.
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

// One row of a picture of half the size, from two rows: means of 2 x 2 pixels, weighted by opacity.
struct HalveRows {
    [[gnu::always_inline]] static void run(const std::uint8_t* upper, const std::uint8_t* lower,
                                           std::size_t width, std::uint8_t* out) {
        unsigned lowest = 255;
        for (std::size_t x = 0; x < width; ++x) {
            const unsigned a = upper[4 * x + 3], b = lower[4 * x + 3];
            lowest = a < lowest ? a : lowest;
            lowest = b < lowest ? b : lowest;
        }
        const std::size_t n_pairs = width / 2;
        if (lowest == 255)
            for (std::size_t x = 0; x < n_pairs; ++x)
                for (std::size_t c = 0; c < 4; ++c) {
                    const std::size_t left = 8 * x + c, right = left + 4;
                    out[4 * x + c] = static_cast<std::uint8_t>(
                        (upper[left] + upper[right] + lower[left] + lower[right] + 2) / 4);
                }
        else
            for (std::size_t x = 0; x < n_pairs; ++x) mean(upper, lower, 2 * x, 2 * x + 1, out + 4 * x);
        // The last column of an odd width stands for two.
        if (width % 2) mean(upper, lower, width - 1, width - 1, out + 4 * n_pairs);
    }

    [[gnu::always_inline]] static void mean(const std::uint8_t* upper, const std::uint8_t* lower,
                                            std::size_t left, std::size_t right,
                                            std::uint8_t* out) {
        const std::uint8_t* pixels[4] = {upper + 4 * left, upper + 4 * right, lower + 4 * left,
                                         lower + 4 * right};
        unsigned opacity = 0, sums[3] = {};
        for (const auto* p : pixels) {
            opacity += p[3];
            for (std::size_t c = 0; c < 3; ++c) sums[c] += p[c] * p[3];
        }
        const unsigned alpha = (opacity + 2) / 4;
        for (std::size_t c = 0; c < 3; ++c)
            out[c] = static_cast<std::uint8_t>(alpha ? (sums[c] + opacity / 2) / opacity : 0);
        out[3] = static_cast<std::uint8_t>(alpha);
    }
};

inline void halve_pixels(std::span<const std::uint8_t> pixels, std::size_t width,
                         std::span<std::uint8_t> out, Width simd) {
    const std::size_t row = 4 * width, height = pixels.size() / row, out_row = 4 * ((width + 1) / 2);
    for (std::size_t y = 0; y < height; y += 2) {
        ask_to_go_on();
        const std::uint8_t* upper = pixels.data() + row * y;
        run<HalveRows>(simd, upper, y + 1 < height ? upper + row : upper, width,
                       out.data() + out_row * (y / 2));
    }
}

}  // namespace pimenton
