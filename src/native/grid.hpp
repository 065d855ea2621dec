// The nearest of a palette's entries to any color, looked up in a grid over the space.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "parallel.hpp"
#include "simd.hpp"

namespace pimenton {

// Points are handled by eight, in arrays by coordinate.
constexpr std::size_t eight = 8;
template <class T>
using Eight = std::array<T, eight>;
template <std::size_t axes>
using EightPoints = std::array<Eight<float>, axes>;

template <std::size_t axes>
using Coordinates = std::array<float, axes>;

template <std::size_t axes>
[[gnu::always_inline]] inline float sq_between(const Coordinates<axes>& a,
                                               const Coordinates<axes>& b) {
    float sq = 0;
    for (std::size_t i = 0; i < axes; ++i) sq += (a[i] - b[i]) * (a[i] - b[i]);
    return sq;
}

constexpr std::size_t most_numbers = 256;

// A number in the lowest bits of another one's: the least of such keys tells which it was.
constexpr std::int32_t number_mask = most_numbers - 1;

// An entry's number, and the bits of its squared distance: floats that are not negative are ordered as
// their bits are.
struct Nearest {
    std::int32_t sq_bits, number;
};

[[gnu::always_inline]] inline Nearest nearer(const Nearest& first, const Nearest& second) {
    return second.sq_bits < first.sq_bits ? second : first;
}

// A few entries in the order of their numbers. Those that it has not are far away.
template <std::size_t axes>
struct alignas(32) Few {
    static constexpr float far_away = 1e9f;

    EightPoints<axes> at;
    Eight<std::int32_t> number;

    [[gnu::always_inline]] Eight<float> squares(const Coordinates<axes>& target) const {
        Eight<float> sq;
        for (std::size_t i = 0; i < eight; ++i) {
            const float dx = target[0] - at[0][i], dy = target[1] - at[1][i];
            const float dz = target[2] - at[2][i];
            sq[i] = dx * dx + dy * dy + dz * dz;
            if constexpr (axes == 4) sq[i] += (target[3] - at[3][i]) * (target[3] - at[3][i]);
        }
        return sq;
    }

    // The bits of the least squared distance, the lowest eight replaced by the entry's number.
    [[gnu::always_inline]] std::int32_t least_key(const Coordinates<axes>& target) const {
        const Eight<float> sq = squares(target);
        Eight<std::int32_t> key;
        for (std::size_t i = 0; i < eight; ++i)
            key[i] = (std::bit_cast<std::int32_t>(sq[i]) & ~number_mask) | number[i];
        std::int32_t least = std::numeric_limits<std::int32_t>::max();
        for (std::size_t i = 0; i < eight; ++i) least = std::min(least, key[i]);
        return least;
    }

    [[gnu::always_inline]] Nearest nearest(const Coordinates<axes>& target) const {
        const Eight<float> sq = squares(target);
        constexpr std::int32_t most = std::numeric_limits<std::int32_t>::max();
        Nearest best{most, most};
        for (std::size_t i = 0; i < eight; ++i)
            best.sq_bits = std::min(best.sq_bits, std::bit_cast<std::int32_t>(sq[i]));
        for (std::size_t i = 0; i < eight; ++i) {
            // All bits but one where it is farther; the compiler would make branches of a choice.
            const std::int32_t farther = (best.sq_bits - std::bit_cast<std::int32_t>(sq[i])) >> 31;
            best.number = std::min(best.number, number[i] | (farther & most));
        }
        return best;
    }

    void copy(std::size_t i, const Few& from, std::size_t k) {
        for (std::size_t a = 0; a < axes; ++a) at[a][i] = from.at[a][k];
        number[i] = from.number[k];
    }

