// Palette indices chosen inside a lossy LZW parse, the same idea as parse.hpp for GIF.
//
// LZW's dictionary is a tree: a code stands for the indices on the way from the root to its node, and
// each code that is written adds one child to the node of the code before it. From each place of the
// picture, read as one line, the tree is walked down along the children whose colors are near enough
// to the source, a few at a time, each with its own carried error; every depth is an offer to reach
// a later place with one code. A Viterbi search over places joins such offers. Codes are settled one
// at a time, as soon as the paths reach far enough ahead, because each of them grows the tree for
// what follows. A full tree is begun anew.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "entries.hpp"
#include "parallel.hpp"
#include "parse_rows.hpp"
#include "simd.hpp"

namespace pimenton {

constexpr std::size_t most_codes = 4096;
constexpr std::size_t longest_phrase = 255;
// Places in flight: the longest look ahead and the longest phrase after it.
constexpr std::size_t ring_size = 512;

struct LzwChoices {
    float lambda;         // distortion that a bit is worth
    float carried;        // share of the error that is carried on
    float cap;            // longest error carried to the row below
    int n_first;          // entries that phrases may begin with
    int n_kept;           // phrases walked on at a time
    std::size_t horizon;  // pixels looked ahead before a code is settled
};

// The dictionary: each node's children with their colors, in blocks of eight.
class PhraseTree {
   public:
    static constexpr std::size_t block = 8;
    struct Children {
        std::uint32_t start = 0;
        std::uint16_t n = 0, capacity = 0;
    };

    PhraseTree(std::span<const float> entries, std::size_t n_roots)
        : entries_(entries), n_roots_(n_roots) {
        reset();
        for (std::size_t c = 0; c < n_roots; ++c) symbol[c] = static_cast<std::uint8_t>(c);
        length.fill(1);
    }

    void reset() {
        children.fill({});
        for (auto& axis : at) axis.clear();
        codes.clear();
    }

    void add(std::size_t phrase, std::uint8_t index, std::size_t code) {
        Children& family = children[phrase];
        if (length[phrase] >= longest_phrase || has(family, index)) return;
        if (family.n == family.capacity) move(family);
        const std::size_t place = family.start + family.n++;
        const float* entry = entries_.data() + 4 * static_cast<std::size_t>(index);
        for (std::size_t a = 0; a < 4; ++a) at[a][place] = entry[a];
        codes[place] = static_cast<std::uint16_t>(code);
        symbol[code] = index;
        parent[code] = static_cast<std::uint16_t>(phrase);
        length[code] = static_cast<std::uint16_t>(length[phrase] + 1);
        first[code] = phrase < n_roots_ ? static_cast<std::uint8_t>(phrase) : first[phrase];
    }

    std::array<Children, most_codes> children;
    std::array<std::vector<float>, 4> at;
    std::vector<std::uint16_t> codes;
    std::array<std::uint8_t, most_codes> symbol{}, first{};
    std::array<std::uint16_t, most_codes> parent{}, length{};

   private:
    bool has(const Children& family, std::uint8_t index) const {
        for (std::size_t j = 0; j < family.n; ++j)
            if (symbol[codes[family.start + j]] == index) return true;
        return false;
    }

    void move(Children& family) {
        const std::size_t wanted = std::max<std::size_t>(block, 2u * family.capacity);
        const auto start = static_cast<std::uint32_t>(codes.size());
        codes.resize(start + wanted);
        for (auto& axis : at) {
            axis.resize(start + wanted, far_away);
            std::copy_n(axis.begin() + family.start, family.n, axis.begin() + start);
        }
        std::copy_n(codes.begin() + family.start, family.n, codes.begin() + start);
        family.start = start;
        family.capacity = static_cast<std::uint16_t>(wanted);
    }

