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

struct AddUpBlocks {
    [[gnu::always_inline]] static void run(const float* points, const double* weights,
                                           std::size_t n, Moments* sums) {
        for (std::size_t at = 0; at < n; at += block_size, ++sums) {
            Moments sum{};
            for (std::size_t i = at; i < std::min(n, at + block_size); ++i)
                add_point(sum.data(), weights[i], points + 4 * i);
            *sums = sum;
        }
    }
};

// Points with what never changes from step to step.
struct Blocks {
    std::span<const float> points;
    std::span<const double> weights;
    std::vector<Box> boxes;
    std::vector<Moments> sums;

    Blocks(std::span<const float> points_, std::span<const double> weights_, int n_threads,
           Width width)
        : points(points_), weights(weights_), boxes(boxes_of(points_, n_threads, width)),
          sums(boxes.size()) {
        const std::size_t n = weights.size();
        for_each_chunk(chunks_of(n, chunk_size), n_threads, [&](std::size_t chunk) {
            const std::size_t first = chunk * chunk_size;
            run<AddUpBlocks>(width, points.data() + 4 * first, weights.data() + first,
                             std::min(chunk_size, n - first), sums.data() + first / block_size);
        });
    }
};

// What changed in a centroid's points since the step before.
struct Change {
    Moments sum{};
    std::int64_t n_points = 0;

    void add(const Moments& block, std::int64_t n) {
        for (std::size_t m = 0; m < moments; ++m) sum[m] += block[m];
        n_points += n;
    }
    void take(const Moments& block, std::int64_t n) {
        for (std::size_t m = 0; m < moments; ++m) sum[m] -= block[m];
        n_points -= n;
    }
    void add(const float* point, double weight) {
        add_point(sum.data(), weight, point);
        ++n_points;
    }
    void take(const float* point, double weight) {
        add_point(sum.data(), -weight, point);
        --n_points;
    }
};

// Where the points were after the last step: most stay from step to step, and only those that do not
// change the sums.
struct Places {
    static constexpr std::uint32_t nowhere = 0xffffffffu, several = 0xfffffffeu;

    std::vector<std::uint32_t> of_block;  // the centroid of a whole block, or one of the above
    std::vector<BlockLabels> of_points;   // where a block has several
    std::vector<Change> totals;

    bool fit(std::size_t k) const { return totals.size() == k; }

    void clear(std::size_t n_blocks, std::size_t k) {
        of_block.assign(n_blocks, nowhere);
        of_points.resize(n_blocks);
        totals.assign(k, Change{});
    }
};

template <std::size_t axes>
struct StepGroup {
    [[gnu::always_inline]] static void run(const Blocks* blocks, std::size_t group,
                                           Levels* levels, Places* places, Change* changes) {
        const float* points = blocks->points.data();
        const double* weights = blocks->weights.data();
        const Moments* sums = blocks->sums.data();
        const std::size_t n = blocks->weights.size();
        std::uint32_t* of_block = places->of_block.data();
        BlockLabels* of_points = places->of_points.data();
        for_each_block<axes>(
            points, n, blocks->boxes.data(), group, *levels,
            [=](std::size_t b, std::uint32_t label) {
                const std::uint32_t old = of_block[b];
                if (old == label) return;
                const std::size_t first = b * block_size, n_here = std::min(block_size, n - first);
                of_block[b] = label;
                if (old == Places::several) {
                    BlockLabels labels;
                    labels.fill(label);
                    move_points(points, weights, first, n_here, of_points[b], labels, changes);
                    return;
                }
                const auto count = static_cast<std::int64_t>(n_here);
                changes[label].add(sums[b], count);
                if (old != Places::nowhere) changes[old].take(sums[b], count);
            },
            [=](std::size_t b, const BlockLabels& labels) {
                const std::uint32_t old = of_block[b];
                const std::size_t first = b * block_size, n_here = std::min(block_size, n - first);
                of_block[b] = Places::several;
                if (old == Places::nowhere) {
                    for (std::size_t i = 0; i < n_here; ++i)
                        changes[labels[i]].add(points + 4 * (first + i), weights[first + i]);
                } else {
                    if (old != Places::several) of_points[b].fill(old);
                    move_points(points, weights, first, n_here, of_points[b], labels, changes);
                }
                of_points[b] = labels;
            });
    }

