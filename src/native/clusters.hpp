// What is computed for whole clusters, a vector of points or of clusters at a time.
#pragma once

#include "cuts.hpp"
#include "nearest.hpp"
#include "sums.hpp"

namespace pimenton {

constexpr std::size_t vector_lanes = 16;

// The nearest of some centroids for each of some points by coordinate, `stride` apart, and how far it
// is, squared. Whole vectors are read and written.
template <std::size_t axes>
struct NearestOfFew {
    static constexpr std::size_t lanes = vector_lanes;

    [[gnu::always_inline]] static void run(const float* at, std::size_t stride, std::size_t n,
                                           const Candidates* few, std::uint32_t own,
                                           std::uint32_t* labels, std::uint32_t* n_leaving) {
        std::uint32_t leaving = 0;
        for (std::size_t first = 0; first < n; first += lanes) {
            const float* x = at + first;
            const float* y = x + stride;
            const float* z = y + stride;
            const float* w = z + stride;
            std::array<float, lanes> nearest_sq;
            std::array<std::uint32_t, lanes> label;
            nearest_sq.fill(std::numeric_limits<float>::infinity());
            label.fill(few->number[0]);
            for (std::size_t j = 0; j < few->n; ++j) {
                const float cx = few->at[0][j], cy = few->at[1][j];
                const float cz = few->at[2][j], cw = few->at[3][j];
                const std::uint32_t number = few->number[j];
                for (std::size_t i = 0; i < lanes; ++i) {
                    const float dx = x[i] - cx, dy = y[i] - cy, dz = z[i] - cz;
                    float d = dx * dx + dy * dy + dz * dz;
                    if constexpr (axes == 4) d += (w[i] - cw) * (w[i] - cw);
                    const std::uint32_t nearer = d < nearest_sq[i] ? 0xffffffffu : 0u;
                    label[i] = (label[i] & ~nearer) | (number & nearer);
                    nearest_sq[i] = std::min(nearest_sq[i], d);
                }
            }
            for (std::size_t i = 0; i < lanes; ++i) leaving += label[i] != own;
            std::copy_n(label.begin(), lanes, labels + first);
        }
        *n_leaving = leaving;
    }
};

// Boxes around clusters, by coordinate.
struct Boxes {
    std::vector<float> middle[4], half[4];

    explicit Boxes(std::size_t k) {
        for (std::size_t a = 0; a < 4; ++a) {
            middle[a].resize(k);
            half[a].resize(k);
        }
    }

    Box of(std::size_t j) const {
        Box box;
        for (std::size_t a = 0; a < 4; ++a) {
            box.middle[a] = middle[a][j];
            box.half[a] = half[a][j];
        }
        return box;
    }

    void set(std::size_t j, const Box& box) {
        for (std::size_t a = 0; a < 4; ++a) {
            middle[a][j] = box.middle[a];
            half[a][j] = box.half[a];
        }
    }

    void widen(std::size_t j, const float* point) {
        bool inside = true;
        for (std::size_t a = 0; a < 4; ++a)
            inside = inside && std::abs(point[a] - middle[a][j]) <= half[a][j];
        if (inside) return;
        std::array<float, 4> low, high;
        for (std::size_t a = 0; a < 4; ++a) {
            low[a] = std::min(point[a], middle[a][j] - half[a][j]);
            high[a] = std::max(point[a], middle[a][j] + half[a][j]);
        }
        set(j, box_between(low, high));
    }
};

// Whether a centroid may be nearer than each cluster's own to some place in the cluster's box.
template <std::size_t axes>
struct MayWin {
    static constexpr std::size_t lanes = vector_lanes;

    [[gnu::always_inline]] static void run(const Candidates* all, const Boxes* boxes,
                                           std::size_t from, std::uint8_t* may_win) {
        constexpr float margin = 1e-5f;
        const std::size_t k = all->n;
        float c[4];
        const float *at[4], *middle[4], *half[4];
        for (std::size_t a = 0; a < 4; ++a) {
            at[a] = all->at[a].data();
            middle[a] = boxes->middle[a].data();
            half[a] = boxes->half[a].data();
            c[a] = at[a][from];
        }
        for (std::size_t first = 0; first < k; first += lanes) {
            std::array<float, lanes> there{}, here{}, reach{}, radius{};
            for (std::size_t a = 0; a < axes; ++a)
                for (std::size_t i = 0; i < lanes; ++i) {
                    const float m = middle[a][first + i], own = at[a][first + i];
                    const float h = half[a][first + i];
                    const float u = m - c[a], v = m - own;
                    there[i] += u * u;
                    here[i] += v * v;
                    reach[i] += h * std::abs(c[a] - own);
                    radius[i] += h * h;
                }
            std::array<std::uint32_t, lanes> wins;
            for (std::size_t i = 0; i < lanes; ++i) {
                const float floor = here[i] + margin * (here[i] + radius[i]) +
                                    std::numeric_limits<float>::min();
                wins[i] = there[i] * (1.0f - margin) - 2.0f * reach[i] - floor <= 0.0f;
            }
            for (std::size_t i = 0; i < lanes; ++i)
                may_win[first + i] = static_cast<std::uint8_t>(wins[i]);
        }
    }
};

// The box around points by coordinate.
template <std::size_t axes>
struct BoxAround {
    static constexpr std::size_t lanes = vector_lanes;