    void clear_from(std::size_t first) {
        for (std::size_t i = first; i < eight; ++i) {
            for (std::size_t a = 0; a < axes; ++a) at[a][i] = far_away;
            number[i] = 0;
        }
    }
};

template <std::size_t axes>
struct GridBox {
    Coordinates<axes> middle, half;
};

// Keeps those of some entries that may be nearest to some place in a box.
//
// Let c be the entry nearest to the middle m. Another one, c', is farther everywhere in the box if
// |m - c'|^2 - |m - c|^2 > 2 sum_a half_a |c'_a - c_a|. The margin exceeds the rounding of either side
// and what a key leaves out of a squared distance, 2^-15 of it.
template <std::size_t axes>
struct ChooseFew {
    [[gnu::always_inline]] static void run(const Few<axes>* fews, std::size_t n_fews,
                                           const GridBox<axes>* box, Few<axes>* kept,
                                           std::size_t* n_kept) {
        constexpr float margin = 1e-4f;
        const Coordinates<axes> middle = box->middle, half = box->half;
        Eight<std::int32_t> least;
        least.fill(std::numeric_limits<std::int32_t>::max());
        for (std::size_t f = 0; f < n_fews; ++f) {
            const Eight<float> sq = fews[f].squares(middle);
            for (std::size_t i = 0; i < eight; ++i) {
                const auto place = static_cast<std::int32_t>(eight * f + i);
                const auto bits = std::bit_cast<std::int32_t>(sq[i]);
                least[i] = std::min(least[i], (bits & ~number_mask) | place);
            }
        }
        std::int32_t key = std::numeric_limits<std::int32_t>::max();
        for (std::size_t i = 0; i < eight; ++i) key = std::min(key, least[i]);
        const auto best = static_cast<std::size_t>(key & number_mask);
        Coordinates<axes> nearest;
        for (std::size_t a = 0; a < axes; ++a) nearest[a] = fews[best / eight].at[a][best % eight];
        const float least_sq = sq_between<axes>(nearest, middle);
        const float radius = sq_between<axes>(half, {});
        const float floor =
            least_sq + margin * (least_sq + radius) + std::numeric_limits<float>::min();
        // A bit for each entry that is kept; one loop over them all is left at a wrong guess only once.
        std::array<std::uint64_t, most_numbers / 64> keeps{};
        for (std::size_t f = 0; f < n_fews; ++f) {
            const Eight<float> sq = fews[f].squares(middle);
            std::uint32_t bits = 0;
            for (std::size_t i = 0; i < eight; ++i) {
                float reach = 0;
                for (std::size_t a = 0; a < axes; ++a)
                    reach += half[a] * std::abs(fews[f].at[a][i] - nearest[a]);
                const float behind = sq[i] * (1.0f - margin) - 2.0f * reach - floor;
                bits |= behind > 0.0f ? 0u : 1u << i;
            }
            keeps[f / eight] |= std::uint64_t{bits} << f % eight * eight;
        }
        std::size_t n = 0;
        for (std::size_t word = 0; eight * word < n_fews; ++word)
            for (std::uint64_t bits = keeps[word]; bits != 0; bits &= bits - 1, ++n) {
                const auto i = static_cast<std::size_t>(std::countr_zero(bits));
                kept[n / eight].copy(n % eight, fews[eight * word + i / eight], i % eight);
            }
        kept[n / eight].clear_from(n % eight);
        *n_kept = n;
    }
};

// A grid whose cells list the entries that can be nearest to some place in them, found when a cell is
// first met, out of those of a larger cell. Cells with more than a few are divided, in halves or in
// quarters along each axis, so that a few are nearly always enough. With three axes, all entries share
// the fourth coordinate, which is not looked at.
template <std::size_t axes>
class ColorGrid {
   public:
    using Target = Coordinates<axes>;

    // Distances may be longer than the entries are apart by `reach`, which is what errors add up to.
    ColorGrid(std::span<const float> entries, float reach, Width simd)
        : simd_(simd), cells_(n_cells + 1), codes_(1), parents_(n_parents) {
        const std::size_t n = entries.size() / 4;
        Target low, high;
        low.fill(std::numeric_limits<float>::max());
        high.fill(std::numeric_limits<float>::lowest());
        for (std::size_t j = 0; j < n; ++j) {
            if (j % eight == 0) all_.emplace_back().clear_from(0);
            all_.back().number[j % eight] = static_cast<std::int32_t>(j);
            for (std::size_t a = 0; a < axes; ++a) {
                const float at = entries[4 * j + a];
                entries_[a][j] = all_.back().at[a][j % eight] = at;
                low[a] = std::min(low[a], at);
                high[a] = std::max(high[a], at);
            }
        }
        lay_out(low, high, reach);
        lists_.reserve(usual_lists);
        lists_ = all_;
        cells_[n_cells] = divided(0, code_of(0, all_.size()));
    }