    std::span<const float> entries_;
    std::size_t n_roots_;
};

// The end of the best way to a place.
struct Stop {
    double cost;                 // since the band began
    std::array<float, 4> error;  // carried to the next pixel
    std::size_t from;            // place where its last code begins
    std::size_t settled_by;      // where the first code that is not settled ends
    std::uint32_t code;
};

// A phrase that is being walked down.
struct Phrase {
    float sum;  // distortion
    std::uint32_t code;
    std::array<float, 4> error;
};

// A child that may be walked on to: bits of its sum, its code, its place, and its parent's place.
struct Child {
    std::int32_t sum;
    std::uint16_t code, parent;
    std::uint32_t place;
    bool operator<(const Child& other) const {
        return sum != other.sum ? sum < other.sum : code < other.code;
    }
};

struct LzwState {
    const ParseInput* input;
    LzwChoices choices;
    std::size_t first, n_pixels;  // the band's place among the pixels, and its size
    std::size_t n_roots;          // a power of two; the next codes clear and end
    EntryLists lists;
    PhraseTree tree;
    std::vector<Stop> stops = std::vector<Stop>(ring_size);
    std::array<std::array<float, 4>, ring_size> targets{};
    std::array<float, ring_size> weights{}, shares{};
    std::vector<std::array<float, 4>> above;  // errors from the row above, a ring of places
    std::size_t n_ready = 0;                  // places whose targets are known
    std::size_t settled = 0, farthest = 0;
    std::size_t n_codes = 0;  // since the tree was begun
    std::uint32_t last = 0;   // the code before
    std::vector<Phrase> phrases, longer;
    std::vector<Child> found;
    double usual = 0;  // cost of a pixel since the tree was begun
    double begun_cost = 0;  // when the tree was begun
    std::size_t begun_at = 0;

    LzwState(const ParseInput& in, const LzwChoices& how, std::size_t from, std::size_t n,
             std::size_t roots, Width simd)
        : input(&in), choices(how), first(from), n_pixels(n), n_roots(roots),
          lists(in.entries, 2.5f, simd), tree(in.entries, roots), above(std::bit_ceil(2 * in.width + 2 * ring_size)),
          usual(4.0 * how.lambda) {}

    Stop& stop(std::size_t place) { return stops[place % ring_size]; }
    int n_bits() const { return bits_at(n_codes, n_roots); }

    // Bits of a code, from how many came since the tree was begun.
    static int bits_at(std::size_t n, std::size_t roots) {
        return static_cast<int>(std::bit_width(std::min(roots + 1 + n, most_codes - 1)));
    }
};

constexpr double unreached = 1e300;

// Makes the target of the next place known, errors from above included.
template <std::size_t axes>
[[gnu::always_inline]] inline void ready_place(LzwState& s) {
    const ParseInput& in = *s.input;
    const std::size_t place = s.n_ready++, pixel = s.first + place;
    const std::size_t x = pixel % in.width, y = pixel / in.width, w = in.width;
    const std::uint32_t* rank = in.ranks.data() + pixel;
    const int equal = (x == 0 || rank[-1] == *rank) + (x + 1 == w || rank[1] == *rank) +
                      (y == 0 || *(rank - w) == *rank) + (y + 1 == in.height || rank[w] == *rank);
    const bool exact = in.exact[*rank] >= 0 && equal >= 2;
    const float share = exact ? 0.0f : s.choices.carried;
    auto& from_above = s.above[place & (s.above.size() - 1)];
    auto& target = s.targets[place % ring_size];
    for (std::size_t a = 0; a < axes; ++a) target[a] = in.points[4 * *rank + a] + share * from_above[a];
    from_above = {};
    s.shares[place % ring_size] = x == 0 ? 0.0f : share;
    s.weights[place % ring_size] = exact ? 1e4f : in.weights[pixel];
}

// Offers to reach a place with a code from another.
[[gnu::always_inline]] inline void offer(LzwState& s, std::size_t place, double cost, std::size_t from,
                                         const Phrase& phrase) {
    while (s.farthest < place) s.stop(++s.farthest).cost = unreached;
    Stop& stop = s.stop(place);
    if (!(cost < stop.cost)) return;
    stop.cost = cost;
    stop.error = phrase.error;
    stop.from = from;
    stop.code = phrase.code;
    stop.settled_by = from == s.settled ? place : s.stop(from).settled_by;
}

// Keeps the n least of the children found.
inline void keep_least(std::vector<Child>& found, std::size_t n) {
    if (found.size() <= n) return;
    std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(n), found.end());
    found.resize(n);
}

template <std::size_t axes>
[[gnu::always_inline]] inline std::array<float, 4> error_of(const LzwState& s, std::size_t place,
                                                            const std::array<float, 4>& before,
                                                            std::size_t index) {
    const auto& target = s.targets[place % ring_size];
    const float share = s.shares[place % ring_size];
    std::array<float, 4> error{};
    for (std::size_t a = 0; a < axes; ++a)
        error[a] = target[a] + share * before[a] - s.input->entries[4 * index + a];
    return error;
}

