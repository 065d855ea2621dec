// The border between Python and the kernel: checks shapes, releases the interpreter lock, calls.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/variant.h>
#include <nanobind/stl/vector.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "cells.hpp"
#include "coarse.hpp"
#include "colors.hpp"
#include "diffusion.hpp"
#include "histogram.hpp"
#include "lloyd.hpp"
#include "lzw.hpp"
#include "mapping.hpp"
#include "memory.hpp"
#include "mixing.hpp"
#include "neighbours.hpp"
#include "parse.hpp"
#include "pixels.hpp"
#include "precise.hpp"
#include "pyramid.hpp"
#include "regions.hpp"
#include "scores.hpp"
#include "search.hpp"
#include "shortest.hpp"
#include "simd.hpp"
#include "splitting.hpp"
#include "swaps.hpp"
#include "tables.hpp"
#include "texture.hpp"
#include "unfilter.hpp"
#include "webp.hpp"

namespace nb = nanobind;
using namespace pimenton;

namespace {

// The width in use; tests lower it to show that no bit depends on it.
std::atomic<Width>& active_width() {
    static std::atomic<Width> width{widest_supported()};
    return width;
}

std::string simd_width() { return std::string(name_of(active_width())); }

void set_simd_width(const std::string& name) {
    for (auto width : {Width::baseline, Width::avx2, Width::avx512})
        if (name == name_of(width)) {
            if (width > widest_supported())
                throw std::invalid_argument("simd width " + name + " is not supported here");
            active_width() = width;
            return;
        }
    throw std::invalid_argument("simd width must be baseline, avx2 or avx512; got " + name);
}

// The interpreter's lock is released while this lives, and taken back now and then between chunks to
// let Python answer signals: Ctrl-C breaks the work off.
class Unlocked {
   public:
    Unlocked() {
        question() = [this] { answer(); };
    }
    ~Unlocked() { question() = nullptr; }
    Unlocked(const Unlocked&) = delete;
    Unlocked& operator=(const Unlocked&) = delete;

   private:
    using Clock = std::chrono::steady_clock;

    void answer() {
        if (Clock::now() - answered_ < std::chrono::milliseconds(50)) return;
        const nb::gil_scoped_acquire locked;
        if (PyErr_CheckSignals() != 0) throw Interrupted{};
        answered_ = Clock::now();
    }