    // Numbers of the entries nearest to eight points, the first among equals. Unless it must be exact,
    // squared distances are compared by their upper bits.
    template <bool exact>
    [[gnu::always_inline]] void find_eight(const EightPoints<axes>& targets, std::int32_t* numbers) {
        Eight<std::uint32_t> cell, part;
        for (std::size_t l = 0; l < eight; ++l) {
            Target target;
            for (std::size_t a = 0; a < axes; ++a) target[a] = targets[a][l];
            const InGrid place = place_of(target);
            cell[l] = place.cell;
            part[l] = place.part;
        }
        for (std::size_t l = 0; l < eight; ++l) {
            const std::uint32_t code = code_at(cell[l], part[l]);
            Target target;
            for (std::size_t a = 0; a < axes; ++a) target[a] = targets[a][l];
            const Few<axes>* few = lists_.data() + (code >> count_bits);
            std::uint32_t left = code & count_mask;
            if constexpr (exact) {
                Nearest best = few->nearest(target);
                for (; left > 1; --left) best = nearer(best, (++few)->nearest(target));
                numbers[l] = best.number;
            } else {
                std::int32_t key = few->least_key(target);
                for (; left > 1; --left) key = std::min(key, (++few)->least_key(target));
                numbers[l] = key & number_mask;
            }
        }
    }

    [[gnu::always_inline]] EightPoints<axes> entries(const std::int32_t* numbers) const {
        EightPoints<axes> found;
        for (std::size_t a = 0; a < axes; ++a)
            for (std::size_t l = 0; l < eight; ++l)
                found[a][l] = entries_[a][static_cast<std::size_t>(numbers[l])];
        return found;
    }

   private:
    // A cell, and the part of it, in the order of place_of.
    struct InGrid {
        std::uint32_t cell, part;
    };

    // Opacities are few and far apart; their axis has sixteen cells, without parts.
    static constexpr unsigned opacity_bits = axes == 4 ? 4 : 0;
    static constexpr unsigned color_bits = 15, least_bits = 2;
    static constexpr std::size_t n_cells = std::size_t{1} << (color_bits + opacity_bits);
    // Parts of a cell along an axis, and cells of a larger one.
    static constexpr unsigned part_bits = 2, parent_bits = 2;
    static constexpr std::size_t n_parents = n_cells >> 3 * parent_bits;
    static constexpr std::uint32_t undivided = 0, halves = 7, quarters = 63;
    // What photographs need; memory that is not written takes no time.
    static constexpr std::size_t usual_lists = 8192;
    static constexpr unsigned mask_bits = 6, count_bits = 6;
    static constexpr std::uint32_t count_mask = (1u << count_bits) - 1;

    // Where a list begins, and how many fews it takes.
    static std::uint32_t code_of(std::size_t first, std::size_t n_fews) {
        return static_cast<std::uint32_t>(first << count_bits | n_fews);
    }

    using Cell = std::array<std::uint32_t, axes>;

    // Bits of a place along an axis, of which opacity has none.
    static constexpr unsigned along(std::size_t axis, unsigned bits) { return axis < 3 ? bits : 0; }

    // Divides the space so that cells are about as long in each direction.
    void lay_out(const Target& low, const Target& high, float reach) {
        std::array<unsigned, 4> bits{least_bits, least_bits, least_bits, opacity_bits};
        Target length;
        for (std::size_t a = 0; a < axes; ++a) {
            // The outermost colors are off as well.
            const float margin = 0.125f * (high[a] - low[a]) + 0.01f + std::min(reach, 1.0f);
            low_[a] = low[a] - margin;
            length[a] = high[a] - low[a] + 2 * margin;
        }
        const auto width = [&](std::size_t a) {
            return length[a] / static_cast<float>((1u << (bits[a] + along(a, part_bits))) - 1);
        };
        for (unsigned n = 3 * least_bits; n < color_bits; ++n) {
            std::size_t longest = 0;
            for (const std::size_t a : {1, 2})
                if (width(a) > width(longest)) longest = a;
            ++bits[longest];
        }
        unsigned shift = 0;
        for (std::size_t a = 0; a < axes; shift += bits[a++]) {
            shift_[a] = shift;
            width_[a] = width(a);
            scale_[a] = 1.0f / width_[a];
            n_[a] = 1u << (bits[a] + along(a, part_bits));
        }
    }

    // Outside of all cells lies a last one.
    [[gnu::always_inline]] InGrid place_of(const Target& target) const {
        // From 2^23 on floats are whole numbers, so a sum is rounded to the number of a part.
        constexpr float whole = 8388608.0f;
        std::uint32_t cell = 0, part = 0, outside = 0;
        for (std::size_t a = 0; a < axes; ++a) {
            const std::uint32_t place =
                std::bit_cast<std::uint32_t>((target[a] - low_[a]) * scale_[a] + whole) -
                std::bit_cast<std::uint32_t>(whole);
            // What lies outside has bits beyond those of all cells, in either direction.
            outside |= place & ~(n_[a] - 1);
            cell |= place >> along(a, part_bits) << shift_[a];
            // The halves of all axes first, then the halves of these.
            if (a < 3) part |= ((place >> 1 & 1) | (place & 1) << 3) << a;
        }
        return {outside == 0 ? cell : static_cast<std::uint32_t>(n_cells), part};
    }