[[gnu::always_inline]] inline void scale(std::array<float, 4>& error, float by) {
    for (float& value : error) value *= by;
}

// Appends the children of a phrase that cost at most a limit.
template <std::size_t axes>
[[gnu::always_inline]] inline void look_at_children(LzwState& s, std::size_t parent, std::size_t place,
                                                    float limit) {
    constexpr std::size_t block = PhraseTree::block;
    const Phrase& phrase = s.phrases[parent];
    const auto family = s.tree.children[phrase.code];
    const auto& target = s.targets[place % ring_size];
    const float share = s.shares[place % ring_size], weight = s.weights[place % ring_size];
    std::array<float, 4> from{};
    for (std::size_t a = 0; a < axes; ++a) from[a] = target[a] + share * phrase.error[a];
    const float sum = phrase.sum;
    for (std::size_t at = family.start; at < family.start + family.n; at += block) {
        std::array<float, block> cost;
        for (std::size_t l = 0; l < block; ++l) {
            const float dx = from[0] - s.tree.at[0][at + l], dy = from[1] - s.tree.at[1][at + l];
            const float dz = from[2] - s.tree.at[2][at + l];
            const float dw = axes == 4 ? from[3] - s.tree.at[3][at + l] : 0.0f;
            cost[l] = sum + weight * sq_length<axes>(dx, dy, dz, dw);
        }
        float least = cost[0];
        for (std::size_t l = 1; l < block; ++l) least = cost[l] < least ? cost[l] : least;
        if (least > limit) continue;
        for (std::size_t l = 0; l < block; ++l)
            if (cost[l] <= limit)
                s.found.push_back({std::bit_cast<std::int32_t>(cost[l]), s.tree.codes[at + l],
                                   static_cast<std::uint16_t>(parent),
                                   static_cast<std::uint32_t>(at + l)});
    }
}

// The entries that a phrase may begin with at a place.
template <std::size_t axes>
[[gnu::always_inline]] inline void begin_phrases(LzwState& s, std::size_t place, float slack) {
    std::array<float, 4> target = s.targets[place % ring_size];
    const float share = s.shares[place % ring_size], weight = s.weights[place % ring_size];
    const auto& carried = s.stop(place).error;
    for (std::size_t a = 0; a < axes; ++a) target[a] += share * carried[a];
    s.lists.make_room();
    const auto list = s.lists.at(s.lists.around<axes>(target.data()));
    std::array<float, 256> cost;
    const auto [tx, ty, tz, tw] = target;
    std::int32_t least = std::numeric_limits<std::int32_t>::max();
    for (std::size_t j = 0; j < list.n; ++j) {
        const float dx = list.at[0][j] - tx, dy = list.at[1][j] - ty, dz = list.at[2][j] - tz;
        const float dw = axes == 4 ? list.at[3][j] - tw : 0.0f;
        cost[j] = weight * sq_length<axes>(dx, dy, dz, dw);
        const auto bits = std::bit_cast<std::int32_t>(cost[j]);
        least = bits < least ? bits : least;
    }
    const float limit = std::bit_cast<float>(least) + slack;
    s.found.clear();
    for (std::size_t j = 0; j < list.n; ++j)
        if (cost[j] <= limit)
            s.found.push_back({std::bit_cast<std::int32_t>(cost[j]),
                               static_cast<std::uint16_t>(list.number[j]), 0, 0});
    keep_least(s.found, static_cast<std::size_t>(s.choices.n_first));
    s.longer.clear();
    for (const Child& child : s.found) {
        Phrase phrase{std::bit_cast<float>(child.sum), child.code, {}};
        for (std::size_t a = 0; a < axes; ++a)
            phrase.error[a] = share_right * (target[a] - s.input->entries[4u * child.code + a]);
        s.longer.push_back(phrase);
    }
}

// What it costs to come to a place as far as known, or by one code more than to the farthest one.
[[gnu::always_inline]] inline double known_cost(LzwState& s, std::size_t place) {
    if (place <= s.farthest && s.stop(place).cost != unreached) return s.stop(place).cost;
    std::size_t before = std::min(place - 1, s.farthest);
    while (s.stop(before).cost == unreached) --before;
    return s.stop(before).cost + 2.0 * s.usual * static_cast<double>(place - before);
}

