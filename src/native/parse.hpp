// Palette indices chosen inside a lossy LZ77 parse: the picture that is written is one in which
// deflate finds long matches, as near to the source as the bits are worth.
//
// A row is parsed from left to right by a Viterbi search over distances. Node i means that the first
// i pixels of the row are coded. A pixel is either a literal, the entry that costs least in
// distortion and bits, or goes on with a match: each lane follows one distance, and copies what lies
// that far back in the stream of rows as deflate will see it (a filter byte, then the indices). The
// error that a pixel leaves is carried to its neighbours as in error diffusion, each lane carrying
// its own, so a match is judged by what it looks like from afar. A match of distance d that starts
// one pixel later copies the same pixels, and the carried error fades by a factor of four a pixel,
// so one survivor for each distance is enough and the cost of a pixel is constant.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "bits.hpp"
#include "entries.hpp"
#include "parallel.hpp"
#include "simd.hpp"
#include "stream.hpp"

namespace pimenton {

constexpr float hopeless = 3e38f;   // a cost

// Floyd-Steinberg's shares of an error: right, and below left, below, below right.
constexpr float share_right = 7.0f / 16, share_left = 3.0f / 16, share_below = 5.0f / 16,
                share_diagonal = 1.0f / 16;

struct ParseChoices {
    float lambda;       // distortion that a bit is worth
    float carried;      // share of the error that is carried on (beta)
    float cap;          // longest error carried to the row below
    int n_dynamic;      // lanes for distances found in the row's history
    int n_triples;      // triples of entries looked up for each pixel
    int n_accepted;     // entries of a pixel that triples are made of
    int every;          // look-ups at every pixel, or at every second
};

// What is parsed: a picture as ranks of colors in a space of four coordinates.
struct ParseInput {
    std::size_t width, height;
    std::span<const std::uint32_t> ranks;  // (height, width)
    std::span<const float> points;         // (m, 4)
    std::span<const std::int16_t> exact;   // (m,) the entry equal to a color, or -1
    std::span<const float> weights;        // (height, width) of the distortion
    std::span<const float> entries;        // (k, 4)
};

// The end of the best path to a node.
struct Node {
    std::array<float, 4> error;  // carried to the next pixel
    std::uint64_t last;          // the last eight indices, the newest lowest
    std::int32_t distance;       // of the match that ends here; 0 for a literal
    std::int32_t length;
    std::uint8_t literal;
};

constexpr std::size_t grid_rows = 3, grid_columns = 8;
constexpr int grid_first = -4;  // dx of the first column of the grid
constexpr std::size_t n_grid = grid_rows * grid_columns;
constexpr std::size_t n_short = 8;  // distances 1 to 8
constexpr std::size_t n_fixed = n_grid + n_short;
constexpr std::size_t most_lanes = n_fixed + 96;
constexpr std::size_t lane_block = 16;
constexpr int lane_bits = 7;
static_assert(most_lanes <= 1 << lane_bits);

// One survivor for each distance. Costs are relative to the node where the lanes stand.
struct Survivors {
    alignas(64) std::array<float, most_lanes> sum;     // distance bits and distortion
    alignas(64) std::array<float, most_lanes> total;   // and the bits of the present length
    alignas(64) std::array<float, most_lanes> fresh_sum;
    alignas(64) std::array<float, most_lanes> fresh_total;  // a start here must beat this
    alignas(64) std::array<std::array<float, most_lanes>, 4> error;
    alignas(64) std::array<std::array<float, most_lanes>, 4> copied;
    alignas(64) std::array<std::int32_t, most_lanes> length;
    alignas(64) std::array<std::int32_t, most_lanes> distance;
};

// All that one run over a band of rows needs; no two threads share it.
struct ParseState {
    const ParseInput* input;
    ParseChoices choices;
    Stream stream;
    EntryLists lists;
    Triples triples;
    SymbolCounts counts;
    SymbolCosts costs;
    Survivors lanes;
    std::size_t n_lanes;
    std::array<std::uint64_t, n_short> recent;
    std::vector<std::int32_t> lane_of;  // dynamic lane that follows a distance, or -1
    std::vector<Node> nodes;
    std::vector<std::array<float, 4>> above, below;  // errors from the row above, to the row below
    std::vector<std::array<float, 4>> targets;       // color and error from above
    std::vector<float> weights, carried;
    std::vector<std::uint32_t> accepted;  // three entries of each pixel
    std::vector<float> excess;            // and by what they cost more than the first

