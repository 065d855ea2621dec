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
#include <span>
#include <utility>

#include "bits.hpp"
#include "entries.hpp"
#include "lookups.hpp"
#include "parallel.hpp"
#include "parse.hpp"
#include "parse_state.hpp"
#include "stream.hpp"
#include "survivors.hpp"

namespace pimenton {

// Floyd-Steinberg's shares of an error that go to the row below.
constexpr float share_left = 3.0f / 16, share_below = 5.0f / 16, share_diagonal = 1.0f / 16;

[[gnu::always_inline]] inline float sum_of_squares(const std::array<float, 4>& v) {
    return v[0] * v[0] + v[1] * v[1] + v[2] * v[2] + v[3] * v[3];
}

// The cheapest entry of a list for a target; floats that are not negative are ordered as their bits are.
template <std::size_t axes>
[[gnu::always_inline]] inline std::pair<std::int32_t, float> best_literal(
    ParseState& s, const EntryLists::List& list, const std::array<float, 4>& target, float weight) {
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
    std::uint32_t first = 255;
    for (std::size_t j = 0; j < list.n; ++j) {
        const auto place = static_cast<std::uint32_t>(j) | (cost[j] == lowest ? 0u : 256u);
        first = place < first ? place : first;
    }
    return {number[first], lowest};
}

// Tells whether a color is far from one of its neighbours.
template <std::size_t axes>
[[gnu::always_inline]] inline bool is_edge(const float* points, std::uint32_t rank,
                                           const std::array<std::uint32_t, 4>& around, float edge) {
    float most = 0.0f;
    for (const std::uint32_t other : around) {
        std::array<float, 4> d{};
        for (std::size_t a = 0; a < axes; ++a) d[a] = points[4 * rank + a] - points[4 * other + a];
        most = std::max(most, sum_of_squares(d));
    }
    return most > edge * edge;
}

// Prepares a row: targets, weights, whether a pixel must keep its exact color or lies at an edge,
// and whether it is inside of a run.
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
        const bool ends = s.choices.edge > 0.0f &&
                          is_edge<axes>(in.points.data(), rank, {left, right, up[x], down[x]},
                                        s.choices.edge);
        const float share = exact || ends ? 0.0f : s.choices.carried;
        s.carried[x] = share;
        s.weights[x] = exact ? 1e4f : in.weights[w * y + x];
        for (std::size_t a = 0; a < axes; ++a)
            s.targets[x][a] = in.points[4 * rank + a] + share * s.above[x + 1][a];
    }
    // A match seldom begins inside of a run of one color: it could begin with the run, or at its end.
    for (std::size_t x = 1; x + 2 < w; ++x)
        s.inside[x] = (ranks[x - 1] == ranks[x]) & (ranks[x] == ranks[x + 1]) &
                      (ranks[x + 1] == ranks[x + 2]);
    // Lists are those of the targets without what is carried from the left, which seldom leads far:
    // found beforehand, none of them is waited for.
    s.lists.make_room();
    for (std::size_t x = 0; x < w; ++x) s.places[x] = s.lists.around<axes>(s.targets[x].data());
}

// Moves every lane on by the pixel at `place`; gives the lane that offers the cheapest match, and its
// cost.
template <std::size_t axes>
[[gnu::always_inline]] inline std::pair<std::size_t, float> advance_all(ParseState& s,
                                                                        std::size_t place,
                                                                        const Move& move,
                                                                        std::uint64_t node_last) {
    constexpr std::int32_t none = std::numeric_limits<std::int32_t>::max();
    const float* length_cost = s.costs.length.data();
    const float bias = 64.0f * s.choices.lambda + 1e-3f;
    Sixteen<std::int32_t> least;
    least.fill(none);
    advance<axes>(s.blocks[near_block], near_block, near_colors<axes>(s.stream, place), move,
                  length_cost, bias, least);
    Block& shorts = s.blocks[short_block];
    advance<axes>(shorts, short_block,
                  short_colors<axes>(s.stream, place, s.entries, shorts, move.shift, node_last,
                                     s.recent),
                  move, length_cost, bias, least);
    for (std::size_t b = first_dynamic; b < s.n_blocks; ++b)
        advance<axes>(s.blocks[b], b, found_colors<axes>(s.stream, place, s.blocks[b]), move,
                      length_cost, bias, least);
    std::int32_t best = none;
    for (std::size_t l = 0; l < block_lanes; ++l) best = least[l] < best ? least[l] : best;
    if (best == none) return {0, hopeless};
    const auto lane = static_cast<std::size_t>(best & ((1 << lane_bits) - 1));
    return {lane, s.blocks[lane / block_lanes].total[lane % block_lanes]};
}

