// Deflate's stream of literals and matches that are known already: the parse chose them, so nothing
// is left to search, only codes to be made for them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "bits.hpp"

namespace pimenton {

// A literal is its byte; a match is its length, times 65536, and its distance.
using Token = std::uint32_t;

constexpr Token match_token(int length, int distance) {
    return static_cast<Token>(length) << 16 | static_cast<Token>(distance);
}
constexpr int length_of(Token token) { return static_cast<int>(token >> 16); }
constexpr int distance_of(Token token) { return static_cast<int>(token & 0xffff); }

// RFC 1951, 3.2.5 to 3.2.7.
constexpr std::size_t n_literal_codes = 286, n_run_codes = 19, end_of_block = 256;
constexpr int longest_code = 15, longest_run_code = 7;

constexpr int first_length(int code) {
    const int extra = length_extra_bits(code);
    return code == 28 ? max_match : code < 8 ? code + min_match : ((4 + code % 4) << extra) + min_match;
}
constexpr int first_distance(int code) {
    return code < 4 ? code + 1 : ((2 + code % 2) << distance_extra_bits(code)) + 1;
}
static_assert(first_length(8) == 11 && first_length(27) == 227 && first_distance(29) == 24577);

// How often a block has each symbol.
struct BlockCounts {
    std::array<std::uint32_t, n_literal_codes> literals{};  // and lengths
    std::array<std::uint32_t, n_distance_codes> distances{};

    void add(Token token) {
        if (length_of(token) == 0) {
            literals[token] += 1;
            return;
        }
        literals[257 + static_cast<std::size_t>(length_code(length_of(token)))] += 1;
        distances[static_cast<std::size_t>(distance_code(distance_of(token)))] += 1;
    }
    void add(const BlockCounts& other) {
        for (std::size_t i = 0; i < literals.size(); ++i) literals[i] += other.literals[i];
        for (std::size_t i = 0; i < distances.size(); ++i) distances[i] += other.distances[i];
    }
};

// Lengths of Huffman's codes, none longer than `longest`: where one would be, counts are made more
// alike until it is not.
inline std::vector<std::uint8_t> code_lengths(std::span<const std::uint32_t> counts, int longest) {
    std::vector<std::uint8_t> lengths(counts.size());
    std::vector<std::pair<std::uint64_t, std::size_t>> used;
    for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] > 0) used.emplace_back(counts[i], i);
    if (used.size() < 3) {
        for (const auto& [count, i] : used) lengths[i] = 1;
        return lengths;
    }
    std::sort(used.begin(), used.end());
    const std::size_t n = used.size();
    for (;;) {
        // Leaves come first, then the nodes above them, both in rising order.
        std::vector<std::uint64_t> weight(2 * n - 1);
        std::vector<std::size_t> parent(2 * n - 1);
        for (std::size_t i = 0; i < n; ++i) weight[i] = used[i].first;
        std::size_t leaf = 0, inner = n;
        for (std::size_t made = n; made < 2 * n - 1; ++made)
            for (int child = 0; child < 2; ++child) {
                const bool takes_leaf = leaf < n && (inner == made || weight[leaf] <= weight[inner]);
                const std::size_t taken = takes_leaf ? leaf++ : inner++;
                weight[made] += weight[taken];
                parent[taken] = made;
            }
        std::vector<int> depth(2 * n - 1);
        for (std::size_t i = 2 * n - 2; i-- > 0;) depth[i] = depth[parent[i]] + 1;
        if (*std::max_element(depth.begin(), depth.begin() + static_cast<std::ptrdiff_t>(n)) <= longest) {
            for (std::size_t i = 0; i < n; ++i)
                lengths[used[i].second] = static_cast<std::uint8_t>(depth[i]);
            return lengths;
        }
        for (auto& [count, i] : used) count = count / 2 + 1;
    }
}

// Codes of given lengths, their first bit lowest as it is written first (RFC 1951, 3.2.2).
inline std::vector<std::uint16_t> codes_of(std::span<const std::uint8_t> lengths) {
    std::array<std::uint32_t, longest_code + 2> next{};
    for (const std::uint8_t length : lengths)
        if (length > 0) next[length + 1u] += 1;
    for (std::size_t length = 1; length < next.size(); ++length)
        next[length] = (next[length - 1] + next[length]) << 1;
    std::vector<std::uint16_t> codes(lengths.size());
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        if (lengths[i] == 0) continue;
        std::uint32_t code = next[lengths[i]]++, turned = 0;
        for (int bit = 0; bit < lengths[i]; ++bit, code >>= 1) turned = turned << 1 | (code & 1);
        codes[i] = static_cast<std::uint16_t>(turned);
    }
    return codes;
}