    ParseState(const ParseInput& in, const ParseChoices& how, std::size_t n_rows,
               const SymbolCounts& prior)
        : input(&in), choices(how), stream(in.width, n_rows), lists(in.entries, 2.5f),
          counts(prior), lanes{}, n_lanes(n_fixed + static_cast<std::size_t>(how.n_dynamic)),
          lane_of(window_size + 1, -1), nodes(in.width + 1), above(in.width + 2),
          below(in.width + 2), targets(in.width), weights(in.width), carried(in.width),
          accepted(3 * in.width), excess(3 * in.width) {
        for (std::size_t l = 0; l < n_grid; ++l) {
            const auto dy = static_cast<int>(l / grid_columns) + 1;
            const auto dx = static_cast<int>(l % grid_columns) + grid_first;
            lanes.distance[l] = dy * static_cast<int>(stream.stride) - dx;
        }
        for (std::size_t l = 0; l < n_short; ++l)
            lanes.distance[n_grid + l] = static_cast<std::int32_t>(l) + 1;
    }
};

template <std::size_t axes>
[[gnu::always_inline]] inline float sq_length(float x, float y, float z, float w) {
    if constexpr (axes == 3) return x * x + y * y + z * z;
    return x * x + y * y + z * z + w * w;
}

[[gnu::always_inline]] inline float sum_of_squares(const std::array<float, 4>& v) {
    return v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3];
}

// The cheapest entry for a target; floats that are not negative are ordered as their bits are.
template <std::size_t axes>
[[gnu::always_inline]] inline std::pair<std::int32_t, float> best_literal(
    ParseState& s, const std::array<float, 4>& target, float weight) {
    const auto list = s.lists.around<axes>(target.data());
    std::array<float, 256> cost;
    const float* x = list.at[0];
    const float* y = list.at[1];
    const float* z = list.at[2];
    const float* w = list.at[3];
    const std::int32_t* number = list.number;
    const float* bits = s.costs.literal.data();
    const auto [tx, ty, tz, tw] = target;
    std::int32_t least = std::numeric_limits<std::int32_t>::max();
    for (std::size_t j = 0; j < list.n; ++j) {
        const float dx = x[j] - tx, dy = y[j] - ty, dz = z[j] - tz, dw = w[j] - tw;
        const float d = weight * sq_length<axes>(dx, dy, dz, dw) + bits[number[j]];
        cost[j] = d;
        const auto b = std::bit_cast<std::int32_t>(d);
        least = b < least ? b : least;
    }
    const float lowest = std::bit_cast<float>(least);
    std::size_t j = 0;
    while (j + 1 < list.n && cost[j] != lowest) ++j;
    return {number[j], lowest};
}

// Prepares a row: targets, weights, and whether a pixel must keep its exact color.
template <std::size_t axes>
[[gnu::always_inline]] inline void prepare_row(ParseState& s, std::size_t y) {
    const ParseInput& in = *s.input;
    const std::size_t w = in.width;
    const std::uint32_t* ranks = in.ranks.data() + w * y;
    const std::uint32_t* up = y > 0 ? ranks - w : ranks;
    const std::uint32_t* down = y + 1 < in.height ? ranks + w : ranks;
    for (std::size_t x = 0; x < w; ++x) {
        const std::uint32_t rank = ranks[x];
        const std::uint32_t left = x > 0 ? ranks[x - 1] : rank;
        const std::uint32_t right = x + 1 < w ? ranks[x + 1] : rank;
        const int equal = (left == rank) + (right == rank) + (up[x] == rank) + (down[x] == rank);
        const bool exact = in.exact[rank] >= 0 && equal >= 2;
        const float share = exact ? 0.0f : s.choices.carried;
        s.carried[x] = share;
        s.weights[x] = exact ? 1e4f : in.weights[w * y + x];
        for (std::size_t a = 0; a < axes; ++a)
            s.targets[x][a] = in.points[4 * rank + a] + share * s.above[x + 1][a];
    }
}

