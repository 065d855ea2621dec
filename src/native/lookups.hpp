// Distances worth following: those at which likely indices of the next pixels came before.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "bits.hpp"
#include "parse_state.hpp"
#include "stream.hpp"
#include "survivors.hpp"

namespace pimenton {

// The three cheapest entries of each pixel of the row, those not worth a look too dear to choose.
template <std::size_t axes>
[[gnu::always_inline]] inline void accept_entries(ParseState& s) {
    constexpr std::int32_t place_bits = 8, none = std::numeric_limits<std::int32_t>::max();
    const float limit = 8.0f * s.choices.lambda;
    const float* bits = s.costs.literal.data();
    const auto every = static_cast<std::size_t>(s.choices.every);
    const auto n_accepted = static_cast<std::size_t>(s.choices.n_accepted);
    for (std::size_t x = 0; x < s.input->width; ++x) {
        if (x % every >= 3) continue;
        const auto [tx, ty, tz, tw] = s.targets[x];
        const auto list = s.lists.at(s.places[x]);
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
        for (std::size_t i = n_accepted; i < 3; ++i) s.excess[3 * x + i] = hopeless;
        for (std::size_t i = 0; i < n_accepted; ++i) {
            std::int32_t least = none;
            for (std::size_t j = 0; j < list.n; ++j) {
                const std::int32_t key = keys[j] | (keys[j] > last ? 0 : none);
                least = key < least ? key : least;
            }
            last = least;
            const float cost = std::bit_cast<float>(least & ~((1 << place_bits) - 1));
            if (i == 0) lowest = cost;
            const bool kept = least != none && cost - lowest <= limit;
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

// Follows a new distance in the first idle dynamic lane, if there is one.
[[gnu::always_inline]] inline void admit(ParseState& s, std::size_t distance,
                                         std::array<std::uint64_t, 2>& idle, float shift) {
    if ((idle[0] | idle[1]) == 0) return;
    std::uint64_t& word = idle[0] ? idle[0] : idle[1];
    const std::size_t lane =
        (idle[0] ? 0 : 64) + static_cast<std::size_t>(std::countr_zero(word));
    word &= word - 1;
    Block& block = s.blocks[first_dynamic + lane / block_lanes];
    const float sum = s.price_of(static_cast<int>(distance));
    s.lane_of[static_cast<std::size_t>(block.distance[lane % block_lanes])] = -1;
    s.lane_of[distance] = static_cast<std::int32_t>(lane);
    follow(block, lane % block_lanes, static_cast<std::int32_t>(distance), sum,
           sum + s.costs.length[min_match] + 0.5f * s.choices.lambda, shift);
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
    const std::int32_t* lane_of = s.lane_of.data();
    const auto here = static_cast<std::uint32_t>(place);
    std::array<std::uint64_t, 2> idle{};
    for (std::size_t b = first_dynamic; b < s.n_blocks; ++b) {
        const std::size_t at = (b - first_dynamic) * block_lanes;
        idle[at / 64] |= static_cast<std::uint64_t>(idle_lanes(s.blocks[b], shift)) << (at % 64);
    }
    if ((idle[0] | idle[1]) == 0) return;
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
        for (std::size_t n = 0; n < 16; ++n) {
            const bool usable = (triples[first[n] % window_size] == triple[n]) &
                                (here - first[n] <= window_size);
            const bool again = (triples[second[n] % window_size] == triple[n]) &
                               (second[n] < first[n]) & (here - second[n] <= window_size);
            first[n] = usable ? here - first[n] : 0;
            second[n] = again ? here - second[n] : 0;
        }
        std::array<std::uint32_t, 16> new_first, new_second;
        for (std::size_t n = 0; n < 16; ++n) {
            new_first[n] = lane_of[first[n]] < 0 ? 1u << n : 0u;
            new_second[n] = lane_of[second[n]] < 0 ? 1u << (16 + n) : 0u;
        }
        std::uint32_t found = 0;
        for (std::size_t n = 0; n < 16; ++n) found |= new_first[n] | new_second[n];
        for (; found != 0; found &= found - 1) {
            const auto n = static_cast<std::size_t>(std::countr_zero(found));
            admit(s, n < 16 ? first[n] : second[n - 16], idle, shift);
        }
    }
}

}  // namespace pimenton
