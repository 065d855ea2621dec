// What symbols cost in deflate or WebP, in bits, estimated from how often they came so far.
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
constexpr int most_distance_codes = 40;  // of WebP

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

// How a format writes lengths and distances. Lossless WebP (RFC 9649, 5.2.2) has one scheme for both,
// that of deflate's distances, and 120 numbers for pixels nearby, which come before all others.
struct Coding {
    bool is_webp = false;
    std::vector<std::uint8_t> nearby;  // number of a pixel nearby by its distance, or 0

    static Coding webp(std::size_t width);

    // A row in deflate begins with the byte that names its filter.
    std::size_t lead() const { return is_webp ? 0 : 1; }
    int of_length(int length) const { return is_webp ? distance_code(length) : length_code(length); }
    int length_extra(int code) const {
        return is_webp ? distance_extra_bits(code) : length_extra_bits(code);
    }
    // What is written for a distance.
    int number_of(int distance) const {
        if (!is_webp) return distance;
        const auto d = static_cast<std::size_t>(distance);
        const int number = d < nearby.size() ? nearby[d] : 0;
        return number > 0 ? number : distance + n_nearby;
    }
    int of_distance(int distance) const { return distance_code(number_of(distance)); }
    std::size_t n_distances() const { return is_webp ? 31 : n_distance_codes; }

    static constexpr int n_nearby = 120;
};

inline Coding Coding::webp(std::size_t width) {
    // Rows up, times 16, and 8 less the columns to the left.
    constexpr std::array<std::uint8_t, n_nearby> places = {
        0x18, 0x07, 0x17, 0x19, 0x28, 0x06, 0x27, 0x29, 0x16, 0x1a, 0x26, 0x2a, 0x38, 0x05, 0x37,
        0x39, 0x15, 0x1b, 0x36, 0x3a, 0x25, 0x2b, 0x48, 0x04, 0x47, 0x49, 0x14, 0x1c, 0x35, 0x3b,
        0x46, 0x4a, 0x24, 0x2c, 0x58, 0x45, 0x4b, 0x34, 0x3c, 0x03, 0x57, 0x59, 0x13, 0x1d, 0x56,
        0x5a, 0x23, 0x2d, 0x44, 0x4c, 0x55, 0x5b, 0x33, 0x3d, 0x68, 0x02, 0x67, 0x69, 0x12, 0x1e,
        0x66, 0x6a, 0x22, 0x2e, 0x54, 0x5c, 0x43, 0x4d, 0x65, 0x6b, 0x32, 0x3e, 0x78, 0x01, 0x77,
        0x79, 0x53, 0x5d, 0x11, 0x1f, 0x64, 0x6c, 0x42, 0x4e, 0x76, 0x7a, 0x21, 0x2f, 0x75, 0x7b,
        0x31, 0x3f, 0x63, 0x6d, 0x52, 0x5e, 0x00, 0x74, 0x7c, 0x41, 0x4f, 0x10, 0x20, 0x62, 0x6e,
        0x30, 0x73, 0x7d, 0x51, 0x5f, 0x40, 0x72, 0x7e, 0x61, 0x6f, 0x50, 0x71, 0x7f, 0x60, 0x70};
    Coding coding{true, std::vector<std::uint8_t>(7 * width + 9)};
    // In a narrow picture two numbers may mean one pixel: the lower one is taken.
    for (std::size_t n = places.size(); n > 0; --n) {
        const auto rows = static_cast<std::ptrdiff_t>(places[n - 1] >> 4);
        const auto distance = rows * static_cast<std::ptrdiff_t>(width) + 8 - (places[n - 1] & 15);
        if (distance >= 1)
            coding.nearby[static_cast<std::size_t>(distance)] = static_cast<std::uint8_t>(n);
    }
    return coding;
}

// How often each symbol was chosen; fractions come from the prior.
struct SymbolCounts {
    std::array<double, 256> literals{};
    std::array<double, n_length_codes> lengths{};
    std::array<double, most_distance_codes> distances{};
};

// Bits times lambda, extra bits included.
struct SymbolCosts {
    std::array<float, 256> literal;
    std::array<float, max_match + 1> length;
    std::array<float, most_distance_codes> distance;
};

inline double bits_of(double count, double total) {
    const double bits = count > 0 ? log2_of(total / count) : 15.0;
    return bits < 1.0 ? 1.0 : bits > 15.0 ? 15.0 : bits;
}

inline SymbolCosts costs_of(const SymbolCounts& counts, float lambda, const Coding& coding) {
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
                                                 coding.length_extra(static_cast<int>(c)));
    for (int n = min_match; n <= max_match; ++n)
        costs.length[static_cast<std::size_t>(n)] =
            by_code[static_cast<std::size_t>(coding.of_length(n))];
    for (int n = 0; n < min_match; ++n)
        costs.length[static_cast<std::size_t>(n)] = costs.length[min_match];
    for (std::size_t c = 0; c < most_distance_codes; ++c)
        costs.distance[c] =
            lambda * static_cast<float>(bits_of(counts.distances[c], total_distances) +
                                        distance_extra_bits(static_cast<int>(c)));
    return costs;
}

}  // namespace pimenton