// Walks down the tree from a place, and offers every depth.
template <std::size_t axes>
[[gnu::always_inline]] inline void walk_from(LzwState& s, std::size_t place) {
    const double cost = s.stop(place).cost;
    const float code_cost = s.choices.lambda * static_cast<float>(s.n_bits());
    const float slack = 0.5f * code_cost + 1e-6f;
    if (s.n_ready == place) ready_place<axes>(s);
    begin_phrases<axes>(s, place, 0.75f * code_cost);
    const std::size_t end = std::min(place + longest_phrase, s.n_pixels);
    for (std::size_t at = place;;) {
        std::swap(s.phrases, s.longer);
        if (s.phrases.empty()) return;
        const auto best = std::min_element(
            s.phrases.begin(), s.phrases.end(),
            [](const Phrase& a, const Phrase& b) { return a.sum < b.sum || (a.sum == b.sum && a.code < b.code); });
        offer(s, ++at, cost + static_cast<double>(best->sum + code_cost), place, *best);
        if (at >= end) return;
        if (s.n_ready == at) ready_place<axes>(s);
        const float limit = static_cast<float>(known_cost(s, at + 1) - cost) - code_cost + slack;
        s.found.clear();
        for (std::size_t p = 0; p < s.phrases.size(); ++p) look_at_children<axes>(s, p, at, limit);
        keep_least(s.found, static_cast<std::size_t>(s.choices.n_kept));
        s.longer.clear();
        for (const Child& child : s.found) {
            Phrase longer{std::bit_cast<float>(child.sum), child.code, {}};
            longer.error = error_of<axes>(s, at, s.phrases[child.parent].error, s.tree.symbol[child.code]);
            scale(longer.error, share_right);
            s.longer.push_back(longer);
        }
    }
}

// Writes a phrase's indices, and diffuses their errors to the row below.
template <std::size_t axes>
[[gnu::always_inline]] inline void write_phrase(LzwState& s, const Stop& stop, std::size_t end,
                                                std::uint8_t* indices) {
    const std::size_t width = s.input->width;
    for (std::size_t at = end, code = stop.code; at-- > stop.from; code = s.tree.parent[code])
        indices[at] = s.tree.symbol[code];
    std::array<float, 4> error = s.stop(stop.from).error;
    for (std::size_t at = stop.from; at < end; ++at) {
        error = error_of<axes>(s, at, error, indices[at]);
        const float length = std::sqrt(sum_of_squares(error));
        const float kept = length > s.choices.cap ? s.choices.cap / length : 1.0f;
        const std::size_t x = (s.first + at) % width;
        const auto pass = [&](std::size_t to, float share) {
            if (to < s.n_ready || s.weights[at % ring_size] > 1e3f) return;
            for (std::size_t a = 0; a < axes; ++a)
                s.above[to & (s.above.size() - 1)][a] += share * kept * error[a];
        };
        if (x > 0) pass(at + width - 1, share_left);
        pass(at + width, share_below);
        if (x + 1 < width) pass(at + width + 1, share_diagonal);
        scale(error, share_right);
    }
}

// Settles the first code on the best way to a place.
template <std::size_t axes>
[[gnu::always_inline]] inline void settle(LzwState& s, std::size_t through, std::uint8_t* indices,
                                          std::vector<std::uint16_t>& codes) {
    const std::size_t end = s.stop(through).settled_by;
    const Stop stop = s.stop(end);
    write_phrase<axes>(s, stop, end, indices);
    const auto code = static_cast<std::uint16_t>(stop.code);
    if (s.n_codes > 0 && s.n_roots + 1 + s.n_codes < most_codes)
        s.tree.add(s.last, indices[stop.from], s.n_roots + 1 + s.n_codes);
    codes.push_back(code);
    s.last = code;
    ++s.n_codes;
    s.settled = end;
    s.usual = (s.stop(end).cost - s.begun_cost) / static_cast<double>(end - s.begun_at);
    // Ways that do not go through this place are given up.
    for (std::size_t at = end + 1; at <= s.farthest; ++at) {
        Stop& later = s.stop(at);
        if (later.cost == unreached) continue;
        if (later.from < end || (later.from > end && s.stop(later.from).cost == unreached))
            later.cost = unreached;
        else
            later.settled_by = later.from == end ? at : s.stop(later.from).settled_by;
    }
    while (s.stop(s.farthest).cost == unreached) --s.farthest;
}

