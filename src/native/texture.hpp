// How much a pixel's surroundings forgive: texture hides errors, smooth areas show them.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace pimenton {

// A Gaussian of 1.5 pixels, normalized.
constexpr int blur_reach = 5;
constexpr std::array<float, 2 * blur_reach + 1> blur_taps = {
    0.00102838f, 0.00759876f, 0.03600077f, 0.10936069f, 0.21300554f, 0.26601172f,
    0.21300554f, 0.10936069f, 0.03600077f, 0.00759876f, 0.00102838f};

// One row, and its square, blurred along the row.
struct BlurRow {
    [[gnu::always_inline]] static void run(const float* row, std::size_t width, float* padded,
                                           float* mean, float* square) {
        std::fill_n(padded, blur_reach, row[0]);
        std::copy_n(row, width, padded + blur_reach);
        std::fill_n(padded + blur_reach + width, blur_reach, row[width - 1]);
        for (std::size_t x = 0; x < width; ++x) mean[x] = square[x] = 0.0f;
        for (std::size_t t = 0; t < blur_taps.size(); ++t)
            for (std::size_t x = 0; x < width; ++x) {
                const float value = padded[x + t];
                mean[x] += blur_taps[t] * value;
                square[x] += blur_taps[t] * (value * value);
            }
    }
};

// The weight of each pixel of a row from eleven blurred rows: (c / (c + variance))^(quarters / 4).
struct WeighRow {
    [[gnu::always_inline]] static void run(const float* const* means, const float* const* squares,
                                           std::size_t width, float forgiven, int quarters,
                                           float* weights) {
        constexpr std::size_t lanes = 64;
        std::array<float, lanes> mean, square;
        for (std::size_t first = 0; first < width; first += lanes) {
            const std::size_t count = std::min(lanes, width - first);
            mean.fill(0.0f);
            square.fill(0.0f);
            for (std::size_t t = 0; t < blur_taps.size(); ++t)
                for (std::size_t i = 0; i < count; ++i) {
                    mean[i] += blur_taps[t] * means[t][first + i];
                    square[i] += blur_taps[t] * squares[t][first + i];
                }
            for (std::size_t i = 0; i < lanes; ++i) {
                const float variance = std::max(square[i] - mean[i] * mean[i], 0.0f);
                mean[i] = std::sqrt(std::sqrt(forgiven / (forgiven + variance)));
            }
            square = mean;
            for (int n = 1; n < quarters; ++n)
                for (std::size_t i = 0; i < lanes; ++i) mean[i] *= square[i];
            std::copy_n(mean.begin(), count, weights + first);
        }
    }
};

// Weights of errors from the lightness (0 to 100) of (height, width) pixels; `forgiven` is the local
// variance at which errors begin to be hidden, and a weight falls with the power of quarters / 4.
inline void weigh_texture(std::span<const float> lightness, std::size_t width, float forgiven,
                          int quarters, std::span<float> weights, int n_threads, Width simd) {
    constexpr std::ptrdiff_t rows_per_chunk = 64;
    const auto height = static_cast<std::ptrdiff_t>(lightness.size() / width);
    for_each_chunk(chunks_of(height, rows_per_chunk), n_threads, [&](std::size_t chunk) {
        const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(chunk) * rows_per_chunk;
        const std::ptrdiff_t last = std::min(first + rows_per_chunk, height);
        const auto n_rows = static_cast<std::size_t>(last - first + 2 * blur_reach);
        std::vector<float> means(n_rows * width), squares(n_rows * width);
        std::vector<float> padded(width + 2 * blur_reach);
        for (std::size_t r = 0; r < n_rows; ++r) {
            const std::ptrdiff_t y = std::clamp<std::ptrdiff_t>(
                first + static_cast<std::ptrdiff_t>(r) - blur_reach, 0, height - 1);
            run<BlurRow>(simd, lightness.data() + y * static_cast<std::ptrdiff_t>(width), width,
                         padded.data(), means.data() + r * width, squares.data() + r * width);
        }
        for (std::ptrdiff_t y = first; y < last; ++y) {
            std::array<const float*, blur_taps.size()> mean, square;
            for (std::size_t t = 0; t < blur_taps.size(); ++t) {
                const std::size_t row = static_cast<std::size_t>(y - first) + t;
                mean[t] = means.data() + row * width;
                square[t] = squares.data() + row * width;
            }
            run<WeighRow>(simd, static_cast<const float* const*>(mean.data()),
                          static_cast<const float* const*>(square.data()), width, forgiven,
                          quarters, weights.data() + y * static_cast<std::ptrdiff_t>(width));
        }
    });
}

}  // namespace pimenton