    [[gnu::always_inline]] std::uint32_t code_at(std::uint32_t cell, std::uint32_t part) {
        const std::uint32_t codes = cells_[cell];
        const std::uint32_t code = codes_[(codes >> mask_bits) + (codes & part)];
        if (code == 0) [[unlikely]] return fill({cell, part});
        return code;
    }

    // Lists the entries that may be nearest somewhere in a part of a cell.
    [[gnu::noinline]] std::uint32_t fill(InGrid place) {
        Cell first;
        std::uint32_t number = 0;
        for (std::size_t a = 0; a < axes; ++a) {
            const std::uint32_t n_along = n_[a] >> along(a, part_bits);
            const std::uint32_t at = place.cell >> shift_[a] & (n_along - 1);
            first[a] = at << along(a, part_bits);
            number = number * (n_along >> along(a, parent_bits)) + (at >> along(a, parent_bits));
        }
        std::uint32_t& cell = cells_[place.cell];
        if (cell == 0) {
            std::uint32_t& parent = parents_[number];
            if (parent == 0)
                parent = choose(all_, code_of(0, all_.size()), first, parent_bits + part_bits, larger_);
            const std::uint32_t code = choose(larger_, parent, first, part_bits, lists_);
            const std::uint32_t n_fews = code & count_mask;
            cell = divided(n_fews == 1 ? undivided : n_fews == 2 ? halves : quarters, code);
        }
        const std::uint32_t mask = cell & quarters;
        std::uint32_t& code = codes_[(cell >> mask_bits) + (mask & place.part)];
        if (code != 0) return code;
        for (std::size_t a = 0; a < 3; ++a) {
            first[a] += (place.part >> a & 1) << 1;
            if (mask == quarters) first[a] += place.part >> (3 + a) & 1;
        }
        const std::uint32_t whole_cell = codes_[(cell >> mask_bits) - 1];
        return code = choose(lists_, whole_cell, first, mask == quarters ? 0 : 1, lists_);
    }

    // Makes room for the parts of a cell after the code of all of it.
    std::uint32_t divided(std::uint32_t mask, std::uint32_t code) {
        if (mask != undivided) codes_.push_back(code);
        const auto first = static_cast<std::uint32_t>(codes_.size());
        codes_.resize(first + mask + 1, mask == undivided ? code : 0);
        return first << mask_bits | mask;
    }

    // Appends those of a list's entries that may be nearest in a cube of so many bits along each axis.
    std::uint32_t choose(const std::vector<Few<axes>>& from, std::uint32_t code,
                         const Cell& place, unsigned bits,
                         std::vector<Few<axes>>& lists) {
        const GridBox<axes> box = box_of(place, bits);
        std::size_t n = 0;
        run<ChooseFew<axes>>(simd_, from.data() + (code >> count_bits),
                                 std::size_t{code & count_mask}, &box, chosen_.data(), &n);
        const std::size_t first = lists.size(), n_chosen = chunks_of(n, eight);
        lists.insert(lists.end(), chosen_.begin(),
                     chosen_.begin() + static_cast<std::ptrdiff_t>(n_chosen));
        return code_of(first, n_chosen);
    }

    GridBox<axes> box_of(const Cell& place, unsigned bits) const {
        GridBox<axes> box;
        for (std::size_t a = 0; a < axes; ++a) {
            const unsigned here = along(a, bits);
            const auto first = static_cast<float>(place[a] >> here << here);
            const auto n = static_cast<float>(1u << here);
            box.middle[a] = low_[a] + (first + 0.5f * (n - 1.0f)) * width_[a];
            // A hair more than the parts, for the rounding of a target's place.
            box.half[a] = (0.5f * n + 0.01f) * width_[a];
        }
        return box;
    }

    Width simd_;
    std::array<std::array<float, most_numbers>, axes> entries_{};
    // Where the codes of a cell's parts begin, and which bits of their places count.
    std::vector<std::uint32_t> cells_;
    // 0 is not known yet.
    std::vector<std::uint32_t> codes_, parents_;
    std::vector<Few<axes>> all_, lists_, larger_;
    std::array<Few<axes>, most_numbers / eight + 1> chosen_;
    Target low_, width_, scale_;
    Cell n_, shift_;
};

}  // namespace pimenton
