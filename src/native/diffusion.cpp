// Error diffusion, a few rows at once.
//
// Each pixel takes the entry nearest to its color plus what its neighbours were off, and leaves what
// it is off itself to those after it. What a pixel waits for is the one before it; so a few rows are
// drawn at once, each some pixels behind the one above, and the processor fills the time with the
// others. Rows drawn at once run in one direction, the next ones in the other. Compiled alone, since
// its loops of eight must not be unrolled before the compiler looks for vectors (see CMakeLists.txt).
#include "diffusion.hpp"

namespace pimenton {

namespace {

// A row that is drawn. What each tap brings to pixel x lies at `from[tap][x]`.
struct DrawnRow {
    const std::uint8_t *pixels, *is_flat;
    const float* points;
    std::array<const Point*, most_taps> from;
    Point* errors;
    std::uint8_t* indices;
};

struct DrawnRows {
    std::array<DrawnRow, rows_at_once> rows;
    std::size_t n_rows;
    std::array<float, most_taps> shares;
    float strength, cap;
    float most_sq;       // squared distance beyond which an error is cut to `cap`
    std::ptrdiff_t lag;  // pixels that a row is behind the one above
    std::ptrdiff_t width;
    bool backwards;
};

// Whether each pixel of a row is as its four neighbours are; there are none beyond the picture.
struct FindFlat {
    [[gnu::always_inline]] static void run(const std::uint8_t* above, const std::uint8_t* here,
                                           const std::uint8_t* below, std::size_t width,
                                           std::uint8_t* is_flat) {
        const auto word = [](const std::uint8_t* row, std::size_t x) {
            return ExactEntries::word_of(row + 4 * x);
        };
        const std::size_t last = width - 1;
        for (std::size_t x = 1; x < last; ++x) {
            const std::uint32_t own = word(here, x);
            const std::uint32_t other = (own ^ word(here, x - 1)) | (own ^ word(here, x + 1)) |
                                        (own ^ word(above, x)) | (own ^ word(below, x));
            is_flat[x] = other == 0;
        }
        for (const std::size_t x : {std::size_t{0}, last}) {
            const std::uint32_t own = word(here, x);
            is_flat[x] = own == word(here, x > 0 ? x - 1 : x) &&
                         own == word(here, x < last ? x + 1 : x) && own == word(above, x) &&
                         own == word(below, x);
        }
    }
};

// Rows drawn at once, step by step: in each a pixel of every row, none of which waits for another.
template <std::size_t n_taps>
struct DiffuseRows {
    [[gnu::always_inline]] static void run(const DrawnRows* drawn, ColorGrid* grid,
                                           ExactEntries* exact) {
        const std::ptrdiff_t width = drawn->width, lag = drawn->lag;
        const std::size_t n_rows = drawn->n_rows;
        const std::ptrdiff_t n_steps = width + lag * static_cast<std::ptrdiff_t>(n_rows - 1);
        for (std::ptrdiff_t step = 0; step < n_steps; ++step)
            for (std::size_t r = 0; r < n_rows; ++r) {
                const std::ptrdiff_t i = step - lag * static_cast<std::ptrdiff_t>(r);
                if (i < 0 || i >= width) continue;
                draw(drawn->rows[r], drawn->backwards ? width - 1 - i : i, *drawn, *grid,
                     *exact);
            }
    }

