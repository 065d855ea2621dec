// Mapping pixels. Compiled alone for the same reason as error diffusion: the grid's loops of eight
// (see CMakeLists.txt).
#include "mapping.hpp"

#include <atomic>
#include <memory>
#include <optional>

#include "grid.hpp"
#include "histogram.hpp"
#include "nearest.hpp"

namespace pimenton {

namespace {

// Cells of so many colors: eight values of each channel.
constexpr unsigned cell_bits = 9;
constexpr std::size_t cell_side = 8, colors_in_cell = cell_side * cell_side * cell_side;

[[gnu::always_inline]] inline std::uint32_t cell_of(const std::uint8_t* p) {
    return static_cast<std::uint32_t>(p[0] >> 3 << 10 | p[1] >> 3 << 5 | p[2] >> 3);
}

// Distances of the colors of a cell, blue first, to a few entries, and the nearest of these. With
// three axes all share the fourth coordinate.
template <std::size_t axes>
struct NearestOfCell {
    [[gnu::always_inline]] static void run(const Candidates* few, const float* x, const float* y,
                                           const float* z, float w, float* xy_sq,
                                           std::uint8_t* labels) {
        constexpr std::size_t lanes = cell_side * cell_side;
        for (std::size_t j = 0; j < few->n; ++j)
            for (std::size_t i = 0; i < lanes; ++i) {
                const float dx = x[i] - few->at[0][j], dy = y[i] - few->at[1][j];
                xy_sq[lanes * j + i] = dx * dx + dy * dy;
            }
        for (std::size_t b = 0; b < cell_side; ++b) {
            std::array<float, lanes> nearest_sq;
            std::array<std::uint32_t, lanes> label;
            nearest_sq.fill(std::numeric_limits<float>::infinity());
            label.fill(few->number[0]);
            for (std::size_t j = 0; j < few->n; ++j) {
                const float dz = z[b] - few->at[2][j];
                const float z_sq = dz * dz;
                float w_sq = 0;
                if constexpr (axes == 4) w_sq = (w - few->at[3][j]) * (w - few->at[3][j]);
                const std::uint32_t number = few->number[j];
                for (std::size_t i = 0; i < lanes; ++i) {
                    float d = xy_sq[lanes * j + i] + z_sq;
                    if constexpr (axes == 4) d += w_sq;
                    const std::uint32_t nearer = d < nearest_sq[i] ? 0xffffffffu : 0u;
                    label[i] = (label[i] & ~nearer) | (number & nearer);
                    nearest_sq[i] = std::min(nearest_sq[i], d);
                }
            }
            for (std::size_t i = 0; i < lanes; ++i)
                labels[lanes * b + i] = static_cast<std::uint8_t>(label[i]);
        }
    }
};

// Nearest entries of the colors of some cells. Cells in Z-order follow each other in the space, and
// each chooses among what is left of the larger ones around it.
class CellLabels {
   public:
    CellLabels(std::span<const float> entries, const ChannelTable& table, float opacity, Width width)
        : table_(table), opacity_(opacity), width_(width), all_(entries), large_(all_.n),
          medium_(all_.n), kept_(all_.n), xy_sq_(all_.n * cell_side * cell_side),
          is_flat_(std::all_of(all_.at[3].begin(), all_.at[3].begin() + all_.n,
                               [=](float w) { return w == opacity; })) {}

    // Writes the labels of the cell that a color lies in.
    void find(const std::uint8_t* color, std::uint8_t* labels) {
        if (is_flat_)
            find_by<3>(color, labels);
        else
            find_by<4>(color, labels);
    }

   private:
    static constexpr std::uint32_t none = 0xffffffffu;

