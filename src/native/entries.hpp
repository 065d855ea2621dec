// The palette entries worth a look for a color, from a grid of cells filled when first met.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace pimenton {

constexpr float far_away = 1e9f;    // a coordinate of what may not be copied

constexpr std::size_t most_listed = 256;
constexpr std::size_t n_nearest = 16;  // entries that are always worth a look

// Chooses entries for a cell of some width around a middle: the nearest to the middle, and those that
// may be nearest somewhere else in it, in their order.
struct ChooseListed {
    [[gnu::always_inline]] static void run(const float* const* planes, std::size_t k,
                                           std::array<float, 4> middle, float width,
                                           std::uint32_t* chosen, std::size_t* n_chosen) {
        std::array<float, most_listed> square{}, reach{};
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t j = 0; j < k; ++j) {
                const float offset = planes[a][j] - middle[a];
                square[j] += offset * offset;
            }
        // Squared distances, of which none is negative, are ordered as their bits are.
        std::array<std::int32_t, most_listed> order;
        for (std::size_t j = 0; j < k; ++j) order[j] = std::bit_cast<std::int32_t>(square[j]);
        std::int32_t least = std::numeric_limits<std::int32_t>::max(), most = 0;
        for (std::size_t j = 0; j < k; ++j) {
            least = std::min(least, order[j]);
            most = std::max(most, order[j]);
        }
        std::size_t nearest = 0;
        while (order[nearest] != least) ++nearest;
        const auto [limit, n_equal] = limit_of(order, k, least, most);
        // An entry may be nearest somewhere in the cell unless the one nearest to its middle is
        // nearer everywhere: |m - c'|^2 - |m - c|^2 > 2 sum_a half_a |c'_a - c_a|.
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t j = 0; j < k; ++j)
                reach[j] += std::abs(planes[a][j] - planes[a][nearest]);
        std::array<std::uint8_t, most_listed> kept;
        for (std::size_t j = 0; j < k; ++j)
            kept[j] = (order[j] < limit) |
                      (square[j] * 0.9999f - square[nearest] <= 1.001f * width * reach[j]);
        std::size_t n_left = n_equal;
        for (std::size_t j = 0; j < k && n_left > 0; ++j) {
            if (order[j] != limit) continue;
            kept[j] = 1;
            --n_left;
        }
        std::size_t n = 0;
        for (std::size_t j = 0; j < k; ++j) {
            chosen[n] = static_cast<std::uint32_t>(j);
            n += kept[j];
        }
        *n_chosen = n;
    }

   private:
    // A place in the order so that those before it are always worth a look, and so many of those at it.
    [[gnu::always_inline]] static std::pair<std::int32_t, std::size_t> limit_of(
        const std::array<std::int32_t, most_listed>& order, std::size_t k, std::int32_t low,
        std::int32_t high) {
        const auto wanted = static_cast<std::int32_t>(std::min(k, n_nearest));
        std::int32_t n_below = 0;
        while (low < high) {
            const std::int32_t middle = low + (high - low) / 2;
            std::int32_t n = 0;
            for (std::size_t j = 0; j < k; ++j) n += order[j] <= middle;
            if (n == wanted) return {middle + 1, 0};
            if (n > wanted) {
                high = middle;
            } else {
                low = middle + 1;
                n_below = n;
            }
        }
        return {low, static_cast<std::size_t>(wanted - n_below)};
    }
};

// Entries worth a look from each cell of a grid over the space: those that are nearest to some
// place in it, and the nearest to its middle, in their order.
class EntryLists {
   public:
    static constexpr std::size_t step = 16;
    // Coordinates and numbers of n entries, a multiple of `step`, the last ones far away.
    struct List {
        std::size_t n;
        const float* at[4];
        const std::int32_t* number;
    };

    EntryLists(std::span<const float> entries, float cell, Width width)
        : inverse_(1.0f / cell), cell_(cell), width_(width), slots_(n_slots) {
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t i = a; i < entries.size(); i += 4) planes_[a].push_back(entries[i]);
    }

    // Where a list is kept, until there is made room.
    struct Place {
        std::uint32_t start, n;
    };

    // Finds or makes the list of a color's cell. With three axes, all entries must have one fourth
    // coordinate.
    template <std::size_t axes>
    [[gnu::always_inline]] Place around(const float* target) {
        std::array<std::int32_t, 4> cell{};
        for (std::size_t a = 0; a < axes; ++a)
            cell[a] = static_cast<std::int32_t>(target[a] * inverse_ + 32768.0f);
        Slot& slot = slots_[hash(cell)];
        if (slot.cell != cell) refill(slot, cell);
        return slot.place;
    }

    [[gnu::always_inline]] List at(Place place) const {
        const std::size_t n = place.n;
        const float* first = coordinates_.data() + 4 * std::size_t{place.start};
        return {n, {first, first + n, first + 2 * n, first + 3 * n}, numbers_.data() + place.start};
    }

    // Forgets all lists when there are very many.
    void make_room() {
        if (numbers_.size() <= most_kept) return;
        numbers_.clear();
        coordinates_.clear();
        std::fill(slots_.begin(), slots_.end(), Slot{});
    }

   private:
    static constexpr std::size_t n_slots = std::size_t{1} << 14;
    static constexpr std::size_t most_kept = std::size_t{1} << 21;
    struct Slot {
        std::array<std::int32_t, 4> cell{-1, -1, -1, -1};
        Place place{};
    };

    [[gnu::always_inline]] static std::uint32_t hash(const std::array<std::int32_t, 4>& cell) {
        const auto [x, y, z, w] = cell;
        const std::uint32_t h = static_cast<std::uint32_t>(x) * 0x9e3779b1u +
                                static_cast<std::uint32_t>(y) * 0x85ebca6bu +
                                static_cast<std::uint32_t>(z) * 0xc2b2ae35u +
                                static_cast<std::uint32_t>(w) * 0x27d4eb2fu;
        return (h ^ h >> 15) % n_slots;
    }

    [[gnu::noinline]] void refill(Slot& slot, const std::array<std::int32_t, 4>& cell) {
        std::array<float, 4> middle;
        for (std::size_t a = 0; a < 4; ++a)
            middle[a] = cell[a] == 0 ? planes_[a][0]
                                     : (static_cast<float>(cell[a] - 32768) + 0.5f) * cell_;
        std::array<std::uint32_t, most_listed> chosen;
        const float* const planes[] = {planes_[0].data(), planes_[1].data(), planes_[2].data(),
                                       planes_[3].data()};
        std::size_t n = 0;
        run<ChooseListed>(width_, planes, planes_[0].size(), middle, cell_, chosen.data(), &n);
        slot.cell = cell;
        slot.place.n = static_cast<std::uint32_t>(chunks_of(n, step) * step);
        slot.place.start = static_cast<std::uint32_t>(numbers_.size());
        for (std::size_t i = 0; i < slot.place.n; ++i)
            numbers_.push_back(static_cast<std::int32_t>(chosen[i < n ? i : 0]));
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t i = 0; i < slot.place.n; ++i)
                coordinates_.push_back(i < n ? planes_[a][chosen[i]] : far_away);
    }

    float inverse_, cell_;
    Width width_;
    std::vector<Slot> slots_;
    std::array<std::vector<float>, 4> planes_;
    std::vector<float> coordinates_;
    std::vector<std::int32_t> numbers_;
};

}  // namespace pimenton
