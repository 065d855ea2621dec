// An order of entries in which those that meet often stand near each other, found by swaps.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace pimenton {

// Swaps two entries wherever that lowers the sum, over all pairs, of how often they meet times the
// root of how far apart they stand, until none does or n_passes are over. Entries of different kinds
// stay apart. Roots are rounded to sixteenths, so that sums are exact.
inline void bring_together(std::span<const std::int64_t> meetings, std::span<const std::uint8_t> kinds,
                           std::span<std::int64_t> order, int n_passes) {
    const std::size_t k = order.size();
    std::array<std::int64_t, 256> roots{};
    for (std::size_t d = 0; d < roots.size(); ++d)
        roots[d] = static_cast<std::int64_t>(16.0 * std::sqrt(static_cast<double>(d)) + 0.5);
    const auto root = [&](std::size_t a, std::size_t b) { return roots[a < b ? b - a : a - b]; };
    std::vector<std::size_t> place(k);
    for (std::size_t p = 0; p < k; ++p) place[static_cast<std::size_t>(order[p])] = p;
    // What an entry costs at each place, the others being where they are.
    std::vector<std::int64_t> cost(k * k);
    const auto add = [&](std::size_t entry, std::size_t at, std::int64_t sign) {
        for (std::size_t other = 0; other < k; ++other) {
            const std::int64_t n = sign * meetings[k * other + entry];
            if (n == 0) continue;
            for (std::size_t p = 0; p < k; ++p) cost[k * other + p] += n * root(p, at);
        }
    };
    for (std::size_t entry = 0; entry < k; ++entry) add(entry, place[entry], 1);
    for (int pass = 0, n_swaps = 1; pass < n_passes && n_swaps > 0; ++pass) {
        n_swaps = 0;
        for (std::size_t a = 0; a < k; ++a) {
            const std::size_t at = place[a];
            std::int64_t best = 0;
            std::size_t partner = a;
            for (std::size_t b = 0; b < k; ++b) {
                if (kinds[a] != kinds[b]) continue;
                const std::size_t to = place[b];
                const std::int64_t change = cost[k * a + to] - cost[k * a + at] + cost[k * b + at] -
                                            cost[k * b + to] + 2 * meetings[k * a + b] * root(at, to);
                if (change < best) {
                    best = change;
                    partner = b;
                }
            }
            if (partner == a) continue;
            for (const std::size_t entry : {a, partner}) add(entry, place[entry], -1);
            std::swap(place[a], place[partner]);
            for (const std::size_t entry : {a, partner}) add(entry, place[entry], 1);
            ++n_swaps;
        }
    }
    for (std::size_t entry = 0; entry < k; ++entry)
        order[place[entry]] = static_cast<std::int64_t>(entry);
}

}  // namespace pimenton