    [[gnu::always_inline]] static void move_points(const float* points, const double* weights,
                                                   std::size_t first, std::size_t n,
                                                   const BlockLabels& from, const BlockLabels& to,
                                                   Change* changes) {
        std::array<std::uint32_t, block_size> differs;
        for (std::size_t i = 0; i < block_size; ++i) differs[i] = from[i] != to[i];
        std::array<std::uint8_t, block_size> is_new;
        for (std::size_t i = 0; i < block_size; ++i)
            is_new[i] = static_cast<std::uint8_t>(differs[i]);
        for_each_flag(is_new.data(), n, [&](std::size_t i) {
            const float* point = points + 4 * (first + i);
            changes[from[i]].take(point, weights[first + i]);
            changes[to[i]].add(point, weights[first + i]);
        });
    }
};

// The means of runs of n_each points, the last one shorter.
struct MergeRuns {
    [[gnu::always_inline]] static void run(const float* points, const double* weights,
                                           std::size_t n, std::size_t n_each, float* means,
                                           double* masses) {
        for (std::size_t first = 0; first < n; first += n_each, means += 4) {
            std::array<double, 4> sum{};
            double mass = 0;
            for (std::size_t i = first; i < std::min(n, first + n_each); ++i) {
                const double weight = weights[i];
                for (std::size_t a = 0; a < 4; ++a)
                    sum[a] += weight * static_cast<double>(points[4 * i + a]);
                mass += weight;
            }
            for (std::size_t a = 0; a < 4; ++a) means[a] = static_cast<float>(sum[a] / mass);
            *masses++ = mass;
        }
    }
};

inline void merge_runs(std::span<const float> points, std::span<const double> weights,
                       std::size_t n_each, std::span<float> means, std::span<double> masses,
                       int n_threads, Width width) {
    constexpr std::size_t runs_per_chunk = 4096;
    const std::size_t n = weights.size();
    for_each_chunk(chunks_of(masses.size(), runs_per_chunk), n_threads, [&](std::size_t chunk) {
        const std::size_t run_number = chunk * runs_per_chunk, first = run_number * n_each;
        run<MergeRuns>(width, points.data() + 4 * first, weights.data() + first,
                       std::min(n - first, runs_per_chunk * n_each), n_each,
                       means.data() + 4 * run_number, masses.data() + run_number);
    });
}

// The moments (k, 9) of each centroid's points; `places` are those of the step before, if there was
// one.
inline void lloyd_step(const Blocks& blocks, std::span<const float> centroids, Places& places,
                       std::span<double> totals, int n_threads, Width width) {
    const std::size_t n = blocks.weights.size(), k = centroids.size() / 4;
    const std::size_t n_chunks = chunks_of(n, chunk_size);
    if (!places.fit(k)) places.clear(blocks.boxes.size(), k);
    std::vector<Change> sums(k), changes(n_chunks * k);
    // Void until the step is done, since it may be broken off.
    sums.swap(places.totals);
    places.totals.clear();
    const bool is_flat = share_fourth(blocks.boxes, centroids);
    for_each_chunk(n_chunks, n_threads, [&](std::size_t chunk) {
        Levels levels(centroids);
        const std::size_t last = std::min(chunks_of(n, group_size), (chunk + 1) * groups_per_chunk);
        Change* here = changes.data() + chunk * k;
        for (std::size_t group = chunk * groups_per_chunk; group < last; ++group)
            if (is_flat)
                run<StepGroup<3>>(width, &blocks, group, &levels, &places, here);
            else
                run<StepGroup<4>>(width, &blocks, group, &levels, &places, here);
    });
    for (std::size_t chunk = 0; chunk < n_chunks; ++chunk)
        for (std::size_t j = 0; j < k; ++j)
            sums[j].add(changes[chunk * k + j].sum, changes[chunk * k + j].n_points);
    for (std::size_t j = 0; j < k; ++j) {
        // What differences of sums leave of an empty cluster is rounding.
        if (sums[j].n_points == 0) sums[j] = Change{};
        std::copy(sums[j].sum.begin(), sums[j].sum.end(), totals.begin() + moments * j);
    }
    places.totals.swap(sums);
}

}  // namespace pimenton
