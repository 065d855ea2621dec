"""Moving pictures keep their frames, their time and their stillness."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crafted import chunk
from images import FRUITS
from pictures import shared_data
from pimenton import (
    ImageTooLarge,
    Options,
    QualityNotReached,
    UnreadableImage,
    compress,
    measure,
    read_image,
)
from pimenton.animation import Animation, compress_animation, count_frames, read_animation
from pimenton.batch import Job, Rules, compress_data, compress_file
from pimenton.pixels import Pixels

FAST = Options(n_colors=16, effort="fast")


@pytest.fixture(scope="module")
def moving() -> Animation:
    """Make a square go over a photograph."""
    ground = read_image(FRUITS)[:48, :64]
    frames = []
    for i in range(4):
        frame = ground.copy()
        frame[10:20, 8 * i : 8 * i + 10] = (255, 0, 0, 255)
        frames.append(frame)
    return Animation((*frames, frames[-1]), (100.0, 40.0, 250.0, 100.0, 70.0), 3)


@pytest.fixture(scope="module")
def clearing() -> Animation:
    """Make a ring go over nothing, with half transparent pixels in it."""
    frames = []
    for i in range(4):
        frame = np.zeros((24, 40, 4), np.uint8)
        frame[4:16, 6 * i : 6 * i + 12] = (0, 90, 200, 255)
        frame[8:12, 6 * i + 4 : 6 * i + 8] = (0, 0, 0, 0)
        frame[4, 6 * i : 6 * i + 12] = (0, 90, 200, 120)
        frames.append(frame)
    return Animation(tuple(frames), (50.0,) * 4, 0)


def flat(frame: Pixels) -> Pixels:
    frame = frame.copy()
    frame[:, :, 3] = np.where(frame[:, :, 3] < 128, 0, 255)
    frame[frame[:, :, 3] == 0] = 0
    return frame


@pytest.mark.parametrize("format", ["gif", "png", "webp"])
@pytest.mark.parametrize("name", ["moving", "clearing"])
def test_frames_time_and_plays_are_kept(
    request: pytest.FixtureRequest, name: str, format: str
) -> None:
    animation: Animation = request.getfixturevalue(name)
    data = compress_animation(animation, format, Options(n_colors=255)).data
    back = read_animation(data)
    n_distinct = len(back.frames)
    assert back.n_plays == animation.n_plays
    assert sum(back.durations) == sum(animation.durations)
    if format != "webp":
        # WebP joins frames that are the same.
        assert n_distinct == len(animation.frames)
        assert back.durations == animation.durations
    if name == "clearing":
        expected = [flat(frame) if format == "gif" else frame for frame in animation.frames]
        assert all(np.array_equal(a, b) for a, b in zip(back.frames, expected, strict=True))


@pytest.mark.parametrize("dither", ["none", "floyd-steinberg"])
@pytest.mark.parametrize("format", ["gif", "png"])
def test_what_stands_still_does_not_flicker(moving: Animation, format: str, dither: str) -> None:
    data = compress_animation(moving, format, Options(n_colors=16, dither=dither)).data
    back = read_animation(data)
    for i in range(1, len(back.frames)):
        still = (moving.frames[i] == moving.frames[i - 1]).all(axis=2)
        assert np.array_equal(back.frames[i][still], back.frames[i - 1][still])
    colors = {bytes(color) for frame in back.frames for color in frame.reshape(-1, 4)}
    assert len(colors) <= 16
    first = compress_animation(
        Animation(moving.frames[:1], (1.0,), 0), format, Options(n_colors=16, dither=dither)
    )
    assert len(data) < 2.5 * len(first.data)


def test_each_frame_may_have_its_own_palette(moving: Animation) -> None:
    shared = compress_animation(moving, "gif", Options(n_colors=8))
    own = compress_animation(moving, "gif", Options(n_colors=8, frame_palettes=True))
    assert own.report.mse <= 1.05 * shared.report.mse
    assert len(read_animation(own.data).frames) == len(moving.frames)
    with pytest.raises(ValueError, match="one palette for all frames"):
        compress_animation(moving, "png", Options(frame_palettes=True))


@pytest.mark.parametrize("source", ["gif", "png", "webp"])
@pytest.mark.parametrize("target", ["gif", "png", "webp"])
def test_files_stay_animated(moving: Animation, tmp_path: Path, source: str, target: str) -> None:
    path = tmp_path / f"in.{source}"
    path.write_bytes(compress_animation(moving, source, Options(n_colors=64)).data)
    job = Job(path, tmp_path / f"out.{target}")
    assert compress_file(job, FAST, Rules(allow_larger=True)).status == "written"
    assert count_frames(job.target) >= 4
    data, _ = compress_data(path.read_bytes(), FAST, Rules(allow_larger=True), format=target)
    assert data == job.target.read_bytes()


@pytest.fixture(scope="module")
def panning() -> Animation:
    """Go over a photograph, so that all pixels change."""
    ground = read_image(FRUITS)
    frames = tuple(np.ascontiguousarray(ground[i : i + 80, 4 * i : 4 * i + 96]) for i in range(3))
    return Animation(frames, (80.0,) * 3, 0)


def worst_score(animation: Animation, data: bytes) -> float:
    back = read_animation(data).frames
    return min(measure(a, b).ssimulacra2 for a, b in zip(animation.frames, back, strict=True))


@pytest.mark.parametrize("format", ["gif", "png", "webp"])
def test_the_worst_frame_reaches_the_quality(panning: Animation, format: str) -> None:
    made = compress_animation(panning, format, Options(quality=55))
    assert made.report.quality == pytest.approx(worst_score(panning, made.data))
    assert 55 <= made.report.quality < 60
    assert made.report.quality_reached
    plain = compress_animation(panning, format, Options(n_colors=255))
    assert len(made.data) < 0.7 * len(plain.data)


def test_what_stands_still_does_not_flicker_where_a_quality_is_aimed_at(moving: Animation) -> None:
    for format in ("gif", "png"):
        back = read_animation(compress_animation(moving, format, Options(quality=60)).data)
        for i in range(1, len(back.frames)):
            still = (moving.frames[i] == moving.frames[i - 1]).all(axis=2)
            assert np.array_equal(back.frames[i][still], back.frames[i - 1][still])


def test_clear_stays_clear_where_a_size_is_aimed_at(clearing: Animation) -> None:
    size = len(compress_animation(clearing, "gif", Options(n_colors=255)).data)
    made = compress_animation(clearing, "gif", Options(max_bytes=size, quality=90))
    for back, frame in zip(read_animation(made.data).frames, clearing.frames, strict=True):
        assert np.array_equal(back[:, :, 3], flat(frame)[:, :, 3])


def test_a_largest_size_holds_or_is_refused(panning: Animation) -> None:
    whole = len(compress_animation(panning, "gif", Options(quality=80, best_possible=True)).data)
    made = compress_animation(panning, "gif", Options(max_bytes=whole // 2))
    assert whole // 4 < len(made.data) <= whole // 2
    assert not made.report.quality_reached
    for choices, words in (
        ({"quality": 99.9}, "quality 99.9 is not reached in all frames"),
        ({"max_bytes": 400}, "at most 400 bytes are allowed"),
        ({"max_bytes": 900, "n_colors": 16, "parse": False}, "at most 900 bytes are allowed"),
        ({"quality": 50, "max_bytes": 900}, r"takes \d+ bytes; at most 900 are allowed"),
        ({"lossless": True}, "without loss there can be 255"),
    ):
        with pytest.raises(QualityNotReached, match=words):
            compress_animation(panning, "gif", Options(**choices))


def test_python_keeps_files_animated_as_the_command_does(moving: Animation, tmp_path: Path) -> None:
    data = compress_animation(moving, "gif", Options(n_colors=64)).data
    (tmp_path / "in.gif").write_bytes(data)
    made = compress(tmp_path / "in.gif", tmp_path / "out.gif", FAST)
    assert count_frames(tmp_path / "out.gif") == len(moving.frames)
    assert (tmp_path / "out.gif").read_bytes() == made.data
    assert made.report.input_bytes == len(data)
    for source in (data, BytesIO(data), str(tmp_path / "in.gif")):
        assert compress(source, tmp_path / "out.gif", FAST).data == made.data
    assert compress(data, tmp_path / "out.tif", FAST).image.height == 48
    with Image.open(BytesIO(data)) as still:
        assert count_frames(compress(still, options=FAST).data) == 1


def test_of_pages_the_first_is_taken_and_that_is_said(tmp_path: Path) -> None:
    pages = [Image.new("RGB", (9, 9), color) for color in ("red", "blue")]
    pages[0].save(tmp_path / "in.tif", save_all=True, append_images=pages[1:])
    outcome = compress_file(Job(tmp_path / "in.tif", tmp_path / "out.png"), FAST)
    assert outcome.note == "first of 2 pictures"
    assert read_image(tmp_path / "out.png")[0, 0].tolist() == [255, 0, 0, 255]


def test_too_many_pixels_are_refused_before_they_are_decoded(moving: Animation) -> None:
    data = compress_animation(moving, "gif", FAST).data
    with pytest.raises(ImageTooLarge, match="in all frames are more than 100"):
        read_animation(data, max_pixels=100)
    with pytest.raises(UnreadableImage, match=r"^here: damaged animation"):
        read_animation(data[: len(data) // 2], name="here")
    assert count_frames(b"no picture") == 1


@pytest.mark.parametrize("kind", ["anim/*.gif", "apng/*.png"])
def test_odd_animations_look_the_same(kind: str) -> None:
    """With 255 colors allowed, frames of few colors come back as another reader sees them."""
    n_checked = 0
    for path in sorted(shared_data("odd").glob(kind)):
        if count_frames(path) < 2:
            continue
        try:
            animation = read_animation(path)
        except UnreadableImage:
            continue
        colors = {bytes(c) for frame in animation.frames for c in np.unique(
            frame.reshape(-1, 4), axis=0)}  # fmt: skip
        if len(colors) > 250:
            continue
        for format in ("gif", "png"):
            data = compress_animation(animation, format, Options(effort="fast")).data
            with Image.open(BytesIO(data)) as image:
                assert image.n_frames == len(animation.frames), path
                for i, frame in enumerate(animation.frames):
                    image.seek(i)
                    seen = np.array(image.convert("RGBA"))
                    seen[seen[:, :, 3] == 0] = 0
                    expected = flat(frame) if format == "gif" else frame
                    assert np.array_equal(seen, expected), (path, format, i)
        n_checked += 1
    assert n_checked > 3


def test_of_a_damaged_animation_the_still_picture_is_taken(
    moving: Animation, tmp_path: Path
) -> None:
    data = compress_animation(moving, "png", FAST).data
    at = data.index(b"fdAT") - 4
    kind, number, body = b"fdAT", b"\0\0\0\x63", b"rest"
    broken = tmp_path / "in.png"
    broken.write_bytes(data[:at] + chunk(kind, number + body) + data[at:])
    outcome = compress_file(Job(broken, tmp_path / "out.png"), FAST, Rules(allow_larger=True))
    assert outcome.note == "the still picture of a damaged animation"
    assert np.array_equal(read_image(tmp_path / "out.png"), read_image(broken))