// The three cheapest entries of each pixel of the row, those not worth a look too dear to choose.
template <std::size_t axes>
[[gnu::always_inline]] inline void accept_entries(ParseState& s) {
    constexpr std::int32_t place_bits = 8, none = std::numeric_limits<std::int32_t>::max();
    const float limit = 8.0f * s.choices.lambda;
    const float* bits = s.costs.literal.data();
    for (std::size_t x = 0; x < s.input->width; ++x) {
        const auto [tx, ty, tz, tw] = s.targets[x];
        const auto list = s.lists.around<axes>(s.targets[x].data());
        const float weight = s.weights[x];
        std::array<std::int32_t, 256> keys;
        std::int32_t last = -1;
        for (std::size_t j = 0; j < list.n; ++j) {
            const float dx = list.at[0][j] - tx, dy = list.at[1][j] - ty;
            const float dz = list.at[2][j] - tz, dw = list.at[3][j] - tw;
            const float d = weight * sq_length<axes>(dx, dy, dz, dw) + bits[list.number[j]];
            keys[j] = (std::bit_cast<std::int32_t>(d) & ~((1 << place_bits) - 1)) |
                      static_cast<std::int32_t>(j);
        }
        float lowest = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            std::int32_t least = none;
            for (std::size_t j = 0; j < list.n; ++j) {
                const std::int32_t key = keys[j] | (keys[j] > last ? 0 : none);
                least = key < least ? key : least;
            }
            last = least;
            const float cost = std::bit_cast<float>(least & ~((1 << place_bits) - 1));
            if (i == 0) lowest = cost;
            const bool kept = static_cast<int>(i) < s.choices.n_accepted && least != none &&
                              cost - lowest <= limit;
            s.excess[3 * x + i] = kept ? cost - lowest : hopeless;
            s.accepted[3 * x + i] =
                static_cast<std::uint32_t>(list.number[static_cast<std::size_t>(least & 255)]);
        }
    }
}

// Triples of accepted entries, those of the best entries first: places in three pixels' entries.
constexpr std::size_t n_orders = 32;
constexpr auto triple_order = [] {
    std::array<std::array<std::int32_t, n_orders>, 3> order{};
    std::size_t n = 0;
    for (int sum = 0; sum <= 6; ++sum)
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j)
                for (int k = 0; k < 3; ++k) {
                    if (i + j + k != sum) continue;
                    order[0][n] = i;
                    order[1][n] = 3 + j;
                    order[2][n++] = 6 + k;
                }
    return order;
}();

// The dynamic lane of the highest cost (its lowest bits apart).
[[gnu::always_inline]] inline std::size_t least_promising(const Survivors& lanes, std::size_t n_lanes) {
    std::int32_t most = -1;
    for (std::size_t l = n_fixed; l < n_lanes; ++l) {
        const float total = lanes.total[l] > 0.0f ? lanes.total[l] : 0.0f;
        const auto bits = std::bit_cast<std::int32_t>(total);
        const std::int32_t key = (bits & ~((1 << lane_bits) - 1)) | static_cast<std::int32_t>(l);
        most = key > most ? key : most;
    }
    return static_cast<std::size_t>(most & ((1 << lane_bits) - 1));
}

