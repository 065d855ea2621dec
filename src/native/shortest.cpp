// The literals and matches that write given bytes in the fewest bits of deflate.
//
// What a symbol costs depends on how often it comes, so the cheapest path is looked for again and
// again, each time at the prices of the last one. Of all matches at a place whose distances have one
// code only the longest counts: they cost the same, and each contains the shorter ones.
#include "shortest.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "parallel.hpp"

namespace pimenton {
namespace {

struct Match {
    std::uint16_t length, distance;
};

// The longest match of each code of distances at each place, by rising code.
struct Matches {
    std::vector<Match> all;
    std::vector<std::uint32_t> first, codes;  // of each place: where its matches begin, and a bit for each code

    const Match* find(std::size_t place, std::size_t code) const {
        const std::uint32_t bit = std::uint32_t{1} << code;
        if ((codes[place] & bit) == 0) return nullptr;
        return all.data() + first[place] + std::popcount(codes[place] & (bit - 1));
    }
};

constexpr std::uint32_t nowhere = 0xffffffffu;

// Bytes that are alike from two places on, up to `most` of them.
std::size_t alike(const std::uint8_t* a, const std::uint8_t* b, std::size_t most) {
    std::size_t n = 0;
    if constexpr (std::endian::native == std::endian::little)
        for (; n + 8 <= most; n += 8) {
            std::uint64_t x, y;
            std::memcpy(&x, a + n, 8);
            std::memcpy(&y, b + n, 8);
            if (x != y) return n + static_cast<std::size_t>(std::countr_zero(x ^ y)) / 8;
        }
    while (n < most && a[n] == b[n]) ++n;
    return n;
}

// The longest match of each code of distances.
struct Longest {
    std::array<std::uint16_t, n_distance_codes> length{}, distance{};
};

void follow(Longest& longest, std::span<const std::uint8_t> bytes, std::size_t place,
            std::size_t distance, std::size_t most) {
    const auto code = static_cast<std::size_t>(distance_code(static_cast<int>(distance)));
    const std::size_t known = longest.length[code];
    const std::uint8_t* here = bytes.data() + place;
    const std::uint8_t* there = here - distance;
    if (known >= most || there[known] != here[known]) return;
    const std::size_t length = alike(here, there, most);
    if (length <= known || length < min_match) return;
    longest.length[code] = static_cast<std::uint16_t>(length);
    longest.distance[code] = static_cast<std::uint16_t>(distance);
}

// A byte that is repeated at least three times.
struct Repeated {
    std::size_t begin, end;
    std::uint32_t before;  // the one before it of the same byte
};

// Where bytes came before. Three that differ are looked up as they are. Of three that are alike most
// places would be of no use: what counts there is how long the byte is repeated, and what follows.
class Places {
   public:
    explicit Places(std::span<const std::uint8_t> bytes)
        : bytes_(bytes), heads_(std::size_t{1} << hash_bits, nowhere), before_(bytes.size(), nowhere) {
        last_.fill(nowhere);
    }

    Longest look(std::size_t place, std::size_t most) {
        constexpr int most_steps = 128, most_runs = 8;
        if (run_end_ <= place) begin_run(place);
        const std::size_t n_left = run_end_ - place;
        const bool is_run = n_left >= min_match;
        Longest longest;
        std::uint32_t& head = heads_[is_run ? hash_of_run(n_left) : hash_of_three(place)];
        // Far inside a run nothing is found that is not found at its end.
        const int n_steps = n_left > max_match ? 4 : most_steps;
        std::uint32_t from = head;
        for (int step = 0; step < n_steps && from != nowhere && place - from <= window_size; ++step) {
            follow(longest, bytes_, place, place - from, most);
            from = before_[from];
        }
        before_[place] = head;
        head = static_cast<std::uint32_t>(place);
        if (!is_run) return longest;
        std::uint32_t number = last_[bytes_[place]];
        for (int run = 0; run < most_runs && number != nowhere; ++run) {
            const Repeated& other = runs_[number];
            if (other.begin + window_size < place) break;
            look_at_run(longest, other, place, std::min(n_left, most), most);
            number = other.before;
        }
        return longest;
    }

   private:
    static constexpr int hash_bits = 16;

