"""The parts that a picture is worked on in, and calls for them that run beside each other."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple, TypeAlias

from pimenton.tiled.levels import Level

# Sides of a block: a megapixel, so that counting it does not spend its time on clearing tables.
_SIDE = 1024
# Blocks that fit both the tiles that are read and those that are written may have this side.
_MOST = 4096
# Pixels of a block that is as wide as the picture.
_STRIP = 1 << 22

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]


class Block(NamedTuple):
    """A part of a level: its first row and column, and its size."""

    y: int
    x: int
    height: int
    width: int


def block_sides(level: Level, tile: int) -> tuple[int, int]:
    """Choose height and width of a level's blocks, whole numbers of the tiles to be written.

    Tiles that are read are decoded once if both kinds fit. A picture in strips is worked on in
    blocks as wide as itself.

    Examples
    --------
    >>> block_sides(Level(9999, 9999, (256, 256), print), 512)
    (1024, 1024)
    >>> block_sides(Level(9999, 5000, (8, 5000), print), 512)
    (512, 5120)
    """
    height, width = level.tile
    if width >= level.width and height < level.height:
        across = -(-level.width // tile) * tile
        return max(tile, min(_SIDE, _STRIP // across // tile * tile)), across
    return _side(height, tile), _side(width, tile)


def _side(read: int, tile: int) -> int:
    fit = math.lcm(read, tile)
    unit = fit if fit <= _MOST else tile
    return -(-max(_SIDE, min(read, _MOST)) // unit) * unit


def blocks_of(height: int, width: int, sides: tuple[int, int]) -> list[list[Block]]:
    """Cut a level into rows of blocks; those at the edges end with the picture.

    Examples
    --------
    >>> blocks_of(3, 5, (2, 4))[1]
    [Block(y=2, x=0, height=1, width=4), Block(y=2, x=4, height=1, width=1)]
    """
    return [
        [
            Block(y, x, min(sides[0], height - y), min(sides[1], width - x))
            for x in range(0, width, sides[1])
        ]
        for y in range(0, height, sides[0])
    ]


def in_order(
    executor: Executor, calls: Iterable[Call], n_waiting: int
) -> Generator[Any, None, None]:
    """Run calls beside each other; yield their results in order.

    Parameters
    ----------
    executor : Executor
        Where they run.
    calls : iterable of (function, arguments)
        Taken one by one, as there is room.
    n_waiting : int
        Calls that are handed over besides the one whose result is taken next.
    """
    waiting: deque[Future[Any]] = deque()
    try:
        for function, arguments in calls:
            waiting.append(executor.submit(function, *arguments))
            if len(waiting) > n_waiting:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
