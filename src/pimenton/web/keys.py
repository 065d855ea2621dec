"""Keys: who may use the service, how often, and how often they did this month.

A key is 32 random characters, so its SHA-256 alone can be kept: there is nothing to guess that a
slow hash would have to protect, and looking a digest up tells nothing by its time.
"""

import hashlib
import secrets
import sqlite3
import time
from dataclasses import dataclass

from pimenton.web.records import Records

_KEY_BYTES = 24
_MOST_NAMED = 100
_MOST_ASKING = 100


class TooManyAsk(Exception):
    """There are too many already who ask for a key."""


class QuotaUsed(Exception):
    """All of a key's compressions of this month are used."""


@dataclass(frozen=True)
class Account:
    """Whom a key stands for.

    Attributes
    ----------
    id : int
        Its number, never given again.
    name : str
        What the operator calls it.
    quota : int or None
        Compressions a month; None is without limit.
    """

    id: int
    name: str
    quota: int | None = None


# Whom a service without keys serves.
ANYONE = Account(0, "anyone")


class Keys:
    """The keys of a service.

    Parameters
    ----------
    records : Records
        Where they are kept.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     records = Records(pathlib.Path(folder))
    ...     keys = Keys(records)
    ...     key = keys.add("press", quota=500)
    ...     account = keys.account(key)
    ...     print(len(key), account.name, keys.count(account, 1))
    ...     records.close()
    32 press 1
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def add(self, name: str, *, quota: int | None = None) -> str:
        """Make a key, which is told here and never again.

        Raises
        ------
        ValueError
            If the name is empty, too long or taken, or the quota is negative.
        """
        if quota is not None and quota < 0:
            raise ValueError(f"quota must be at least 0; got {quota}")
        return self._insert(name, quota, is_asking=False)

    def ask(self, name: str) -> str:
        """Make a key that is worth nothing until it is allowed.

        Raises
        ------
        ValueError
            As `add`.
        TooManyAsk
            If there are too many such keys.
        """
        return self._insert(name, None, is_asking=True)

    def allow(self, name: str, *, quota: int | None = None) -> bool:
        """Let a key be used, or change its quota; tell whether there is one of this name."""
        with self._records.change() as database:
            changed = database.execute(
                "UPDATE keys SET quota = ?, is_asking = 0 WHERE name = ?", (quota, name)
            )
            return changed.rowcount > 0

    def _insert(self, name: str, quota: int | None, *, is_asking: bool) -> str:
        if not 0 < len(name) <= _MOST_NAMED or not name.isprintable():
            raise ValueError(f"name must have 1 to {_MOST_NAMED} printable letters; got {name!r}")
        key = secrets.token_urlsafe(_KEY_BYTES)
        try:
            with self._records.change() as database:
                query = "SELECT count(*) FROM keys WHERE is_asking"
                if is_asking and database.execute(query).fetchone()[0] >= _MOST_ASKING:
                    raise TooManyAsk("too many are asking for keys; try again later")
                database.execute(
                    "INSERT INTO keys (name, digest, quota, added, is_asking) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (name, _digest(key), quota, time.time(), is_asking),
                )
        except sqlite3.IntegrityError as error:
            raise ValueError(f"there is a key named {name!r} already") from error
        return key

    def remove(self, name: str) -> bool:
        """Make a key worthless; tell whether there was one of this name."""
        with self._records.change() as database:
            return database.execute("DELETE FROM keys WHERE name = ?", (name,)).rowcount > 0

    def accounts(self, *, is_asking: bool = False) -> list[Account]:
        """Give all whom there is a key for, or all who ask for one, in their order."""
        return [
            Account(*row)  # type: ignore[arg-type]  # columns have these types
            for row in self._records.rows(
                "SELECT id, name, quota FROM keys WHERE is_asking = ? ORDER BY id", is_asking
            )
        ]

    def account(self, key: str, *, is_asking: bool = False) -> Account | None:
        """Find whom a key stands for; None if it is none, or not allowed unless that is asked."""
        rows = self._records.rows(
            "SELECT id, name, quota FROM keys WHERE digest = ? AND is_asking <= ?",
            _digest(key),
            is_asking,
        )
        return Account(*rows[0]) if rows else None  # type: ignore[arg-type]

    def used(self, account: Account) -> int:
        """Count the compressions of this month."""
        rows = self._records.rows(
            "SELECT n FROM counts WHERE key = ? AND month = ?", account.id, this_month()
        )
        return int(str(rows[0][0])) if rows else 0

    def count(self, account: Account, n: int, month: str | None = None) -> int:
        """Count compressions, or take them back; give how many there are in this month.

        Raises
        ------
        QuotaUsed
            If they would be too many.
        """
        with self._records.change() as database:
            [(n_used,)] = database.execute(
                "INSERT INTO counts VALUES (?, ?, ?) "
                "ON CONFLICT DO UPDATE SET n = n + excluded.n RETURNING n",
                (account.id, month or this_month(), n),
            ).fetchall()
            if n > 0 and account.quota is not None and n_used > account.quota:
                raise QuotaUsed(f"all {account.quota} compressions of this month are used")
        return int(n_used)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def this_month() -> str:
    """Give the month that compressions are counted in, of universal time."""
    return time.strftime("%Y-%m", time.gmtime())
