"""The walk is K-means, and the page tells it."""

import json
import re
import subprocess
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import FRUITS, weighted_points
from pimenton import read_image
from pimenton.cli import main
from pimenton.explain import MAX_PIXELS, explain_page, walk
from pimenton.page import Picture


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_two_pairs_of_points_find_their_means() -> None:
    points = np.array([[0, 0, 0, 1], [1, 0, 0, 1], [8, 0, 0, 1], [9, 0, 0, 1]], np.float32)
    way = walk(points, np.array([1.0, 3.0, 1.0, 1.0]), 2, seed=3)
    assert sorted(way.centroids[-1, :, 0].tolist()) == [0.75, 8.5]
    assert sorted(way.counts[-1].tolist()) == [2, 4]
    assert way.inertia[-1] == pytest.approx(0.75 + 0.5)
    assert way.settled


@given(weighted_points(), st.integers(1, 9), st.integers(0, 99))
def test_each_step_assigns_to_the_nearest_and_moves_to_the_mean(points, k, seed) -> None:
    points, weights = points
    points = np.unique(points, axis=0)
    weights = weights[: len(points)]
    way = walk(points, weights, k, seed=seed, max_steps=20)
    assert {tuple(c) for c in way.centroids[0]} <= {tuple(p) for p in points}
    assert len(np.unique(way.centroids[0], axis=0)) == min(k, len(points))
    assert way.n_steps <= 20
    for step, inertia in enumerate(way.inertia):
        distances = ((points[:, np.newaxis].astype(float) - way.centroids[step]) ** 2).sum(axis=2)
        assert inertia == pytest.approx((weights * distances.min(axis=1)).sum(), abs=1e-4)
        assert way.counts[step].sum() == weights.sum()
    assert all(b <= a * (1 + 1e-6) + 1e-6 for a, b in pairwise(way.inertia))
    if way.settled:
        assert np.array_equal(way.centroids[-1], way.centroids[-2])


def test_another_seed_starts_elsewhere_and_the_same_does_not() -> None:
    points = np.random.default_rng(0).random((200, 4)).astype(np.float32)
    starts = [walk(points, np.ones(200), 4, seed=seed).centroids[0] for seed in (1, 1, 2)]
    assert np.array_equal(starts[0], starts[1])
    assert not np.array_equal(starts[0], starts[2])


def test_page_holds_the_walk_of_the_picture() -> None:
    page = explain_page(Picture.read(FRUITS), n_colors=5, seed=7)
    data = data_of(page)
    assert len(page.encode()) < 3_000_000
    assert (data["width"], data["height"]) == (768, 512)
    assert data["n_distinct"] == 299_544
    assert len(data["centroids"]) == len(data["inertia"]) + 1 == len(data["counts"]) + 1
    assert all(sum(counts) == 768 * 512 for counts in data["counts"])
    pixels = read_image(FRUITS)[:, :, :3].reshape(-1, 3)
    start = np.array(data["centroids"][0]).reshape(-1, 3)
    assert len(start) == 5
    assert {tuple(color) for color in start} <= {tuple(pixel) for pixel in pixels}
    end = np.array(data["centroids"][-1]).reshape(-1, 3)
    nearest = ((pixels[::97, np.newaxis] - end) ** 2).sum(axis=2).argmin(axis=1)
    share = np.bincount(nearest, minlength=5) / len(nearest)
    assert share == pytest.approx(np.array(data["counts"][-1]) / len(pixels), abs=0.02)


def test_large_and_translucent_pictures_are_made_fit_and_it_is_told() -> None:
    pixels = np.zeros((900, 1000, 4), np.uint8)
    pixels[:, 500:] = (255, 0, 0, 255)
    data = data_of(explain_page(Picture("half", pixels), n_colors=2))
    assert data["width"] * data["height"] <= MAX_PIXELS
    assert data["reduced_from"] == [1000, 900]
    assert data["on_white"]
    assert sorted(data["centroids"][-1]) == sorted([255, 255, 255, 255, 0, 0])


def test_fewer_colors_than_asked_settle_at_once() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[:, :, 3] = 255
    data = data_of(explain_page(Picture("black", pixels), n_colors=8))
    assert data["centroids"] == [[0, 0, 0], [0, 0, 0]]
    assert data["inertia"] == [0]
    assert data["settled"]


def test_nothing_is_fetched_and_names_cannot_break_out() -> None:
    pixels = np.zeros((2, 2, 4), np.uint8)
    name = "</script><script>alert(1)</script>\udcff$title"
    page = explain_page(Picture(name, pixels), lang="es")
    assert "<script>alert" not in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "MIT License" in page
    page.encode("utf-8")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"lang": "xx"}, "lang must be one of en, es; got 'xx'"),
        ({"n_colors": 65}, "n_colors must be between 1 and 64; got 65"),
    ],
)
def test_wrong_choices_are_refused(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explain_page(Picture("a", np.zeros((1, 1, 4), np.uint8)), **choices)


def test_command_writes_the_page_in_the_language_of_the_locale(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "es_ES.UTF-8")
    page = tmp_path / "page.html"
    words = ["explain", str(FRUITS), "-o", str(page), "-k", "3"]
    assert main(words) == 0
    assert capsys.readouterr().err == f"{page}: 1.7 MB\n"
    assert '<html lang="es">' in page.read_text("utf-8")
    assert main(words) == 1
    assert "exists; use --force" in capsys.readouterr().err
    assert main([*words, "--force", "--lang", "en"]) == 0
    assert '<html lang="en">' in page.read_text("utf-8")
    assert main(["explain", str(FRUITS), "-k", "65"]) == 2
    assert main(["explain", str(tmp_path / "none.png")]) == 1


def test_a_picture_from_a_pipe_makes_a_page_on_a_pipe() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pimenton", "explain", "-", "-k", "2"],
        input=FRUITS.read_bytes(),
        capture_output=True,
        check=True,
    )
    data = data_of(run.stdout.decode())
    assert data["name"] == "standard input"
    assert len(data["centroids"][0]) == 6
    assert run.stderr == b""
