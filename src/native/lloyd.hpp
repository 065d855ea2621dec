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

struct StepGroup {
    [[gnu::always_inline]] static void run(const Blocks* blocks, std::size_t group,
                                           Levels* levels, Moments* totals) {
        const float* points = blocks->points.data();
        const double* weights = blocks->weights.data();
        const Moments* sums = blocks->sums.data();
        const std::size_t n = blocks->weights.size();
        for_each_block(
            points, n, blocks->boxes.data(), group, *levels,
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

}  // namespace pimenton
