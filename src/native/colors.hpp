// From sRGB bytes to the coordinates of perceptual spaces, the same bits on every processor.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <variant>

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

// Coordinates of as many colors as are converted at once.
constexpr std::size_t colors_at_once = 64;
using PlacedColors = std::array<std::array<float, colors_at_once>, 4>;

using ColorBytes = std::array<std::uint8_t, 4 * colors_at_once>;

// Colors of which as many as are converted at once can be read: the last ones are copied.
[[gnu::always_inline]] inline const std::uint8_t* filled_up(const std::uint8_t* colors,
                                                            std::size_t n, ColorBytes& last) {
    if (n == colors_at_once) return colors;
    std::copy_n(colors, 4 * n, last.begin());
    return last.data();
}

// Whether all of as many colors as are converted at once are opaque.
[[gnu::always_inline]] inline bool are_opaque(const std::uint8_t* colors) {
    std::uint8_t all = 255;
    for (std::size_t i = 0; i < colors_at_once; ++i) all &= colors[4 * i + 3];
    return all == 255;
}

// A space whose axes are those of red, green and blue: each value by a table.
struct ChannelSpace {
    std::array<float, 256> channel;
    std::array<float, 256> opacities;  // fourth coordinates of alpha 0 to 255
    std::array<float, 3> gray;         // over which colors that are not opaque are seen
    float step;                        // value 1, where each is a multiple of it; or 0

    [[gnu::always_inline]] void place(const std::uint8_t* colors, PlacedColors& at) const {
        if (step > 0)
            for (std::size_t a = 0; a < 3; ++a)
                for (std::size_t i = 0; i < colors_at_once; ++i)
                    at[a][i] = static_cast<float>(colors[4 * i + a]) * step;
        else
            for (std::size_t i = 0; i < colors_at_once; ++i)
                for (std::size_t a = 0; a < 3; ++a) at[a][i] = channel[colors[4 * i + a]];
        at[3].fill(opacities[255]);
        if (!are_opaque(colors)) dilute(colors, at);
    }

    // 255 times the float next to 1/255 is 1 exactly, so opaque colors stay as they are.
    [[gnu::always_inline]] void dilute(const std::uint8_t* colors, PlacedColors& at) const {
        constexpr float whole = 1.0f / 255.0f;
        for (std::size_t a = 0; a < 3; ++a)
            for (std::size_t i = 0; i < colors_at_once; ++i) {
                const float opacity = static_cast<float>(colors[4 * i + 3]) * whole;
                at[a][i] = at[a][i] * opacity + gray[a] * (1.0f - opacity);
            }
        for (std::size_t i = 0; i < colors_at_once; ++i) at[3][i] = opacities[colors[4 * i + 3]];
    }
};

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

    [[gnu::always_inline]] void place(const std::uint8_t* colors, PlacedColors& at) const {
        // Copies, since what is written through a reference might be what is read.
        const std::array<float, 9> m = cones, q = axes;
        const float toe = toe_end, slope = toe_slope, start = toe_start;
        std::array<std::array<float, colors_at_once>, 3> rgb, root, result;
        std::array<float, colors_at_once> opacity;
        for (std::size_t i = 0; i < colors_at_once; ++i)
            for (std::size_t a = 0; a < 3; ++a) rgb[a][i] = linear_bytes[colors[4 * i + a]];
        for (std::size_t i = 0; i < colors_at_once; ++i)
            opacity[i] = static_cast<float>(colors[4 * i + 3]) / 255.0f;
        for (std::size_t a = 0; a < 3; ++a)
            for (std::size_t i = 0; i < colors_at_once; ++i) {
                const float value =
                    m[3 * a] * rgb[0][i] + m[3 * a + 1] * rgb[1][i] + m[3 * a + 2] * rgb[2][i];
                const float cube = cube_root(value);
                const float line = value * slope + start;
                root[a][i] = value < toe ? line : cube;
            }
        for (std::size_t a = 0; a < 3; ++a) {
            const float end = offset[a], over = gray[a];
            for (std::size_t i = 0; i < colors_at_once; ++i)
                result[a][i] = (q[3 * a] * root[0][i] + q[3 * a + 1] * root[1][i] +
                                q[3 * a + 2] * root[2][i] + end) * opacity[i] +
                               over * (1.0f - opacity[i]);
        }
        for (std::size_t a = 0; a < 3; ++a) at[a] = result[a];
        at[3].fill(opacities[255]);
        if (are_opaque(colors)) return;
        for (std::size_t i = 0; i < colors_at_once; ++i) at[3][i] = opacities[colors[4 * i + 3]];
    }
};

using ColorSpace = std::variant<ChannelSpace, RootSpace>;

// As many colors as are converted at once, by coordinate.
template <class Space>
struct PlaceColors {
    [[gnu::always_inline]] static void run(const Space* space, const std::uint8_t* colors,
                                           PlacedColors* at) {
        space->place(colors, *at);
    }
};

// Any number of colors, color by color.
template <class Space>
struct ConvertColors {
    [[gnu::always_inline]] static void run(const Space* space, const std::uint8_t* colors,
                                           std::size_t n, float* points) {
        PlacedColors at;
        ColorBytes last{};
        for (std::size_t first = 0; first < n; first += colors_at_once) {
            const std::size_t count = std::min(colors_at_once, n - first);
            space->place(filled_up(colors + 4 * first, count, last), at);
            for (std::size_t i = 0; i < count; ++i)
                for (std::size_t a = 0; a < 4; ++a) points[4 * (first + i) + a] = at[a][i];
        }
    }
};

template <class Space>
void convert_colors(std::span<const std::uint8_t> colors, const Space& space,
                    std::span<float> points, int n_threads, Width width) {
    constexpr std::size_t per_chunk = 16384;
    const std::size_t n = colors.size() / 4;
    for_each_chunk(chunks_of(n, per_chunk), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * per_chunk;
        run<ConvertColors<Space>>(width, &space, colors.data() + 4 * first,
                                  std::min(per_chunk, n - first), points.data() + 4 * first);
    });
}

}  // namespace pimenton
