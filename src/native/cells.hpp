// A coarse model of points: cells of a grid over their bounding box, halved where the points of a
// cell vary much, each represented by its weighted mean.
//
// Inertia inside the cells is what the model does not see. For a given number of cells it is least
// where all cells have about the same, so cells of more than a limit are halved along every axis.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "nearest.hpp"
#include "sums.hpp"

namespace pimenton {

// The cell of each point in a grid of 2^bits cells along each axis that has any extent.
struct FindCells {
    [[gnu::always_inline]] static void run(const float* points, std::size_t n, const Box* box,
                                           int bits, std::uint32_t* cells) {
        const float most = static_cast<float>((1 << bits) - 1);
        float low[4], scale[4];
        std::int32_t step[4];
        std::int32_t used = 1;
        for (std::size_t a = 0; a < 4; ++a) {
            const bool wide = box->half[a] > 0;
            low[a] = box->middle[a] - box->half[a];
            scale[a] = wide ? (most + 1.0f) / (2.0f * box->half[a]) : 0.0f;
            step[a] = wide ? used : 0;
            used = wide ? used << bits : used;
        }
        for (std::size_t i = 0; i < n; ++i) {
            std::int32_t cell = 0;
            for (std::size_t a = 0; a < 4; ++a) {
                float t = (points[4 * i + a] - low[a]) * scale[a];
                t = t > 0.0f ? t : 0.0f;
                t = t < most ? t : most;
                cell += static_cast<std::int32_t>(t) * step[a];
            }
            cells[i] = static_cast<std::uint32_t>(cell);
        }
    }
};

// Adds each point of the cells from `first_cell` on to its cell's sums; runs of points of one cell are added up first.
struct AddToCells {
    [[gnu::always_inline]] static void run(const float* points, const double* weights,
                                           const std::uint32_t* cells, std::size_t n,
                                           std::uint32_t first_cell, Sums* sums) {
        for (std::size_t i = 0; i < n;) {
            const std::uint32_t cell = cells[i];
            if (cell < first_cell) {
                ++i;
                continue;
            }
            Sums run;
            for (; i < n && cells[i] == cell; ++i) run.add(points + 4 * i, weights[i]);
            sums[cell].add(run);
        }
    }
};

// Moves the points of cells to be halved to the cell of their part; `heavy` is one more than the
// place of a cell's mean, or zero.
struct HalveCells {
    static constexpr std::uint32_t n_parts = 16;

    [[gnu::always_inline]] static void run(const float* points, std::size_t n,
                                           const std::uint32_t* heavy,
                                           const std::array<float, 4>* means,
                                           std::uint32_t first_cell, std::uint32_t* cells) {
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint32_t place = heavy[cells[i]];
            if (place == 0) continue;
            const auto& mean = means[place - 1];
            std::uint32_t part = 0;
            for (std::size_t a = 0; a < 4; ++a)
                part |= static_cast<std::uint32_t>(points[4 * i + a] > mean[a]) << a;
            cells[i] = first_cell + n_parts * (place - 1) + part;
        }
    }
};

class Cells {
   public:
    Cells(std::span<const float> points, std::span<const double> weights, Width width)
        : points_(points), weights_(weights), width_(width), cells_(weights.size()) {
        const std::size_t n = weights.size();
        std::array<float, 4> low, high;
        run<BoxOfRows>(width, points.data(), n, &low, &high);
        const Box box = box_between(low, high);
        const auto n_axes = std::count_if(box.half.begin(), box.half.end(),
                                          [](float half) { return half > 0; });
        run<FindCells>(width, points.data(), n, &box, bits, cells_.data());
        sums_.resize(std::size_t{1} << (bits * n_axes));
        add_from(0);
    }

    // Divides and joins cells until each has about the inertia that n_cells of equal inertia would.
    void balance(std::size_t n_cells) {
        double sum = 0;
        for (const auto& cell : sums_) sum += std::sqrt(cell.inertia());
        // Halving makes more cells than needed, by this much on photographs.
        constexpr double over = 4.0;
        // Cells of half the side, eight in a cube, have a 32nd of its inertia each; so a cell of r
        // times the limit becomes r^0.6 cells. The root is nearly that, and the same everywhere.
        const double root = over * sum / static_cast<double>(n_cells);
        limit_ = root * root;
        constexpr int most_halvings = 4;
        for (int n = 0; n < most_halvings && halve(); ++n) {}
    }

    struct Model {
        std::vector<float> points;
        std::vector<double> weights;
    };

    // Means and weights, in the order in which cells are met.
    Model model() const {
        Model model;
        std::vector<std::uint8_t> is_met(sums_.size());
        std::uint32_t last = 0xffffffffu;
        for (const auto cell : cells_) {
            if (cell == last || is_met[cell]) continue;
            is_met[last = cell] = 1;
            for (std::size_t a = 0; a < 4; ++a)
                model.points.push_back(static_cast<float>(sums_[cell].first[a] / sums_[cell].weight));
            model.weights.push_back(sums_[cell].weight);
        }
        return model;
    }

   private:
    // Halves the cells beyond the limit along each axis, at their means; tells whether there were any.
    bool halve() {
        std::vector<std::uint32_t> heavy(sums_.size());
        std::vector<std::array<float, 4>> means;
        for (std::size_t c = n_light_; c < sums_.size(); ++c) {
            if (!(sums_[c].inertia() > limit_)) continue;
            means.emplace_back();
            for (std::size_t a = 0; a < 4; ++a)
                means.back()[a] = static_cast<float>(sums_[c].first[a] / sums_[c].weight);
            heavy[c] = static_cast<std::uint32_t>(means.size());
            sums_[c] = Sums{};
        }
        if (means.empty()) return false;
        const auto first_cell = static_cast<std::uint32_t>(sums_.size());
        n_light_ = first_cell;
        sums_.resize(first_cell + HalveCells::n_parts * means.size());
        run<HalveCells>(width_, points_.data(), cells_.size(),
                        static_cast<const std::uint32_t*>(heavy.data()),
                        static_cast<const std::array<float, 4>*>(means.data()), first_cell,
                        cells_.data());
        add_from(first_cell);
        return true;
    }

    void add_from(std::uint32_t first_cell) {
        run<AddToCells>(width_, points_.data(), weights_.data(),
                        static_cast<const std::uint32_t*>(cells_.data()), cells_.size(), first_cell,
                        sums_.data());
    }

    static constexpr int bits = 4;

    std::span<const float> points_;
    std::span<const double> weights_;
    Width width_;
    double limit_ = 0;
    std::size_t n_light_ = 0;  // cells that are not to be halved any more
    std::vector<std::uint32_t> cells_;
    std::vector<Sums> sums_;
};

}  // namespace pimenton