    template <std::size_t axes>
    void find_by(const std::uint8_t* color, std::uint8_t* labels) {
        choose<axes>(color, 64, all_, large_, in_large_);
        choose<axes>(color, 16, large_, medium_, in_medium_);
        const Box box = box_of(color, cell_side);
        run<KeepCandidates<axes>>(width_, &box, &medium_, &kept_);
        if (kept_.n == 1) {
            std::fill_n(labels, colors_in_cell, static_cast<std::uint8_t>(kept_.number[0]));
            return;
        }
        std::array<float, cell_side * cell_side> x, y;
        for (std::size_t i = 0; i < x.size(); ++i) {
            x[i] = table_[color[0] / cell_side * cell_side + i / cell_side];
            y[i] = table_[color[1] / cell_side * cell_side + i % cell_side];
        }
        run<NearestOfCell<axes>>(
            width_, static_cast<const Candidates*>(&kept_), static_cast<const float*>(x.data()),
            static_cast<const float*>(y.data()),
            static_cast<const float*>(&table_[color[2] / cell_side * cell_side]), opacity_,
            xy_sq_.data(), labels);
    }

    // Chooses anew where a color lies in another cell of such a side than the one before.
    template <std::size_t axes>
    void choose(const std::uint8_t* color, std::size_t side, Candidates& from, Candidates& kept,
                std::uint32_t& last) {
        std::uint32_t cell = 0;
        for (std::size_t a = 0; a < 3; ++a)
            cell = cell << 8 | static_cast<std::uint32_t>(color[a] / side);
        if (cell == last) return;
        last = cell;
        const Box box = box_of(color, side);
        run<KeepCandidates<axes>>(width_, &box, &from, &kept);
    }

    // The box around the cell of such a side that a color lies in.
    Box box_of(const std::uint8_t* color, std::size_t side) const {
        std::array<float, 4> low, high;
        low[3] = high[3] = opacity_;
        for (std::size_t a = 0; a < 3; ++a) {
            const std::size_t first = color[a] / side * side;
            low[a] = table_[first];
            high[a] = table_[first + side - 1];
        }
        return box_between(low, high);
    }

    const ChannelTable& table_;
    float opacity_;
    Width width_;
    Candidates all_, large_, medium_, kept_;
    std::uint32_t in_large_ = none, in_medium_ = none;
    std::vector<float> xy_sq_;
    bool is_flat_;
};

// Labels of pixels by their cells' numbers; *missing is set where a cell has none.
struct LookUpCells {
    static constexpr std::uint32_t none = 0xffffffffu;

    [[gnu::always_inline]] static void run(const std::uint8_t* pixels, std::size_t n,
                                           const std::uint32_t* numbers,
                                           const std::uint8_t* cell_labels, std::uint8_t* labels,
                                           bool* missing) {
        std::array<std::uint32_t, pixel_run> cells, within;
        for (std::size_t first = 0; first < n; first += pixel_run) {
            const std::size_t count = std::min(pixel_run, n - first);
            for (std::size_t i = 0; i < count; ++i) {
                const std::uint8_t* p = pixels + 4 * (first + i);
                cells[i] = cell_of(p);
                within[i] =
                    static_cast<std::uint32_t>((p[2] & 7) << 6 | (p[0] & 7) << 3 | (p[1] & 7));
            }
            std::uint32_t most = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const std::uint32_t number = numbers[cells[i]];
                most = std::max(most, number);
                const std::size_t at = static_cast<std::size_t>(number) << cell_bits | within[i];
                labels[first + i] = number == none ? std::uint8_t{0} : cell_labels[at];
            }
            if (most == none) *missing = true;
        }
    }
};

template <class Space, std::size_t axes>
struct LookUpNearest {
    [[gnu::always_inline]] static void run(const Space* space, const std::uint8_t* pixels,
                                           std::size_t n, ColorGrid<axes>* grid,
                                           std::uint8_t* labels) {
        PlacedColors at;
        ColorBytes last{};
        std::array<std::int32_t, colors_at_once> numbers;
        for (std::size_t first = 0; first < n; first += colors_at_once) {
            const std::size_t count = std::min(colors_at_once, n - first);
            space->place(filled_up(pixels + 4 * first, count, last), at);
            for (std::size_t i = 0; i < count; i += eight) {
                EightPoints<axes> targets;
                for (std::size_t a = 0; a < axes; ++a)
                    for (std::size_t l = 0; l < eight; ++l) targets[a][l] = at[a][i + l];
                grid->template find_eight<true>(targets, &numbers[i]);
            }
            for (std::size_t i = 0; i < count; ++i)
                labels[first + i] = static_cast<std::uint8_t>(numbers[i]);
        }
    }
};

template <std::size_t axes, class Space>
void map_by(const Space& space, std::span<const std::uint8_t> pixels,
            std::span<const float> entries, std::span<std::uint8_t> labels, int n_threads,
            Width width) {
    constexpr std::size_t at_once = std::size_t{1} << 16;
    std::vector<std::optional<ColorGrid<axes>>> grids(
        static_cast<std::size_t>(std::max(n_threads, 1)));
    for_each_chunk(chunks_of(labels.size(), at_once), n_threads,
                   [&](std::size_t chunk, std::size_t worker) {
                       auto& grid = grids[worker];
                       if (!grid) grid.emplace(entries, 0.0f, width);
                       const std::size_t first = chunk * at_once;
                       run<LookUpNearest<Space, axes>>(
                           width, &space, pixels.data() + 4 * first,
                           std::min(at_once, labels.size() - first), &*grid, labels.data() + first);
                   });
}

// Whether all pixels and all entries are opaque: what all share adds nothing to a distance.
template <class Space>
bool are_all_opaque(const Space& space, std::span<const std::uint8_t> pixels,
                    std::span<const float> entries) {
    for (std::size_t j = 3; j < entries.size(); j += 4)
        if (entries[j] != space.opacities[255]) return false;
    std::uint8_t all = 255;
    for (std::size_t i = 3; i < pixels.size(); i += 4) all &= pixels[i];
    return all == 255;
}

}  // namespace