    std::size_t hash_of_three(std::size_t place) const {
        return hash(bytes_[place] | static_cast<std::uint32_t>(bytes_[place + 1]) << 8 |
                    static_cast<std::uint32_t>(bytes_[place + 2]) << 16);
    }
    std::size_t hash_of_run(std::size_t n_left) const {
        const std::uint32_t next = run_end_ < bytes_.size() ? bytes_[run_end_] : 0u;
        const auto n = static_cast<std::uint32_t>(std::min<std::size_t>(n_left, 511));
        return hash(next | n << 8 | static_cast<std::uint32_t>(bytes_[run_end_ - 1]) << 17 | 1u << 31);
    }
    static std::size_t hash(std::uint32_t key) { return key * 0x9e3779b1u >> (32 - hash_bits); }

    void begin_run(std::size_t place) {
        run_end_ = place + 1;
        while (run_end_ < bytes_.size() && bytes_[run_end_] == bytes_[place]) ++run_end_;
        if (run_end_ - place < min_match) return;
        runs_.push_back({place, run_end_, last_[bytes_[place]]});
        last_[bytes_[place]] = static_cast<std::uint32_t>(runs_.size() - 1);
    }

    // A run before, or the part of this one that is passed, has a place for each distance between.
    void look_at_run(Longest& longest, const Repeated& other, std::size_t place, std::size_t n_left,
                     std::size_t most) const {
        if (other.begin == place) return;  // nothing of it is passed
        const std::size_t end = std::min(other.end, place + n_left);
        const std::size_t last = std::min(end - std::min(n_left, end - other.begin), place - 1);
        if (other.begin > last) return;
        const auto farthest = static_cast<int>(std::min<std::size_t>(place - other.begin, window_size));
        for (int distance = static_cast<int>(place - last); distance <= farthest;) {
            follow(longest, bytes_, place, static_cast<std::size_t>(distance), most);
            const int code = distance_code(distance) + 1;
            distance = code < n_distance_codes ? first_distance(code) : window_size + 1;
        }
    }