// The place that the best way ahead goes through: cost so far, and the usual cost of the rest.
inline std::size_t best_ahead(LzwState& s, std::size_t from) {
    std::size_t best = from;
    double least = unreached;
    for (std::size_t at = from; at <= s.farthest; ++at) {
        const double cost = s.stop(at).cost + s.usual * static_cast<double>(s.farthest - at);
        if (cost < least) {
            least = cost;
            best = at;
        }
    }
    return best;
}

// Whether to begin the tree anew: it is full. To keep it as long as it costs less a pixel than the
// average since it was begun was tried: 0 to 3 % more bytes.
inline bool is_full(const LzwState& s) { return s.n_roots + 1 + s.n_codes >= most_codes; }

template <std::size_t axes>
struct LzwBand {
    [[gnu::always_inline]] static void run(LzwState* state, std::uint8_t* indices,
                                           std::vector<std::uint16_t>* out) {
        LzwState& s = *state;
        auto& codes = *out;
        const auto clear = static_cast<std::uint16_t>(s.n_roots);
        codes.push_back(clear);
        s.stop(0) = {0.0, {}, 0, 0, 0};
        for (std::size_t place = 0; s.settled < s.n_pixels;) {
            if (place < s.n_pixels && s.stop(place).cost != unreached) walk_from<axes>(s, place);
            place = std::min(place + 1, s.n_pixels);
            while (s.settled < s.n_pixels &&
                   (s.farthest - s.settled >= s.choices.horizon || place == s.n_pixels)) {
                settle<axes>(s, best_ahead(s, std::max(place, s.settled + 1)), indices, codes);
                place = std::max(place, s.settled);
                if (!is_full(s)) continue;
                s.tree.reset();
                codes.push_back(clear);
                s.n_codes = 0;
                s.begun_at = place = s.farthest = s.settled;
                s.begun_cost = s.stop(s.settled).cost;
            }
        }
    }
};

// Packs codes as GIF does, low bits first, each as long as the dictionary then needs.
inline std::vector<std::uint8_t> pack_codes(std::span<const std::vector<std::uint16_t>> bands,
                                            std::size_t n_roots) {
    std::vector<std::uint8_t> bytes;
    std::uint32_t held = 0;
    int n_held = 0;
    std::size_t n_codes = 0;
    const auto put = [&](std::uint16_t code) {
        held |= static_cast<std::uint32_t>(code) << n_held;
        n_held += LzwState::bits_at(n_codes, n_roots);
        n_codes = code == n_roots ? 0 : n_codes + 1;
        for (; n_held >= 8; n_held -= 8, held >>= 8)
            bytes.push_back(static_cast<std::uint8_t>(held));
    };
    for (const auto& band : bands) std::for_each(band.begin(), band.end(), put);
    put(static_cast<std::uint16_t>(n_roots + 1));
    if (n_held > 0) bytes.push_back(static_cast<std::uint8_t>(held));
    return bytes;
}

// Writes the indices, and gives GIF's stream of codes. Bands of rows are parsed on their own, each
// with a new dictionary, so the result depends on rows_per_band, and not on the threads.
inline std::vector<std::uint8_t> parse_lzw(const ParseInput& input, const LzwChoices& choices,
                                           std::size_t rows_per_band,
                                           std::span<std::uint8_t> indices, int n_threads,
                                           Width width) {
    const std::size_t n_entries = input.entries.size() / 4;
    const std::size_t n_roots = std::bit_ceil(std::max<std::size_t>(n_entries, 4));
    const bool has_opacity = varies(input.points, 3) || varies(input.entries, 3);
    std::vector<std::vector<std::uint16_t>> codes(chunks_of(input.height, rows_per_band));
    for_each_chunk(codes.size(), n_threads, [&](std::size_t band) {
        const std::size_t row = band * rows_per_band;
        const std::size_t n_rows = std::min(rows_per_band, input.height - row);
        auto state = std::make_unique<LzwState>(input, choices, row * input.width,
                                                n_rows * input.width, n_roots, width);
        auto* out = indices.data() + row * input.width;
        if (has_opacity)
            run<LzwBand<4>>(width, state.get(), out, &codes[band]);
        else
            run<LzwBand<3>>(width, state.get(), out, &codes[band]);
    });
    return pack_codes(codes, n_roots);
}

}  // namespace pimenton