// Follows a new distance in place of the least promising dynamic lane; gives the next of these.
[[gnu::always_inline]] inline std::size_t admit(ParseState& s, std::size_t distance,
                                                std::size_t lane, float shift) {
    auto& lanes = s.lanes;
    const float sum = s.costs.of_distance(static_cast<int>(distance));
    const float total = sum + s.costs.length[min_match] + 0.5f * s.choices.lambda;
    if (s.lane_of[distance] >= 0 || !(lanes.total[lane] - shift > total)) return lane;
    s.lane_of[static_cast<std::size_t>(lanes.distance[lane])] = -1;
    s.lane_of[distance] = static_cast<std::int32_t>(lane);
    lanes.distance[lane] = static_cast<std::int32_t>(distance);
    lanes.fresh_sum[lane] = sum;
    lanes.fresh_total[lane] = total;
    lanes.total[lane] = total + shift;
    lanes.length[lane] = max_match;  // makes it start here
    return least_promising(lanes, s.n_lanes);
}

// Finds distances at which accepted entries of this pixel and the next two came before.
[[gnu::always_inline]] inline void admit_candidates(ParseState& s, std::size_t x, std::size_t place,
                                                    float shift) {
    const float limit = 8.0f * s.choices.lambda;
    const float* excess = s.excess.data() + 3 * x;
    const std::uint32_t* accepted = s.accepted.data() + 3 * x;
    const std::uint32_t* heads = s.triples.heads.data();
    const std::uint32_t* before = s.triples.before.data();
    const std::uint32_t* triples = s.triples.triples.data();
    const auto here = static_cast<std::uint32_t>(place);
    std::size_t lane = least_promising(s.lanes, s.n_lanes);
    for (std::size_t from = 0; from < static_cast<std::size_t>(s.choices.n_triples); from += 16) {
        std::array<std::uint32_t, 16> triple, first, second;
        for (std::size_t n = 0; n < 16; ++n) {
            const std::int32_t i = triple_order[0][from + n], j = triple_order[1][from + n],
                               k = triple_order[2][from + n];
            const float over = excess[i] + excess[j] + excess[k];
            const std::uint32_t made = accepted[i] | accepted[j] << 8 | accepted[k] << 16;
            triple[n] = over <= limit ? made : Triples::never - 1;
        }
        for (std::size_t n = 0; n < 16; ++n) first[n] = heads[Triples::hash(triple[n])];
        for (std::size_t n = 0; n < 16; ++n) second[n] = before[first[n] % window_size];
        std::uint32_t found = 0;
        for (std::size_t n = 0; n < 16; ++n) {
            const bool usable = (triples[first[n] % window_size] == triple[n]) & (here - first[n] <= window_size);
            const bool again = (triples[second[n] % window_size] == triple[n]) & (second[n] < first[n]) & (here - second[n] <= window_size);
            first[n] = usable ? here - first[n] : 0;
            second[n] = again ? here - second[n] : 0;
            found |= first[n] | second[n];
        }
        if (found == 0) continue;
        for (std::size_t n = 0; n < 16; ++n) {
            if (first[n]) lane = admit(s, first[n], lane, shift);
            if (second[n]) lane = admit(s, second[n], lane, shift);
        }
    }
}

// The color that each lane copies to the pixel at `place`.
template <std::size_t axes>
[[gnu::always_inline]] inline void copy_colors(ParseState& s, std::size_t place, const Node& node,
                                               float shift) {
    auto& lanes = s.lanes;
    for (std::size_t a = 0; a < axes; ++a) {
        const float* plane = s.stream.planes[a].data();
        for (std::size_t r = 0; r < grid_rows; ++r)
            std::memcpy(lanes.copied[a].data() + grid_columns * r,
                        plane + place - s.stream.stride * (r + 1) + grid_first,
                        grid_columns * sizeof(float));
    }
    for (std::size_t first = n_fixed; first < s.n_lanes; first += lane_block) {
        std::array<std::int32_t, lane_block> from;
        std::copy_n(lanes.distance.begin() + first, lane_block, from.begin());
        for (auto& at : from) at = static_cast<std::int32_t>(place) - at;
        for (std::size_t a = 0; a < axes; ++a) {
            const float* plane = s.stream.planes[a].data();
            std::array<float, lane_block> color;
            for (std::size_t l = 0; l < lane_block; ++l) color[l] = plane[from[l]];
            std::copy_n(color.begin(), lane_block, lanes.copied[a].begin() + first);
        }
    }
    for (std::size_t l = 0; l < n_short; ++l) {
        const std::size_t lane = n_grid + l;
        const bool restart = lanes.fresh_total[lane] < lanes.total[lane] - shift ||
                             lanes.length[lane] >= max_match;
        const std::uint64_t last = restart ? node.last : s.recent[l];
        const std::uint64_t index = last >> (8 * l) & 255;
        s.recent[l] = last << 8 | index;
        const float* entry = s.input->entries.data() + 4 * index;
        for (std::size_t a = 0; a < axes; ++a) lanes.copied[a][lane] = entry[a];
    }
}

