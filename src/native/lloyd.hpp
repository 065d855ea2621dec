// One step of K-means: give each point to its nearest centroid, and add up what each centroid got.
//
// What a block of neighbouring points weighs is added up once; a step touches single points only in
// blocks that more than one centroid shares.
#pragma once

#include "nearest.hpp"

namespace pimenton {

// Weighted coordinates (4), weighted squared coordinates (4), and weight of a set of points: in this
// order, so that four lanes of double take each point.
constexpr std::size_t moments = 9;
using Moments = std::array<double, moments>;

[[gnu::always_inline]] inline void add_point(double* sum, double weight, const float* point) {
    double first[4], second[4];
    for (std::size_t a = 0; a < 4; ++a) {
        const double x = point[a];
        first[a] = sum[a] + weight * x;
        second[a] = sum[4 + a] + weight * (x * x);
    }
    for (std::size_t a = 0; a < 4; ++a) sum[a] = first[a];
    for (std::size_t a = 0; a < 4; ++a) sum[4 + a] = second[a];
    sum[8] += weight;
}

// Points with what never changes from step to step.
struct Blocks {
    std::span<const float> points;
    std::span<const double> weights;
    BlockedPoints blocked;
    std::vector<Moments> sums;

    Blocks(std::span<const float> points_, std::span<const double> weights_, int n_threads)
        : points(points_), weights(weights_), blocked(points_, n_threads),
          sums(blocked.boxes.size()) {
        const std::size_t n = weights.size();
        for_each_chunk(chunks_of(n, chunk_size), n_threads, [&](std::size_t chunk) {
            for (std::size_t i = chunk * chunk_size; i < std::min(n, (chunk + 1) * chunk_size); ++i)
                add_point(sums[i / block_size].data(), weights[i], &points[4 * i]);
        });
    }
};

struct StepGroup {
    [[gnu::always_inline]] static void run(const Blocks* blocks, std::size_t group,
                                           Levels* levels, Moments* totals) {
        const float* points = blocks->points.data();
        const double* weights = blocks->weights.data();
        const Moments* sums = blocks->sums.data();
        const std::size_t n = blocks->weights.size();
        for_each_block(
            blocks->blocked.lanes.data(), chunks_of(n, block_size), blocks->blocked.boxes.data(),
            group, *levels,
            [=](std::size_t b, std::uint32_t label) {
                for (std::size_t m = 0; m < moments; ++m) totals[label][m] += sums[b][m];
            },
            [=](std::size_t b, const BlockLabels& labels) {
                const std::size_t first = b * block_size;
                for (std::size_t i = 0; i < std::min(block_size, n - first); ++i)
                    add_point(totals[labels[i]].data(), weights[first + i],
                              points + 4 * (first + i));
            });
    }
};

// The moments (k, 9) of each centroid's points.
inline void lloyd_step(const Blocks& blocks, std::span<const float> centroids,
                       std::span<double> totals, int n_threads, Width width) {
    const std::size_t n = blocks.weights.size(), k = centroids.size() / 4;
    const std::size_t n_chunks = chunks_of(n, chunk_size);
    std::vector<Moments> partial(n_chunks * k);
    for_each_chunk(n_chunks, n_threads, [&](std::size_t chunk) {
        Levels levels(centroids);
        const std::size_t last = std::min(chunks_of(n, group_size), (chunk + 1) * groups_per_chunk);
        for (std::size_t group = chunk * groups_per_chunk; group < last; ++group)
            run<StepGroup>(width, &blocks, group, &levels, partial.data() + chunk * k);
    });
    std::fill(totals.begin(), totals.end(), 0.0);
    for (std::size_t chunk = 0; chunk < n_chunks; ++chunk)
        for (std::size_t j = 0; j < k; ++j)
            for (std::size_t m = 0; m < moments; ++m)
                totals[moments * j + m] += partial[chunk * k + j][m];
}

// For each point the smaller of `sq` and its squared distance to one more centroid.
struct LowerDistances {
    [[gnu::always_inline]] static void run(const float* points, std::size_t n, const float* c,
                                           float* sq) {
        const float cx = c[0], cy = c[1], cz = c[2], cw = c[3];
        for (std::size_t i = 0; i < n; ++i) {
            const float dx = points[4 * i] - cx, dy = points[4 * i + 1] - cy;
            const float dz = points[4 * i + 2] - cz, dw = points[4 * i + 3] - cw;
            const float d = dx * dx + dy * dy + dz * dz + dw * dw;
            sq[i] = d < sq[i] ? d : sq[i];
        }
    }
};

// Greedy k-means++ (Arthur and Vassilvitskii, 2007): each next centroid is a point drawn with
// probability proportional to weight times squared distance to the nearest centroid so far; of
// several drawn, the one that lowers the sum most. `uniforms` holds n_clusters rows of n_trials
// numbers in [0, 1). Returns the chosen points' numbers, fewer where the points run out.
inline std::vector<std::uint32_t> plus_plus(std::span<const float> points,
                                            std::span<const double> weights,
                                            std::span<const double> uniforms,
                                            std::size_t n_clusters, Width width) {
    const std::size_t n = weights.size(), n_trials = uniforms.size() / n_clusters;
    std::vector<float> sq(n, 1.0f), trial(n), best(n);
    std::vector<double> sums(n);
    std::vector<std::uint32_t> chosen;
    for (std::size_t j = 0; j < n_clusters; ++j) {
        double total = 0;
        for (std::size_t i = 0; i < n; ++i) sums[i] = total += weights[i] * sq[i];
        if (!(total > 0)) break;
        double least = std::numeric_limits<double>::infinity();
        std::size_t pick = 0;
        for (std::size_t t = 0; t < (j == 0 ? 1 : n_trials); ++t) {
            const double draw = uniforms[n_trials * j + t] * total;
            auto i = static_cast<std::size_t>(std::upper_bound(sums.begin(), sums.end(), draw) -
                                              sums.begin());
            i = std::min(i, n - 1);
            while (i > 0 && !(weights[i] * sq[i] > 0)) --i;
            trial = sq;
            if (j == 0) trial.assign(n, std::numeric_limits<float>::max());
            run<LowerDistances>(width, points.data(), n, points.data() + 4 * i, trial.data());
            double sum = 0;
            for (std::size_t p = 0; p < n; ++p) sum += weights[p] * trial[p];
            if (sum < least) {
                least = sum;
                pick = i;
                best.swap(trial);
            }
        }
        sq.swap(best);
        chosen.push_back(static_cast<std::uint32_t>(pick));
    }
    return chosen;
}

// Points merged by the cells of a grid over their bounding box, 2^bits cells along each axis of
// any extent, as weighted means, in the order in which the cells are met.
struct Merged {
    std::vector<float> points;
    std::vector<double> weights;
};

inline Merged merge_cells(std::span<const float> points, std::span<const double> weights,
                          int bits) {
    const std::size_t n = weights.size();
    const Box box = box_of(points.data(), n);
    std::array<float, 4> low{}, scale{};
    std::array<std::uint32_t, 4> shift{};
    const float cells = static_cast<float>(1 << bits);
    std::uint32_t used = 0;
    for (std::size_t a = 0; a < 4; ++a) {
        low[a] = box.middle[a] - box.half[a];
        shift[a] = used;
        if (box.half[a] <= 0) continue;
        scale[a] = cells / (2.0f * box.half[a]);
        used += static_cast<std::uint32_t>(bits);
    }
    std::vector<std::uint32_t> place(std::size_t{1} << used, 0xffffffffu);
    std::vector<Moments> sums;
    for (std::size_t i = 0; i < n; ++i) {
        std::uint32_t cell = 0;
        for (std::size_t a = 0; a < 4; ++a) {
            const float t = std::clamp((points[4 * i + a] - low[a]) * scale[a], 0.0f, cells - 1.0f);
            cell |= static_cast<std::uint32_t>(t) << shift[a];
        }
        if (place[cell] == 0xffffffffu) {
            place[cell] = static_cast<std::uint32_t>(sums.size());
            sums.emplace_back();
        }
        add_point(sums[place[cell]].data(), weights[i], &points[4 * i]);
    }
    Merged merged;
    merged.points.reserve(4 * sums.size());
    merged.weights.reserve(sums.size());
    for (const auto& sum : sums) {
        for (std::size_t a = 0; a < 4; ++a)
            merged.points.push_back(static_cast<float>(sum[a] / sum[8]));
        merged.weights.push_back(sum[8]);
    }
    return merged;
}

}  // namespace pimenton
