// Weighted sums over points.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

namespace pimenton {

// Sums over some points: what their mean and inertia come from.
struct Sums {
    std::array<double, 4> first{};
    double weight = 0;
    double energy = 0;

    void add(const float* point, double by) {
        double sq = 0;
        for (std::size_t a = 0; a < 4; ++a) {
            const double x = point[a];
            first[a] += by * x;
            sq += x * x;
        }
        weight += by;
        energy += by * sq;
    }

    void add(const Sums& other) {
        for (std::size_t a = 0; a < 4; ++a) first[a] += other.first[a];
        weight += other.weight;
        energy += other.energy;
    }

    double inertia() const {
        if (!(weight > 0)) return 0;
        double sq = 0;
        for (const double part : first) sq += part * part;
        return std::max(0.0, energy - sq / weight);
    }
};

// By how much inertia rises if two sets of points with these sums become one.
inline double cost_of_joining(const Sums& a, const Sums& b) {
    if (!(a.weight > 0) || !(b.weight > 0)) return 0;
    double sq = 0;
    for (std::size_t axis = 0; axis < 4; ++axis) {
        const double d = a.first[axis] / a.weight - b.first[axis] / b.weight;
        sq += d * d;
    }
    return sq * (a.weight * b.weight / (a.weight + b.weight));
}

}  // namespace pimenton
