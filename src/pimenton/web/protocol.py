"""HTTP as uvicorn speaks it, to senders and readers of some patience but not of too much."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from pimenton.web.bodies import BYTES_A_SECOND

# Bytes that are taken from a connection at a time.
_PIECE_BYTES = 1 << 15


class Patient(H11Protocol):
    """Close connections whose request does not come to its body, or whose answer is not taken.

    Parameters
    ----------
    patience : float
        Seconds to wait.
    **given
        What uvicorn gives.
    """

    def __init__(self, *, patience: float, **given: Any) -> None:
        super().__init__(**given)
        self._patience = patience
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        # Many senders at once take turns in small pieces, so that none waits for all the others.
        transport.max_size = _PIECE_BYTES
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self._patience, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what comes; from the first byte of a request to its last header time is short."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_no_more()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self._patience, self.transport.abort)

    def on_response_complete(self) -> None:
        """Give the reader as much time as the answer is long."""
        unsent = self.transport.get_write_buffer_size()
        if unsent:
            seconds = self._patience + unsent / BYTES_A_SECOND
            self.loop.call_later(seconds, self._abort_unsent, self.cycle)
        super().on_response_complete()

    def _abort_unsent(self, cycle: object) -> None:
        if cycle is self.cycle and self.transport.get_write_buffer_size():
            self.transport.abort()

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
