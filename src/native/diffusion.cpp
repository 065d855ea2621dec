// Error diffusion, eight rows at once.
//
// Each pixel takes the entry nearest to its color plus what its neighbours were off, and leaves what
// it is off itself to those after it. What a pixel waits for is the one before it; so eight rows are
// drawn at once, one in each lane, each some pixels behind the one above. Rows drawn at once run in
// one direction, the next ones in the other. Compiled alone, since its loops of eight must not be
// unrolled before the compiler looks for vectors (see CMakeLists.txt).
#include "diffusion.hpp"

namespace pimenton {

namespace {

using Place = std::ptrdiff_t;

constexpr std::size_t steps_at_once = 64;
// Steps before a pixel's own in which what it gets can have been left.
constexpr std::size_t look_back = 24;
constexpr Place most_lag = tap_reach + 2;
static_assert(tap_reach + most_rows_below * most_lag <= look_back);

// Lanes of a step's errors: those of the rows above before those of the rows drawn.
constexpr std::size_t lanes_above = 8, error_lanes = lanes_above + rows_at_once;
constexpr Place floats_a_step = 4 * error_lanes;

constexpr std::size_t taps_at_once = 4;

template <class T>
using Steps = std::array<Eight<T>, steps_at_once>;

struct Taps {
    std::array<float, most_taps> shares{};
    std::array<Place, most_taps> from{};  // where what a tap brings lies, seen from a step's own errors
    Place lag = 1;                        // pixels that a row is behind the one above
    Place rows_above = 0;                 // as far as errors come from
};

Taps laid_out(const std::vector<Tap>& taps) {
    Taps laid;
    for (const Tap& tap : taps) {
        laid.rows_above = std::max<Place>(laid.rows_above, tap.dy);
        // One more than is needed: what a step has stored cannot be loaded from other lanes at once.
        if (tap.dy > 0) laid.lag = std::max<Place>(laid.lag, (1 - tap.dx + tap.dy) / tap.dy);
    }
    // Taps that are not needed bring nothing from the step before.
    laid.from.fill(-floats_a_step);
    for (std::size_t t = 0; t < taps.size(); ++t) {
        // The first tap last: the pixel before is the last one to be known.
        const Tap& tap = taps[taps.size() - 1 - t];
        laid.shares[t] = tap.share;
        laid.from[t] = -(tap.dx + laid.lag * tap.dy) * floats_a_step - tap.dy;
    }
    return laid;
}

// Whether each pixel of a row is as its four neighbours are, and whether any is; there are none
// beyond the picture.
struct FindFlat {
    [[gnu::always_inline]] static void run(const std::uint8_t* above, const std::uint8_t* here,
                                           const std::uint8_t* below, std::size_t width,
                                           std::uint8_t* is_flat, bool* any) {
        const auto word = [](const std::uint8_t* row, std::size_t x) {
            return ExactEntries::word_of(row + 4 * x);
        };
        const std::size_t last = width - 1;
        std::uint32_t some = 0;
        for (std::size_t x = 1; x < last; ++x) {
            const std::uint32_t own = word(here, x);
            const std::uint32_t other = (own ^ word(here, x - 1)) | (own ^ word(here, x + 1)) |
                                        (own ^ word(above, x)) | (own ^ word(below, x));
            is_flat[x] = other == 0;
            some |= other == 0 ? 1u : 0u;
        }
        for (const std::size_t x : {std::size_t{0}, last}) {
            const std::uint32_t own = word(here, x);
            is_flat[x] = own == word(here, x > 0 ? x - 1 : x) &&
                         own == word(here, x < last ? x + 1 : x) && own == word(above, x) &&
                         own == word(below, x);
            some |= is_flat[x];
        }
        *any = some != 0;
    }
};

// The errors that are passed on: a share of them, and no longer ones than the cap.
struct Passing {
    float strength, cap;
    float most_sq;  // squared distance beyond which an error is cut