    std::span<const std::uint8_t> bytes_;
    std::vector<std::uint32_t> heads_, before_;
    std::vector<Repeated> runs_;
    std::array<std::uint32_t, 256> last_;
    std::size_t run_end_ = 0;
};

Matches find_matches(std::span<const std::uint8_t> bytes) {
    Matches matches;
    matches.first.resize(bytes.size());
    matches.codes.resize(bytes.size());
    Places places(bytes);
    for (std::size_t place = 0; place + min_match <= bytes.size(); ++place) {
        if (place % 65536 == 0) ask_to_go_on();
        matches.first[place] = static_cast<std::uint32_t>(matches.all.size());
        const Longest longest = places.look(place, std::min<std::size_t>(max_match, bytes.size() - place));
        for (std::size_t code = 0; code < n_distance_codes; ++code) {
            if (longest.length[code] == 0) continue;
            matches.all.push_back({longest.length[code], longest.distance[code]});
            matches.codes[place] |= std::uint32_t{1} << code;
        }
    }
    return matches;
}

SymbolCounts counts_of(std::span<const Token> tokens) {
    SymbolCounts counts;
    for (const Token token : tokens) {
        if (length_of(token) == 0) {
            counts.literals[token] += 1;
            continue;
        }
        counts.lengths[static_cast<std::size_t>(length_code(length_of(token)))] += 1;
        counts.distances[static_cast<std::size_t>(distance_code(distance_of(token)))] += 1;
    }
    return counts;
}

// The longest length of each code.
constexpr auto last_lengths = [] {
    std::array<int, n_length_codes> last{};
    for (int n = min_match; n <= max_match; ++n) last[static_cast<std::size_t>(length_code(n))] = n;
    return last;
}();

// Codes of distances by rising cost.
std::array<std::size_t, n_distance_codes> by_cost(const SymbolCosts& costs) {
    std::array<std::size_t, n_distance_codes> codes;
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = i;
    std::stable_sort(codes.begin(), codes.end(),
                     [&](std::size_t a, std::size_t b) { return costs.distance[a] < costs.distance[b]; });
    return codes;
}

struct Step {
    double cost;
    Token token;
};

// The cheapest step from a place on; `rest` are the costs from there, behind the next one. A match
// that costs more than another one is of use only where it is longer. Of lengths of one code the
// longest is taken.
Step cheapest_step(std::uint8_t byte, const Matches& matches, std::size_t place, int most,
                   const double* rest, const SymbolCosts& costs,
                   const std::array<std::size_t, n_distance_codes>& codes) {
    Step best{static_cast<double>(costs.literal[byte]) + rest[1], byte};
    std::uint32_t left = matches.codes[place];
    int covered = min_match - 1;
    for (std::size_t i = 0; i < codes.size() && left != 0 && covered < most; ++i) {
        const Match* match = matches.find(place, codes[i]);
        if (match == nullptr) continue;
        left &= ~(std::uint32_t{1} << codes[i]);
        const int end = std::min<int>(match->length, most);
        while (covered < end) {
            covered = std::min(last_lengths[static_cast<std::size_t>(length_code(covered + 1))], end);
            const auto length = static_cast<std::size_t>(covered);
            const double cost = static_cast<double>(costs.distance[codes[i]]) +
                                static_cast<double>(costs.length[length]) + rest[length];
            if (cost < best.cost) best = {cost, match_token(covered, match->distance)};
        }
    }
    return best;
}

// The cheapest path from `begin` to `end`, found backwards.
std::vector<Token> cheapest(std::span<const std::uint8_t> bytes, const Matches& matches,
                            std::size_t begin, std::size_t end, const SymbolCosts& costs) {
    const auto codes = by_cost(costs);
    std::vector<double> rest(end - begin + 1);
    std::vector<Token> steps(end - begin);
    for (std::size_t place = end; place-- > begin;) {
        const int most = static_cast<int>(std::min<std::size_t>(end - place, max_match));
        const Step step = cheapest_step(bytes[place], matches, place, most,
                                        rest.data() + (place - begin), costs, codes);
        rest[place - begin] = step.cost;
        steps[place - begin] = step.token;
    }
    std::vector<Token> tokens;
    for (std::size_t at = 0; at < steps.size();) {
        tokens.push_back(steps[at]);
        at += static_cast<std::size_t>(std::max(length_of(steps[at]), 1));
    }
    return tokens;
}

// Before anything is known: literals as bytes come, and anything else alike.
SymbolCounts first_counts(std::span<const std::uint8_t> bytes) {
    SymbolCounts counts;
    const double n = static_cast<double>(bytes.size());
    for (const std::uint8_t byte : bytes) counts.literals[byte] += 0.3;
    counts.lengths.fill(0.7 * n / n_length_codes);
    std::fill_n(counts.distances.begin(), n_distance_codes, 0.7 * n / n_distance_codes);
    return counts;
}

std::vector<Token> settled(std::span<const std::uint8_t> bytes, const Matches& matches,
                           std::size_t begin, std::size_t end, SymbolCounts counts, int n_rounds) {
    std::vector<Token> best;
    std::size_t fewest = 0;
    int n_worse = 0;
    for (int round = 0; round < n_rounds && n_worse < 3; ++round) {
        ask_to_go_on();
        auto tokens = cheapest(bytes, matches, begin, end, costs_of(counts, 1.0f, Coding{}));
        const std::size_t bits = best_codes(block_counts(tokens)).bits;
        counts = counts_of(tokens);
        const bool is_better = best.empty() || bits < fewest;
        n_worse = is_better ? 0 : n_worse + 1;
        if (!is_better) continue;
        best = std::move(tokens);
        fewest = bits;
    }
    return best;
}

std::size_t bytes_of(std::span<const Token> tokens) {
    std::size_t n = 0;
    for (const Token token : tokens) n += static_cast<std::size_t>(std::max(length_of(token), 1));
    return n;
}

}  // namespace

std::vector<Token> shortest(std::span<const std::uint8_t> bytes, int n_rounds) {
    const auto matches = find_matches(bytes);
    auto tokens = settled(bytes, matches, 0, bytes.size(), first_counts(bytes), n_rounds);
    std::vector<Token> all;
    const auto ends = block_ends(tokens);
    if (ends.size() <= 1) return tokens;
    std::size_t first = 0, begin = 0;
    for (const std::size_t last : ends) {
        const std::span<const Token> block(tokens.data() + first, last - first);
        const std::size_t end = begin + bytes_of(block);
        const auto better = settled(bytes, matches, begin, end, counts_of(block), n_rounds);
        all.insert(all.end(), better.begin(), better.end());
        first = last;
        begin = end;
    }
    return all;
}

}  // namespace pimenton