    nb::gil_scoped_release released_;
    Clock::time_point answered_ = Clock::now();
};

// Python has set its error already when work was broken off.
void translate_interrupt(const std::exception_ptr& thrown, void*) {
    try {
        std::rethrow_exception(thrown);
    } catch (const Interrupted&) {
    }
}

template <class T, std::size_t columns>
using Rows = nb::ndarray<const T, nb::shape<-1, static_cast<nb::ssize_t>(columns)>, nb::c_contig,
                         nb::device::cpu>;
template <class T>
using Line = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Output = nb::ndarray<nb::numpy, T>;

template <class Array>
auto view(const Array& array) {
    return std::span(array.data(), array.size());
}

void require(bool holds, const char* rule) {
    if (!holds) throw std::invalid_argument(rule);
}

// A NumPy array that owns the vector.
template <class T>
Output<T> array_of(std::vector<T>&& values, std::initializer_list<std::size_t> shape) {
    auto owned = std::make_unique<std::vector<T>>(std::move(values));
    T* data = owned->data();
    nb::capsule owner(owned.release(),
                      [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return Output<T>(data, shape, owner);
}

// Memory for a result whose every value will be written: not cleared first, as a vector's is.
template <class T>
class Filled {
   public:
    explicit Filled(std::size_t n) : n_(n), values_(std::make_unique_for_overwrite<T[]>(n)) {}

    std::span<T> values() { return {values_.get(), n_}; }

    // A NumPy array that owns the memory.
    Output<T> array(std::initializer_list<std::size_t> shape) {
        T* data = values_.get();
        nb::capsule owner(values_.release(), [](void* p) noexcept { delete[] static_cast<T*>(p); });
        return Output<T>(data, shape, owner);
    }

   private:
    std::size_t n_;
    std::unique_ptr<T[]> values_;
};

auto count_colors_(Rows<std::uint8_t, 4> pixels, int n_threads) {
    ColorCounts result;
    {
        Unlocked unlocked;
        result = count_colors(view(pixels), n_threads, active_width());
    }
    const std::size_t n = result.counts.size();
    return nb::make_tuple(array_of(std::move(result.colors), {n, 4}),
                          array_of(std::move(result.counts), {n}));
}

auto count_coarsely_(Rows<std::uint8_t, 4> pixels, unsigned n_bits, int n_threads) {
    require(n_bits >= 1 && n_bits <= 20, "n_bits must be 1 to 20");
    ColorCounts result;
    {
        Unlocked unlocked;
        result = count_coarsely(view(pixels), n_bits, n_threads, active_width());
    }
    const std::size_t n = result.counts.size();
    return nb::make_tuple(array_of(std::move(result.colors), {n, 4}),
                          array_of(std::move(result.counts), {n}));
}

auto rank_colors_(Rows<std::uint8_t, 4> pixels, Rows<std::uint8_t, 4> colors, int n_threads) {
    Filled<std::uint32_t> ranks(pixels.shape(0));
    {
        Unlocked unlocked;
        rank_colors(view(pixels), view(colors), ranks.values(), n_threads, active_width());
    }
    return ranks.array({pixels.shape(0)});
}

auto label_pixels_(Rows<std::uint8_t, 4> pixels, Rows<std::uint8_t, 4> colors,
                   Line<std::uint8_t> labels, int n_threads) {
    require(labels.size() == colors.shape(0), "labels and colors must have the same length");
    Filled<std::uint8_t> indices(pixels.shape(0));
    bool complete = false;
    {
        Unlocked unlocked;
        complete = label_pixels(view(pixels), view(colors), view(labels), indices.values(),
                                n_threads, active_width());
    }
    require(complete, "a pixel has a color that is not in the histogram");
    return indices.array({pixels.shape(0)});
}

auto expand_pixels_(
    nb::ndarray<const std::uint8_t, nb::shape<-1, -1>, nb::c_contig, nb::device::cpu> values) {
    const std::size_t n = values.shape(0), n_channels = values.shape(1);
    require(n_channels >= 1 && n_channels <= 4, "there must be one to four channels");
    Filled<std::uint8_t> pixels(4 * n);
    {
        Unlocked unlocked;
        expand_pixels(view(values), n_channels, pixels.values(), active_width());
    }
    return pixels.array({n, 4});
}

bool has_hidden_colors_(Rows<std::uint8_t, 4> pixels) {
    Unlocked unlocked;
    return has_hidden_colors(view(pixels), active_width());
}

ChannelSpace channel_space(Line<float> channel, Line<float> opacities, std::array<float, 3> gray) {
    require(channel.size() == 256 && opacities.size() == 256, "tables must be of 256 values");
    ChannelSpace space{};
    std::copy_n(channel.data(), 256, space.channel.begin());
    std::copy_n(opacities.data(), 256, space.opacities.begin());
    space.gray = gray;
    space.step = space.channel[1];
    for (std::size_t i = 0; i < 256; ++i)
        if (space.channel[i] != static_cast<float>(i) * space.channel[1]) space.step = 0;
    return space;
}

RootSpace root_space(const std::vector<float>& numbers, Line<float> opacities) {
    require(numbers.size() == 27, "a space is 27 numbers: two matrices, an offset, a toe and a gray");
    require(opacities.size() == 256, "there must be 256 opacities");
    RootSpace space{};
    std::copy_n(numbers.begin(), 9, space.cones.begin());
    std::copy_n(numbers.begin() + 9, 9, space.axes.begin());
    std::copy_n(numbers.begin() + 18, 3, space.offset.begin());
    space.toe_end = numbers[21];
    space.toe_slope = numbers[22];
    space.toe_start = numbers[23];
    std::copy_n(numbers.begin() + 24, 3, space.gray.begin());
    std::copy_n(opacities.data(), 256, space.opacities.begin());
    return space;
}

template <class Space>
auto points_of(const Space& space, Rows<std::uint8_t, 4> colors, int n_threads) {
    Filled<float> points(colors.size());
    {
        Unlocked unlocked;
        convert_colors(view(colors), space, points.values(), n_threads, active_width());
    }
    return points.array({colors.shape(0), 4});
}

auto linear_light_() {
    return array_of(std::vector<double>(linear_light.begin(), linear_light.end()),
                    {linear_light.size()});
}

auto assign_(Rows<float, 4> points, Rows<float, 4> centroids, int n_threads) {
    require(centroids.shape(0) > 0, "there must be at least one centroid");
    std::vector<std::uint32_t> labels(points.shape(0));
    {
        Unlocked unlocked;
        assign(view(points), view(centroids), labels, n_threads, active_width());
    }
    return array_of(std::move(labels), {points.shape(0)});
}

auto split_points_(Rows<float, 4> points, Line<double> weights, std::size_t n_clusters) {
    require(points.shape(0) > 0, "there must be at least one point");
    require(points.shape(0) == weights.size(), "points and weights must have the same length");
    std::vector<float> centroids;
    {
        Unlocked unlocked;
        Splitting splitting(view(points), view(weights));
        splitting.split_to(n_clusters);
        centroids = splitting.centroids();
    }
    const std::size_t n = centroids.size() / 4;
    return array_of(std::move(centroids), {n, 4});
}

void require_entries(const Rows<float, 4>& entries) {
    require(entries.shape(0) >= 1 && entries.shape(0) <= 256, "entries must be 1 to 256");
}

auto map_by_grid_(Rows<std::uint8_t, 4> pixels, const ColorSpace& space, Rows<float, 4> entries,
                  int n_threads) {
    require_entries(entries);
    Filled<std::uint8_t> labels(pixels.shape(0));
    {
        Unlocked unlocked;
        map_by_grid(view(pixels), space, view(entries), labels.values(), n_threads, active_width());
    }
    return labels.array({pixels.shape(0)});
}

auto map_pixels_(Rows<std::uint8_t, 4> pixels, Rows<std::uint8_t, 4> colors, Line<float> table,
                 float opacity, Rows<float, 4> entries, int n_threads) {
    require_entries(entries);
    require(table.size() == 256, "a table must have a value for each of 256");
    ChannelTable channel_table;
    std::copy_n(table.data(), 256, channel_table.begin());
    Filled<std::uint8_t> labels(pixels.shape(0));
    bool complete = false;
    {
        Unlocked unlocked;
        complete = map_pixels(view(pixels), view(colors), channel_table, opacity, view(entries),
                              labels.values(), n_threads, active_width());
    }
    require(complete, "a pixel has a color that is far from all in the histogram");
    return labels.array({pixels.shape(0)});
}

using Pixels = nb::ndarray<const std::uint8_t, nb::shape<-1, -1, 4>, nb::c_contig, nb::device::cpu>;

// Errors diffused down a picture that comes in bands.
class BandDiffuser {
   public:
    BandDiffuser(std::size_t width, const ColorSpace& space, Rows<float, 4> entries,
                 Rows<std::uint8_t, 4> colors, Rows<float, 3> taps, float strength, float cap,
                 bool serpentine)
        : diffuser_(checked(width, entries, colors), space, view(entries), view(colors),
                    table_of(taps), strength, cap, serpentine, active_width()) {}

    auto draw(Pixels pixels, bool has_above, bool has_below) {
        const std::size_t width = pixels.shape(1), n_context = has_above + has_below;
        require(width == diffuser_.width(), "a band must be as wide as the picture");
        require(pixels.shape(0) > n_context, "there must be at least one row");
        const std::size_t n_rows = pixels.shape(0) - n_context;
        Filled<std::uint8_t> indices(n_rows * width);
        {
            Unlocked unlocked;
            diffuser_.draw({view(pixels), has_above, has_below}, indices.values());
        }
        return indices.array({n_rows, width});
    }

    auto errors() {
        std::vector<float> values;
        for (const Point& point : diffuser_.errors())
            values.insert(values.end(), point.begin(), point.end());
        const std::size_t n = values.size() / 4;
        return array_of(std::move(values), {n, 4});
    }

    void go_on_at(std::size_t y, Rows<float, 4> errors) {
        require(errors.shape(0) == diffuser_.errors().size(), "errors must be those of such a picture");
        diffuser_.go_on_at(y);
        const float* value = errors.data();
        for (Point& point : diffuser_.errors())
            for (float& coordinate : point) coordinate = *value++;
    }

   private:
    static std::size_t checked(std::size_t width, const Rows<float, 4>& entries,
                               const Rows<std::uint8_t, 4>& colors) {
        require_entries(entries);
        require(colors.shape(0) == entries.shape(0), "each entry must have a color");
        require(width > 0, "there must be at least one pixel");
        return width;
    }

    static std::vector<Tap> table_of(const Rows<float, 3>& taps) {
        require(taps.shape(0) <= most_taps, "there must be no more than 12 taps");
        std::vector<Tap> table;
        for (std::size_t i = 0; i < taps.shape(0); ++i) {
            const float* row = taps.data() + 3 * i;
            table.push_back({static_cast<int>(row[0]), static_cast<int>(row[1]), row[2]});
            const Tap& tap = table.back();
            require(tap.dy >= 0 && tap.dy <= most_rows_below && std::abs(tap.dx) <= tap_reach &&
                        (tap.dy > 0 || tap.dx > 0),
                    "a tap must point to a pixel that comes later, at most 4 aside and 3 below");
        }
        return table;
    }

    Diffuser diffuser_;
};

auto opaque_codes_(Rows<std::uint8_t, 4> colors) {
    Filled<std::uint32_t> codes(colors.shape(0));
    opaque_codes(view(colors), codes.values(), active_width());
    return codes.array({colors.shape(0)});
}

auto opaque_colors_(Line<std::uint32_t> codes) {
    Filled<std::uint8_t> colors(4 * codes.size());
    opaque_colors(view(codes), colors.values());
    return colors.array({codes.size(), 4});
}

auto look_up_(Rows<std::uint8_t, 4> pixels, Line<std::uint8_t> table, int n_threads) {
    require(table.size() == n_opaque, "a table must have a value for each opaque color");
    Filled<std::uint8_t> found(pixels.shape(0));
    bool all_opaque = false;
    {
        Unlocked unlocked;
        all_opaque = look_up(view(pixels), view(table), found.values(), n_threads, active_width());
    }
    return nb::make_tuple(found.array({pixels.shape(0)}), all_opaque);
}

auto halve_pixels_(Pixels pixels) {
    const std::size_t height = (pixels.shape(0) + 1) / 2, width = (pixels.shape(1) + 1) / 2;
    require(height > 0 && width > 0, "there must be at least one pixel");
    Filled<std::uint8_t> half(4 * height * width);
    {
        Unlocked unlocked;
        halve_pixels(view(pixels), pixels.shape(1), half.values(), active_width());
    }
    return half.array({height, width, 4});
}

auto assign_precisely_(Rows<double, 4> points, Rows<double, 4> centroids, int n_threads) {
    require(centroids.shape(0) > 0, "there must be at least one centroid");
    std::vector<std::uint32_t> labels(points.shape(0));
    {
        Unlocked unlocked;
        assign_precisely(view(points), view(centroids), labels, n_threads, active_width());
    }
    return array_of(std::move(labels), {points.shape(0)});
}

auto merge_cells_(Rows<float, 4> points, Line<double> weights, std::size_t n_cells) {
    require(points.shape(0) > 0, "there must be at least one point");
    require(points.shape(0) == weights.size(), "points and weights must have the same length");
    require(n_cells > 0, "there must be at least one cell");
    Cells::Model model;
    {
        Unlocked unlocked;
        Cells cells(view(points), view(weights), active_width());
        cells.balance(n_cells);
        model = cells.model();
    }
    const std::size_t n = model.weights.size();
    return nb::make_tuple(array_of(std::move(model.points), {n, 4}),
                          array_of(std::move(model.weights), {n}));
}

auto merge_runs_(Rows<float, 4> points, Line<double> weights, std::size_t n_each, int n_threads) {
    require(points.shape(0) == weights.size(), "points and weights must have the same length");
    require(n_each > 0, "there must be at least one point in a run");
    const std::size_t n = chunks_of(weights.size(), n_each);
    Filled<float> means(4 * n);
    Filled<double> masses(n);
    {
        Unlocked unlocked;
        merge_runs(view(points), view(weights), n_each, means.values(), masses.values(), n_threads,
                   active_width());
    }
    return nb::make_tuple(means.array({n, 4}), masses.array({n}));
}

auto nearest_distances_(Rows<float, 4> points, Rows<float, 4> centroids, int n_threads) {
    require(centroids.shape(0) > 0, "there must be at least one centroid");
    std::vector<float> distances(points.shape(0));
    {
        Unlocked unlocked;
        nearest_distances(view(points), view(centroids), distances, n_threads, active_width());
    }
    return array_of(std::move(distances), {points.shape(0)});
}

auto neighbour_distances_(Rows<float, 4> points) {
    return array_of(neighbour_distances(view(points), active_width()), {points.shape(0)});
}

auto mix_colors_(Rows<float, 4> points, Rows<float, 4> entries, Line<std::uint32_t> labels,
                 float grain, int n_threads) {
    const std::size_t n = points.shape(0), k = entries.shape(0);
    require(labels.size() == n, "points and labels must have the same length");
    require(k >= 1 && k <= 256, "entries must be 1 to 256");
    require(grain >= 0.0f && grain < 1.0f, "grain must be at least 0 and below 1");
    for (std::uint32_t label : view(labels)) require(label < k, "a label must be an entry");
    std::vector<std::uint8_t> partners(n);
    std::vector<float> shares(n);
    {
        Unlocked unlocked;
        mix_colors(view(points), view(entries), view(labels), grain, partners, shares, n_threads,
                   active_width());
    }
    return nb::make_tuple(array_of(std::move(partners), {n}), array_of(std::move(shares), {n}));
}

auto find_regions_(nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu> mask) {
    Regions found;
    {
        Unlocked unlocked;
        found = find_regions(view(mask), mask.shape(1));
    }
    const std::size_t n = found.places.size();
    return nb::make_tuple(array_of(std::move(found.places), {n}),
                          array_of(std::move(found.numbers), {n}));
}

auto search_(Rows<float, 4> points, Line<double> weights, Rows<float, 4> start,
             std::size_t n_clusters, std::size_t n_rounds, std::size_t n_breaths,
             std::size_t n_trials, std::size_t n_pairs, double least_share, std::uint64_t seed) {
    require(points.shape(0) > 0, "there must be at least one point");
    require(points.shape(0) == weights.size(), "points and weights must have the same length");
    require(n_clusters > 0, "there must be at least one cluster");
    require(start.shape(0) > 0, "there must be at least one centroid");
    require(start.shape(0) <= n_clusters, "there must be no more centroids than wanted");
    Found found;
    {
        Unlocked unlocked;
        found = search(view(points), view(weights), view(start), n_clusters,
                       {n_rounds, n_breaths, n_trials, n_pairs, least_share}, seed, active_width());
    }
    const std::size_t n = found.centroids.size() / 4, n_history = found.history.size();
    return nb::make_tuple(array_of(std::move(found.centroids), {n, 4}),
                          array_of(std::move(found.history), {n_history}));
}

auto unfilter_(Line<std::uint8_t> filtered, std::size_t row_bytes, std::size_t pixel_bytes) {
    require(row_bytes > 0 && pixel_bytes > 0, "a row and a pixel must have at least one byte");
    require(filtered.size() % (row_bytes + 1) == 0, "the rows must be whole");
    const std::size_t n_rows = filtered.size() / (row_bytes + 1);
    std::vector<std::uint8_t> rows(n_rows * row_bytes);
    bool known = false;
    {
        Unlocked unlocked;
        known = unfilter(view(filtered), row_bytes, pixel_bytes, rows);
    }
    require(known, "unknown row filter");
    return array_of(std::move(rows), {n_rows, row_bytes});
}

// Points prepared for many steps; keeps the arrays alive.
class LloydStep {
   public:
    LloydStep(Rows<float, 4> points, Line<double> weights, int n_threads)
        : points_(std::move(points)), weights_(std::move(weights)), n_threads_(n_threads),
          blocks_(prepare()) {}

    auto operator()(Rows<float, 4> centroids) {
        const std::size_t k = centroids.shape(0);
        require(k > 0, "there must be at least one centroid");
        std::vector<double> totals(moments * k);
        {
            Unlocked unlocked;
            lloyd_step(blocks_, view(centroids), places_, totals, n_threads_, active_width());
        }
        return array_of(std::move(totals), {k, moments});
    }

   private:
    Blocks prepare() const {
        require(points_.shape(0) > 0, "there must be at least one point");
        require(points_.shape(0) == weights_.size(), "points and weights must have the same length");
        Unlocked unlocked;
        return Blocks(view(points_), view(weights_), n_threads_, active_width());
    }

    Rows<float, 4> points_;
    Line<double> weights_;
    int n_threads_;
    Blocks blocks_;
    Places places_;
};

using Picture =
    nb::ndarray<const std::uint8_t, nb::shape<-1, -1, 4>, nb::c_contig, nb::device::cpu>;

auto pyramid_(Picture pixels, const std::vector<float>& space, std::size_t n_scales,
              int n_threads) {
    require(pixels.size() > 0, "there must be at least one pixel");
    require(n_scales > 0, "there must be at least one scale");
    require(space.size() == 24, "a space is 24 numbers: matrix, bias, matrix, offset");
    ConeSpace cone_space{};
    std::copy_n(space.begin(), 9, cone_space.cones.begin());
    std::copy_n(space.begin() + 9, 3, cone_space.bias.begin());
    std::copy_n(space.begin() + 12, 9, cone_space.axes.begin());
    std::copy_n(space.begin() + 21, 3, cone_space.offset.begin());
    std::vector<float> planes;
    {
        Unlocked unlocked;
        planes = make_pyramid(view(pixels), pixels.shape(1), pixels.shape(0), cone_space, n_scales,
                              n_threads, active_width());
    }
    const std::size_t n = planes.size();
    return array_of(std::move(planes), {n});
}

template <class T>
using Plane = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

auto weigh_texture_(Plane<float> lightness, float forgiven, int quarters, int n_threads) {
    require(lightness.size() > 0, "there must be at least one pixel");
    require(forgiven > 0 && quarters >= 1, "forgiven and quarters must be positive");
    std::vector<float> weights(lightness.size());
    {
        Unlocked unlocked;
        weigh_texture(view(lightness), lightness.shape(1), forgiven, quarters, weights,
                      n_threads, active_width());
    }
    return array_of(std::move(weights), {lightness.shape(0), lightness.shape(1)});
}

auto parse_(Plane<std::uint32_t> ranks, Rows<float, 4> points, Line<std::int16_t> exact,
            Plane<float> weights, Rows<float, 4> entries, Line<double> shares, float bit_weight,
            float carried, float cap, float edge, int n_dynamic, int n_triples, int n_accepted,
            int every, bool for_webp, std::size_t rows_per_band, int n_threads) {
    const std::size_t height = ranks.shape(0), width = ranks.shape(1);
    require(ranks.size() > 0, "there must be at least one pixel");
    require(weights.shape(0) == height && weights.shape(1) == width,
            "weights and ranks must have the same shape");
    require(exact.size() == points.shape(0), "exact and points must have the same length");
    require(entries.shape(0) >= 1 && entries.shape(0) <= 256, "entries must be 1 to 256");
    require(shares.size() == entries.shape(0), "shares and entries must have the same length");
    require(n_dynamic >= 0 && n_dynamic % 16 == 0 && n_dynamic <= 96,
            "n_dynamic must be a multiple of 16 up to 96");
    require(n_triples == 0 || n_triples == 16 || n_triples == 32, "n_triples must be 0, 16 or 32");
    require(n_accepted >= 1 && n_accepted <= 3 && every >= 1, "n_accepted must be 1 to 3");
    require(rows_per_band > 0, "rows_per_band must be positive");
    std::vector<std::uint8_t> indices(width * height);
    Parsed parsed;
    {
        Unlocked unlocked;
        const auto colors = static_cast<std::uint32_t>(points.shape(0));
        for (const auto rank : view(ranks)) require(rank < colors, "a rank is of no point");
        parsed = parse({width, height, view(ranks), view(points), view(exact), view(weights),
                        view(entries)},
                       {bit_weight, carried, cap, edge, n_dynamic, n_triples, n_accepted, every,
                        for_webp},
                       view(shares), rows_per_band, indices, n_threads, active_width());
    }
    const std::size_t n_tokens = parsed.tokens.size();
    return nb::make_tuple(array_of(std::move(indices), {height, width}),
                          array_of(std::move(parsed.tokens), {n_tokens}), parsed.bits);
}

// Refuses tokens that no stream of literals below a number has; gives the bytes they stand for.
std::size_t check_tokens(std::span<const Token> tokens, std::size_t n_literals) {
    std::size_t n_bytes = 0;
    for (const Token token : tokens) {
        const auto length = static_cast<std::size_t>(length_of(token));
        require(length == 0 ? token < n_literals : length >= min_match && length <= max_match &&
                                                distance_of(token) >= 1 &&
                                                distance_of(token) <= window_size,
                "a token must be a byte or a match of 3 to 258 bytes at most 32768 back");
        require(length == 0 || static_cast<std::size_t>(distance_of(token)) <= n_bytes,
                "a match must not begin before the first byte");
        n_bytes += std::max<std::size_t>(length, 1);
    }
    return n_bytes;
}

auto deflate_(Line<std::uint32_t> tokens, bool joins) {
    check_tokens(view(tokens), 256);
    std::vector<std::uint8_t> stream;
    {
        Unlocked unlocked;
        stream = joins ? deflate(joined(view(tokens))) : deflate(view(tokens));
    }
    const std::size_t size = stream.size();
    return array_of(std::move(stream), {size});
}

auto write_webp_(Line<std::uint32_t> tokens, std::size_t width, Line<std::uint32_t> colors) {
    require(colors.size() > n_packed_colors && colors.size() <= 256, "colors must be 17 to 256");
    const std::size_t n_pixels = check_tokens(view(tokens), colors.size());
    const std::size_t height = width > 0 ? n_pixels / width : 0;
    require(n_pixels > 0 && width * height == n_pixels && width <= 16384 && height <= 16384,
            "tokens must fill rows of a width up to 16384");
    std::vector<std::uint8_t> body;
    {
        Unlocked unlocked;
        body = write_webp(view(tokens), width, height, view(colors));
    }
    const std::size_t size = body.size();
    return array_of(std::move(body), {size});
}

auto shortest_(Line<std::uint8_t> bytes, int n_rounds) {
    require(n_rounds >= 1, "n_rounds must be positive");
    std::vector<Token> tokens;
    {
        Unlocked unlocked;
        tokens = shortest(view(bytes), n_rounds);
    }
    const std::size_t n_tokens = tokens.size();
    return array_of(std::move(tokens), {n_tokens});
}

auto bring_together_(Plane<std::int64_t> meetings, Line<std::uint8_t> kinds,
                     Line<std::int64_t> order, int n_passes) {
    const std::size_t k = order.size();
    require(meetings.shape(0) == k && meetings.shape(1) == k && kinds.size() == k && k <= 256,
            "meetings must be (k, k), kinds and order (k,), k at most 256");
    std::vector<bool> named(k);
    for (const auto entry : view(order)) {
        require(entry >= 0 && static_cast<std::size_t>(entry) < k && !named[static_cast<std::size_t>(entry)],
                "order must have each entry once");
        named[static_cast<std::size_t>(entry)] = true;
    }
    std::vector<std::int64_t> better(view(order).begin(), view(order).end());
    bring_together(view(meetings), view(kinds), better, n_passes);
    return array_of(std::move(better), {k});
}

auto parse_lzw_(Plane<std::uint32_t> ranks, Rows<float, 4> points, Line<std::int16_t> exact,
                Plane<float> weights, Rows<float, 4> entries, float bit_weight, float carried,
                float cap, int n_first, int n_kept, std::size_t horizon, std::size_t rows_per_band,
                int n_threads) {
    const std::size_t height = ranks.shape(0), width = ranks.shape(1);
    require(ranks.size() > 0, "there must be at least one pixel");
    require(weights.shape(0) == height && weights.shape(1) == width,
            "weights and ranks must have the same shape");
    require(exact.size() == points.shape(0), "exact and points must have the same length");
    require(entries.shape(0) >= 1 && entries.shape(0) <= 256, "entries must be 1 to 256");
    require(n_first >= 1 && n_kept >= 1, "n_first and n_kept must be at least 1");
    require(horizon >= 1 && horizon <= ring_size / 2, "horizon must be 1 to 256");
    require(rows_per_band > 0, "rows_per_band must be positive");
    std::vector<std::uint8_t> indices(width * height), packed;
    {
        nb::gil_scoped_release unlocked;
        const auto colors = static_cast<std::uint32_t>(points.shape(0));
        for (const auto rank : view(ranks)) require(rank < colors, "a rank is of no point");
        packed = parse_lzw({width, height, view(ranks), view(points), view(exact), view(weights),
                            view(entries)},
                           {bit_weight, carried, cap, n_first, n_kept, horizon}, rows_per_band,
                           indices, n_threads, active_width());
    }
    const std::size_t n_bytes = packed.size();
    return nb::make_tuple(array_of(std::move(indices), {height, width}),
                          array_of(std::move(packed), {n_bytes}));
}

void require_pyramid(const Line<float>& planes, std::size_t height, std::size_t width,
                     std::size_t n_scales) {
    require(width > 0 && height > 0, "there must be at least one pixel");
    require(planes.size() == n_values_of(scales_of(width, height, n_scales)),
            "a pyramid must have the planes of every scale");
}

auto ssimulacra2_weights_() {
    return array_of(std::vector<double>(ssimulacra2_weights.begin(), ssimulacra2_weights.end()),
                    {ssimulacra2_weights.size()});
}

double ssimulacra2_(Line<float> a, Line<float> b, std::size_t height, std::size_t width,
                    int n_threads) {
    require_pyramid(a, height, width, ssimulacra2_scales);
    require_pyramid(b, height, width, ssimulacra2_scales);
    Unlocked unlocked;
    return ssimulacra2(view(a), view(b), width, height, n_threads, active_width());
}

auto ssim_(Line<float> a, Line<float> b, std::size_t height, std::size_t width, int n_threads) {
    require_pyramid(a, height, width, ssim_scales);
    require_pyramid(b, height, width, ssim_scales);
    Similarity result;
    {
        Unlocked unlocked;
        result = ssim(view(a), view(b), width, height, n_threads, active_width());
    }
    return nb::make_tuple(result.score, array_of(std::move(result.map), {height, width}));
}

}  // namespace

NB_MODULE(_native, m) {
    // The table of color spaces lives as long as the interpreter, which may end without clearing it.
    nb::set_leak_warnings(false);
    keep_freed_memory();
    m.doc() = "Hot loops of pimenton.";
    nb::register_exception_translator(translate_interrupt);
    m.def("simd_width", &simd_width);
    m.def("set_simd_width", &set_simd_width, nb::arg("name"));
    m.def("count_colors", &count_colors_, nb::arg("pixels").noconvert(), nb::arg("n_threads"));
    m.def("count_coarsely", &count_coarsely_, nb::arg("pixels").noconvert(), nb::arg("n_bits"),
          nb::arg("n_threads"));
    m.def("split_points", &split_points_, nb::arg("points").noconvert(),
          nb::arg("weights").noconvert(), nb::arg("n_clusters"));
    m.def("map_by_grid", &map_by_grid_, nb::arg("pixels").noconvert(), nb::arg("space"),
          nb::arg("entries").noconvert(), nb::arg("n_threads"));
    m.def("map_pixels", &map_pixels_, nb::arg("pixels").noconvert(), nb::arg("colors").noconvert(),
          nb::arg("table").noconvert(), nb::arg("opacity"), nb::arg("entries").noconvert(),
          nb::arg("n_threads"));
    m.def("rank_colors", &rank_colors_, nb::arg("pixels").noconvert(),
          nb::arg("colors").noconvert(), nb::arg("n_threads"));
    m.def("expand_pixels", &expand_pixels_, nb::arg("values").noconvert());
    m.def("has_hidden_colors", &has_hidden_colors_, nb::arg("pixels").noconvert());
    m.def("label_pixels", &label_pixels_, nb::arg("pixels").noconvert(),
          nb::arg("colors").noconvert(), nb::arg("labels").noconvert(), nb::arg("n_threads"));
    nb::class_<ChannelSpace>(m, "ChannelSpace")
        .def(nb::new_(&channel_space), nb::arg("channel").noconvert(),
             nb::arg("opacities").noconvert(), nb::arg("gray"))
        .def("points", &points_of<ChannelSpace>, nb::arg("colors").noconvert(), nb::arg("n_threads"));
    nb::class_<RootSpace>(m, "RootSpace")
        .def(nb::new_(&root_space), nb::arg("numbers"), nb::arg("opacities").noconvert())
        .def("points", &points_of<RootSpace>, nb::arg("colors").noconvert(), nb::arg("n_threads"));
    m.def("linear_light", &linear_light_);
    m.def("assign", &assign_, nb::arg("points").noconvert(), nb::arg("centroids").noconvert(),
          nb::arg("n_threads"));
    nb::class_<BandDiffuser>(m, "BandDiffuser")
        .def(nb::init<std::size_t, const ColorSpace&, Rows<float, 4>, Rows<std::uint8_t, 4>,
                      Rows<float, 3>, float, float, bool>(),
             nb::arg("width"), nb::arg("space"), nb::arg("entries").noconvert(),
             nb::arg("colors").noconvert(), nb::arg("taps").noconvert(), nb::arg("strength"),
             nb::arg("cap"), nb::arg("serpentine"))
        .def("draw", &BandDiffuser::draw, nb::arg("pixels").noconvert(), nb::arg("has_above"),
             nb::arg("has_below"))
        .def("errors", &BandDiffuser::errors)
        .def("go_on_at", &BandDiffuser::go_on_at, nb::arg("y"), nb::arg("errors").noconvert());
    m.def("opaque_codes", &opaque_codes_, nb::arg("colors").noconvert());
    m.def("opaque_colors", &opaque_colors_, nb::arg("codes").noconvert());
    m.def("look_up", &look_up_, nb::arg("pixels").noconvert(), nb::arg("table").noconvert(),
          nb::arg("n_threads"));
    m.def("halve_pixels", &halve_pixels_, nb::arg("pixels").noconvert());
    m.def("assign_precisely", &assign_precisely_, nb::arg("points").noconvert(),
          nb::arg("centroids").noconvert(), nb::arg("n_threads"));
    m.def("merge_cells", &merge_cells_, nb::arg("points").noconvert(),
          nb::arg("weights").noconvert(), nb::arg("n_cells"));
    m.def("merge_runs", &merge_runs_, nb::arg("points").noconvert(), nb::arg("weights").noconvert(),
          nb::arg("n_each"), nb::arg("n_threads"));
    m.def("neighbour_distances", &neighbour_distances_, nb::arg("points").noconvert());
    m.def("nearest_distances", &nearest_distances_, nb::arg("points").noconvert(),
          nb::arg("centroids").noconvert(), nb::arg("n_threads"));
    m.def("mix_colors", &mix_colors_, nb::arg("points").noconvert(),
          nb::arg("entries").noconvert(), nb::arg("labels").noconvert(), nb::arg("grain"),
          nb::arg("n_threads"));
    m.def("find_regions", &find_regions_, nb::arg("mask").noconvert());
    m.def("weigh_texture", &weigh_texture_, nb::arg("lightness").noconvert(), nb::arg("forgiven"),
          nb::arg("quarters"), nb::arg("n_threads"));
    m.def("parse", &parse_, nb::arg("ranks").noconvert(), nb::arg("points").noconvert(),
          nb::arg("exact").noconvert(), nb::arg("weights").noconvert(),
          nb::arg("entries").noconvert(), nb::arg("shares").noconvert(), nb::arg("bit_weight"),
          nb::arg("carried"), nb::arg("cap"), nb::arg("edge"), nb::arg("n_dynamic"),
          nb::arg("n_triples"), nb::arg("n_accepted"), nb::arg("every"), nb::arg("for_webp"),
          nb::arg("rows_per_band"), nb::arg("n_threads"));
    m.def("deflate", &deflate_, nb::arg("tokens").noconvert(), nb::arg("joins") = true);
    m.def("write_webp", &write_webp_, nb::arg("tokens").noconvert(), nb::arg("width"),
          nb::arg("colors").noconvert());
    m.def("bring_together", &bring_together_, nb::arg("meetings").noconvert(),
          nb::arg("kinds").noconvert(), nb::arg("order").noconvert(), nb::arg("n_passes"));
    m.def("shortest", &shortest_, nb::arg("data").noconvert(), nb::arg("n_rounds"));
    m.def("search", &search_, nb::arg("points").noconvert(), nb::arg("weights").noconvert(),
          nb::arg("start").noconvert(), nb::arg("n_clusters"), nb::arg("n_rounds"),
          nb::arg("n_breaths"), nb::arg("n_trials"), nb::arg("n_pairs"), nb::arg("least_share"), nb::arg("seed"));
    m.def("parse_lzw", &parse_lzw_, nb::arg("ranks").noconvert(), nb::arg("points").noconvert(),
          nb::arg("exact").noconvert(), nb::arg("weights").noconvert(),
          nb::arg("entries").noconvert(), nb::arg("bit_weight"), nb::arg("carried"),
          nb::arg("cap"), nb::arg("n_first"), nb::arg("n_kept"), nb::arg("horizon"),
          nb::arg("rows_per_band"), nb::arg("n_threads"));
    m.def("unfilter", &unfilter_, nb::arg("filtered").noconvert(), nb::arg("row_bytes"),
          nb::arg("pixel_bytes"));
    nb::class_<LloydStep>(m, "LloydStep")
        .def(nb::init<Rows<float, 4>, Line<double>, int>(), nb::arg("points").noconvert(),
             nb::arg("weights").noconvert(), nb::arg("n_threads"))
        .def("__call__", &LloydStep::operator(), nb::arg("centroids").noconvert());
    m.def("pyramid", &pyramid_, nb::arg("pixels").noconvert(), nb::arg("space"),
          nb::arg("n_scales"), nb::arg("n_threads"));
    m.def("ssimulacra2", &ssimulacra2_, nb::arg("a").noconvert(), nb::arg("b").noconvert(),
          nb::arg("height"), nb::arg("width"), nb::arg("n_threads"));
    m.def("ssimulacra2_weights", &ssimulacra2_weights_);
    m.def("ssim", &ssim_, nb::arg("a").noconvert(), nb::arg("b").noconvert(), nb::arg("height"),
          nb::arg("width"), nb::arg("n_threads"));
}