// One of two floats, by a mask of all bits or none.
[[gnu::always_inline]] inline float choose(std::uint32_t mask, float yes, float no) {
    return std::bit_cast<float>((std::bit_cast<std::uint32_t>(yes) & mask) |
                                (std::bit_cast<std::uint32_t>(no) & ~mask));
}

// Moves every lane on by one pixel; gives the cheapest one with a match, and its cost. Blocks of
// lanes go through small arrays, so that the compiler sees that nothing overlaps.
template <std::size_t axes>
[[gnu::always_inline]] inline std::pair<std::size_t, float> advance(
    ParseState& s, const Node& node, const std::array<float, 4>& target, float weight,
    float carried, float shift, float bias) {
    auto& lanes = s.lanes;
    const auto [ex, ey, ez, ew] = node.error;
    const auto [tx, ty, tz, tw] = target;
    const float* length_cost = s.costs.length.data();
    constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();
    std::int32_t least = none;
    for (std::size_t first = 0; first < s.n_lanes; first += lane_block) {
        std::array<float, lane_block> sum, total, fresh_sum, fresh_total, x, y, z, w, cx, cy, cz, cw;
        std::array<std::int32_t, lane_block> length;
        std::copy_n(lanes.sum.begin() + first, lane_block, sum.begin());
        std::copy_n(lanes.total.begin() + first, lane_block, total.begin());
        std::copy_n(lanes.fresh_sum.begin() + first, lane_block, fresh_sum.begin());
        std::copy_n(lanes.fresh_total.begin() + first, lane_block, fresh_total.begin());
        std::copy_n(lanes.length.begin() + first, lane_block, length.begin());
        std::copy_n(lanes.error[0].begin() + first, lane_block, x.begin());
        std::copy_n(lanes.error[1].begin() + first, lane_block, y.begin());
        std::copy_n(lanes.error[2].begin() + first, lane_block, z.begin());
        if constexpr (axes == 4) std::copy_n(lanes.error[3].begin() + first, lane_block, w.begin());
        std::copy_n(lanes.copied[0].begin() + first, lane_block, cx.begin());
        std::copy_n(lanes.copied[1].begin() + first, lane_block, cy.begin());
        std::copy_n(lanes.copied[2].begin() + first, lane_block, cz.begin());
        if constexpr (axes == 4) std::copy_n(lanes.copied[3].begin() + first, lane_block, cw.begin());
        for (std::size_t l = 0; l < lane_block; ++l) {
            // Masks, since the compiler makes branches of choices between stored values.
            const std::uint32_t behind = fresh_total[l] < total[l] - shift ? 0xffffffffu : 0u;
            const std::uint32_t full = length[l] >= max_match ? 0xffffffffu : 0u;
            const std::uint32_t restart = behind | full;
            const float before = choose(restart, fresh_sum[l], sum[l] - shift);
            const float dx = tx + carried * choose(restart, ex, x[l]) - cx[l];
            const float dy = ty + carried * choose(restart, ey, y[l]) - cy[l];
            const float dz = tz + carried * choose(restart, ez, z[l]) - cz[l];
            float dw = 0;
            if constexpr (axes == 4) dw = tw + carried * choose(restart, ew, w[l]) - cw[l];
            sum[l] = before + weight * sq_length<axes>(dx, dy, dz, dw);
            length[l] = 1 + static_cast<std::int32_t>(static_cast<std::uint32_t>(length[l]) & ~restart);
            x[l] = share_right * dx;
            y[l] = share_right * dy;
            z[l] = share_right * dz;
            if constexpr (axes == 4) w[l] = share_right * dw;
        }
        for (std::size_t l = 0; l < lane_block; ++l) total[l] = sum[l] + length_cost[length[l]];
        for (std::size_t l = 0; l < lane_block; ++l) {
            const auto bits = std::bit_cast<std::int32_t>(total[l] + bias);
            const std::int32_t key = (bits & ~((1 << lane_bits) - 1)) | static_cast<std::int32_t>(first + l);
            const std::int32_t offer = key | (length[l] >= min_match ? 0 : none);
            least = offer < least ? offer : least;
        }
        std::copy_n(sum.begin(), lane_block, lanes.sum.begin() + first);
        std::copy_n(total.begin(), lane_block, lanes.total.begin() + first);
        std::copy_n(length.begin(), lane_block, lanes.length.begin() + first);
        std::copy_n(x.begin(), lane_block, lanes.error[0].begin() + first);
        std::copy_n(y.begin(), lane_block, lanes.error[1].begin() + first);
        std::copy_n(z.begin(), lane_block, lanes.error[2].begin() + first);
        if constexpr (axes == 4) std::copy_n(w.begin(), lane_block, lanes.error[3].begin() + first);
    }
    const auto lane = static_cast<std::size_t>(least & ((1 << lane_bits) - 1));
    return {lane, least == none ? hopeless : lanes.total[lane]};
}

