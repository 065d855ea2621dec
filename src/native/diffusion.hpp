// Error diffusion over any table of taps, row by row.
//
// Each pixel takes the entry nearest to its color plus what its neighbours were off, and passes on
// what it is off itself. The nearest entry is looked up in a grid over the space: a cell lists the
// few entries that can be nearest to some place in it, found when the cell is first met.
#pragma once

#include <optional>

#include "histogram.hpp"
#include "nearest.hpp"

namespace pimenton {

// A share of the error goes to the pixel dx to the right (in the direction of the row) and dy below.
struct Tap {
    int dx;
    int dy;
    float share;
};

using Point = std::array<float, 4>;

[[gnu::always_inline]] inline float sq_distance(const Point& a, const Point& b) {
    const float dx = a[0] - b[0], dy = a[1] - b[1], dz = a[2] - b[2], dw = a[3] - b[3];
    return dx * dx + dy * dy + dz * dz + dw * dw;
}

// The nearest entry of any point, the first among equals: a grid whose cells list the entries that can
// win in them. A cell of many entries that is met often is divided.
class ColorGrid {
   public:
    ColorGrid(std::span<const float> entries, float cap)
        : all_(entries), part_(all_.n), kept_(all_.n), entries_(all_.n), cells_(n_coarse) {
        Point low, high;
        low.fill(std::numeric_limits<float>::max());
        high.fill(std::numeric_limits<float>::lowest());
        for (std::size_t j = 0; j < all_.n; ++j)
            for (std::size_t a = 0; a < 4; ++a) {
                entries_[j][a] = entries[4 * j + a];
                low[a] = std::min(low[a], entries_[j][a]);
                high[a] = std::max(high[a], entries_[j][a]);
            }
        opacity_ = low[3];
        flat_ = low[3] == high[3];
        for (std::size_t a = 0; a < 3; ++a) {
            // Targets lie beyond the outermost entries by what errors add up to, which is no more than
            // one error may have, and by what the outermost colors are off.
            const float margin = 0.125f * (high[a] - low[a]) + 0.01f + std::min(cap, 1.0f);
            low_[a] = low[a] - margin;
            width_[a] = (high[a] - low[a] + 2 * margin) / static_cast<float>(n_fine);
            scale_[a] = 1.0f / width_[a];
        }
    }

    const Point& entry(std::size_t j) const { return entries_[j]; }

    [[gnu::always_inline]] std::uint32_t nearest(const Point& target) {
        Place place;
        bool inside = flat_ && target[3] == opacity_;
        for (std::size_t a = 0; a < 3; ++a) {
            const float t = (target[a] - low_[a]) * scale_[a];
            inside = inside && t > 0.0f && t < static_cast<float>(n_fine);
            place[a] = inside ? static_cast<std::uint32_t>(t) : 0;
        }
        if (!inside) return nearest_of_all(target);
        unsigned shift = coarse_shift;
        std::size_t cell = part_of(place, shift, coarse_bits);
        std::uint32_t list = cells_[cell];
        while ((list & kind) == divided) {
            shift -= fine_bits;
            cell = (list >> 8) + part_of(place, shift, fine_bits);
            list = cells_[cell];
        }
        if (list == unknown) list = fill(cell, place, shift);
        if ((list & kind) == many) return nearest_of(lists_[list >> 8], cell, shift, target);
        std::uint32_t best = list >> 8 & 0xff;
        if ((list & kind) == 1) return best;
        float least = sq_distance(entries_[best], target);
        for (std::uint32_t left = (list & kind) - 1, rest = list >> 16; left > 0;
             --left, rest >>= 8) {
            const float d = sq_distance(entries_[rest & 0xff], target);
            if (d < least) {
                least = d;
                best = rest & 0xff;
            }
        }
        return best;
    }

   private:
    // Along each axis there are 32 cells; a divided one has 4 parts, and so on, down to 2048.
    static constexpr unsigned coarse_bits = 5, fine_bits = 2, coarse_shift = 6;
    static constexpr std::size_t n_coarse = std::size_t{1} << (3 * coarse_bits);
    static constexpr std::size_t n_parts = std::size_t{1} << (3 * fine_bits);
    static constexpr std::uint32_t n_fine = 1u << (coarse_bits + coarse_shift);
    // The lowest byte of a cell: how many entries follow, a byte each; or what the rest stands for.
    static constexpr std::uint32_t kind = 0xff, unknown = 0, many = 0xfe, divided = 0xff;
    static constexpr std::size_t few = 3;
    // Times that a cell of many entries is met before it is divided.
    static constexpr std::uint32_t often = 64;
    // So many, and lists of theirs, can be numbered in the upper three bytes.
    static constexpr std::size_t most_cells = std::size_t{1} << 23;

    using Place = std::array<std::uint32_t, 3>;

    struct List {
        std::vector<std::uint8_t> entries;
        std::uint32_t n_met = 0;
    };

