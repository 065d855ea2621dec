// The nearest of a palette's entries to any color, looked up in a grid over the space.
#pragma once

#include "nearest.hpp"

namespace pimenton {

using Point = std::array<float, 4>;

[[gnu::always_inline]] inline float sq_distance(const Point& a, const Point& b) {
    const float dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2], dw = a[3] - b[3];
    return dx * dx + dy * dy + dz * dz + dw * dw;
}

// The nearest entry of any point, the first among equals: a grid whose cells list the entries that can
// be nearest to some place in them, found when a cell is first met, out of those of a larger cell.
class ColorGrid {
   public:
    // Distances may be longer than the entries are apart by `reach`, which is what errors add up to.
    ColorGrid(std::span<const float> entries, float reach, Width simd)
        : simd_(simd), all_(entries), part_(all_.n), kept_(all_.n), entries_(all_.n), cells_(n_cells),
          parents_(n_parents * n_parents * n_parents) {
        Point low, high;
        low.fill(std::numeric_limits<float>::max());
        high.fill(std::numeric_limits<float>::lowest());
        for (std::size_t j = 0; j < all_.n; ++j)
            for (std::size_t a = 0; a < 4; ++a) {
                entries_[j][a] = entries[4 * j + a];
                low[a] = std::min(low[a], entries_[j][a]);
                high[a] = std::max(high[a], entries_[j][a]);
            }
        flat_ = low[3] == high[3];
        for (std::size_t a = 0; a < 3; ++a) {
            // The outermost colors are off as well.
            const float margin = 0.125f * (high[a] - low[a]) + 0.01f + std::min(reach, 1.0f);
            low_[a] = low[a] - margin;
            width_[a] = (high[a] - low[a] + 2 * margin) / static_cast<float>(n_side - 1);
            scale_[a] = 1.0f / width_[a];
        }
        low_[3] = low[3];
        width_[3] = 0;
        // What is not of the entries' opacity lies outside.
        scale_[3] = flat_ ? 1e30f : 0;
    }

    const Point& entry(std::size_t j) const { return entries_[j]; }

    struct Nearest {
        float sq;
        std::uint32_t number;
    };

    [[gnu::always_inline]] Nearest nearest(const Point& target) {
        // From 2^23 on floats are whole numbers, so a sum is rounded to the number of a cell. What lies
        // outside has bits beyond those of all cells, in either direction.
        constexpr float whole = 8388608.0f;
        std::array<std::uint32_t, 4> place;
        for (std::size_t a = 0; a < 4; ++a)
            place[a] = std::bit_cast<std::uint32_t>((target[a] - low_[a]) * scale_[a] + whole) -
                       std::bit_cast<std::uint32_t>(whole);
        if ((place[0] | place[1] | place[2]) >= n_side || place[3] != 0 || !flat_)
            return nearest_of_all(target);
        const std::size_t cell = (place[0] << side_bits | place[1]) << side_bits | place[2];
        if (cells_[cell] == 0) fill(cell);
        const Few* few = lists_.data() + (cells_[cell] >> 8);
        Few::Least best = few->nearest(target);
        for (std::uint32_t left = (cells_[cell] & 0xff) - 1; left > 0; --left) {
            const Few::Least other = (++few)->nearest(target);
            if (other.sq_bits < best.sq_bits) best = other;
        }
        return {std::bit_cast<float>(best.sq_bits), best.number};
    }

   private:
    static constexpr unsigned side_bits = 5;
    static constexpr std::size_t n_side = std::size_t{1} << side_bits, parent_side = 4;
    static constexpr std::size_t n_parents = n_side / parent_side;
    static constexpr std::size_t n_cells = n_side * n_side * n_side;
    static constexpr std::size_t lanes = 8;

    // A few entries in the order of their numbers, by coordinate.
    struct Few {
        std::array<float, lanes> x, y, z;
        std::array<std::uint32_t, lanes> number;

        // Floats that are not negative are ordered as their bits are.
        struct Least {
            std::int32_t sq_bits;
            std::uint32_t number;
        };