    [[gnu::always_inline]] Eight<float> shares(const Eight<float>& sq) const {
        std::uint32_t any = 0;
        for (std::size_t l = 0; l < eight; ++l) any |= sq[l] > most_sq ? 0xffffffffu : 0u;
        Eight<float> shares;
        shares.fill(strength);
        if (any != 0) [[unlikely]]
            for (std::size_t l = 0; l < eight; ++l) {
                const float cut = cap / std::sqrt(sq[l]);
                shares[l] = sq[l] > most_sq ? cut : strength;
            }
        return shares;
    }
};

// With three axes where all entries are of one opacity.
using Grid = std::variant<ColorGrid<3>, ColorGrid<4>>;

bool share_opacity(std::span<const float> entries) {
    for (std::size_t j = 4; j < entries.size(); j += 4)
        if (entries[j + 3] != entries[3]) return false;
    return true;
}

Grid grid_of(std::span<const float> entries, float cap, Width simd) {
    if (share_opacity(entries)) return Grid(std::in_place_type<ColorGrid<3>>, entries, cap, simd);
    return Grid(std::in_place_type<ColorGrid<4>>, entries, cap, simd);
}

}  // namespace

struct alignas(64) Diffuser::ErrorStep {
    std::array<std::array<float, error_lanes>, 4> at;
};

// What some steps read and write.
struct Diffuser::Work {
    Taps taps;
    Passing passing;
    std::array<ErrorStep, look_back + steps_at_once> errors;
    std::array<PlacedColors, steps_at_once * eight / colors_at_once> points;
    Steps<std::uint32_t> colors;
    Steps<std::int32_t> fixed;  // the entry that is taken whatever comes, or -1
    Steps<std::int32_t> numbers;

    // In a step a pixel of each row is drawn, none of which waits for another.
    template <std::size_t axes, std::size_t n_taps>
    struct Draw {
        [[gnu::always_inline]] static void run(Work* work, std::size_t n_steps,
                                               ColorGrid<axes>* grid) {
            for (std::size_t s = 0; s < n_steps; ++s) {
                constexpr std::size_t steps_a_block = colors_at_once / eight;
                const PlacedColors& points = work->points[s / steps_a_block];
                draw(*work, s, &points[0][eight * (s % steps_a_block)], *grid);
            }
        }

        // Some taps at a time, since a loop over many would not become one over lanes.
        template <std::size_t first>
        [[gnu::always_inline]] static void add_taps(const Taps& taps, const float* errors,
                                                    const float* sum, Eight<float>& target) {
            for (std::size_t l = 0; l < eight; ++l) {
                float with = sum[l];
                for (std::size_t t = first; t < first + taps_at_once; ++t)
                    with += errors[taps.from[t] + static_cast<Place>(l)] * taps.shares[t];
                target[l] = with;
            }
            if constexpr (first + taps_at_once < n_taps)
                add_taps<first + taps_at_once>(taps, errors, target.data(), target);
        }

        [[gnu::always_inline]] static void draw(Work& work, std::size_t s, const float* point,
                                                ColorGrid<axes>& grid) {
            float* errors = &work.errors[look_back + s].at[0][lanes_above];
            EightPoints<axes> target;
            for (std::size_t a = 0; a < axes; ++a)
                add_taps<0>(work.taps, errors + error_lanes * a, point + colors_at_once * a,
                            target[a]);
            grid.template find_eight<false>(target, work.numbers[s].data());
            const EightPoints<axes> entry = grid.entries(work.numbers[s].data());
            Eight<float> sq;
            for (std::size_t l = 0; l < eight; ++l) {
                for (std::size_t a = 0; a < axes; ++a) target[a][l] -= entry[a][l];
                sq[l] = target[0][l] * target[0][l] + target[1][l] * target[1][l] +
                        target[2][l] * target[2][l];
                if constexpr (axes == 4) sq[l] += target[3][l] * target[3][l];
            }
            const Eight<float> shares = work.passing.shares(sq);
            for (std::size_t a = 0; a < axes; ++a)
                for (std::size_t l = 0; l < eight; ++l) {
                    const std::uint32_t free = work.fixed[s][l] < 0 ? 0xffffffffu : 0u;
                    errors[error_lanes * a + l] = std::bit_cast<float>(
                        std::bit_cast<std::uint32_t>(target[a][l] * shares[l]) & free);
                }
        }
    };
};

// Rows that are drawn at once.
struct Diffuser::Rows {
    std::size_t n;
    Place y, width, lag, n_above;
    bool backwards;
    const std::uint8_t* pixels;
    std::array<const std::uint8_t*, rows_at_once> is_flat;  // null where no pixel is
    std::uint8_t* indices;