[[gnu::always_inline]] inline std::uint64_t last_indices(const ParseState& s, std::size_t lane,
                                                         std::size_t place, std::size_t i) {
    if (lane >= n_grid && lane < n_fixed) return s.recent[lane - n_grid];
    const auto length = static_cast<std::size_t>(s.lanes.length[lane]);
    const std::uint8_t* end =
        s.stream.bytes.data() + place - static_cast<std::size_t>(s.lanes.distance[lane]);
    std::uint64_t last = length < 8 ? s.nodes[i + 1 - length].last : 0;
    for (std::size_t n = std::min<std::size_t>(length, 8); n > 0; --n)
        last = last << 8 | *(end - (n - 1));
    return last;
}

template <std::size_t axes>
[[gnu::always_inline]] inline void search_row(ParseState& s, std::size_t row) {
    const std::size_t width = s.input->width;
    const float bias = 64.0f * s.choices.lambda + 1e-3f;
    s.nodes[0] = Node{};
    for (std::size_t n = 1; n <= 8; ++n)
        s.nodes[0].last |= static_cast<std::uint64_t>(s.stream.bytes[row - n]) << (8 * (n - 1));
    for (std::size_t l = 0; l < s.n_lanes; ++l) {
        s.lanes.total[l] = hopeless;
        s.lanes.length[l] = 0;
        s.lanes.sum[l] = 0;
        for (auto& error : s.lanes.error) error[l] = 0;
    }
    for (std::size_t l = n_fixed; l < s.n_lanes; ++l) {
        s.lane_of[static_cast<std::size_t>(s.lanes.distance[l])] = -1;
        s.lanes.distance[l] = 1;
        s.lanes.fresh_total[l] = hopeless;
    }
    float shift = 0.0f;
    for (std::size_t x = 0; x < width; ++x) {
        const Node& node = s.nodes[x];
        const std::size_t place = row + x;
        const float carried = s.carried[x], weight = s.weights[x];
        if (s.choices.n_dynamic > 0 && x + 2 < width && x % static_cast<std::size_t>(s.choices.every) == 0)
            admit_candidates(s, x, place, shift);
        copy_colors<axes>(s, place, node, shift);
        std::array<float, 4> target;
        for (std::size_t a = 0; a < axes; ++a)
            target[a] = s.targets[x][a] + carried * node.error[a];
        const auto [literal, literal_cost] = best_literal<axes>(s, target, weight);
        const auto [lane, lane_cost] = advance<axes>(s, node, s.targets[x], weight, carried, shift, bias);
        Node& next = s.nodes[x + 1];
        if (lane_cost < literal_cost) {
            next.distance = s.lanes.distance[lane];
            next.length = s.lanes.length[lane];
            for (std::size_t a = 0; a < axes; ++a) next.error[a] = s.lanes.error[a][lane];
            next.last = last_indices(s, lane, place, x);
            shift = lane_cost;
        } else {
            const float* entry = s.input->entries.data() + 4 * literal;
            for (std::size_t a = 0; a < axes; ++a)
                next.error[a] = share_right * (target[a] - entry[a]);
            next.distance = 0;
            next.length = 1;
            next.literal = static_cast<std::uint8_t>(literal);
            next.last = node.last << 8 | next.literal;
            shift = literal_cost;
        }
    }
}