        [[gnu::always_inline]] Least nearest(const Point& target) const {
            const float tx = target[0], ty = target[1], tz = target[2];
            std::array<std::int32_t, lanes> sq_bits;
            std::int32_t least = std::numeric_limits<std::int32_t>::max();
            for (std::size_t i = 0; i < lanes; ++i) {
                const float dx = x[i] - tx, dy = y[i] - ty, dz = z[i] - tz;
                sq_bits[i] = std::bit_cast<std::int32_t>(dx * dx + dy * dy + dz * dz);
            }
            for (std::size_t i = 0; i < lanes; ++i) least = std::min(least, sq_bits[i]);
            std::uint32_t first = 0xffffffffu;
            for (std::size_t i = 0; i < lanes; ++i) {
                // All bits where it is farther; the compiler would make branches of a choice.
                const auto farther = static_cast<std::uint32_t>((least - sq_bits[i]) >> 31);
                first = std::min(first, number[i] | farther);
            }
            return {least, first};
        }
    };

    struct Parent {
        std::vector<std::uint8_t> entries;
    };

    Nearest nearest_of_all(const Point& target) const {
        Nearest best{std::numeric_limits<float>::infinity(), 0};
        for (std::size_t j = 0; j < entries_.size(); ++j) {
            const float d = sq_distance(entries_[j], target);
            if (d < best.sq) best = {d, static_cast<std::uint32_t>(j)};
        }
        return best;
    }

    // Lists the entries of a cell that may be nearest somewhere in it.
    void fill(std::size_t cell) {
        const std::array<std::size_t, 4> place{cell / (n_side * n_side), cell / n_side % n_side,
                                               cell % n_side, 0};
        std::size_t parent = 0;
        for (std::size_t a = 0; a < 3; ++a) parent = parent * n_parents + place[a] / parent_side;
        auto& near = parents_[parent].entries;
        if (near.empty()) {
            keep(box_of(place, parent_side), all_);
            near.assign(kept_.number.begin(),
                        kept_.number.begin() + static_cast<std::ptrdiff_t>(kept_.n));
        }
        part_.n = near.size();
        for (std::size_t i = 0; i < part_.n; ++i) {
            for (std::size_t a = 0; a < 4; ++a) part_.at[a][i] = entries_[near[i]][a];
            part_.number[i] = near[i];
        }
        keep(box_of(place, 1), part_);
        const std::size_t n = chunks_of(kept_.n, lanes);
        cells_[cell] = static_cast<std::uint32_t>(lists_.size() << 8 | n);
        for (std::size_t first = 0; first < n * lanes; first += lanes) {
            Few& few = lists_.emplace_back();
            for (std::size_t i = 0; i < lanes; ++i) {
                // The last one again where there are fewer.
                const std::size_t from = std::min(first + i, kept_.n - 1);
                few.x[i] = kept_.at[0][from];
                few.y[i] = kept_.at[1][from];
                few.z[i] = kept_.at[2][from];
                few.number[i] = kept_.number[from];
            }
        }
    }

    void keep(const Box& box, Candidates& from) { run<KeepCandidates<>>(simd_, &box, &from, &kept_); }

    // The box around a cell, or around the larger one, of so many along each axis, that it is in.
    Box box_of(const std::array<std::size_t, 4>& place, std::size_t side) const {
        Box box;
        for (std::size_t a = 0; a < 4; ++a) {
            const auto first = static_cast<float>(place[a] / side * side);
            box.middle[a] = low_[a] + (first + 0.5f * static_cast<float>(side - 1)) * width_[a];
            // A hair more than the cell, for the rounding of a target's place.
            box.half[a] = 0.502f * static_cast<float>(side) * width_[a];
        }
        return box;
    }

    Width simd_;
    Candidates all_, part_, kept_;
    std::vector<Point> entries_;
    std::vector<std::uint32_t> cells_;  // where the list begins, and how many fews it takes
    std::vector<Parent> parents_;
    std::vector<Few> lists_;
    Point low_, width_, scale_;
    bool flat_;
};

}  // namespace pimenton
