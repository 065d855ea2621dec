// The palette entries worth a look for a color, from a grid of cells filled when first met.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "parallel.hpp"

namespace pimenton {

constexpr float far_away = 1e9f;    // a coordinate of what may not be copied

// Entries worth a look from each cell of a grid over the space: those that are nearest to some
// place in it, and the nearest to its middle, in their order.
class EntryLists {
   public:
    static constexpr std::size_t step = 16;
    static constexpr std::size_t n_wanted = 16;

    // Coordinates and numbers of n entries, a multiple of `step`, the last ones far away.
    struct List {
        std::size_t n;
        const float* at[4];
        const std::int32_t* number;
    };

    EntryLists(std::span<const float> entries, float cell)
        : inverse_(1.0f / cell), cell_(cell), slots_(n_slots), squares_(entries.size() / 4),
          order_(entries.size() / 4) {
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
        const std::size_t n = choose_entries(cell);
        slot.cell = cell;
        slot.place.n = static_cast<std::uint32_t>(chunks_of(n, step) * step);
        slot.place.start = static_cast<std::uint32_t>(numbers_.size());
        for (std::size_t i = 0; i < slot.place.n; ++i)
            numbers_.push_back(static_cast<std::int32_t>(number_of(order_[i < n ? i : 0])));
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t i = 0; i < slot.place.n; ++i)
                coordinates_.push_back(i < n ? planes_[a][number_of(order_[i])] : far_away);
    }

    // Squared distances, of which none is negative, are ordered as their bits are.
    static std::size_t number_of(std::uint64_t key) { return key & 0xffffffffu; }
    static float sq_of(std::uint64_t key) {
        return std::bit_cast<float>(static_cast<std::uint32_t>(key >> 32));
    }

    // Brings the entries of a cell's list to the front of order_, and gives their number.
    std::size_t choose_entries(const std::array<std::int32_t, 4>& cell) {
        const std::size_t k = order_.size();
        std::fill(squares_.begin(), squares_.end(), 0.0f);
        for (std::size_t a = 0; a < 4; ++a) {
            const float* plane = planes_[a].data();
            const float middle =
                cell[a] == 0 ? plane[0] : (static_cast<float>(cell[a] - 32768) + 0.5f) * cell_;
            for (std::size_t j = 0; j < k; ++j)
                squares_[j] += (plane[j] - middle) * (plane[j] - middle);
        }
        for (std::size_t j = 0; j < k; ++j)
            order_[j] = std::uint64_t{std::bit_cast<std::uint32_t>(squares_[j])} << 32 | j;
        std::size_t n = std::min(k, n_wanted);
        std::nth_element(order_.begin(), order_.begin() + (n - 1), order_.end());
        // An entry may be nearest somewhere in the cell unless the one nearest to its middle is
        // nearer everywhere: |m - c'|^2 - |m - c|^2 > 2 sum_a half_a |c'_a - c_a|.
        const std::uint64_t nearest = *std::min_element(order_.begin(), order_.begin() + n);
        std::fill(squares_.begin(), squares_.end(), 0.0f);
        for (std::size_t a = 0; a < 4; ++a) {
            const float* plane = planes_[a].data();
            const float best = plane[number_of(nearest)];
            for (std::size_t j = 0; j < k; ++j) squares_[j] += std::abs(plane[j] - best);
        }
        for (std::size_t i = n; i < k; ++i) {
            const float reach = squares_[number_of(order_[i])];
            if (sq_of(order_[i]) * 0.9999f - sq_of(nearest) <= 1.001f * cell_ * reach)
                std::swap(order_[n++], order_[i]);
        }
        std::sort(order_.begin(), order_.begin() + n,
                  [](std::uint64_t a, std::uint64_t b) { return number_of(a) < number_of(b); });
        return n;
    }

    float inverse_, cell_;
    std::vector<Slot> slots_;
    std::array<std::vector<float>, 4> planes_;
    std::vector<float> squares_;
    std::vector<std::uint64_t> order_;
    std::vector<float> coordinates_;
    std::vector<std::int32_t> numbers_;
};

}  // namespace pimenton