// Writes the row's indices along the best path and counts its symbols.
template <std::size_t axes>
[[gnu::always_inline]] inline void commit_row(ParseState& s, std::size_t row) {
    const std::size_t width = s.input->width;
    // The path backwards, then the row forwards; a node's `last` is no longer needed.
    std::size_t at = width;
    while (at > 0) {
        const auto before = at - static_cast<std::size_t>(s.nodes[at].length);
        s.nodes[before].last = at;
        at = before;
    }
    std::uint8_t* bytes = s.stream.bytes.data() + row;
    s.counts.literals[0] += 1;  // the filter byte
    for (at = 0; at < width;) {
        const Node& node = s.nodes[s.nodes[at].last];
        const auto end = at + static_cast<std::size_t>(node.length);
        if (node.distance == 0) {
            bytes[at] = node.literal;
            s.counts.literals[node.literal] += 1;
        } else {
            for (std::size_t x = at; x < end; ++x) bytes[x] = *(bytes + x - node.distance);
            s.counts.lengths[static_cast<std::size_t>(length_code(node.length))] += 1;
            s.counts.distances[static_cast<std::size_t>(distance_code(node.distance))] += 1;
        }
        at = end;
    }
    for (std::size_t x = 0; x < width; ++x)
        for (std::size_t a = 0; a < axes; ++a)
            s.stream.planes[a][row + x] = s.input->entries[4 * bytes[x] + a];
    for (std::size_t x = 0; x + 2 < width; ++x) s.triples.insert(s.stream.bytes.data(), row + x);
}

// The exact errors of a row that is coded, carried to the row below.
template <std::size_t axes>
[[gnu::always_inline]] inline void diffuse_row(ParseState& s, std::size_t row) {
    std::fill(s.below.begin(), s.below.end(), std::array<float, 4>{});
    std::array<float, 4> error{};
    for (std::size_t x = 0; x < s.input->width; ++x) {
        for (std::size_t a = 0; a < axes; ++a)
            error[a] = s.targets[x][a] + s.carried[x] * error[a] - s.stream.planes[a][row + x];
        const float length = std::sqrt(sum_of_squares(error));
        const float kept = s.carried[x] == 0.0f ? 0.0f
                           : length > s.choices.cap ? s.choices.cap / length : 1.0f;
        for (std::size_t a = 0; a < axes; ++a) {
            const float down = kept * error[a];
            s.below[x][a] += share_left * down;
            s.below[x + 1][a] += share_below * down;
            s.below[x + 2][a] += share_diagonal * down;
            error[a] *= share_right;
        }
    }
    std::swap(s.above, s.below);
}

inline void price_lanes(ParseState& s) {
    s.costs = costs_of(s.counts, s.choices.lambda);
    for (std::size_t l = 0; l < n_fixed; ++l) {
        const int distance = s.lanes.distance[l];
        const bool reachable = distance >= 1 && distance <= window_size;
        s.lanes.fresh_sum[l] = reachable ? s.costs.of_distance(distance) : 0.0f;
        s.lanes.fresh_total[l] =
            reachable ? s.lanes.fresh_sum[l] + s.costs.length[min_match] + 0.5f * s.choices.lambda
                      : hopeless;
    }
}