    [[gnu::always_inline]] static std::size_t part_of(const Place& place, unsigned shift,
                                                      unsigned bits) {
        const std::uint32_t mask = (1u << bits) - 1;
        return ((place[0] >> shift & mask) << bits | (place[1] >> shift & mask)) << bits |
               (place[2] >> shift & mask);
    }

    std::uint32_t nearest_of_all(const Point& target) const {
        std::uint32_t best = 0;
        float least = std::numeric_limits<float>::infinity();
        for (std::size_t j = 0; j < entries_.size(); ++j) {
            const float d = sq_distance(entries_[j], target);
            if (d < least) {
                least = d;
                best = static_cast<std::uint32_t>(j);
            }
        }
        return best;
    }

    std::uint32_t nearest_of(List& list, std::size_t cell, unsigned shift, const Point& target) {
        std::uint32_t best = list.entries[0];
        float least = sq_distance(entries_[best], target);
        for (const std::uint8_t j : list.entries) {
            const float d = sq_distance(entries_[j], target);
            if (d < least) {
                least = d;
                best = j;
            }
        }
        if (++list.n_met == often && shift > 0 && cells_.size() < most_cells) {
            parents_.push_back(cells_[cell] >> 8);
            cells_[cell] = divided | static_cast<std::uint32_t>(cells_.size()) << 8;
            cells_.resize(cells_.size() + n_parts);
        }
        return best;
    }

    // Lists the entries of a cell that may be nearest somewhere in it, out of those of the cell that
    // it is a part of.
    std::uint32_t fill(std::size_t cell, const Place& place, unsigned shift) {
        Box box;
        for (std::size_t a = 0; a < 3; ++a) {
            const float width = width_[a] * static_cast<float>(1u << shift);
            box.middle[a] = low_[a] + (static_cast<float>(place[a] >> shift) + 0.5f) * width;
            // A hair more than the cell, for the rounding of a target's place.
            box.half[a] = 0.502f * width;
        }
        box.middle[3] = opacity_;
        box.half[3] = 0;
        Candidates* from = &all_;
        if (cell >= n_coarse) {
            const auto& parent = lists_[parents_[(cell - n_coarse) / n_parts]].entries;
            from = &part_;
            part_.n = parent.size();
            for (std::size_t i = 0; i < part_.n; ++i) {
                for (std::size_t a = 0; a < 4; ++a) part_.at[a][i] = entries_[parent[i]][a];
                part_.number[i] = parent[i];
            }
        }
        keep_candidates(box, *from, kept_);
        std::uint32_t list = 0;
        if (kept_.n > few) {
            list = many | static_cast<std::uint32_t>(lists_.size()) << 8;
            lists_.emplace_back();
            lists_.back().entries.assign(
                kept_.number.begin(), kept_.number.begin() + static_cast<std::ptrdiff_t>(kept_.n));
        } else {
            for (std::size_t i = kept_.n; i-- > 0;) list = (list | kept_.number[i]) << 8;
            list |= static_cast<std::uint32_t>(kept_.n);
        }
        return cells_[cell] = list;
    }

    Candidates all_, part_, kept_;
    std::vector<Point> entries_;
    std::vector<std::uint32_t> cells_;
    std::vector<List> lists_;
    std::vector<std::uint32_t> parents_;  // the lists of divided cells
    std::array<float, 3> low_, width_, scale_;
    float opacity_;
    bool flat_;
};

// What a picture is diffused with.
struct Diffusion {
    std::span<const Tap> taps;
    float strength;  // share of the error that is passed on
    float cap;       // longest error that is passed on
    bool serpentine;
};

// Rows that wait for their errors: a ring of the present row and those the taps reach.
class ErrorRows {
   public:
    static constexpr int margin = 4;

    ErrorRows(std::size_t width, int n_rows)
        : stride_(width + 2 * margin), n_rows_(n_rows),
          errors_(stride_ * static_cast<std::size_t>(n_rows)) {}

    Point* row(std::size_t y) {
        return errors_.data() + stride_ * (y % static_cast<std::size_t>(n_rows_)) + margin;
    }

    void clear(std::size_t y) { std::fill_n(row(y) - margin, stride_, Point{}); }

    std::span<Point> all() { return errors_; }

