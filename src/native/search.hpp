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

// How long a search goes on: rounds of three kinds of moves.
struct SearchLimits {
    std::size_t n_rounds;
    std::size_t n_breaths;  // many splits and dissolutions at once
    std::size_t n_trials;   // most splits and dissolutions tried one by one
    std::size_t n_pairs;    // a split and a dissolution at once
    // A centroid that would lower inertia by a smaller share by moving stays while trials go on.
    double least_share;
};

// How what is tried is settled and drawn: many rounds pay for more care, and would draw the same
// clusters again and again.
struct Care {
    // A centroid that would lower inertia by a smaller share of a cluster's by moving stays.
    double share;
    std::size_t n_trial_steps, n_kept_steps;
    // By how much less a cluster may promise than another that is drawn later for a breath.
    double chance;
};
constexpr Care care_in_one_round{3e-3, 4, 6, 0.3}, care_in_many_rounds{3e-4, 8, 16, 0.9};

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

    Search(Partition& partition, std::size_t n_clusters, const Care& care, std::uint64_t seed)
        : partition_(partition), n_clusters_(n_clusters), care_(care), random_{seed},
          gains_(partition.size()), losses_(partition.size()) {}

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

    // Tries a split and a dissolution at once, each pair once, those first whose parts promise most:
    // where the clusters touch, both cost less than one after the other.
    void try_pairs(std::size_t n_pairs) {
        // With many thousand clusters a flag for each pair is more memory than all else.
        if (n_pairs == 0) return;
        const std::size_t k = gains_.size();
        std::vector<std::uint8_t> tried(k * k);
        std::size_t spare = 0;
        while (!partition_.is_empty(spare)) ++spare;
        for (std::size_t n = 0; n < n_pairs; ++n) {
            guess_gains();
            guess_losses();
            const auto [target, source] = likeliest_pair(tried);
            if (source == none) break;
            tried[target * k + source] = 1;
            if (!move_if_likely(source, target, spare)) continue;
            spare = source;
            std::fill(tried.begin(), tried.end(), std::uint8_t{0});
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
    static constexpr std::size_t n_first_steps = 2;
    // After so few steps, inertia is at most this share of a cluster's higher where more will help.
    static constexpr double hopeless = 0.2;
    // Measured, a split gains 1.0 to 1.7 times what the cut alone does, and a dissolution costs 0.5 to
    // 1.1 times as much as joining the nearest cluster.
    static constexpr double likely_gain = 1.3;
    static constexpr double likely_loss = 0.5;
    // A change of inertia by a smaller share may be rounding.
    static constexpr double least_change = 1e-9;

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
            partition_.settle(care_.n_trial_steps, least_gain_);
            gain = -partition_.change();
        }
        partition_.undo();
        gains_[target] = {gain, Prospect::measured};
    }

    void measure_loss(std::size_t source) {
        partition_.dissolve(source);
        partition_.settle(care_.n_trial_steps, least_gain_);
        const double loss = partition_.change();
        partition_.undo();
        losses_[source] = {loss, Prospect::measured};
    }

    bool move(std::size_t source, std::size_t target, std::size_t spare) {
        partition_.dissolve(source);
        if (partition_.split(target, spare)) partition_.settle(care_.n_kept_steps, least_gain_);
        return keep_if_better();
    }

    bool move_if_likely(std::size_t source, std::size_t target, std::size_t spare) {
        partition_.dissolve(source);
        if (partition_.split(target, spare)) {
            partition_.settle(n_first_steps, least_gain_);
            const double most = hopeless * history_.back() / static_cast<double>(n_clusters_);
            if (partition_.change() < most) partition_.settle(care_.n_kept_steps, least_gain_);
        }
        return keep_if_better();
    }

    struct Pair {
        std::size_t target = none, source = none;
    };

    // The pair of which a gain less a loss is largest, but for rounding; of equal ones the first.
    Pair likeliest_pair(const std::vector<std::uint8_t>& tried) const {
        double least_loss = std::numeric_limits<double>::infinity();
        for (std::size_t j = 0; j < losses_.size(); ++j)
            if (!partition_.is_empty(j)) least_loss = std::min(least_loss, losses_[j].value);
        double best = -std::numeric_limits<double>::infinity();
        for_each_pair(tried, least_loss, [&](std::size_t, std::size_t, double value) {
            best = std::max(best, value);
            return best;
        });
        Pair pair;
        const double enough = best - least_change * history_.back();
        for_each_pair(tried, least_loss, [&](std::size_t target, std::size_t source, double value) {
            if (value < enough) return enough;
            pair = {target, source};
            return std::numeric_limits<double>::infinity();
        });
        return pair;
    }

    // Visits pairs that may be better than what the last visit gave.
    template <class Visit>
    void for_each_pair(const std::vector<std::uint8_t>& tried, double least_loss,
                       Visit visit) const {
        const std::size_t k = gains_.size();
        double wanted = -std::numeric_limits<double>::infinity();
        for (std::size_t i = 0; i < k; ++i) {
            if (!(gains_[i].value > 0)) continue;
            for (std::size_t j = 0; j < k && gains_[i].value - least_loss >= wanted; ++j)
                if (i != j && !partition_.is_empty(j) && !tried[i * k + j] &&
                    gains_[i].value - losses_[j].value >= wanted)
                    wanted = visit(i, j, gains_[i].value - losses_[j].value);
        }
    }

    bool breathe_once(std::size_t n_moved) {
        guess_gains();
        std::vector<std::size_t> spare;
        std::vector<std::pair<double, std::size_t>> drawn;
        for (std::size_t j = 0; j < gains_.size(); ++j)
            if (partition_.is_empty(j))
                spare.push_back(j);
            else
                drawn.push_back({-gains_[j].value * (1.0 - care_.chance * random_.uniform()), j});
        std::sort(drawn.begin(), drawn.end());
        std::size_t n_split = 0;
        for (std::size_t n = 0; n < std::min(n_moved, drawn.size()) && n_split < spare.size(); ++n)
            n_split += partition_.split(drawn[n].second, spare[n_split]);
        partition_.settle(care_.n_trial_steps, least_gain_);
        for (; n_split > 0; --n_split) {
            partition_.dissolve(easiest_to_join());
            partition_.settle(1, least_gain_);
        }
        partition_.settle(care_.n_kept_steps, least_gain_);
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
    const Care& care_;
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
    constexpr double fine_share = 1e-4;
    const Care& care = limits.n_rounds > 1 ? care_in_many_rounds : care_in_one_round;
    Partition partition(points, weights, Search::capacity_for(n_clusters), width);
    Search search(partition, n_clusters, care, seed);
    partition.start_at(start);
    search.settle(n_steps,
                  std::max(care.share, limits.least_share * static_cast<double>(n_clusters)));
    for (std::size_t n = 0; n < limits.n_rounds; ++n) {
        search.breathe(limits.n_breaths);
        search.improve(limits.n_trials);
        search.try_pairs(limits.n_pairs);
    }
    search.settle(n_steps, fine_share);
    return {partition.centroids(), search.history()};
}

}  // namespace pimenton