template <std::size_t axes>
struct ParseBand {
    [[gnu::always_inline]] static void run(ParseState* state, std::size_t first_row,
                                           std::size_t n_rows, std::uint8_t* indices) {
        ParseState& s = *state;
        for (std::size_t y = 0; y < n_rows; ++y) {
            const std::size_t row = s.stream.row(y);
            if (y % 2 == 0) price_lanes(s);
            prepare_row<axes>(s, first_row + y);
            if (s.choices.n_dynamic > 0) accept_entries<axes>(s);
            search_row<axes>(s, row);
            commit_row<axes>(s, row);
            diffuse_row<axes>(s, row);
            std::memcpy(indices + s.input->width * y, s.stream.bytes.data() + row, s.input->width);
        }
    }
};

// What is known before the first row: literals as the nearest entries would have them (worth 30 % of
// the symbols), lengths falling geometrically, distances even.
inline SymbolCounts prior_counts(std::span<const double> shares) {
    constexpr double n_symbols = 1500.0;
    SymbolCounts prior;
    for (std::size_t c = 0; c < shares.size(); ++c)
        prior.literals[c] = 0.3 * n_symbols * shares[c];
    double share = 0.12, left = 1.0;
    for (auto& n : prior.lengths) {
        n = 0.7 * n_symbols * left * share;
        left -= left * share;
    }
    prior.distances.fill(0.7 * n_symbols / n_distance_codes);
    return prior;
}

// Bits that deflate needs for the symbols counted, were each as long as its share says.
inline double bits_needed(const SymbolCounts& counts, const SymbolCounts& prior) {
    double total = 0, total_distances = 0, bits = 0;
    for (std::size_t c = 0; c < 256; ++c) total += counts.literals[c] - prior.literals[c];
    for (std::size_t c = 0; c < n_length_codes; ++c) total += counts.lengths[c] - prior.lengths[c];
    for (std::size_t c = 0; c < n_distance_codes; ++c)
        total_distances += counts.distances[c] - prior.distances[c];
    const auto add = [&](double n, double of, int extra) {
        if (n > 0.5) bits += n * (log2_of(of / n) + extra);
    };
    for (std::size_t c = 0; c < 256; ++c) add(counts.literals[c] - prior.literals[c], total, 0);
    for (std::size_t c = 0; c < n_length_codes; ++c)
        add(counts.lengths[c] - prior.lengths[c], total, length_extra_bits(static_cast<int>(c)));
    for (std::size_t c = 0; c < n_distance_codes; ++c)
        add(counts.distances[c] - prior.distances[c], total_distances,
            distance_extra_bits(static_cast<int>(c)));
    return bits;
}

// Whether a column of rows of four has more than one value.
inline bool varies(std::span<const float> rows, std::size_t column) {
    for (std::size_t i = column; i < rows.size(); i += 4)
        if (rows[i] != rows[column]) return true;
    return false;
}

// Writes the indices, and gives the bits that deflate is expected to need for them. Bands of rows are
// parsed on their own, so the result depends on rows_per_band, and not on the threads.
inline double parse(const ParseInput& input, const ParseChoices& choices,
                    std::span<const double> shares, std::size_t rows_per_band,
                    std::span<std::uint8_t> indices, int n_threads, Width width) {
    const auto prior = prior_counts(shares);
    const bool has_opacity = varies(input.points, 3) || varies(input.entries, 3);
    std::vector<double> bits(chunks_of(input.height, rows_per_band));
    for_each_chunk(bits.size(), n_threads, [&](std::size_t band) {
        const std::size_t first = band * rows_per_band;
        const std::size_t n_rows = std::min(rows_per_band, input.height - first);
        auto state = std::make_unique<ParseState>(input, choices, n_rows, prior);
        auto* out = indices.data() + input.width * first;
        if (has_opacity)
            run<ParseBand<4>>(width, state.get(), first, n_rows, out);
        else
            run<ParseBand<3>>(width, state.get(), first, n_rows, out);
        bits[band] = bits_needed(state->counts, prior);
    });
    double sum = 0;
    for (const double band : bits) sum += band;
    return sum;
}

}  // namespace pimenton