// Bits, the first one lowest in its byte.
class BitWriter {
   public:
    void put(std::uint32_t value, int n_bits) {
        held_ |= static_cast<std::uint64_t>(value) << n_held_;
        n_held_ += n_bits;
        for (; n_held_ >= 8; n_held_ -= 8, held_ >>= 8)
            bytes_.push_back(static_cast<std::uint8_t>(held_));
    }
    std::size_t n_bits() const { return 8 * bytes_.size() + static_cast<std::size_t>(n_held_); }
    std::vector<std::uint8_t> finish() {
        if (n_held_ > 0) bytes_.push_back(static_cast<std::uint8_t>(held_));
        return std::move(bytes_);
    }

   private:
    std::uint64_t held_ = 0;
    int n_held_ = 0;
    std::vector<std::uint8_t> bytes_;
};

// Lengths of codes in a row as symbols: 0 to 15, or a repetition (16 of the one before, 17 and 18 of
// 0), each with its extra bits.
struct Run {
    std::uint8_t symbol, extra, n_extra;
};

inline std::vector<Run> runs_of(std::span<const std::uint8_t> lengths) {
    std::vector<Run> runs;
    for (std::size_t i = 0; i < lengths.size();) {
        std::size_t n = 1;
        while (i + n < lengths.size() && lengths[i + n] == lengths[i]) ++n;
        i += n;
        const std::uint8_t length = lengths[i - 1];
        if (length > 0) {
            runs.push_back({length, 0, 0});
            --n;
        }
        const std::size_t most = length > 0 ? 6 : 138;
        while (n >= 3) {
            const std::size_t taken = std::min(n, most);
            n -= taken;
            if (length > 0)
                runs.push_back({16, static_cast<std::uint8_t>(taken - 3), 2});
            else if (taken <= 10)
                runs.push_back({17, static_cast<std::uint8_t>(taken - 3), 3});
            else
                runs.push_back({18, static_cast<std::uint8_t>(taken - 11), 7});
        }
        for (; n > 0; --n) runs.push_back({length, 0, 0});
    }
    return runs;
}

// Writes the codes of a block: how many there are, and their lengths.
inline void write_codes(BitWriter& out, std::span<const std::uint8_t> literals,
                        std::span<const std::uint8_t> distances) {
    constexpr std::array<std::size_t, n_run_codes> order = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                            11, 4,  12, 3, 13, 2, 14, 1, 15};
    std::vector<std::uint8_t> all(literals.begin(), literals.end());
    all.insert(all.end(), distances.begin(), distances.end());
    const auto runs = runs_of(all);
    std::array<std::uint32_t, n_run_codes> counts{};
    for (const Run& run : runs) counts[run.symbol] += 1;
    const auto lengths = code_lengths(counts, longest_run_code);
    const auto codes = codes_of(lengths);
    std::size_t n = n_run_codes;
    while (n > 4 && lengths[order[n - 1]] == 0) --n;
    out.put(static_cast<std::uint32_t>(literals.size() - 257), 5);
    out.put(static_cast<std::uint32_t>(distances.size() - 1), 5);
    out.put(static_cast<std::uint32_t>(n - 4), 4);
    for (std::size_t i = 0; i < n; ++i) out.put(lengths[order[i]], 3);
    for (const Run& run : runs) {
        out.put(codes[run.symbol], lengths[run.symbol]);
        out.put(run.extra, run.n_extra);
    }
}

template <class T>
inline std::span<const T> without_zeros(const std::vector<T>& values, std::size_t least) {
    std::size_t n = values.size();
    while (n > least && values[n - 1] == 0) --n;
    return {values.data(), n};
}

// Counts made alike where they stand side by side and differ by no more than a ratio: the lengths of
// their codes then fall in runs, which take fewer bits. Where none is, half a one is taken.
template <std::size_t n>
inline std::array<std::uint32_t, n> evened(const std::array<std::uint32_t, n>& counts, double ratio) {
    constexpr std::size_t shortest_run = 4;
    std::array<std::uint32_t, n> even = counts;
    for (std::size_t begin = 0; begin < n;) {
        double least = std::max<double>(counts[begin], 0.5), most = least, sum = counts[begin];
        std::size_t end = begin + 1;
        for (; end < n; ++end) {
            const double count = std::max<double>(counts[end], 0.5);
            if (std::max(most, count) > ratio * std::min(least, count)) break;
            least = std::min(least, count);
            most = std::max(most, count);
            sum += counts[end];
        }
        const std::size_t length = end - begin;
        if (length >= shortest_run && sum > 0)
            for (std::size_t i = begin; i < end; ++i)
                even[i] = std::max(1u, static_cast<std::uint32_t>(sum / static_cast<double>(length) + 0.5));
        begin = end;
    }
    return even;
}

