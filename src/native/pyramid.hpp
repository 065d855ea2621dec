// A picture as three float planes at each of several scales: the form that perceptual scores read.
// Every scale is half of the one before it, averaged in linear light as the eye does from afar.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "colors.hpp"
#include "parallel.hpp"
#include "roots.hpp"
#include "simd.hpp"

namespace pimenton {

struct Scale {
    std::size_t width;
    std::size_t height;
    std::size_t start;  // of its first plane; the other two follow
};

// SSIMULACRA 2's rule: a scale is halved while both of its sides are at least 8, so sides of the
// last scale can be as short as 4.
inline std::vector<Scale> scales_of(std::size_t width, std::size_t height, std::size_t n_most) {
    std::vector<Scale> scales{{width, height, 0}};
    while (scales.size() < n_most && std::min(scales.back().width, scales.back().height) >= 8) {
        const auto [w, h, start] = scales.back();
        scales.push_back({(w + 1) / 2, (h + 1) / 2, start + 3 * w * h});
    }
    return scales;
}

inline std::size_t n_values_of(std::span<const Scale> scales) {
    return scales.back().start + 3 * scales.back().width * scales.back().height;
}

// A space reached from linear sRGB by a matrix, a bias, a cube root, another matrix and an offset.
struct ConeSpace {
    std::array<float, 9> cones;
    std::array<float, 3> bias;
    std::array<float, 9> axes;
    std::array<float, 3> offset;
};

// Turns linear sRGB into coordinates of the space, in place. Through small arrays, so that the
// compiler sees that the planes do not overlap.
struct ConvertPlanes {
    [[gnu::always_inline]] static void run(float* first, std::size_t stride, std::size_t n,
                                           const ConeSpace* space) {
        constexpr std::size_t lanes = 64;
        const ConeSpace s = *space;
        std::array<std::array<float, lanes>, 3> rgb{}, root;
        for (std::size_t start = 0; start < n; start += lanes) {
            const std::size_t count = std::min(n - start, lanes);
            for (std::size_t c = 0; c < 3; ++c)
                std::copy_n(first + c * stride + start, count, rgb[c].begin());
            for (std::size_t c = 0; c < 3; ++c)
                for (std::size_t i = 0; i < lanes; ++i)
                    root[c][i] = cube_root(s.cones[3 * c] * rgb[0][i] +
                                           s.cones[3 * c + 1] * rgb[1][i] +
                                           s.cones[3 * c + 2] * rgb[2][i] + s.bias[c]);
            for (std::size_t c = 0; c < 3; ++c)
                for (std::size_t i = 0; i < lanes; ++i)
                    rgb[c][i] = s.axes[3 * c] * root[0][i] + s.axes[3 * c + 1] * root[1][i] +
                                s.axes[3 * c + 2] * root[2][i] + s.offset[c];
            for (std::size_t c = 0; c < 3; ++c)
                std::copy_n(rgb[c].begin(), count, first + c * stride + start);
        }
    }
};

// The linear light of pixels [first, first + n); their alpha is not looked at.
inline void linearize(const std::uint8_t* pixels, std::size_t n, float* red, float* green,
                      float* blue) {
    for (std::size_t i = 0; i < n; ++i) {
        red[i] = linear_bytes[pixels[4 * i]];
        green[i] = linear_bytes[pixels[4 * i + 1]];
        blue[i] = linear_bytes[pixels[4 * i + 2]];
    }
}

// Row y of a plane halved: means of 2 x 2 values, the last row or column repeated if it is alone.
inline void halve_row(const float* plane, const Scale& from, std::size_t y, float* out) {
    const float* above = plane + 2 * y * from.width;
    const float* below = 2 * y + 1 < from.height ? above + from.width : above;
    const std::size_t pairs = from.width / 2;
    for (std::size_t x = 0; x < pairs; ++x)
        out[x] = (above[2 * x] + above[2 * x + 1] + below[2 * x] + below[2 * x + 1]) * 0.25f;
    if (from.width % 2 == 1) {
        const std::size_t last = from.width - 1;
        out[pairs] = (above[last] + above[last] + below[last] + below[last]) * 0.25f;
    }
}

// All planes of (height, width, 4) pixels at up to n_scales scales, one after the other.
inline std::vector<float> make_pyramid(std::span<const std::uint8_t> pixels, std::size_t width,
                                       std::size_t height, const ConeSpace& space,
                                       std::size_t n_scales, int n_threads, Width simd) {
    constexpr std::size_t per_chunk = 16384;
    const auto scales = scales_of(width, height, n_scales);
    std::vector<float> planes(n_values_of(scales));
    const std::size_t n = width * height;
    for_each_chunk(chunks_of(n, per_chunk), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * per_chunk;
        float* red = planes.data() + first;
        linearize(pixels.data() + 4 * first, std::min(per_chunk, n - first), red, red + n,
                  red + 2 * n);
    });
    for (std::size_t s = 1; s < scales.size(); ++s) {
        const Scale &from = scales[s - 1], &to = scales[s];
        const std::size_t rows = std::max<std::size_t>(1, per_chunk / to.width);
        for_each_chunk(chunks_of(3 * to.height, rows), n_threads, [&](std::size_t chunk) {
            const std::size_t end = std::min(3 * to.height, (chunk + 1) * rows);
            for (std::size_t row = chunk * rows; row < end; ++row)
                halve_row(planes.data() + from.start + row / to.height * from.width * from.height,
                          from, row % to.height, planes.data() + to.start + row * to.width);
        });
    }
    for (const Scale& scale : scales) {
        const std::size_t area = scale.width * scale.height;
        for_each_chunk(chunks_of(area, per_chunk), n_threads, [&](std::size_t chunk) {
            const std::size_t first = chunk * per_chunk;
            run<ConvertPlanes>(simd, planes.data() + scale.start + first, area,
                               std::min(per_chunk, area - first), &space);
        });
    }
    return planes;
}

}  // namespace pimenton
