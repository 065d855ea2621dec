#include "webp.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "bits.hpp"

namespace pimenton {
namespace {

constexpr std::size_t n_lengths = 24, n_greens = 256 + n_lengths;
constexpr std::size_t most_tiles = 2048;
constexpr int least_tile_bits = 2, most_tile_bits = 9;  // three bits say them
constexpr std::size_t n_regions = 8;  // that groups begin with, across and down

using Greens = std::array<std::uint32_t, n_greens>;  // literals, then lengths
using Distances = std::array<std::uint32_t, most_distance_codes>;

// How often a group of tiles has each symbol.
struct GroupCounts {
    Greens greens{};
    Distances distances{};

    void add(const GroupCounts& other) {
        for (std::size_t i = 0; i < n_greens; ++i) greens[i] += other.greens[i];
        for (std::size_t i = 0; i < distances.size(); ++i) distances[i] += other.distances[i];
    }
    bool empty() const {
        return std::all_of(greens.begin(), greens.end(), [](std::uint32_t n) { return n == 0; });
    }
};

struct GroupCodes {
    std::vector<std::uint8_t> greens, distances;
};

// Writes a code: its only symbol or both alone, or all lengths (RFC 9649, 6.2.1).
void write_code(BitWriter& out, std::span<const std::uint8_t> lengths) {
    constexpr std::array<std::size_t, n_run_codes> order = {17, 18, 0, 1,  2,  3,  4,  5,  16, 6,
                                                            7,  8,  9, 10, 11, 12, 13, 14, 15};
    std::vector<std::size_t> used;
    for (std::size_t i = 0; i < lengths.size() && used.size() < 3; ++i)
        if (lengths[i] > 0) used.push_back(i);
    if (used.empty()) used.push_back(0);
    if (used.size() < 3 && used.back() < 256) {
        out.put(1, 1);
        out.put(static_cast<std::uint32_t>(used.size() - 1), 1);
        out.put(used[0] > 1, 1);
        out.put(static_cast<std::uint32_t>(used[0]), used[0] > 1 ? 8 : 1);
        if (used.size() == 2) out.put(static_cast<std::uint32_t>(used[1]), 8);
        return;
    }
    const auto runs = runs_of(lengths);
    std::array<std::uint32_t, n_run_codes> counts{};
    for (const Run& run : runs) counts[run.symbol] += 1;
    auto by_symbol = code_lengths(counts, longest_run_code);
    const auto codes = codes_of(by_symbol);
    std::size_t n = n_run_codes;
    while (n > 4 && by_symbol[order[n - 1]] == 0) --n;
    out.put(0, 1);
    out.put(static_cast<std::uint32_t>(n - 4), 4);
    for (std::size_t i = 0; i < n; ++i) out.put(by_symbol[order[i]], 3);
    out.put(0, 1);  // there are as many lengths as symbols
    // A symbol that is alone takes no bits.
    if (std::count_if(counts.begin(), counts.end(), [](std::uint32_t c) { return c > 0; }) == 1)
        std::fill(by_symbol.begin(), by_symbol.end(), std::uint8_t{0});
    for (const Run& run : runs) {
        out.put(codes[run.symbol], by_symbol[run.symbol]);
        out.put(run.extra, run.n_extra);
    }
}

// The lengths that a decoder takes: none where a symbol is alone.
std::vector<std::uint8_t> lengths_read(std::vector<std::uint8_t> lengths) {
    if (std::count_if(lengths.begin(), lengths.end(), [](std::uint8_t n) { return n > 0; }) == 1)
        std::fill(lengths.begin(), lengths.end(), std::uint8_t{0});
    return lengths;
}

void write_nothing(BitWriter& out) { write_code(out, {}); }

// Bits of a code and of the symbols that are counted by it.
template <std::size_t n>
std::size_t bits_by(const std::array<std::uint32_t, n>& counts, std::span<const std::uint8_t> lengths) {
    BitWriter head;
    write_code(head, lengths);
    const auto read = lengths_read({lengths.begin(), lengths.end()});
    std::size_t bits = head.n_bits();
    for (std::size_t i = 0; i < n; ++i) bits += std::size_t{counts[i]} * read[i];
    return bits;
}

// The code that makes symbols and itself smallest, of some whose lengths fall in runs.
template <std::size_t n>
std::vector<std::uint8_t> best_code(const std::array<std::uint32_t, n>& counts) {
    auto best = code_lengths(counts, longest_code);
    std::size_t least = bits_by(counts, best);
    for (const double ratio : {1.5, 2.5, 4.0}) {
        auto lengths = code_lengths(evened(counts, ratio), longest_code);
        const std::size_t bits = bits_by(counts, lengths);
        if (bits >= least) continue;
        least = bits;
        best = std::move(lengths);
    }
    return best;
}

// About what a group takes: the share of each symbol, and some bits for each length of its codes.
double bits_about(const GroupCounts& group) {
    constexpr double bits_of_codes = 60.0;
    return bits_of_codes + pimenton::bits_about(group.greens) +
           pimenton::bits_about(group.distances);
}

// Bits of each symbol in a group, those that it has not a little dearer than its rarest.
struct GroupPrices {
    std::array<double, n_greens> greens;
    std::array<double, most_distance_codes> distances;

