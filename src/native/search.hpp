// A search for centroids on few weighted points, a coarse model of many: clusters are split where
// that gains most and dissolved where it costs least.
//
// Gains and losses are guessed from sums first. Only the most promising are measured, by doing it and
// settling what is around, and a move is kept if inertia fell. Where no single move helps, many are
// made at once.
#pragma once

#include "partition.hpp"

namespace pimenton {

// Random numbers from a counter (G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number
// generators", 2014).
struct SplitMix {
    std::uint64_t state;

    double uniform() {
        std::uint64_t z = state += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
    }
};

// How long a search goes on.
struct SearchLimits {
    std::size_t n_trials;   // most splits and dissolutions tried one by one
    std::size_t n_breaths;  // many splits and dissolutions at once
    // A centroid that would lower inertia by a smaller share by moving stays while trials go on.
    double least_share;
};

// What splitting a cluster gains or dissolving it costs.
struct Prospect {
    enum State { unknown, guessed, measured };

    double value = 0;
    State state = unknown;
};

class Search {
   public:
    // Room for the centroids wanted and for those that are added for a while.
    static std::size_t capacity_for(std::size_t n_clusters) {
        return n_clusters + std::max<std::size_t>(1, n_clusters / breath_share);
    }

    Search(Partition& partition, std::size_t n_clusters, std::uint64_t seed)
        : partition_(partition), n_clusters_(n_clusters), random_{seed}, gains_(partition.size()),
          losses_(partition.size()) {}

    const std::vector<double>& history() const { return history_; }

    void settle(std::size_t n_steps, double least_share) {
        least_gain_ = least_share * partition_.inertia() / static_cast<double>(n_clusters_);
        partition_.settle(n_steps, least_gain_);
        keep();
    }

    // Dissolves and splits one by one until no split gains more than some dissolution costs.
    void improve(std::size_t n_trials) {
        std::size_t spare = 0;
        while (!partition_.is_empty(spare)) ++spare;
        for (std::size_t n = 0; n < n_trials; ++n) {
            guess_gains();
            guess_losses();
            const std::size_t target = largest(gains_);
            if (gains_[target].state != Prospect::measured) {
                measure_gain(target, spare);
                continue;
            }
            const std::size_t source = cheapest(target);
            if (source == none || losses_[source].value >= gains_[target].value) break;
            if (losses_[source].state != Prospect::measured) {
                measure_loss(source);
                continue;
            }
            if (move(source, target, spare))
                spare = source;
            else
                losses_[source].value = gains_[target].value;
        }
    }

    // Splits many clusters at once and dissolves as many, fewer after each failure (B. Fritzke, "The
    // breathing k-means algorithm", 2020).
    void breathe(std::size_t n_breaths) {
        const std::size_t most = n_clusters_ / breath_share;
        std::size_t n_moved = most;
        for (std::size_t n = 0; n < n_breaths && most > 0; ++n)
            if (!breathe_once(n_moved)) n_moved = n_moved > 1 ? n_moved / 2 : most;
    }

   private:
    static constexpr std::size_t none = ~std::size_t{0};
    // At most a centroid in four moves in one breath.
    static constexpr std::size_t breath_share = 4;
    static constexpr std::size_t n_trial_steps = 4;
    static constexpr std::size_t n_kept_steps = 6;
    // Measured, a split gains 1.0 to 1.7 times what the cut alone does, and a dissolution costs 0.5 to
    // 1.1 times as much as joining the nearest cluster.
    static constexpr double likely_gain = 1.3;
    static constexpr double likely_loss = 0.5;
    // A change of inertia by a smaller share may be rounding.
    static constexpr double least_change = 1e-9;
    // How much less likely a cluster may be drawn for a breath.
    static constexpr double chance = 0.3;

    void keep() {
        for (const auto j : partition_.touched())
            gains_[j].state = losses_[j].state = Prospect::unknown;
        partition_.keep();
        history_.push_back(partition_.inertia());
    }

    bool keep_if_better() {
        if (!(partition_.change() < -least_change * history_.back())) {
            partition_.undo();
            return false;
        }
        keep();
        return true;
    }

    void guess_gains() {
        for (std::size_t j = 0; j < gains_.size(); ++j)
            if (partition_.is_empty(j))
                gains_[j] = {-1, Prospect::unknown};
            else if (gains_[j].state == Prospect::unknown)
                gains_[j] = {likely_gain * partition_.gain_of_cutting(j), Prospect::guessed};
    }

