"""The native parses choose the very indices of their plain twins."""

import zlib
from typing import Any

import deflate
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
import reference_lzw
import reference_parse
import reference_symbols
from pimenton import _native


@st.composite
def subjects(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what a parse takes: few colors in flat areas or many in slopes, opaque or not."""
    height, width = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    k = draw(st.sampled_from([1, 2, 3, 5, 16, 17, 60, 256]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    flat = draw(st.booleans())
    m = 6 if flat else 200
    points, entries = ((rng.random((n, 4)) * [60, 20, 20, 50]).astype(np.float32) for n in (m, k))
    if draw(st.booleans()):
        points[:, 3] = entries[:, 3] = 100
    exact = np.full(m, -1, np.int16)
    met = np.arange(min(k, m) // 3)
    entries[met], exact[met] = points[met], met
    if flat:
        ranks = rng.integers(0, m, (height // 3 + 1, width // 4 + 1)).repeat(3, 0).repeat(4, 1)
    else:
        y, x = np.mgrid[:height, :width]
        place = (x + y) * m // (height + width) + rng.integers(-9, 10, (height, width))
        ranks = np.argsort(points[:, 0])[np.clip(place, 0, m - 1)]
    shares = rng.random(k)
    return {
        "ranks": np.ascontiguousarray(ranks[:height, :width], np.uint32),
        "points": points,
        "exact": exact,
        "weights": (0.05 + 0.95 * rng.random((height, width))).astype(np.float32),
        "entries": entries,
        "shares": shares / shares.sum(),
        "bit_weight": draw(st.sampled_from([0.0, 0.05, 0.3, 1.0, 5.0])),
        "carried": draw(st.sampled_from([0.0, 0.7])),
        "cap": draw(st.sampled_from([2.0, 12.0])),
        "edge": draw(st.sampled_from([0.0, 8.0, 30.0])),
        "n_dynamic": draw(st.sampled_from([0, 16, 48])),
        "n_triples": draw(st.sampled_from([0, 16, 32])),
        "n_accepted": draw(st.integers(1, 3)),
        "every": draw(st.integers(1, 4)),
        "for_webp": draw(st.booleans()),
        "rows_per_band": draw(st.sampled_from([7, height])),
    }


@given(subjects())
def test_indices_are_those_of_the_twin(subject: dict[str, Any]) -> None:
    indices, tokens, bits = _native.parse(**subject, n_threads=2)
    expected, expected_tokens, expected_bits = reference_parse.parse(**subject)
    assert np.array_equal(indices, expected)
    assert np.array_equal(tokens, expected_tokens)
    rows = reference_parse.inflated(tokens)
    n_filters = 0 if subject["for_webp"] else 1
    assert rows == np.pad(indices, ((0, 0), (n_filters, 0))).tobytes()
    assert bits == pytest.approx(expected_bits, rel=1e-6, abs=1e-6)


@st.composite
def token_lists(draw: st.DrawFn) -> list[int]:
    """Draw literals and matches, of lengths and distances of every kind."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_literals = draw(st.sampled_from([1, 2, 256]))
    share = draw(st.sampled_from([0.0, 0.3, 0.9]))
    tokens = [0] * draw(st.integers(0, 2))
    n_bytes = len(tokens)
    for _ in range(draw(st.sampled_from([0, 1, 50, 3000, 9000]))):
        length = min(3 + int(rng.exponential(30)), 258)
        distance = 1 + int(min(n_bytes, 32768) * rng.random() ** 4)
        matches = rng.random() < share and distance <= n_bytes
        tokens.append(length << 16 | distance if matches else int(rng.geometric(0.05) % n_literals))
        n_bytes += length if matches else 1
    return tokens


@given(token_lists())
@settings(deadline=None)
def test_streams_of_tokens_give_their_bytes(tokens: list[int]) -> None:
    stream = _native.deflate(np.array(tokens, np.uint32)).tobytes()
    assert zlib.decompress(stream, -15) == reference_parse.inflated(np.array(tokens))


def test_codes_are_no_longer_than_deflate_has() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 22:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    tokens = np.repeat(np.arange(22, dtype=np.uint32), fibonacci)[::-1].copy()
    assert zlib.decompress(_native.deflate(tokens).tobytes(), -15) == bytes(tokens.tolist())


@given(st.lists(st.sampled_from(b"abcd"), min_size=1, max_size=30).map(bytes))
def test_the_first_path_is_that_of_the_twin(data: bytes) -> None:
    tokens = _native.shortest(np.frombuffer(data, np.uint8), 1)
    assert tokens.tolist() == reference_symbols.cheapest_path(data)


@pytest.mark.parametrize("kind", ["flat", "repeated", "noisy", "lone"])
def test_the_shortest_stream_gives_its_bytes_and_is_no_longer_than_others(kind: str) -> None:
    rng = np.random.default_rng(5)
    tile = rng.integers(0, 9, (16, 40))
    rows = {
        "flat": rng.integers(0, 4, (20, 20)).repeat(8, 0).repeat(9, 1),
        "repeated": np.tile(tile, (8, 5)) + (rng.random((128, 200)) < 0.01),
        "noisy": rng.geometric(0.2, (150, 170)).clip(max=255),
        "lone": np.array([[7]]),
    }[kind].astype(np.uint8)
    tokens = _native.shortest(rows.ravel(), 5)
    stream = _native.deflate(tokens, False).tobytes()
    assert zlib.decompress(stream, -15) == rows.tobytes()
    assert len(stream) <= 1.002 * len(deflate.deflate_compress(rows.tobytes(), 12)) + 8


@given(st.integers(0, 99), st.integers(1, 9))
def test_entries_are_swapped_as_by_the_twin(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    meetings = rng.integers(0, 50, (k, k))
    meetings = np.triu(meetings, 1) + np.triu(meetings, 1).T
    kinds = (np.arange(k) > k // 2).astype(np.uint8)
    order = np.arange(k)
    found = _native.bring_together(meetings, kinds, order, 3)
    assert found.tolist() == reference.bring_together(meetings, kinds, order.tolist(), 3)
    with pytest.raises(ValueError, match="order must have each entry once"):
        _native.bring_together(np.zeros((2, 2), np.int64), kinds[[0, 0]], np.array([1, 1]), 3)


@pytest.mark.parametrize("token", [256, 2 << 16 | 1, 3 << 16, 259 << 16 | 1, 3 << 16 | 2])
def test_what_is_no_token_is_refused(token: int) -> None:
    with pytest.raises(ValueError, match="match"):
        _native.deflate(np.array([7, token], np.uint32))


@given(
    subjects(),
    st.integers(1, 8),
    st.integers(1, 12),
    st.sampled_from([1, 40, 256]),
)
def test_phrases_are_those_of_the_twin(
    subject: dict[str, Any], n_first: int, n_kept: int, horizon: int
) -> None:
    for name in ("edge", "shares", "n_dynamic", "n_triples", "n_accepted", "every", "for_webp"):
        del subject[name]
    choices = {"n_first": n_first, "n_kept": n_kept, "horizon": horizon}
    indices, codes = _native.parse_lzw(**subject, **choices, n_threads=2)
    expected, expected_codes = reference_lzw.parse_lzw(**subject, **choices)
    assert np.array_equal(indices, expected)
    assert codes.tobytes() == expected_codes


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from([0.5, 9.0]),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
def test_texture_is_weighed_as_by_the_reference(
    height: int, width: int, forgiven: float, quarters: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    lightness = (20 + rng.normal(0, rng.choice([1.0, 9.0]), (height, width))).astype(np.float32)
    weights = _native.weigh_texture(lightness, forgiven, quarters, 2)
    expected = reference.weigh_texture(lightness, forgiven, quarters)
    np.testing.assert_allclose(weights, expected, rtol=1e-5)


@pytest.mark.parametrize("for_webp", [False, True])
@pytest.mark.parametrize("n_dynamic", [0, 96])
@pytest.mark.parametrize(("height", "width"), [(3, 33_000), (200, 1), (300, 2), (1, 1)])
def test_extreme_shapes_are_parsed(height: int, width: int, n_dynamic: int, for_webp: bool) -> None:
    rng = np.random.default_rng(height)
    points = (rng.random((9, 4)) * 60).astype(np.float32)
    ranks = rng.integers(0, 9, (height, width)).astype(np.uint32)
    indices, _, bits = _native.parse(
        ranks, points, np.arange(9, dtype=np.int16), np.full((height, width), 0.5, np.float32),
        points, np.full(9, 1 / 9), bit_weight=0.0, carried=0.7, cap=12.0, edge=0.0,
        n_dynamic=n_dynamic, n_triples=32, n_accepted=3, every=1, for_webp=for_webp,
        rows_per_band=height, n_threads=1,
    )  # fmt: skip
    assert np.array_equal(indices, ranks)
    assert bits > 0 or (for_webp and ranks.size == 1)