bool map_pixels(std::span<const std::uint8_t> pixels, std::span<const std::uint8_t> colors,
                const ChannelTable& table, float opacity, std::span<const float> entries,
                std::span<std::uint8_t> labels, int n_threads, Width width) {
    std::vector<std::uint32_t> numbers(std::size_t{1} << 15, LookUpCells::none);
    std::vector<const std::uint8_t*> firsts;
    for (std::size_t i = 0; i < colors.size(); i += 4) {
        std::uint32_t& number = numbers[cell_of(&colors[i])];
        if (number != LookUpCells::none) continue;
        number = static_cast<std::uint32_t>(firsts.size());
        firsts.push_back(&colors[i]);
    }
    const auto cell_labels =
        std::make_unique_for_overwrite<std::uint8_t[]>(firsts.size() << cell_bits);
    constexpr std::size_t cells_at_once = 512, pixels_at_once = std::size_t{1} << 16;
    for_each_chunk(chunks_of(firsts.size(), cells_at_once), n_threads, [&](std::size_t chunk) {
        CellLabels found(entries, table, opacity, width);
        const std::size_t last = std::min(firsts.size(), (chunk + 1) * cells_at_once);
        for (std::size_t c = chunk * cells_at_once; c < last; ++c)
            found.find(firsts[c], &cell_labels[c << cell_bits]);
    });
    std::atomic<bool> any_missing{false};
    for_each_chunk(chunks_of(labels.size(), pixels_at_once), n_threads, [&](std::size_t chunk) {
        const std::size_t first = chunk * pixels_at_once;
        bool missing = false;
        run<LookUpCells>(width, pixels.data() + 4 * first,
                         std::min(pixels_at_once, labels.size() - first),
                         static_cast<const std::uint32_t*>(numbers.data()),
                         static_cast<const std::uint8_t*>(cell_labels.get()), labels.data() + first,
                         &missing);
        if (missing) any_missing = true;
    });
    return !any_missing;
}

void map_by_grid(std::span<const std::uint8_t> pixels, const ColorSpace& space,
                 std::span<const float> entries, std::span<std::uint8_t> labels, int n_threads,
                 Width width) {
    std::visit(
        [&](const auto& known) {
            if (are_all_opaque(known, pixels, entries))
                map_by<3>(known, pixels, entries, labels, n_threads, width);
            else
                map_by<4>(known, pixels, entries, labels, n_threads, width);
        },
        space);
}

}  // namespace pimenton