// The last eight indices on the path of a lane that has come to node i + 1, the newest lowest.
[[gnu::always_inline]] inline std::uint64_t last_indices(const ParseState& s, std::size_t lane,
                                                         std::size_t place, std::size_t i) {
    const Block& block = s.blocks[lane / block_lanes];
    if (lane / block_lanes == short_block && lane % block_lanes >= grid_columns)
        return s.recent[lane % block_lanes];
    const auto length = static_cast<std::size_t>(block.length[lane % block_lanes]);
    const std::uint8_t* end = s.stream.bytes.data() + place -
                              static_cast<std::size_t>(block.distance[lane % block_lanes]);
    std::uint64_t copied = 0;
    for (int n = 0; n < 8; ++n) copied = copied << 8 | *(end - 7 + n);
    if (length >= 8) return copied;
    const std::uint64_t mask = (std::uint64_t{1} << (8 * length)) - 1;
    return s.nodes[i + 1 - length].last << (8 * length) | (copied & mask);
}

// Puts all lanes at the beginning of a row; those of distances that were found are idle.
[[gnu::always_inline]] inline void begin_row(ParseState& s, std::size_t row) {
    s.nodes[0] = Node{};
    for (std::size_t n = 1; n <= 8; ++n)
        s.nodes[0].last |= static_cast<std::uint64_t>(s.stream.bytes[row - n]) << (8 * (n - 1));
    for (std::size_t b = 0; b < s.n_blocks; ++b) {
        Block& block = s.blocks[b];
        block.total.fill(hopeless);
        block.sum.fill(0.0f);
        block.length.fill(0);
        for (auto& error : block.error) error.fill(0.0f);
        if (b < first_dynamic) continue;
        for (const auto distance : block.distance) s.lane_of[static_cast<std::size_t>(distance)] = -1;
        // Distance 1 lies in the row itself, which has no colors yet, so nothing comes of it; and
        // a start at no cost is due at every pixel.
        block.distance.fill(1);
        block.fresh_sum.fill(0.0f);
        block.fresh_total.fill(-1.0f);
    }
}