// The lengths of a block's codes, and all its bits.
struct BlockCodes {
    std::vector<std::uint8_t> literals, distances;
    std::size_t bits = 0;
};

inline BlockCodes codes_by(const BlockCounts& counts, const BlockCounts& taken) {
    BlockCodes codes{code_lengths(taken.literals, longest_code),
                     code_lengths(taken.distances, longest_code)};
    BitWriter head;
    head.put(0, 3);
    write_codes(head, without_zeros(codes.literals, 257), without_zeros(codes.distances, 1));
    codes.bits = head.n_bits();
    for (std::size_t i = 0; i < n_literal_codes; ++i) {
        const int extra = i < 257 ? 0 : length_extra_bits(static_cast<int>(i - 257));
        codes.bits += counts.literals[i] * (codes.literals[i] + static_cast<std::size_t>(extra));
    }
    for (std::size_t i = 0; i < n_distance_codes; ++i) {
        const int extra = distance_extra_bits(static_cast<int>(i));
        codes.bits += counts.distances[i] * (codes.distances[i] + static_cast<std::size_t>(extra));
    }
    return codes;
}

// The codes that make a block smallest, of those of its counts and of some more alike.
inline BlockCodes best_codes(BlockCounts counts) {
    counts.literals[end_of_block] = 1;
    BlockCodes best = codes_by(counts, counts);
    for (const double ratio : {1.5, 2.5, 4.0}) {
        BlockCodes codes = codes_by(counts, {evened(counts.literals, ratio), evened(counts.distances, ratio)});
        if (codes.bits < best.bits) best = std::move(codes);
    }
    return best;
}

inline void write_block(BitWriter& out, std::span<const Token> tokens, const BlockCodes& block, bool last) {
    const auto& [literals, distances, bits] = block;
    const auto literal_codes = codes_of(literals), distance_codes = codes_of(distances);
    out.put(last ? 5 : 4, 3);  // a block with codes of its own
    write_codes(out, without_zeros(literals, 257), without_zeros(distances, 1));
    for (const Token token : tokens) {
        const int length = length_of(token), distance = distance_of(token);
        if (length == 0) {
            out.put(literal_codes[token], literals[token]);
            continue;
        }
        const int by_length = length_code(length), by_distance = distance_code(distance);
        const auto l = 257 + static_cast<std::size_t>(by_length);
        const auto d = static_cast<std::size_t>(by_distance);
        out.put(literal_codes[l], literals[l]);
        out.put(static_cast<std::uint32_t>(length - first_length(by_length)),
                length_extra_bits(by_length));
        out.put(distance_codes[d], distances[d]);
        out.put(static_cast<std::uint32_t>(distance - first_distance(by_distance)),
                distance_extra_bits(by_distance));
    }
    out.put(literal_codes[end_of_block], literals[end_of_block]);
}

inline BlockCounts block_counts(std::span<const Token> tokens) {
    BlockCounts counts;
    for (const Token token : tokens) counts.add(token);
    return counts;
}

// About what symbols take by a code of their own: their shares, and some bits for each length of it.
inline double bits_about(std::span<const std::uint32_t> counts) {
    constexpr double bits_of_a_length = 4.0;
    double total = 0, bits = 0;
    for (const std::uint32_t n : counts) total += n;
    for (const std::uint32_t n : counts)
        if (n > 0) bits += bits_of_a_length + n * log2_of(total / n);
    return bits;
}

// About what the best codes of a block take, but for extra bits: in a thirtieth of the time.
inline std::size_t bits_about(const BlockCounts& counts) {
    constexpr double bits_of_a_header = 100.0;
    return static_cast<std::size_t>(bits_of_a_header + bits_about(counts.literals) +
                                    bits_about(counts.distances));
}

