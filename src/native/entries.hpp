// The palette entries worth a look for a color, from a grid of cells filled when first met.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
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
        : entries_(entries), inverse_(1.0f / cell), cell_(cell), slots_(n_slots),
          order_(entries.size() / 4) {}

    // With three axes, all entries must have one fourth coordinate.
    template <std::size_t axes>
    [[gnu::always_inline]] List around(const float* target) {
        std::array<std::int32_t, 4> place{};
        for (std::size_t a = 0; a < axes; ++a)
            place[a] = static_cast<std::int32_t>(target[a] * inverse_ + 32768.0f);
        Slot& slot = slots_[hash(place)];
        if (slot.place != place) refill(slot, place);
        const float* first = coordinates_.data() + 4 * slot.start;
        return {slot.n, {first, first + slot.n, first + 2 * slot.n, first + 3 * slot.n},
                numbers_.data() + slot.start};
    }

   private:
    static constexpr std::size_t n_slots = std::size_t{1} << 14;
    static constexpr std::size_t most_kept = std::size_t{1} << 21;
    struct Slot {
        std::array<std::int32_t, 4> place{-1, -1, -1, -1};
        std::uint32_t start = 0, n = 0;
    };

    [[gnu::always_inline]] static std::uint32_t hash(const std::array<std::int32_t, 4>& place) {
        const auto [x, y, z, w] = place;
        const std::uint32_t h = static_cast<std::uint32_t>(x) * 0x9e3779b1u +
                                static_cast<std::uint32_t>(y) * 0x85ebca6bu +
                                static_cast<std::uint32_t>(z) * 0xc2b2ae35u +
                                static_cast<std::uint32_t>(w) * 0x27d4eb2fu;
        return (h ^ h >> 15) % n_slots;
    }

    [[gnu::noinline]] void refill(Slot& slot, const std::array<std::int32_t, 4>& place) {
        if (numbers_.size() > most_kept) {
            numbers_.clear();
            coordinates_.clear();
            std::fill(slots_.begin(), slots_.end(), Slot{});
        }
        const std::size_t n = choose_entries(place);
        slot.place = place;
        slot.n = static_cast<std::uint32_t>(chunks_of(n, step) * step);
        slot.start = static_cast<std::uint32_t>(numbers_.size());
        for (std::size_t i = 0; i < slot.n; ++i) numbers_.push_back(order_[i < n ? i : 0].second);
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t i = 0; i < slot.n; ++i)
                coordinates_.push_back(
                    i < n ? entries_[4 * static_cast<std::size_t>(order_[i].second) + a] : far_away);
    }

    // Brings the entries of a cell's list to the front of order_, and gives their number.
    std::size_t choose_entries(const std::array<std::int32_t, 4>& place) {
        const std::size_t k = order_.size();
        std::array<float, 4> middle;
        for (std::size_t a = 0; a < 4; ++a)
            middle[a] = place[a] == 0 ? entries_[a] : (static_cast<float>(place[a] - 32768) + 0.5f) * cell_;
        for (std::size_t j = 0; j < k; ++j) {
            const float* entry = entries_.data() + 4 * j;
            float sq = 0;
            for (std::size_t a = 0; a < 4; ++a) sq += (entry[a] - middle[a]) * (entry[a] - middle[a]);
            order_[j] = {sq, static_cast<std::int32_t>(j)};
        }
        std::size_t n = std::min(k, n_wanted);
        std::nth_element(order_.begin(), order_.begin() + (n - 1), order_.end());
        // An entry may be nearest somewhere in the cell unless the one nearest to its middle is
        // nearer everywhere: |m - c'|^2 - |m - c|^2 > 2 sum_a half_a |c'_a - c_a|.
        const auto nearest = *std::min_element(order_.begin(), order_.begin() + n);
        const float* best = entries_.data() + 4 * nearest.second;
        for (std::size_t i = n; i < k; ++i) {
            const float* entry = entries_.data() + 4 * order_[i].second;
            float reach = 0;
            for (std::size_t a = 0; a < 4; ++a) reach += std::abs(entry[a] - best[a]);
            if (order_[i].first * 0.9999f - nearest.first <= 1.001f * cell_ * reach)
                std::swap(order_[n++], order_[i]);
        }
        std::sort(order_.begin(), order_.begin() + n,
                  [](const auto& a, const auto& b) { return a.second < b.second; });
        return n;
    }

    std::span<const float> entries_;
    float inverse_, cell_;
    std::vector<Slot> slots_;
    std::vector<std::pair<float, std::int32_t>> order_;
    std::vector<float> coordinates_;
    std::vector<std::int32_t> numbers_;
};

}  // namespace pimenton
