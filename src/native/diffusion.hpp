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

// The nearest entry of any point, the first among equals.
class ColorGrid {
   public:
    explicit ColorGrid(std::span<const float> entries)
        : all_(entries), kept_(all_.n), entries_(all_.n), first_(cells * cells * cells, -1) {
        Point low, high;
        low.fill(std::numeric_limits<float>::max());
        high.fill(std::numeric_limits<float>::lowest());
        flat_ = true;
        for (std::size_t j = 0; j < all_.n; ++j)
            for (std::size_t a = 0; a < 4; ++a) {
                entries_[j][a] = entries[4 * j + a];
                low[a] = std::min(low[a], entries_[j][a]);
                high[a] = std::max(high[a], entries_[j][a]);
            }
        opacity_ = low[3];
        flat_ = low[3] == high[3];
        for (std::size_t a = 0; a < 3; ++a) {
            // Targets lie beyond the outermost entries by as much as errors add up to.
            const float margin = 0.125f * (high[a] - low[a]) + 0.01f;
            low_[a] = low[a] - margin;
            width_[a] = (high[a] - low[a] + 2 * margin) / cells;
            scale_[a] = 1.0f / width_[a];
        }
    }

    const Point& entry(std::size_t j) const { return entries_[j]; }

    [[gnu::always_inline]] std::uint32_t nearest(const Point& target) {
        int place[3];
        bool inside = flat_ && target[3] == opacity_;
        for (std::size_t a = 0; a < 3; ++a) {
            const float t = (target[a] - low_[a]) * scale_[a];
            inside = inside && t > 0.0f && t < static_cast<float>(cells);
            place[a] = inside ? static_cast<int>(t) : 0;
        }
        if (!inside) return nearest_of_all(target);
        const int cell = (place[0] * cells + place[1]) * cells + place[2];
        if (first_[cell] < 0) fill(cell, place);
        const std::uint8_t* list = lists_.data() + first_[cell];
        std::uint32_t best = list[1];
        float least = sq_distance(entries_[best], target);
        for (int i = 2; i <= list[0] + 1; ++i) {
            const float d = sq_distance(entries_[list[i]], target);
            if (d < least) {
                least = d;
                best = list[i];
            }
        }
        return best;
    }

   private:
    static constexpr int cells = 32;

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

    // The list of a cell: one less than its length, then entries in order.
    void fill(int cell, const int* place) {
        Box box;
        for (std::size_t a = 0; a < 3; ++a) {
            box.middle[a] = low_[a] + (static_cast<float>(place[a]) + 0.5f) * width_[a];
            // A hair more than the cell, for the rounding of a target's place.
            box.half[a] = 0.5001f * width_[a];
        }
        box.middle[3] = opacity_;
        box.half[3] = 0;
        keep_candidates(box, all_, kept_);
        first_[cell] = static_cast<std::int32_t>(lists_.size());
        lists_.push_back(static_cast<std::uint8_t>(kept_.n - 1));
        for (std::size_t i = 0; i < kept_.n; ++i)
            lists_.push_back(static_cast<std::uint8_t>(kept_.number[i]));
    }

    Candidates all_, kept_;
    std::vector<Point> entries_;
    std::vector<std::int32_t> first_;
    std::vector<std::uint8_t> lists_;
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

   private:
    std::size_t stride_;
    int n_rows_;
    std::vector<Point> errors_;
};

// One row. `exact` holds for each color the entry equal to it, or -1; where such a color fills a
// pixel and its four neighbours, the entry is taken and nothing is passed on.
struct DiffuseRow {
    [[gnu::always_inline]] static void run(const std::uint32_t* above, const std::uint32_t* ranks,
                                           const std::uint32_t* below, std::ptrdiff_t width,
                                           const float* points, const std::int16_t* exact,
                                           ColorGrid* grid, const Diffusion* how, ErrorRows* errors,
                                           std::size_t y, std::uint8_t* indices) {
        const bool backwards = how->serpentine && y % 2 == 1;
        const int direction = backwards ? -1 : 1;
        const Point* here = errors->row(y);
        const float cap_sq = how->cap * how->cap;
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
            const Point& entry = grid->entry(best);
            for (std::size_t a = 0; a < 4; ++a) error[a] = (target[a] - entry[a]) * how->strength;
            const float sq = error[0] * error[0] + error[1] * error[1] + error[2] * error[2] +
                             error[3] * error[3];
            if (sq > cap_sq)
                for (auto& part : error) part *= how->cap / std::sqrt(sq);
            for (const Tap& tap : how->taps) {
                Point& there = errors->row(y + static_cast<std::size_t>(tap.dy))[x + direction * tap.dx];
                for (std::size_t a = 0; a < 4; ++a) there[a] += error[a] * tap.share;
            }
        }
    }
};

// Indices of a picture whose colors are all in the list.
inline void diffuse(std::span<const std::uint8_t> pixels, std::size_t width,
                    std::span<const std::uint8_t> colors, std::span<const float> points,
                    std::span<const std::int16_t> exact, std::span<const float> entries,
                    const Diffusion& how, std::span<std::uint8_t> indices, Width simd) {
    const auto index = index_colors(colors, simd);
    const std::size_t height = indices.size() / width;
    int reach = 0;
    for (const Tap& tap : how.taps) reach = std::max(reach, tap.dy);
    ErrorRows errors(width, reach + 1);
    ColorGrid grid(entries);
    std::array<std::vector<std::uint32_t>, 3> ranks;
    for (auto& row : ranks) row.resize(width);
    const auto rank_row = [&](std::size_t y) {
        run<WriteRanks>(simd, pixels.data() + 4 * width * y, std::size_t{0}, width, &index,
                        ranks[y % 3].data());
    };
    rank_row(0);
    for (std::size_t y = 0; y < height; ++y) {
        ask_to_go_on();
        if (y + 1 < height) rank_row(y + 1);
        const auto* row = ranks[y % 3].data();
        run<DiffuseRow>(simd, y > 0 ? static_cast<const std::uint32_t*>(ranks[(y + 2) % 3].data()) : row,
                        static_cast<const std::uint32_t*>(row),
                        y + 1 < height ? static_cast<const std::uint32_t*>(ranks[(y + 1) % 3].data()) : row,
                        static_cast<std::ptrdiff_t>(width), points.data(), exact.data(), &grid,
                        &how, &errors, y, indices.data() + width * y);
        errors.clear(y);
    }
}

}  // namespace pimenton