template <std::size_t axes>
[[gnu::always_inline]] inline void search_row(ParseState& s, std::size_t row) {
    const std::size_t width = s.input->width;
    const auto every = static_cast<std::size_t>(s.choices.every);
    begin_row(s, row);
    float shift = 0.0f;
    for (std::size_t x = 0; x < width; ++x) {
        const Node& node = s.nodes[x];
        const std::size_t place = row + x;
        if (s.n_blocks > first_dynamic && x + 2 < width && x % every == 0 && !s.inside[x])
            admit_candidates(s, x, place, shift);
        const Move move{s.targets[x], node.error, s.weights[x], s.carried[x], shift};
        std::array<float, 4> target{};
        for (std::size_t a = 0; a < axes; ++a)
            target[a] = move.target[a] + move.carried * node.error[a];
        const auto [literal, literal_cost] = best_literal<axes>(s, s.lists.at(s.places[x]), target, move.weight);
        const auto [lane, lane_cost] = advance_all<axes>(s, place, move, node.last);
        Node& next = s.nodes[x + 1];
        if (lane_cost < literal_cost) {
            const Block& block = s.blocks[lane / block_lanes];
            next.distance = block.distance[lane % block_lanes];
            next.length = block.length[lane % block_lanes];
            for (std::size_t a = 0; a < axes; ++a)
                next.error[a] = block.error[a][lane % block_lanes];
            next.last = last_indices(s, lane, place, x);
            shift = lane_cost;
        } else {
            const auto index = static_cast<std::size_t>(literal);
            for (std::size_t a = 0; a < axes; ++a)
                next.error[a] = share_right * (target[a] - s.entries[a][index]);
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
    for (std::size_t n = 0; n < s.stream.gap; ++n) {
        s.counts.literals[0] += 1;  // the filter byte
        s.tokens.push_back(0);
    }
    for (at = 0; at < width;) {
        const Node& node = s.nodes[s.nodes[at].last];
        const auto end = at + static_cast<std::size_t>(node.length);
        // The short distances of a band's first pixels take what lies before it for zeros.
        const bool is_known = static_cast<std::size_t>(node.distance) + s.stream.lead <= row + at;
        if (node.distance == 0)
            bytes[at] = node.literal;
        else
            for (std::size_t x = at; x < end; ++x) bytes[x] = *(bytes + x - node.distance);
        if (node.distance == 0 || !is_known) {
            for (std::size_t x = at; x < end; ++x) {
                s.counts.literals[bytes[x]] += 1;
                s.tokens.push_back(bytes[x]);
            }
        } else {
            s.counts.lengths[static_cast<std::size_t>(s.coding->of_length(node.length))] += 1;
            s.counts.distances[static_cast<std::size_t>(s.coding->of_distance(node.distance))] += 1;
            s.tokens.push_back(match_token(node.length, node.distance));
        }
        at = end;
    }
    for (std::size_t x = 0; x < width; ++x)
        for (std::size_t a = 0; a < axes; ++a)
            s.stream.planes[a][row + x] = s.input->entries[4 * bytes[x] + a];
    for (std::size_t x = 0; s.choices.n_dynamic > 0 && x + 2 < width; ++x)
        s.triples.insert(s.stream.bytes.data(), row + x);
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
    s.costs = costs_of(s.counts, s.choices.lambda, *s.coding);
    for (std::size_t b = 0; b < first_dynamic; ++b)
        for (std::size_t l = 0; l < block_lanes; ++l) {
            const int distance = s.blocks[b].distance[l];
            const bool reachable = distance >= 1 && distance <= window_size;
            const float sum = reachable ? s.price_of(distance) : 0.0f;
            s.blocks[b].fresh_sum[l] = sum;
            s.blocks[b].fresh_total[l] =
                reachable ? sum + s.costs.length[min_match] + 0.5f * s.choices.lambda : hopeless;
        }
}

template <std::size_t axes>
struct ParseBand {
    [[gnu::always_inline]] static void run(ParseState* state, std::size_t first_row,
                                           std::size_t n_rows, std::uint8_t* indices) {
        ParseState& s = *state;
        const std::size_t n_found = s.n_blocks - first_dynamic;
        for (std::size_t y = 0; y < n_rows; ++y) {
            ask_to_go_on();
            const std::size_t row = s.stream.row(y);
            if (y % 2 == 0) price_lanes(s);
            prepare_row<axes>(s, first_row + y);
            // Lanes of distances that are found stand still in rows without look-ups.
            const bool looks = y % std::max<std::size_t>(s.choices.every / 2, 1) == 0;
            s.n_blocks = first_dynamic + (looks ? n_found : 0);
            if (s.n_blocks > first_dynamic) accept_entries<axes>(s);
            search_row<axes>(s, row);
            commit_row<axes>(s, row);
            diffuse_row<axes>(s, row);
            std::memcpy(indices + s.input->width * y, s.stream.bytes.data() + row, s.input->width);
        }
    }
};

// What is known before the first row: literals as the nearest entries would have them (worth 30 % of
// the symbols), lengths falling geometrically, distances even.
inline SymbolCounts prior_counts(std::span<const double> shares, const Coding& coding) {
    constexpr double n_symbols = 1500.0;
    SymbolCounts prior;
    for (std::size_t c = 0; c < shares.size(); ++c)
        prior.literals[c] = 0.3 * n_symbols * shares[c];
    double share = 0.12, left = 1.0;
    for (auto& n : prior.lengths) {
        n = 0.7 * n_symbols * left * share;
        left -= left * share;
    }
    const std::size_t n_distances = coding.n_distances();
    std::fill_n(prior.distances.begin(), n_distances,
                0.7 * n_symbols / static_cast<double>(n_distances));
    return prior;
}

// Bits that the format needs for the symbols counted, were each as long as its share says.
inline double bits_needed(const SymbolCounts& counts, const SymbolCounts& prior,
                          const Coding& coding) {
    double total = 0, total_distances = 0, bits = 0;
    for (std::size_t c = 0; c < 256; ++c) total += counts.literals[c] - prior.literals[c];
    for (std::size_t c = 0; c < n_length_codes; ++c) total += counts.lengths[c] - prior.lengths[c];
    for (std::size_t c = 0; c < most_distance_codes; ++c)
        total_distances += counts.distances[c] - prior.distances[c];
    const auto add = [&](double n, double of, int extra) {
        if (n > 0.5) bits += n * (log2_of(of / n) + extra);
    };
    for (std::size_t c = 0; c < 256; ++c) add(counts.literals[c] - prior.literals[c], total, 0);
    for (std::size_t c = 0; c < n_length_codes; ++c)
        add(counts.lengths[c] - prior.lengths[c], total,
            coding.length_extra(static_cast<int>(c)));
    for (std::size_t c = 0; c < most_distance_codes; ++c)
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

}  // namespace pimenton