   private:
    [[gnu::always_inline]] static void draw(const DrawnRow& row, std::ptrdiff_t x,
                                            const DrawnRows& drawn, ColorGrid& grid,
                                            ExactEntries& exact) {
        if (row.is_flat[x]) {
            const int entry = exact.find(ExactEntries::word_of(row.pixels + 4 * x));
            if (entry >= 0) {
                row.indices[x] = static_cast<std::uint8_t>(entry);
                row.errors[x] = Point{};
                return;
            }
        }
        Point target, error;
        for (std::size_t a = 0; a < 4; ++a) target[a] = row.points[4 * x + static_cast<std::ptrdiff_t>(a)];
        for (std::size_t t = 0; t < n_taps; ++t) {
            const float share = drawn.shares[t];
            const Point& from = row.from[t][x];
            for (std::size_t a = 0; a < 4; ++a) target[a] += from[a] * share;
        }
        const ColorGrid::Nearest best = grid.nearest(target);
        row.indices[x] = static_cast<std::uint8_t>(best.number);
        const Point& entry = grid.entry(best.number);
        const float share = best.sq > drawn.most_sq ? drawn.cap / std::sqrt(best.sq) : drawn.strength;
        for (std::size_t a = 0; a < 4; ++a) error[a] = (target[a] - entry[a]) * share;
        row.errors[x] = error;
    }
};

std::size_t reach_of(const std::vector<Tap>& taps) {
    int reach = 0;
    for (const Tap& tap : taps) reach = std::max(reach, tap.dy);
    return static_cast<std::size_t>(reach);
}

// What is the same for all rows.
DrawnRows rows_of(std::size_t width, const std::vector<Tap>& taps, float strength, float cap) {
    DrawnRows rows{};
    rows.strength = strength;
    rows.cap = cap;
    rows.most_sq = (cap / strength) * (cap / strength);
    rows.width = static_cast<std::ptrdiff_t>(width);
    for (std::size_t t = 0; t < taps.size(); ++t) {
        // The first tap last: the pixel before is the last one to be known.
        rows.shares[taps.size() - 1 - t] = taps[t].share;
        // One more than is needed, so that no row waits for a pixel of the same step.
        if (taps[t].dy > 0) rows.lag = std::max<std::ptrdiff_t>(rows.lag, 1 - taps[t].dx);
    }
    return rows;
}

}  // namespace

Diffuser::Diffuser(std::size_t width, std::span<const float> entries,
                   std::span<const std::uint8_t> colors, std::vector<Tap> taps, float strength,
                   float cap, bool serpentine, Width simd)
    : width_(width), taps_(std::move(taps)), strength_(strength), cap_(cap),
      serpentine_(serpentine), simd_(simd), grid_(entries, cap, simd), exact_(colors),
      errors_(width, rows_at_once + reach_of(taps_)) {
    for (auto& row : is_flat_) row.resize(width);
}

void Diffuser::draw(const Band& band, std::span<std::uint8_t> indices) {
    const std::size_t n_rows = band.pixels.size() / (4 * width_);
    const std::size_t first = band.has_above ? 1 : 0, last = n_rows - (band.has_below ? 1 : 0);
    DrawnRows rows = rows_of(width_, taps_, strength_, cap_);
    for (std::size_t i = first; i < last; i += rows.n_rows, y_ += rows.n_rows) {
        ask_to_go_on();
        // Turns come at the same rows wherever bands end.
        rows.n_rows = std::min(rows_at_once - y_ % rows_at_once, last - i);
        rows.backwards = serpentine_ && y_ / rows_at_once % 2 == 1;
        for (std::size_t r = 0; r < rows.n_rows; ++r) {
            const auto y = static_cast<std::ptrdiff_t>(y_ + r);
            const std::uint8_t* pixels = band.pixels.data() + 4 * width_ * (i + r);
            const std::uint8_t* above = i + r > 0 ? pixels - 4 * width_ : pixels;
            const std::uint8_t* below = i + r + 1 < n_rows ? pixels + 4 * width_ : pixels;
            run<FindFlat>(simd_, above, pixels, below, width_, is_flat_[r].data());
            DrawnRow& row = rows.rows[r];
            row.pixels = pixels;
            row.is_flat = is_flat_[r].data();
            row.points = band.points.data() + 4 * width_ * (i + r - first);
            row.errors = errors_.row(y);
            row.indices = indices.data() + width_ * (i + r - first);
            // Taps that are not needed bring nothing from the row itself.
            row.from.fill(row.errors);
            for (std::size_t t = 0; t < taps_.size(); ++t) {
                const Tap& tap = taps_[taps_.size() - 1 - t];
                row.from[t] = errors_.row(y - tap.dy) + (rows.backwards ? tap.dx : -tap.dx);
            }
        }
        const DrawnRows* drawn = &rows;
        if (taps_.size() <= 4)
            run<DiffuseRows<4>>(simd_, drawn, &grid_, &exact_);
        else
            run<DiffuseRows<most_taps>>(simd_, drawn, &grid_, &exact_);
    }
}

}  // namespace pimenton
