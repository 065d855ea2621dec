"""Answers: pictures, JSON, and errors as the sentences that the library raises."""

import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from pimenton.errors import ImageTooLarge, QualityNotReached, UnreadableImage, one_line
from pimenton.web.pool import Busy, TooLong
from pimenton.web.processes import Died

RETRY_SECONDS = 2


class Refused(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    status : int
        Of the answer.
    kind : str
        Of the error, in one word.
    message : str
        A sentence.
    **headers : str
        More headers of the answer, with ``_`` for ``-``.
    """

    def __init__(self, status: int, kind: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


# What is raised, from the special to the general, with the status and the kind that tell of it.
STATUSES: dict[type[Exception], tuple[int, str]] = {
    ImageTooLarge: (413, "TooLarge"),
    UnreadableImage: (415, "UnreadableImage"),
    QualityNotReached: (422, "QualityNotReached"),
    TooLong: (422, "TooLong"),
    Died: (422, "Died"),
    Busy: (503, "Busy"),
    MemoryError: (503, "NoMemory"),
    ValueError: (422, "WrongChoice"),
    TypeError: (422, "WrongChoice"),
}


def json_answer(
    content: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with JSON; what is not a number becomes null."""
    text = json.dumps(_finite(content), separators=(",", ":"))
    return Response(text, status, headers, "application/json")


def refusal(refused: Refused) -> Response:
    """Answer with an error."""
    return json_answer(
        {"error": refused.kind, "message": str(refused)}, refused.status, refused.headers
    )


def busy(message: str) -> Refused:
    """Refuse for now."""
    return Refused(503, "Busy", message, Retry_After=str(RETRY_SECONDS))


def refused_for(error: Exception) -> Refused | None:
    """Find the answer to what the library raises; None if it is a fault of ours."""
    if isinstance(error, Refused):
        return error
    for kind, (status, name) in STATUSES.items():
        if isinstance(error, kind):
            headers = {"Retry_After": str(RETRY_SECONDS)} if status == 503 else {}
            return Refused(status, name, one_line(error), **headers)
    return None


def _finite(content: Any) -> Any:
    if isinstance(content, float) and not math.isfinite(content):
        return None
    if isinstance(content, Mapping):
        return {name: _finite(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content
