// Error diffusion over any table of taps, eight rows at once, whole or in bands.
#pragma once

#include <cstring>
#include <utility>
#include <variant>

#include "colors.hpp"
#include "grid.hpp"

namespace pimenton {

// A share of the error goes to the pixel dx to the right (in the direction of the row) and dy below.
struct Tap {
    int dx;
    int dy;
    float share;
};

constexpr std::size_t most_taps = 12;
constexpr int tap_reach = 4, most_rows_below = 3;

constexpr std::size_t rows_at_once = eight;

using Point = std::array<float, 4>;

// The last rows of something, with a margin on either side.
template <class T>
class Ring {
   public:
    static constexpr int margin = tap_reach;

    Ring(std::size_t width, std::size_t n_rows)
        : stride_(width + 2 * margin), n_rows_(n_rows), values_(stride_ * n_rows) {}

    // Row -1 is the one before the first, and so on.
    T* row(std::ptrdiff_t y) {
        const auto n = static_cast<std::ptrdiff_t>(n_rows_);
        return values_.data() + stride_ * static_cast<std::size_t>((y + n) % n) + margin;
    }

    std::span<T> all() { return values_; }

   private:
    std::size_t stride_, n_rows_;
    std::vector<T> values_;
};

// Pixels, row by row; the first and the last rows may be there only to be looked at by their
// neighbours.
struct Band {
    std::span<const std::uint8_t> pixels;
    bool has_above = false;
    bool has_below = false;
};

// The first of a palette's entries that equals a color.
class ExactEntries {
   public:
    explicit ExactEntries(std::span<const std::uint8_t> colors) {
        for (std::size_t j = 0; 4 * j < colors.size(); ++j)
            entries_.push_back({word_of(&colors[4 * j]), static_cast<int>(j)});
        std::sort(entries_.begin(), entries_.end());
        last_ = entries_.front();
    }

    // A pixel as one number.
    [[gnu::always_inline]] static std::uint32_t word_of(const std::uint8_t* pixel) {
        std::uint32_t word;
        std::memcpy(&word, pixel, sizeof word);
        return word;
    }

    // The entry, or -1.
    int find(std::uint32_t word) {
        if (word == last_.first) return last_.second;
        const auto at = std::lower_bound(entries_.begin(), entries_.end(), std::pair{word, -1});
        const bool found = at != entries_.end() && at->first == word;
        last_ = {word, found ? at->second : -1};
        return last_.second;
    }

   private:
    std::vector<std::pair<std::uint32_t, int>> entries_;
    std::pair<std::uint32_t, int> last_;  // found last
};

// Diffuses a picture from top to bottom, whole or in bands that carry their errors on.
class Diffuser {
   public:
    // `entries` are the points of `colors` in the space. `strength` is the share of an error that is
    // passed on, `cap` the longest one. Where a color that equals an entry fills a pixel and its four
    // neighbours, the entry is taken and nothing is passed on.
    Diffuser(std::size_t width, const ColorSpace& space, std::span<const float> entries,
             std::span<const std::uint8_t> colors, std::vector<Tap> taps, float strength, float cap,
             bool serpentine, Width simd);
    Diffuser(const Diffuser&) = delete;
    Diffuser& operator=(const Diffuser&) = delete;

    std::size_t width() const { return width_; }
    std::span<Point> errors() { return errors_.all(); }
    void go_on_at(std::size_t y) { y_ = y; }

    void draw(const Band& band, std::span<std::uint8_t> indices);

   private:
    struct ErrorStep;
    struct Work;
    struct Rows;

    void draw_rows(const Rows& rows, Work& work);
    void bring_errors(const Rows& rows, std::ptrdiff_t start, ErrorStep* steps, std::size_t n);
    void keep_errors(const Rows& rows, std::ptrdiff_t start, const ErrorStep* steps, std::size_t n);
    void take_colors(const Rows& rows, std::ptrdiff_t start, std::size_t n, Work& work);
    void draw_steps(std::size_t n, Work& work);
    void give_numbers(const Rows& rows, std::ptrdiff_t start, std::size_t n, const Work& work);

    std::size_t width_, y_ = 0;
    ColorSpace space_;
    std::vector<Tap> taps_;
    float strength_, cap_;
    bool serpentine_;
    Width simd_;
    std::variant<ColorGrid<3>, ColorGrid<4>> grid_;
    ExactEntries exact_;
    std::uint32_t idle_;  // the first entry's color
    Ring<Point> errors_;
    std::array<std::vector<std::uint8_t>, rows_at_once> is_flat_;
};

}  // namespace pimenton
