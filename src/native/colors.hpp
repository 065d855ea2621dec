// From sRGB bytes to the coordinates of perceptual spaces, the same bits on every processor.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "parallel.hpp"
#include "roots.hpp"
#include "simd.hpp"

namespace pimenton {

// x^2.4 = x^2 (x^2)^(1/5) for 0 < x <= 1, the root by Newton's method from above, in plain arithmetic.
constexpr double power_2_4(double x) {
    const double square = x * x;
    double root = 1.0;
    for (int i = 0; i < 80; ++i) {
        const double fourth = root * root * root * root;
        root -= (root - square / fourth) / 5.0;
    }
    return square * root;
}

// Linear light of the sRGB values 0, 0.5, 1 ... 255 (IEC 61966-2-1).
constexpr std::array<double, 511> make_linear_light() {
    std::array<double, 511> table{};
    for (int i = 0; i < 511; ++i) {
        const double encoded = i / 510.0;
        table[i] = encoded <= 0.04045 ? encoded / 12.92 : power_2_4((encoded + 0.055) / 1.055);
    }
    return table;
}

inline constexpr std::array<double, 511> linear_light = make_linear_light();

constexpr std::array<float, 256> make_linear_bytes() {
    std::array<float, 256> table{};
    for (int i = 0; i < 256; ++i) table[i] = static_cast<float>(linear_light[2 * i]);
    return table;
}

inline constexpr std::array<float, 256> linear_bytes = make_linear_bytes();

// A space reached from linear sRGB by a matrix, a root of each value, and another matrix.
struct RootSpace {
    std::array<float, 9> cones;   // from linear sRGB
    std::array<float, 9> axes;    // from the roots
    std::array<float, 3> offset;  // added last
    float toe_end;                // below it the root is replaced by a line (0: never)
    float toe_slope;
    float toe_start;
    std::array<float, 3> gray;        // over which colors that are not opaque are seen
    std::array<float, 256> opacities;  // fourth coordinates of alpha 0 to 255
};

struct ConvertColors {
    [[gnu::always_inline]] static void run(const std::uint8_t* colors, std::size_t n,
                                           const RootSpace* space, float* points) {
        constexpr std::size_t lanes = 64;
        const auto& m = space->cones;
        const auto& q = space->axes;
        const float toe_end = space->toe_end, slope = space->toe_slope, start = space->toe_start;
        std::array<std::array<float, lanes>, 3> rgb, root;
        for (std::size_t first = 0; first < n; first += lanes) {
            const std::size_t count = n - first < lanes ? n - first : lanes;
            for (std::size_t i = 0; i < lanes; ++i) {
                const std::uint8_t* color = colors + 4 * (first + (i < count ? i : 0));
                for (std::size_t a = 0; a < 3; ++a) rgb[a][i] = linear_bytes[color[a]];
            }
            for (std::size_t a = 0; a < 3; ++a)
                for (std::size_t i = 0; i < lanes; ++i) {
                    const float value = m[3 * a] * rgb[0][i] + m[3 * a + 1] * rgb[1][i] +
                                        m[3 * a + 2] * rgb[2][i];
                    const float cube = cube_root(value);
                    const float line = value * slope + start;
                    root[a][i] = value < toe_end ? line : cube;
                }
            for (std::size_t i = 0; i < count; ++i) {
                const std::uint8_t alpha = colors[4 * (first + i) + 3];
                const float opacity = static_cast<float>(alpha) / 255.0f;
                for (std::size_t a = 0; a < 3; ++a)
                    points[4 * (first + i) + a] =
                        (q[3 * a] * root[0][i] + q[3 * a + 1] * root[1][i] +
                         q[3 * a + 2] * root[2][i] + space->offset[a]) * opacity +
                        space->gray[a] * (1.0f - opacity);
                points[4 * (first + i) + 3] = space->opacities[alpha];
            }
        }
    }
};

inline void convert_colors(std::span<const std::uint8_t> colors, const RootSpace& space,
                           std::span<float> points, int n_threads, Width width) {
    constexpr std::size_t per_chunk = 16384;
    const std::size_t n = colors.size() / 4;
    for_each_chunk(chunks_of(n, per_chunk), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * per_chunk;
        const std::size_t count = n - first < per_chunk ? n - first : per_chunk;
        run<ConvertColors>(width, colors.data() + 4 * first, count, &space,
                           points.data() + 4 * first);
    });
}

// Colors whose axes are those of red, green and blue, each value by a table, over gray.
struct PlaceColors {
    [[gnu::always_inline]] static void run(const std::uint8_t* colors, std::size_t n,
                                           const float* channel, const float* opacities,
                                           const std::array<float, 3>* gray, float* points) {
        constexpr float whole = 1.0f / 255.0f;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint8_t* color = colors + 4 * i;
            // 255 times the float next to 1/255 is 1 exactly, so opaque colors are as in the table.
            const float opacity = static_cast<float>(color[3]) * whole;
            for (std::size_t a = 0; a < 3; ++a)
                points[4 * i + a] = channel[color[a]] * opacity + (*gray)[a] * (1.0f - opacity);
            points[4 * i + 3] = opacities[color[3]];
        }
    }
};

inline void place_colors(std::span<const std::uint8_t> colors, std::span<const float> channel,
                         std::span<const float> opacities, const std::array<float, 3>& gray,
                         std::span<float> points, int n_threads, Width width) {
    constexpr std::size_t per_chunk = std::size_t{1} << 16;
    const std::size_t n = colors.size() / 4;
    for_each_chunk(chunks_of(n, per_chunk), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * per_chunk;
        run<PlaceColors>(width, colors.data() + 4 * first, std::min(per_chunk, n - first),
                         channel.data(), opacities.data(), &gray, points.data() + 4 * first);
    });
}

}  // namespace pimenton
