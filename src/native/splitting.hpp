// Centroids by splitting alone: the cluster that gains most is cut across its longest axis, until
// there are as many as wanted.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "cuts.hpp"
#include "sums.hpp"

namespace pimenton {

class Splitting {
   public:
    Splitting(std::span<const float> points, std::span<const double> weights) {
        members_.reserve(weights.size());
        for (std::size_t i = 0; i < weights.size(); ++i)
            members_.push_back({{points[4 * i], points[4 * i + 1], points[4 * i + 2],
                                 points[4 * i + 3]}, weights[i]});
        Mass all;
        for (const Member& member : members_) all.add(member);
        clusters_.push_back(cluster_of(0, members_.size(), all));
    }

    // Splits until there are n_clusters, or nothing is left to gain.
    void split_to(std::size_t n_clusters) {
        const auto gains_less = [](const Cluster& a, const Cluster& b) { return a.gain < b.gain; };
        while (clusters_.size() < n_clusters) {
            const auto widest = std::max_element(clusters_.begin(), clusters_.end(), gains_less);
            if (!(widest->gain > 0)) break;
            const Cluster whole = *widest;
            const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(whole.begin);
            const auto end = members_.begin() + static_cast<std::ptrdiff_t>(whole.end);
            const auto cut = std::partition(begin, end, [&](const Member& member) {
                return !(whole.along(member) > whole.cut);
            });
            const auto at = static_cast<std::size_t>(cut - members_.begin());
            Mass rest = whole.mass;
            rest.take(whole.beyond);
            *widest = cluster_of(whole.begin, at, rest);
            clusters_.push_back(cluster_of(at, whole.end, whole.beyond));
        }
    }

    std::vector<float> centroids() const {
        std::vector<float> result;
        for (const Cluster& cluster : clusters_)
            for (const double sum : cluster.mass.first)
                result.push_back(static_cast<float>(sum / cluster.mass.weight));
        return result;
    }

   private:
    struct Member {
        std::array<float, 4> at;
        double weight;
    };

    struct Mass {
        std::array<double, 4> first{};
        double weight = 0;

        void add(const Member& member) {
            for (std::size_t a = 0; a < 4; ++a)
                first[a] += member.weight * static_cast<double>(member.at[a]);
            weight += member.weight;
        }

        void take(const Mass& other) {
            for (std::size_t a = 0; a < 4; ++a) first[a] -= other.first[a];
            weight -= other.weight;
        }
    };

    // A cluster, the plane it would be cut at, what lies beyond, and what the cut gains.
    struct Cluster {
        std::size_t begin, end;
        Mass mass;
        std::array<double, 4> axis{};
        double cut = 0, gain = 0;
        Mass beyond{};

        double along(const Member& member) const {
            double t = 0;
            for (std::size_t a = 0; a < 4; ++a) t += axis[a] * static_cast<double>(member.at[a]);
            return t;
        }
    };

    Cluster cluster_of(std::size_t begin, std::size_t end, const Mass& mass) {
        Cluster cluster{begin, end, mass};
        std::array<double, 4> mean;
        for (std::size_t a = 0; a < 4; ++a) mean[a] = mass.first[a] / mass.weight;
        std::array<std::array<double, 4>, 4> c{};
        for (std::size_t i = begin; i < end; ++i) {
            const Member& member = members_[i];
            std::array<double, 4> d;
            for (std::size_t a = 0; a < 4; ++a) d[a] = static_cast<double>(member.at[a]) - mean[a];
            for (std::size_t a = 0; a < 4; ++a)
                for (std::size_t b = 0; b <= a; ++b) c[a][b] += member.weight * d[a] * d[b];
        }
        for (std::size_t a = 0; a < 4; ++a)
            for (std::size_t b = a + 1; b < 4; ++b) c[a][b] = c[b][a];
        cluster.axis = longest_axis(c);
        along_.clear();
        weights_.clear();
        for (std::size_t i = begin; i < end; ++i) {
            along_.push_back(cluster.along(members_[i]));
            weights_.push_back(members_[i].weight);
        }
        cluster.cut = best_cut(along_.data(), weights_.data(), along_.size());
        for (std::size_t i = begin; i < end; ++i)
            if (along_[i - begin] > cluster.cut) cluster.beyond.add(members_[i]);
        Mass rest = mass;
        rest.take(cluster.beyond);
        if (!(cluster.beyond.weight > 0) || !(rest.weight > 0)) return cluster;
        double sq = 0;
        for (std::size_t a = 0; a < 4; ++a) {
            const double d =
                cluster.beyond.first[a] / cluster.beyond.weight - rest.first[a] / rest.weight;
            sq += d * d;
        }
        cluster.gain = sq * (cluster.beyond.weight * rest.weight / mass.weight);
        return cluster;
    }

    static std::array<double, 4> longest_axis(const std::array<std::array<double, 4>, 4>& c) {
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

    std::vector<Member> members_;
    std::vector<Cluster> clusters_;
    std::vector<double> along_, weights_;  // of one cluster
};

}  // namespace pimenton