    explicit GroupPrices(const GroupCounts& counts) {
        const auto price = [](std::span<const std::uint32_t> some, std::span<double> prices) {
            constexpr double unseen = 0.25;
            double total = 0;
            for (const std::uint32_t n : some) total += n > 0 ? n : unseen;
            for (std::size_t i = 0; i < some.size(); ++i)
                prices[i] = log2_of(total / (some[i] > 0 ? some[i] : unseen)) +
                            (some[i] > 0 ? 0.0 : 4.0);
        };
        price(counts.greens, greens);
        price(counts.distances, distances);
    }
};

// A tile's symbols that it has.
struct Tile {
    GroupCounts counts;
    std::vector<std::pair<std::uint16_t, std::uint32_t>> symbols;  // distances after n_greens

    void list() {
        for (std::size_t i = 0; i < n_greens; ++i)
            if (counts.greens[i] > 0) symbols.emplace_back(i, counts.greens[i]);
        for (std::size_t i = 0; i < most_distance_codes; ++i)
            if (counts.distances[i] > 0) symbols.emplace_back(n_greens + i, counts.distances[i]);
    }
    double bits(const GroupPrices& prices) const {
        double sum = 0;
        for (const auto& [symbol, n] : symbols)
            sum += n * (symbol < n_greens ? prices.greens[symbol]
                                          : prices.distances[symbol - n_greens]);
        return sum;
    }
};

struct Tiling {
    int bits = 0;               // a tile is so many powers of two wide
    std::size_t columns = 0, rows = 0;
    std::vector<Tile> tiles;
    std::vector<std::size_t> group_of;
    std::vector<GroupCounts> groups;
};

std::vector<GroupCounts> summed(const Tiling& tiling, std::size_t n_groups) {
    std::vector<GroupCounts> groups(n_groups);
    for (std::size_t t = 0; t < tiling.tiles.size(); ++t)
        groups[tiling.group_of[t]].add(tiling.tiles[t].counts);
    return groups;
}

// Puts each tile into the group whose codes suit it best, some times over.
void assign(Tiling& tiling, int n_rounds) {
    for (int round = 0; round < n_rounds; ++round) {
        std::vector<GroupPrices> prices;
        for (const auto& group : tiling.groups) prices.emplace_back(group);
        for (std::size_t t = 0; t < tiling.tiles.size(); ++t) {
            double least = 0;
            for (std::size_t g = 0; g < prices.size(); ++g) {
                const double bits = tiling.tiles[t].bits(prices[g]);
                if (g > 0 && bits >= least) continue;
                least = bits;
                tiling.group_of[t] = g;
            }
        }
        tiling.groups = summed(tiling, tiling.groups.size());
        // Groups without tiles go.
        std::vector<std::size_t> place(tiling.groups.size());
        std::vector<GroupCounts> kept;
        for (std::size_t g = 0; g < place.size(); ++g) {
            place[g] = kept.size();
            if (!tiling.groups[g].empty()) kept.push_back(tiling.groups[g]);
        }
        for (auto& group : tiling.group_of) group = std::min(place[group], kept.size() - 1);
        tiling.groups = std::move(kept);
    }
}

// Makes one of two groups as long as that takes fewer bits, those that save most first.
void merge(Tiling& tiling) {
    auto& groups = tiling.groups;
    std::vector<double> alone;
    for (const auto& group : groups) alone.push_back(bits_about(group));
    const auto gain_of = [&](std::size_t a, std::size_t b) {
        GroupCounts both = groups[a];
        both.add(groups[b]);
        return alone[a] + alone[b] - bits_about(both);
    };
    std::vector<std::vector<double>> gains(groups.size(), std::vector<double>(groups.size()));
    for (std::size_t a = 0; a < groups.size(); ++a)
        for (std::size_t b = 0; b < a; ++b) gains[a][b] = gain_of(a, b);
    while (groups.size() > 1) {
        std::size_t into = 0, from = 0;
        double most = 0;
        for (std::size_t a = 0; a < groups.size(); ++a)
            for (std::size_t b = 0; b < a; ++b)
                if (gains[a][b] > most) {
                    most = gains[a][b];
                    into = b;
                    from = a;
                }
        if (most <= 0) break;
        groups[into].add(groups[from]);
        alone[into] = bits_about(groups[into]);
        const std::size_t last = groups.size() - 1;
        for (auto& group : tiling.group_of) {
            if (group == from) group = into;
            if (group == last && from != last) group = from;
        }
        groups[from] = groups[last];
        alone[from] = alone[last];
        groups.pop_back();
        alone.pop_back();
        for (const std::size_t a : {into, from})
            for (std::size_t b = 0; b < groups.size(); ++b)
                if (a < groups.size() && a != b) gains[std::max(a, b)][std::min(a, b)] = gain_of(a, b);
    }
}

// Tiles and their groups: regions at first, then those whose tiles are alike.
Tiling tiling_of(std::span<const Token> tokens, const Coding& coding, std::size_t width,
                 std::size_t height, int bits) {
    Tiling tiling{bits, ((width - 1) >> bits) + 1, ((height - 1) >> bits) + 1, {}, {}, {}};
    tiling.tiles.resize(tiling.columns * tiling.rows);
    std::size_t place = 0;
    for (const Token token : tokens) {
        const std::size_t x = place % width, y = place / width;
        auto& counts = tiling.tiles[(y >> bits) * tiling.columns + (x >> bits)].counts;
        const int length = length_of(token);
        if (length == 0) {
            counts.greens[token] += 1;
        } else {
            counts.greens[256 + static_cast<std::size_t>(distance_code(length))] += 1;
            counts.distances[static_cast<std::size_t>(coding.of_distance(distance_of(token)))] += 1;
        }
        place += static_cast<std::size_t>(std::max(length, 1));
    }
    for (Tile& tile : tiling.tiles) tile.list();
    const std::size_t across = std::min<std::size_t>(n_regions, tiling.columns);
    const std::size_t down = std::min<std::size_t>(n_regions, tiling.rows);
    for (std::size_t t = 0; t < tiling.tiles.size(); ++t) {
        const std::size_t column = t % tiling.columns, row = t / tiling.columns;
        tiling.group_of.push_back(column * across / tiling.columns + across * (row * down / tiling.rows));
    }
    tiling.groups = summed(tiling, across * down);
    assign(tiling, 6);
    merge(tiling);
    assign(tiling, 3);
    merge(tiling);
    return tiling;
}

// Writes an image of which one channel or more vary, without anything else than literals.
void write_small_image(BitWriter& out, std::span<const std::uint32_t> pixels) {
    constexpr std::array<int, 4> shifts = {8, 16, 0, 24};  // green, red, blue, opacity
    out.put(0, 1);  // no color cache
    std::array<std::vector<std::uint8_t>, 4> lengths;
    std::array<std::vector<std::uint16_t>, 4> codes;
    for (std::size_t c = 0; c < 4; ++c) {
        std::array<std::uint32_t, 256> counts{};
        for (const std::uint32_t pixel : pixels) counts[pixel >> shifts[c] & 255] += 1;
        auto made = best_code(counts);
        if (c == 0) made.resize(n_greens);
        write_code(out, made);
        codes[c] = codes_of(made);
        lengths[c] = lengths_read(made);
    }
    write_nothing(out);  // distances
    for (const std::uint32_t pixel : pixels)
        for (std::size_t c = 0; c < 4; ++c) {
            const std::uint32_t value = pixel >> shifts[c] & 255;
            out.put(codes[c][value], lengths[c][value]);
        }
}

void write_palette(BitWriter& out, std::span<const std::uint32_t> colors) {
    std::vector<std::uint32_t> steps(colors.size());
    for (std::size_t i = 0; i < colors.size(); ++i) {
        const std::uint32_t before = i > 0 ? colors[i - 1] : 0;
        for (int shift = 0; shift < 32; shift += 8)
            steps[i] |= (((colors[i] >> shift) - (before >> shift)) & 255) << shift;
    }
    out.put(1, 1);
    out.put(3, 2);  // indices of colors
    out.put(static_cast<std::uint32_t>(colors.size() - 1), 8);
    write_small_image(out, steps);
    out.put(0, 1);  // no other transform
}

void write_number(BitWriter& out, int number, int code) {
    out.put(static_cast<std::uint32_t>(number - first_distance(code)), distance_extra_bits(code));
}

void write_pixels(BitWriter& out, std::span<const Token> tokens, const Coding& coding,
                  std::size_t width, const Tiling& tiling) {
    out.put(0, 1);  // no color cache
    out.put(tiling.groups.size() > 1, 1);
    if (tiling.groups.size() > 1) {
        out.put(static_cast<std::uint32_t>(tiling.bits - least_tile_bits), 3);
        std::vector<std::uint32_t> places;
        for (const std::size_t group : tiling.group_of)
            places.push_back(static_cast<std::uint32_t>(group) << 8);
        write_small_image(out, places);
    }
    std::vector<std::array<std::vector<std::uint8_t>, 2>> lengths;
    std::vector<std::array<std::vector<std::uint16_t>, 2>> codes;
    for (const auto& group : tiling.groups) {
        const auto greens = best_code(group.greens), distances = best_code(group.distances);
        write_code(out, greens);
        for (int channel = 0; channel < 3; ++channel) write_nothing(out);
        write_code(out, distances);
        codes.push_back({codes_of(greens), codes_of(distances)});
        lengths.push_back({lengths_read(greens), lengths_read(distances)});
    }
    std::size_t place = 0;
    for (const Token token : tokens) {
        const std::size_t x = place % width, y = place / width;
        const std::size_t group = tiling.group_of[(y >> tiling.bits) * tiling.columns + (x >> tiling.bits)];
        const auto put = [&](std::size_t which, std::size_t symbol) {
            out.put(codes[group][which][symbol], lengths[group][which][symbol]);
        };
        const int length = length_of(token);
        place += static_cast<std::size_t>(std::max(length, 1));
        if (length == 0) {
            put(0, token);
            continue;
        }
        const int by_length = distance_code(length), number = coding.number_of(distance_of(token));
        put(0, 256 + static_cast<std::size_t>(by_length));
        write_number(out, length, by_length);
        put(1, static_cast<std::size_t>(distance_code(number)));
        write_number(out, number, distance_code(number));
    }
}

}  // namespace

std::vector<std::uint8_t> write_webp(std::span<const Token> tokens, std::size_t width,
                                     std::size_t height, std::span<const std::uint32_t> colors) {
    const auto coding = Coding::webp(width);
    const auto kept = joined(tokens, longest_webp_match);
    // Smaller tiles would take more bits to say their groups than they save.
    int least = least_tile_bits;
    while ((((width - 1) >> least) + 1) * (((height - 1) >> least) + 1) > most_tiles) ++least;
    std::vector<std::uint8_t> best;
    for (int bits = least; bits <= std::min(least + 1, most_tile_bits); ++bits) {
        BitWriter out;
        out.put(0x2f, 8);
        out.put(static_cast<std::uint32_t>(width - 1), 14);
        out.put(static_cast<std::uint32_t>(height - 1), 14);
        out.put(std::any_of(colors.begin(), colors.end(), [](std::uint32_t c) { return c >> 24 < 255; }), 1);
        out.put(0, 3);
        write_palette(out, colors);
        write_pixels(out, kept, coding, width, tiling_of(kept, coding, width, height, bits));
        auto made = out.finish();
        if (best.empty() || made.size() < best.size()) best = std::move(made);
    }
    return best;
}

}  // namespace pimenton