    void guess_losses() {
        const JoiningCosts& costs = partition_.joining_costs();
        for (std::size_t j = 0; j < losses_.size(); ++j)
            if (!partition_.is_empty(j) && losses_[j].state == Prospect::unknown)
                losses_[j] = {likely_loss * static_cast<double>(costs.of(j)), Prospect::guessed};
    }

    static std::size_t largest(const std::vector<Prospect>& prospects) {
        const auto less = [](const Prospect& a, const Prospect& b) { return a.value < b.value; };
        return static_cast<std::size_t>(
            std::max_element(prospects.begin(), prospects.end(), less) - prospects.begin());
    }

    // The first of those that cost least: either of two small neighbours costs the same, but for
    // rounding.
    std::size_t cheapest(std::size_t except) const {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < losses_.size(); ++j)
            if (j != except && !partition_.is_empty(j)) least = std::min(least, losses_[j].value);
        for (std::size_t j = 0; j < losses_.size(); ++j)
            if (j != except && !partition_.is_empty(j) &&
                losses_[j].value * (1 - least_change) <= least)
                return j;
        return none;
    }

    void measure_gain(std::size_t target, std::size_t spare) {
        double gain = 0;
        if (partition_.split(target, spare)) {
            partition_.settle(n_trial_steps, least_gain_);
            gain = -partition_.change();
        }
        partition_.undo();
        gains_[target] = {gain, Prospect::measured};
    }

    void measure_loss(std::size_t source) {
        partition_.dissolve(source);
        partition_.settle(n_trial_steps, least_gain_);
        const double loss = partition_.change();
        partition_.undo();
        losses_[source] = {loss, Prospect::measured};
    }

    bool move(std::size_t source, std::size_t target, std::size_t spare) {
        partition_.dissolve(source);
        if (partition_.split(target, spare)) partition_.settle(n_kept_steps, least_gain_);
        return keep_if_better();
    }

    bool breathe_once(std::size_t n_moved) {
        guess_gains();
        std::vector<std::size_t> spare;
        std::vector<std::pair<double, std::size_t>> drawn;
        for (std::size_t j = 0; j < gains_.size(); ++j)
            if (partition_.is_empty(j))
                spare.push_back(j);
            else
                drawn.push_back({-gains_[j].value * (1.0 - chance * random_.uniform()), j});
        std::sort(drawn.begin(), drawn.end());
        std::size_t n_split = 0;
        for (std::size_t n = 0; n < std::min(n_moved, drawn.size()) && n_split < spare.size(); ++n)
            n_split += partition_.split(drawn[n].second, spare[n_split]);
        partition_.settle(n_trial_steps, least_gain_);
        for (; n_split > 0; --n_split) {
            partition_.dissolve(easiest_to_join());
            partition_.settle(1, least_gain_);
        }
        partition_.settle(n_kept_steps, least_gain_);
        return keep_if_better();
    }

    // The cluster that joins another one at the least cost.
    std::size_t easiest_to_join() {
        const JoiningCosts& costs = partition_.joining_costs();
        std::size_t best = 0;
        float least = std::numeric_limits<float>::infinity();
        for (std::size_t j = 0; j < partition_.size(); ++j) {
            if (partition_.is_empty(j) || !(costs.of(j) < least)) continue;
            least = costs.of(j);
            best = j;
        }
        return best;
    }

    Partition& partition_;
    std::size_t n_clusters_;
    SplitMix random_;
    std::vector<Prospect> gains_, losses_;
    std::vector<double> history_;
    double least_gain_ = 0;
};

struct Found {
    std::vector<float> centroids;
    std::vector<double> history;  // inertia from move to move
};

// Looks for centroids from given ones.
inline Found search(std::span<const float> points, std::span<const double> weights,
                    std::span<const float> start, std::size_t n_clusters,
                    const SearchLimits& limits, std::uint64_t seed, Width width) {
    constexpr std::size_t n_steps = 8;
    // The same of a cluster's inertia on average: at least, and in the end.
    constexpr double coarse_share = 3e-3, fine_share = 1e-4;
    Partition partition(points, weights, Search::capacity_for(n_clusters), width);
    Search search(partition, n_clusters, seed);
    partition.start_at(start);
    const auto k = static_cast<double>(n_clusters);
    search.settle(n_steps, std::max(coarse_share, limits.least_share * k));
    search.breathe(limits.n_breaths);
    search.improve(limits.n_trials);
    search.settle(n_steps, fine_share);
    return {partition.centroids(), search.history()};
}

}  // namespace pimenton