   private:
    std::size_t stride_;
    int n_rows_;
    std::vector<Point> errors_;
};

// Where a tap takes its share, for the pixel at x = 0 of a row.
struct Reach {
    Point* from;
    float share;
};

// One row. `exact` holds for each color the entry equal to it, or -1; where such a color fills a
// pixel and its four neighbours, the entry is taken and nothing is passed on.
struct DiffuseRow {
    [[gnu::always_inline]] static void run(const std::uint32_t* above, const std::uint32_t* ranks,
                                           const std::uint32_t* below, std::ptrdiff_t width,
                                           const float* points, const std::int16_t* exact,
                                           ColorGrid* grid, const Diffusion* how,
                                           const Point* here, const Reach* reaches,
                                           std::size_t n_reaches, bool backwards,
                                           std::uint8_t* indices) {
        const int direction = backwards ? -1 : 1;
        const float cap = how->cap, strength = how->strength, cap_sq = cap * cap;
        std::ptrdiff_t x = backwards ? width - 1 : 0;
        for (std::ptrdiff_t i = 0; i < width; ++i, x += direction) {
            const std::uint32_t rank = ranks[x];
            if (exact[rank] >= 0 && (x == 0 || ranks[x - 1] == rank) &&
                (x + 1 == width || ranks[x + 1] == rank) && above[x] == rank && below[x] == rank) {
                indices[x] = static_cast<std::uint8_t>(exact[rank]);
                continue;
            }
            Point target, error;
            for (std::size_t a = 0; a < 4; ++a) target[a] = points[4 * rank + a] + here[x][a];
            const std::uint32_t best = grid->nearest(target);
            indices[x] = static_cast<std::uint8_t>(best);
            const Point entry = grid->entry(best);
            for (std::size_t a = 0; a < 4; ++a) error[a] = (target[a] - entry[a]) * strength;
            const float sq = error[0] * error[0] + error[1] * error[1] + error[2] * error[2] +
                             error[3] * error[3];
            if (sq > cap_sq)
                for (auto& part : error) part *= cap / std::sqrt(sq);
            for (std::size_t t = 0; t < n_reaches; ++t) {
                // Copies, so that the compiler knows the sums do not change what they come from.
                const float share = reaches[t].share;
                Point& there = reaches[t].from[x];
                Point sum = there;
                for (std::size_t a = 0; a < 4; ++a) sum[a] += error[a] * share;
                there = sum;
            }
        }
    }
};

// Pixels, row by row, whose colors are all in the list; the first and the last rows may be there only
// to be looked at by their neighbours.
struct Band {
    std::span<const std::uint8_t> pixels;
    std::span<const std::uint8_t> colors;
    std::span<const float> points;
    std::span<const std::int16_t> exact;
    bool has_above = false;
    bool has_below = false;
};

// Diffuses a picture from top to bottom, whole or in bands that carry their errors on.
class Diffuser {
   public:
    Diffuser(std::size_t width, std::span<const float> entries, std::vector<Tap> taps,
             float strength, float cap, bool serpentine)
        : width_(width), taps_(std::move(taps)), how_{taps_, strength, cap, serpentine},
          errors_(width, reach_of(taps_) + 1), grid_(entries, cap), reaches_(taps_.size()) {
        for (auto& row : ranks_) row.resize(width);
    }
    Diffuser(const Diffuser&) = delete;
    Diffuser& operator=(const Diffuser&) = delete;

    std::size_t width() const { return width_; }
    std::size_t n_done() const { return y_; }
    std::span<Point> errors() { return errors_.all(); }
    void go_on_at(std::size_t y) { y_ = y; }

    void draw(const Band& band, std::span<std::uint8_t> indices, Width simd) {
        const auto index = index_colors(band.colors, simd);
        const std::size_t n_rows = band.pixels.size() / (4 * width_);
        const std::size_t first = band.has_above ? 1 : 0, last = n_rows - (band.has_below ? 1 : 0);
        const auto rank_row = [&](std::size_t i) {
            run<WriteRanks>(simd, band.pixels.data() + 4 * width_ * i, std::size_t{0}, width_, &index,
                            ranks_[i % 3].data());
        };
        const auto ranks_of = [&](std::size_t i) {
            return static_cast<const std::uint32_t*>(ranks_[i % 3].data());
        };
        for (std::size_t i = 0; i <= first && i < n_rows; ++i) rank_row(i);
        for (std::size_t i = first; i < last; ++i, ++y_) {
            ask_to_go_on();
            if (i + 1 < n_rows) rank_row(i + 1);
            const bool backwards = how_.serpentine && y_ % 2 == 1;
            for (std::size_t t = 0; t < reaches_.size(); ++t) {
                const Tap& tap = taps_[t];
                reaches_[t] = {errors_.row(y_ + static_cast<std::size_t>(tap.dy)) +
                                   (backwards ? -tap.dx : tap.dx),
                               tap.share};
            }
            run<DiffuseRow>(simd, ranks_of(i > 0 ? i - 1 : i), ranks_of(i),
                            ranks_of(i + 1 < n_rows ? i + 1 : i),
                            static_cast<std::ptrdiff_t>(width_), band.points.data(),
                            band.exact.data(), &grid_, static_cast<const Diffusion*>(&how_),
                            static_cast<const Point*>(errors_.row(y_)),
                            static_cast<const Reach*>(reaches_.data()), reaches_.size(), backwards,
                            indices.data() + width_ * (i - first));
            errors_.clear(y_);
        }
    }

   private:
    static int reach_of(const std::vector<Tap>& taps) {
        int reach = 0;
        for (const Tap& tap : taps) reach = std::max(reach, tap.dy);
        return reach;
    }

    std::size_t width_, y_ = 0;
    std::vector<Tap> taps_;
    Diffusion how_;
    ErrorRows errors_;
    ColorGrid grid_;
    std::vector<Reach> reaches_;
    std::array<std::vector<std::uint32_t>, 3> ranks_;
};

}  // namespace pimenton
