// What symbols cost in deflate, in bits, estimated from how often they came so far.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pimenton {

// Base-2 logarithm of x > 0 by the series of the inverse hyperbolic tangent, in plain arithmetic:
// the same bits on every processor, within 1e-9.
inline double log2_of(double x) {
    const auto bits = std::bit_cast<std::uint64_t>(x);
    const auto exponent = static_cast<double>(static_cast<int>(bits >> 52) - 1023);
    const auto mantissa =
        std::bit_cast<double>((bits & ((std::uint64_t{1} << 52) - 1)) | std::uint64_t{1023} << 52);
    const double z = (mantissa - 1.0) / (mantissa + 1.0), square = z * z;
    double sum = 0.0;
    for (int n = 17; n >= 1; n -= 2) sum = sum * square + 1.0 / n;
    return exponent + 2.885390081777926815 * z * sum;  // 2 / ln 2
}

// RFC 1951, 3.2.5: matches of 3 to 258 bytes, 1 to 32768 back.
constexpr int min_match = 3;
constexpr int max_match = 258;
constexpr int window_size = 32768;
constexpr int n_length_codes = 29;
constexpr int n_distance_codes = 30;

constexpr int length_code(int length) {
    const int n = length - min_match;
    if (length == max_match) return 28;
    if (n < 8) return n;
    const int extra = std::bit_width(static_cast<unsigned>(n)) - 3;
    return 4 * extra + (n >> extra);
}

constexpr int length_extra_bits(int code) { return code < 8 || code == 28 ? 0 : code / 4 - 1; }

constexpr int distance_code(int distance) {
    const int n = distance - 1;
    if (n < 4) return n;
    const int extra = std::bit_width(static_cast<unsigned>(n)) - 2;
    return 2 * extra + (n >> extra);
}

constexpr int distance_extra_bits(int code) { return code < 4 ? 0 : code / 2 - 1; }

static_assert(length_code(10) == 7 && length_code(11) == 8 && length_code(12) == 8 &&
              length_code(13) == 9 && length_code(257) == 27 && length_code(258) == 28);
static_assert(distance_code(4) == 3 && distance_code(5) == 4 && distance_code(32768) == 29);

// How often each symbol was chosen; fractions come from the prior.
struct SymbolCounts {
    std::array<double, 256> literals{};
    std::array<double, n_length_codes> lengths{};
    std::array<double, n_distance_codes> distances{};
};

// Bits times lambda, extra bits included.
struct SymbolCosts {
    std::array<float, 256> literal;
    std::array<float, max_match + 1> length;
    std::array<float, n_distance_codes> distance;

    float of_distance(int d) const { return distance[static_cast<std::size_t>(distance_code(d))]; }
};

inline double bits_of(double count, double total) {
    const double bits = count > 0 ? log2_of(total / count) : 15.0;
    return bits < 1.0 ? 1.0 : bits > 15.0 ? 15.0 : bits;
}

inline SymbolCosts costs_of(const SymbolCounts& counts, float lambda) {
    SymbolCosts costs{};
    double total = 0, total_distances = 0;
    for (const double n : counts.literals) total += n;
    for (const double n : counts.lengths) total += n;
    for (const double n : counts.distances) total_distances += n;
    for (std::size_t c = 0; c < 256; ++c)
        costs.literal[c] = lambda * static_cast<float>(bits_of(counts.literals[c], total));
    std::array<float, n_length_codes> by_code;
    for (std::size_t c = 0; c < n_length_codes; ++c)
        by_code[c] = lambda * static_cast<float>(bits_of(counts.lengths[c], total) +
                                                 length_extra_bits(static_cast<int>(c)));
    for (int n = min_match; n <= max_match; ++n)
        costs.length[static_cast<std::size_t>(n)] =
            by_code[static_cast<std::size_t>(length_code(n))];
    for (int n = 0; n < min_match; ++n)
        costs.length[static_cast<std::size_t>(n)] = costs.length[min_match];
    for (std::size_t c = 0; c < n_distance_codes; ++c)
        costs.distance[c] =
            lambda * static_cast<float>(bits_of(counts.distances[c], total_distances) +
                                        distance_extra_bits(static_cast<int>(c)));
    return costs;
}

}  // namespace pimenton