// Where blocks end: of short pieces those neighbours become one whose being apart gains least, as long
// as codes of their own do not make both smaller. Then ends move to where they gain more.
inline std::vector<std::size_t> block_ends(std::span<const Token> tokens) {
    struct Piece {
        BlockCounts counts;
        std::size_t end, bits, together;  // bits with the piece before it
    };
    constexpr std::size_t n_few = std::size_t{1} << 15;
    const std::size_t size = std::clamp<std::size_t>(tokens.size() / 64, 48, 4096);
    // Of many tokens the codes themselves take few bits.
    const auto bits_of = [&](const BlockCounts& counts) {
        return tokens.size() > n_few ? bits_about(counts) : best_codes(counts).bits;
    };
    std::vector<Piece> pieces;
    const auto join_bits = [&](std::size_t i) {
        BlockCounts both = pieces[i - 1].counts;
        both.add(pieces[i].counts);
        return bits_of(both);
    };
    for (std::size_t at = 0; at < tokens.size(); at += size) {
        const std::size_t end = std::min(at + size, tokens.size());
        const auto counts = block_counts(tokens.subspan(at, end - at));
        pieces.push_back({counts, end, bits_of(counts), 0});
        if (pieces.size() > 1) pieces.back().together = join_bits(pieces.size() - 1);
    }
    while (pieces.size() > 1) {
        std::size_t best = 0;
        std::ptrdiff_t most = -1;
        for (std::size_t i = 1; i < pieces.size(); ++i) {
            const auto saved = static_cast<std::ptrdiff_t>(pieces[i - 1].bits + pieces[i].bits) -
                               static_cast<std::ptrdiff_t>(pieces[i].together);
            if (saved > most) {
                most = saved;
                best = i;
            }
        }
        if (most < 0) break;
        Piece& into = pieces[best - 1];
        into.counts.add(pieces[best].counts);
        into.end = pieces[best].end;
        into.bits = pieces[best].together;
        pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(best));
        if (best > 1) pieces[best - 1].together = join_bits(best - 1);
        if (best < pieces.size()) pieces[best].together = join_bits(best);
    }
    std::vector<std::size_t> ends;
    for (const Piece& piece : pieces) ends.push_back(piece.end);
    return ends;
}

// The stream of tokens, in blocks with codes of their own.
inline std::vector<std::uint8_t> deflate(std::span<const Token> tokens) {
    BitWriter out;
    auto ends = block_ends(tokens);
    if (ends.empty()) ends.push_back(0);
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
        const auto block = tokens.subspan(begin, end - begin);
        write_block(out, block, best_codes(block_counts(block)), end == tokens.size());
        begin = end;
    }
    return out.finish();
}

// Tokens of the same bytes, fewer of them. The parse begins each row anew with its filter byte, a
// literal 0; where a match that ends before a literal would copy it too, or one that begins behind
// it, the match takes it, and matches of one distance that now meet become one.
inline std::vector<Token> joined(std::span<const Token> tokens, int longest = max_match) {
    std::vector<Token> kept;
    std::vector<std::uint8_t> bytes;
    const auto copies = [&](std::size_t place, Token match, std::uint8_t byte) {
        const auto distance = static_cast<std::size_t>(distance_of(match));
        return length_of(match) < longest && place >= distance && bytes[place - distance] == byte;
    };
    for (Token token : tokens) {
        if (length_of(token) == 0) {
            const auto byte = static_cast<std::uint8_t>(token);
            const bool taken = !kept.empty() && length_of(kept.back()) > 0 &&
                               copies(bytes.size(), kept.back(), byte);
            if (taken)
                kept.back() += match_token(1, 0);
            else
                kept.push_back(token);
            bytes.push_back(byte);
            continue;
        }
        const std::size_t end = bytes.size() + static_cast<std::size_t>(length_of(token));
        const auto distance = static_cast<std::size_t>(distance_of(token));
        std::size_t begin = bytes.size();
        while (!kept.empty() && length_of(kept.back()) == 0 &&
               copies(begin - 1, token, static_cast<std::uint8_t>(kept.back()))) {
            kept.pop_back();
            token += match_token(1, 0);
            --begin;
        }
        while (bytes.size() < end) bytes.push_back(bytes[bytes.size() - distance]);
        const bool goes_on = !kept.empty() && length_of(kept.back()) > 0 &&
                             distance_of(kept.back()) == distance_of(token) &&
                             length_of(kept.back()) + length_of(token) <= longest;
        if (goes_on)
            kept.back() += match_token(length_of(token), 0);
        else
            kept.push_back(token);
    }
    return kept;
}

}  // namespace pimenton
