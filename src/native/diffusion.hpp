// Error diffusion over any table of taps, a few rows at once, whole or in bands.
#pragma once

#include "grid.hpp"
#include "histogram.hpp"

namespace pimenton {

// A share of the error goes to the pixel dx to the right (in the direction of the row) and dy below.
struct Tap {
    int dx;
    int dy;
    float share;
};

constexpr std::size_t most_taps = 12;
constexpr int tap_reach = 4;

// Rows drawn at once.
constexpr std::size_t rows_at_once = 4;

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

// Pixels, row by row, whose colors are all in the list; the first and the last rows may be there only
// to be looked at by their neighbours. `exact` holds for each color the entry equal to it, or -1; where
// such a color fills a pixel and its four neighbours, the entry is taken and nothing is passed on.
struct Band {
    std::span<const std::uint8_t> pixels;
    std::span<const std::uint8_t> colors;
    std::span<const float> points;
    std::span<const std::int16_t> exact;
    bool has_above = false;
    bool has_below = false;
};

// Diffuses a picture from top to bottom, whole or in bands that carry their errors on.
class Diffuser {
   public:
    // `strength` is the share of an error that is passed on, `cap` the longest one.
    Diffuser(std::size_t width, std::span<const float> entries, std::vector<Tap> taps,
             float strength, float cap, bool serpentine, Width simd);
    Diffuser(const Diffuser&) = delete;
    Diffuser& operator=(const Diffuser&) = delete;

    std::size_t width() const { return width_; }
    std::size_t n_done() const { return y_; }
    std::span<Point> errors() { return errors_.all(); }
    void go_on_at(std::size_t y) { y_ = y; }

    void draw(const Band& band, std::span<std::uint8_t> indices);

   private:
    void fetch(const Band& band, const ColorIndex& index, std::size_t i);

    std::size_t width_, y_ = 0;
    std::vector<Tap> taps_;
    float strength_, cap_;
    bool serpentine_;
    Width simd_;
    ColorGrid grid_;
    // By the row of the picture, and by the row of the band.
    Ring<Point> errors_;
    Ring<std::uint32_t> ranks_;
    Ring<Point> points_;
    Ring<std::int16_t> exact_;
};

}  // namespace pimenton