    [[gnu::always_inline]] static void run(const float* at, std::size_t stride, std::size_t n,
                                           std::array<float, 4>* low, std::array<float, 4>* high) {
        for (std::size_t a = axes; a < 4; ++a) (*low)[a] = (*high)[a] = at[a * stride];
        for (std::size_t a = 0; a < axes; ++a) {
            const float* x = at + a * stride;
            std::array<float, lanes> least, most;
            least.fill(x[0]);
            most.fill(x[0]);
            std::size_t first = 0;
            for (; first + lanes <= n; first += lanes)
                for (std::size_t i = 0; i < lanes; ++i) {
                    least[i] = std::min(least[i], x[first + i]);
                    most[i] = std::max(most[i], x[first + i]);
                }
            for (std::size_t i = 0; first + i < n; ++i) {
                least[i] = std::min(least[i], x[first + i]);
                most[i] = std::max(most[i], x[first + i]);
            }
            (*low)[a] = *std::min_element(least.begin(), least.end());
            (*high)[a] = *std::max_element(most.begin(), most.end());
        }
    }
};

// The points of a cluster: numbers, weights, and coordinates kept together for whole vectors.
struct Members {
    std::size_t n = 0, capacity = 0;
    std::vector<std::uint32_t> points;
    std::vector<double> weights;
    std::vector<float> at;

    void push(std::uint32_t point, double weight, const float* x) {
        if (n == capacity) grow();
        points[n] = point;
        weights[n] = weight;
        for (std::size_t a = 0; a < 4; ++a) at[a * capacity + n] = x[a];
        ++n;
    }

    // Puts the last point in the place of one that leaves, and gives its number.
    std::uint32_t pop_into(std::size_t i) {
        --n;
        points[i] = points[n];
        weights[i] = weights[n];
        for (std::size_t a = 0; a < 4; ++a) at[a * capacity + i] = at[a * capacity + n];
        return points[i];
    }

   private:
    void grow() {
        const std::size_t wider = std::max(2 * capacity, 2 * vector_lanes);
        std::vector<float> wider_at(4 * wider);
        for (std::size_t a = 0; a < 4; ++a)
            std::copy_n(at.begin() + static_cast<std::ptrdiff_t>(a * capacity), n,
                        wider_at.begin() + static_cast<std::ptrdiff_t>(a * wider));
        at.swap(wider_at);
        points.resize(wider);
        weights.resize(wider);
        capacity = wider;
    }
};

// Sums of weighted products of coordinates about a mean, in the lower half of a matrix.
template <std::size_t axes>
struct Covariance {
    static constexpr std::size_t lanes = 8;

    [[gnu::always_inline]] static void run(const float* at, std::size_t stride, std::size_t n,
                                           const double* weights, const double* mean,
                                           double (*products)[4]) {
        std::array<double, lanes> sum[axes][axes] = {};
        for (std::size_t first = 0; first < n; first += lanes) {
            std::array<double, lanes> d[axes], weight;
            for (std::size_t i = 0; i < lanes; ++i)
                weight[i] = first + i < n ? weights[first + i] : 0.0;
            for (std::size_t a = 0; a < axes; ++a)
                for (std::size_t i = 0; i < lanes; ++i)
                    d[a][i] = static_cast<double>(at[a * stride + first + i]) - mean[a];
            for (std::size_t a = 0; a < axes; ++a)
                for (std::size_t b = 0; b <= a; ++b)
                    for (std::size_t i = 0; i < lanes; ++i)
                        sum[a][b][i] += weight[i] * (d[a][i] * d[b][i]);
        }
        for (std::size_t a = 0; a < axes; ++a)
            for (std::size_t b = 0; b <= a; ++b)
                for (std::size_t i = 0; i < lanes; ++i) products[a][b] += sum[a][b][i];
    }
};

// How far each of some points lies along an axis, and where to cut there.
template <std::size_t axes>
struct CutAlong {
    [[gnu::always_inline]] static void run(const float* at, std::size_t stride, std::size_t n,
                                           const double* weights, const double* axis,
                                           double* along, double* cut) {
        for (std::size_t i = 0; i < n; ++i) {
            double t = 0;
            for (std::size_t a = 0; a < axes; ++a)
                t += axis[a] * static_cast<double>(at[a * stride + i]);
            along[i] = t;
        }
        *cut = best_cut(along, weights, n);
    }
};

// The direction in which a cluster's points vary most, by power iteration.
template <std::size_t axes>
inline std::array<double, 4> longest_axis(const Members& members, const Sums& sums, Width width) {
    double c[4][4] = {};
    std::array<double, 4> mean;
    for (std::size_t a = 0; a < 4; ++a) mean[a] = sums.first[a] / sums.weight;
    run<Covariance<axes>>(width, members.at.data(), members.capacity, members.n,
                          members.weights.data(), static_cast<const double*>(mean.data()), c);
    for (std::size_t a = 0; a < 4; ++a)
        for (std::size_t b = a + 1; b < 4; ++b) c[a][b] = c[b][a];
    std::size_t widest = 0;
    for (std::size_t a = 1; a < 4; ++a)
        if (c[a][a] > c[widest][widest]) widest = a;
    std::array<double, 4> axis{};
    axis[widest] = 1;
    if (!(c[widest][widest] > 0)) return axis;
    constexpr int n_iterations = 8;
    for (int n = 0; n < n_iterations; ++n) {
        std::array<double, 4> next{};
        double length = 0;
        for (std::size_t a = 0; a < 4; ++a) {
            for (std::size_t b = 0; b < 4; ++b) next[a] += c[a][b] * axis[b];
            length = std::max(length, std::abs(next[a]));
        }
        for (std::size_t a = 0; a < 4; ++a) axis[a] = next[a] / length;
    }
    return axis;
}

}  // namespace pimenton
