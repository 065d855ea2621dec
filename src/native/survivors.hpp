// The lanes of the parse: one survivor of the Viterbi search for each distance that is followed.
//
// Lanes lie in blocks of sixteen, which loops over small arrays move on together; single values are
// put in by choosing among all sixteen, since a store of one value before a load of all would stall.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "bits.hpp"
#include "stream.hpp"

namespace pimenton {

constexpr std::size_t block_lanes = 16;
template <class T>
using Sixteen = std::array<T, block_lanes>;

// Two blocks are always followed: eight places of each of the last three rows, and the distances 1
// to 8. The others follow distances that are found.
constexpr std::size_t grid_columns = 8;
constexpr int grid_first = -4;  // dx of the first column
constexpr std::size_t near_block = 0, short_block = 1, first_dynamic = 2;
constexpr std::size_t most_blocks = first_dynamic + 6;
constexpr int lane_bits = 7;
static_assert(most_blocks * block_lanes <= 1 << lane_bits);

constexpr float hopeless = 3e38f;  // a cost
constexpr float share_right = 7.0f / 16;

// Costs are relative to the node where the lanes stand.
struct alignas(64) Block {
    Sixteen<float> sum;          // distance bits and distortion
    Sixteen<float> total;        // and the bits of the present length
    Sixteen<float> fresh_sum;    // what a start here costs
    Sixteen<float> fresh_total;  // and what it must beat
    std::array<Sixteen<float>, 4> error;
    Sixteen<std::int32_t> length;
    Sixteen<std::int32_t> distance;
};

// What all lanes are moved on by.
struct Move {
    std::array<float, 4> target;  // color and error from above
    std::array<float, 4> error;   // carried by the node that lanes may start from
    float weight, carried;
    float shift;  // cost of the node where the lanes stand, relative to the one before
};

using Colors = std::array<Sixteen<float>, 4>;

// One of two values, by a mask of all bits or none: the compiler makes branches of choices between
// stored values.
[[gnu::always_inline]] inline float choose(std::uint32_t mask, float yes, float no) {
    return std::bit_cast<float>((std::bit_cast<std::uint32_t>(yes) & mask) |
                                (std::bit_cast<std::uint32_t>(no) & ~mask));
}

[[gnu::always_inline]] inline Sixteen<std::uint32_t> restarts(const Block& block, float shift) {
    Sixteen<std::uint32_t> mask;
    for (std::size_t l = 0; l < block_lanes; ++l) {
        const std::uint32_t behind =
            block.fresh_total[l] < block.total[l] - shift ? 0xffffffffu : 0u;
        const std::uint32_t full = block.length[l] >= max_match ? 0xffffffffu : 0u;
        mask[l] = behind | full;
    }
    return mask;
}

template <std::size_t axes>
[[gnu::always_inline]] inline float sq_length(float x, float y, float z, float w) {
    if constexpr (axes == 3) return x * x + y * y + z * z;
    return x * x + y * y + z * z + w * w;
}

// Moves eight lanes on by the pixel whose colors they copy; gives the lowest total of those that
// are long enough for a match, its lowest bits replaced by the lane's number.
template <std::size_t axes>
[[gnu::always_inline]] inline void advance(Block& block, std::size_t number, const Colors& copied,
                                           const Move& move, const float* length_cost, float bias,
                                           Sixteen<std::int32_t>& least) {
    const auto mask = restarts(block, move.shift);
    auto sum = block.sum, fresh_sum = block.fresh_sum, total = block.total;
    auto length = block.length;
    auto [x, y, z, w] = block.error;
    const auto [tx, ty, tz, tw] = move.target;
    const auto [ex, ey, ez, ew] = move.error;
    const float weight = move.weight, carried = move.carried, shift = move.shift;
    for (std::size_t l = 0; l < block_lanes; ++l) {
        const float before = choose(mask[l], fresh_sum[l], sum[l] - shift);
        const float dx = tx + carried * choose(mask[l], ex, x[l]) - copied[0][l];
        const float dy = ty + carried * choose(mask[l], ey, y[l]) - copied[1][l];
        const float dz = tz + carried * choose(mask[l], ez, z[l]) - copied[2][l];
        float dw = 0.0f;
        if constexpr (axes == 4) dw = tw + carried * choose(mask[l], ew, w[l]) - copied[3][l];
        sum[l] = before + weight * sq_length<axes>(dx, dy, dz, dw);
        length[l] = 1 + static_cast<std::int32_t>(static_cast<std::uint32_t>(length[l]) & ~mask[l]);
        x[l] = share_right * dx;
        y[l] = share_right * dy;
        z[l] = share_right * dz;
        if constexpr (axes == 4) w[l] = share_right * dw;
    }
    for (std::size_t l = 0; l < block_lanes; ++l) total[l] = sum[l] + length_cost[length[l]];
    constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();
    Sixteen<std::int32_t> offer;
    for (std::size_t l = 0; l < block_lanes; ++l) {
        // Floats that are not negative are ordered as their bits are.
        const auto bits = std::bit_cast<std::int32_t>(total[l] + bias);
        const auto lane = static_cast<std::int32_t>(number * block_lanes + l);
        const std::int32_t key = (bits & ~((1 << lane_bits) - 1)) | lane;
        // A lane that is not yet long enough may cost less than any offer, so its key may be negative.
        const std::int32_t is_match = -static_cast<std::int32_t>(length[l] >= min_match);
        offer[l] = (key & is_match) | (none & ~is_match);
    }
    for (std::size_t l = 0; l < block_lanes; ++l)
        least[l] = offer[l] < least[l] ? offer[l] : least[l];
    block.sum = sum;
    block.total = total;
    block.length = length;
    block.error[0] = x;
    block.error[1] = y;
    block.error[2] = z;
    if constexpr (axes == 4) block.error[3] = w;
}

// The eight colors of an earlier row around the pixel at `place`.
[[gnu::always_inline]] inline void copy_grid(const Stream& stream, std::size_t axis,
                                             std::size_t place, std::size_t rows_above,
                                             float* colors) {
    std::memcpy(colors, stream.planes[axis].data() + place - stream.stride * rows_above + grid_first,
                grid_columns * sizeof(float));
}

// The colors that lanes copy to the pixel at `place`: of the last two rows.
template <std::size_t axes>
[[gnu::always_inline]] inline Colors near_colors(const Stream& stream, std::size_t place) {
    Colors colors;
    for (std::size_t a = 0; a < axes; ++a) {
        copy_grid(stream, a, place, 1, colors[a].data());
        copy_grid(stream, a, place, 2, colors[a].data() + grid_columns);
    }
    return colors;
}

// The same for distances that were found.
template <std::size_t axes>
[[gnu::always_inline]] inline Colors found_colors(const Stream& stream, std::size_t place,
                                                   const Block& block) {
    Sixteen<std::int32_t> from;
    for (std::size_t l = 0; l < block_lanes; ++l)
        from[l] = static_cast<std::int32_t>(place) - block.distance[l];
    Colors colors;
    for (std::size_t a = 0; a < axes; ++a) {
        const float* plane = stream.planes[a].data();
        for (std::size_t l = 0; l < block_lanes; ++l) colors[a][l] = plane[from[l]];
    }
    return colors;
}

// The same for the third row, and for distances 1 to 8 in the upper half. These copy from the row
// itself, so each of these lanes keeps its last eight indices, the newest lowest, or takes those of
// the node that it starts from.
template <std::size_t axes>
[[gnu::always_inline]] inline Colors short_colors(
    const Stream& stream, std::size_t place, const std::array<std::array<float, 256>, 4>& entries,
    const Block& block, float shift, std::uint64_t node_last, Sixteen<std::uint64_t>& recent) {
    const auto mask = restarts(block, shift);
    Sixteen<std::int32_t> index;
    for (std::size_t l = 0; l < block_lanes; ++l) {
        const auto wide = static_cast<std::uint64_t>(
            static_cast<std::int64_t>(static_cast<std::int32_t>(mask[l])));
        const std::uint64_t last = (node_last & wide) | (recent[l] & ~wide);
        const std::uint64_t next = last >> (8 * (l % grid_columns)) & 255;
        recent[l] = last << 8 | next;
        index[l] = static_cast<std::int32_t>(next);
    }
    Colors colors;
    for (std::size_t a = 0; a < axes; ++a) {
        for (std::size_t l = 0; l < block_lanes; ++l) colors[a][l] = entries[a][index[l]];
        copy_grid(stream, a, place, 3, colors[a].data());
    }
    return colors;
}

// The lanes of a block that would start anew here anyway, as bits; they may follow another distance.
[[gnu::always_inline]] inline std::uint32_t idle_lanes(const Block& block, float shift) {
    Sixteen<std::uint32_t> bit;
    for (std::size_t l = 0; l < block_lanes; ++l)
        bit[l] = block.total[l] - shift > block.fresh_total[l] ? 1u << l : 0u;
    std::uint32_t bits = 0;
    for (std::size_t l = 0; l < block_lanes; ++l) bits |= bit[l];
    return bits;
}

// Makes a lane of a block follow a distance, from here on.
[[gnu::always_inline]] inline void follow(Block& block, std::size_t lane, std::int32_t distance,
                                          float sum, float total, float shift) {
    auto distances = block.distance, length = block.length;
    auto fresh_sum = block.fresh_sum, fresh_total = block.fresh_total, totals = block.total;
    const auto at = static_cast<std::int32_t>(lane);
    for (std::size_t l = 0; l < block_lanes; ++l) {
        const std::uint32_t mask = static_cast<std::int32_t>(l) == at ? 0xffffffffu : 0u;
        distances[l] = static_cast<std::int32_t>(
            (static_cast<std::uint32_t>(distance) & mask) |
            (static_cast<std::uint32_t>(distances[l]) & ~mask));
        fresh_sum[l] = choose(mask, sum, fresh_sum[l]);
        fresh_total[l] = choose(mask, total, fresh_total[l]);
        totals[l] = choose(mask, total + shift, totals[l]);
        // So long that it must start anew.
        length[l] |= static_cast<std::int32_t>(mask & 0x1ff);
    }
    block.distance = distances;
    block.fresh_sum = fresh_sum;
    block.fresh_total = fresh_total;
    block.total = totals;
    block.length = length;
}

}  // namespace pimenton