    Place n_steps() const { return width + lag * static_cast<Place>(n - 1); }

    // The steps among some in which a row has a pixel: first the one at x, then one `by` further.
    struct Stretch {
        std::size_t from, to;
        Place x, by;
    };

    // Rows above have negative numbers.
    Stretch stretch(Place row, Place start, std::size_t n_steps) const {
        const Place first = start - lag * row, count = static_cast<Place>(n_steps);
        const Place from = std::clamp<Place>(-first, 0, count);
        const Place to = std::clamp<Place>(width - first, 0, count);
        const Place x = first + from;
        return {static_cast<std::size_t>(from), static_cast<std::size_t>(to),
                backwards ? width - 1 - x : x, backwards ? -1 : 1};
    }
};

Diffuser::Diffuser(std::size_t width, const ColorSpace& space, std::span<const float> entries,
                   std::span<const std::uint8_t> colors, std::vector<Tap> taps, float strength,
                   float cap, bool serpentine, Width simd)
    : width_(width), space_(space), taps_(std::move(taps)), strength_(strength), cap_(cap),
      serpentine_(serpentine), simd_(simd), grid_(grid_of(entries, cap, simd)), exact_(colors),
      idle_(ExactEntries::word_of(colors.data())),
      errors_(width, rows_at_once + static_cast<std::size_t>(laid_out(taps_).rows_above)) {
    for (auto& row : is_flat_) row.resize(width);
}

void Diffuser::draw(const Band& band, std::span<std::uint8_t> indices) {
    const std::size_t row_bytes = 4 * width_, n_rows = band.pixels.size() / row_bytes;
    const std::size_t first = band.has_above ? 1 : 0, last = n_rows - (band.has_below ? 1 : 0);
    Work work{};
    work.taps = laid_out(taps_);
    work.passing = {strength_, cap_, (cap_ / strength_) * (cap_ / strength_)};
    Rows rows{};
    rows.width = static_cast<Place>(width_);
    rows.lag = work.taps.lag;
    rows.n_above = work.taps.rows_above;
    rows.indices = indices.data();
    for (std::size_t i = first; i < last; i += rows.n) {
        ask_to_go_on();
        // Turns come at the same rows wherever bands end.
        rows.n = std::min(rows_at_once - y_ % rows_at_once, last - i);
        rows.y = static_cast<Place>(y_);
        rows.backwards = serpentine_ && y_ / rows_at_once % 2 == 1;
        rows.pixels = band.pixels.data() + row_bytes * i;
        for (std::size_t r = 0; r < rows.n; ++r) {
            const std::uint8_t* here = rows.pixels + row_bytes * r;
            bool any = false;
            run<FindFlat>(simd_, i + r > 0 ? here - row_bytes : here, here,
                          i + r + 1 < n_rows ? here + row_bytes : here, width_, is_flat_[r].data(),
                          &any);
            rows.is_flat[r] = any ? is_flat_[r].data() : nullptr;
        }
        draw_rows(rows, work);
        y_ += rows.n;
        rows.indices += width_ * rows.n;
    }
}

void Diffuser::draw_rows(const Rows& rows, Work& work) {
    std::fill_n(work.errors.begin(), look_back, ErrorStep{});
    bring_errors(rows, -static_cast<Place>(look_back), work.errors.data(), look_back);
    for (Place start = 0; start < rows.n_steps(); start += steps_at_once) {
        const auto n = static_cast<std::size_t>(
            std::min<Place>(steps_at_once, rows.n_steps() - start));
        bring_errors(rows, start, work.errors.data() + look_back, n);
        take_colors(rows, start, n, work);
        draw_steps(n, work);
        give_numbers(rows, start, n, work);
        keep_errors(rows, start, work.errors.data() + look_back, n);
        std::copy_n(work.errors.end() - look_back, look_back, work.errors.begin());
    }
}

// Brings what the rows above left into some steps.
void Diffuser::bring_errors(const Rows& rows, Place start, ErrorStep* steps, std::size_t n) {
    for (Place row = -1; row >= -rows.n_above; --row) {
        const auto [from, to, x, by] = rows.stretch(row, start, n);
        const Point* error = errors_.row(rows.y + row) + x;
        for (std::size_t s = 0; s < n; ++s) {
            const bool is_in = s >= from && s < to;
            for (std::size_t a = 0; a < 4; ++a)
                steps[s].at[a][lanes_above + row] = is_in ? error[by * static_cast<Place>(s - from)][a] : 0.0f;
        }
    }
}

// Keeps what the last rows left for those below.
void Diffuser::keep_errors(const Rows& rows, Place start, const ErrorStep* steps, std::size_t n) {
    const Place n_rows = static_cast<Place>(rows.n);
    for (Place row = std::max<Place>(0, n_rows - rows.n_above); row < n_rows; ++row) {
        const auto [from, to, x, by] = rows.stretch(row, start, n);
        Point* error = errors_.row(rows.y + row) + x;
        for (std::size_t s = from; s < to; ++s, error += by)
            for (std::size_t a = 0; a < 4; ++a) (*error)[a] = steps[s].at[a][lanes_above + row];
    }
}

// Lays the colors of some steps out, lane by lane, and looks for entries that are taken as they are.
void Diffuser::take_colors(const Rows& rows, Place start, std::size_t n, Work& work) {
    for (auto& step : work.fixed) step.fill(-1);
    for (std::size_t r = 0; r < eight; ++r) {
        const auto [from, to, x, by] = rows.stretch(static_cast<Place>(r), start, r < rows.n ? n : 0);
        const auto idle = [&](std::size_t s) {
            work.colors[s][r] = idle_;
            work.fixed[s][r] = 0;
        };
        for (std::size_t s = 0; s < from; ++s) idle(s);
        for (std::size_t s = to; s < steps_at_once; ++s) idle(s);
        const std::uint8_t* pixel = rows.pixels + 4 * (rows.width * static_cast<Place>(r) + x);
        for (std::size_t s = from; s < to; ++s, pixel += 4 * by)
            work.colors[s][r] = ExactEntries::word_of(pixel);
        if (from == to || rows.is_flat[r] == nullptr) continue;
        const std::uint8_t* is_flat = rows.is_flat[r] + x;
        for (std::size_t s = from; s < to; ++s, is_flat += by)
            if (*is_flat) work.fixed[s][r] = exact_.find(work.colors[s][r]);
    }
    std::visit(
        [&]<class Space>(const Space& space) {
            const auto* colors = reinterpret_cast<const std::uint8_t*>(work.colors.data());
            for (PlacedColors& points : work.points) {
                run<PlaceColors<Space>>(simd_, &space, colors, &points);
                colors += 4 * colors_at_once;
            }
        },
        space_);
}

void Diffuser::draw_steps(std::size_t n, Work& work) {
    std::visit(
        [&]<std::size_t axes>(ColorGrid<axes>& grid) {
            if (taps_.size() <= taps_at_once)
                run<Work::Draw<axes, taps_at_once>>(simd_, &work, n, &grid);
            else
                run<Work::Draw<axes, most_taps>>(simd_, &work, n, &grid);
        },
        grid_);
}

void Diffuser::give_numbers(const Rows& rows, Place start, std::size_t n, const Work& work) {
    for (std::size_t r = 0; r < rows.n; ++r) {
        const auto [from, to, x, by] = rows.stretch(static_cast<Place>(r), start, n);
        std::uint8_t* index = rows.indices + rows.width * static_cast<Place>(r) + x;
        for (std::size_t s = from; s < to; ++s, index += by)
            *index = static_cast<std::uint8_t>(work.numbers[s][r]);
        if (rows.is_flat[r] == nullptr) continue;
        index = rows.indices + rows.width * static_cast<Place>(r) + x;
        for (std::size_t s = from; s < to; ++s, index += by)
            if (work.fixed[s][r] >= 0) *index = static_cast<std::uint8_t>(work.fixed[s][r]);
    }
}

}  // namespace pimenton
