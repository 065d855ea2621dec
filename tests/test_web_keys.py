"""Keys of the service: kept hashed, counted by the month, limited by quotas."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from pimenton.cli import main
from pimenton.web.keys import Keys, QuotaUsed
from pimenton.web.records import Records


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    with closing(Records(tmp_path)) as records:
        yield Keys(records)


def use(keys: Keys, key: str, times: int = 1) -> None:
    account = keys.account(key)
    assert account is not None
    for _ in range(times):
        keys.count(account, 1)


def test_a_key_stands_for_its_account(keys: Keys) -> None:
    key = keys.add("press", quota=3)
    account = keys.account(key)
    assert account is not None
    assert (account.name, account.quota) == ("press", 3)
    assert keys.accounts() == [account]


@pytest.mark.parametrize("change", [str.swapcase, str.upper, lambda key: key[:-1], lambda key: ""])
def test_nearly_a_key_is_none(keys: Keys, change) -> None:
    key = keys.add("press")
    assert keys.account(change(key)) is None


def test_no_file_holds_a_key(keys: Keys, tmp_path: Path) -> None:
    key = keys.add("press").encode()
    assert not any(key in path.read_bytes() for path in tmp_path.iterdir())


def test_a_removed_key_is_worthless_and_its_count_is_nobody_elses(keys: Keys) -> None:
    old = keys.add("press")
    use(keys, old)
    assert keys.remove("press")
    assert keys.account(old) is None
    new = keys.add("press")
    account = keys.account(new)
    assert account is not None
    assert keys.used(account) == 0
    assert not keys.remove("shop")


def test_a_quota_ends_with_its_last_compression(keys: Keys) -> None:
    key = keys.add("press", quota=2)
    use(keys, key, 2)
    with pytest.raises(QuotaUsed, match="all 2 compressions of this month"):
        use(keys, key)
    account = keys.account(key)
    assert account is not None
    assert keys.used(account) == 2


def test_compressions_that_are_taken_back_leave_room_for_others(keys: Keys) -> None:
    key = keys.add("press", quota=1)
    account = keys.account(key)
    assert account is not None
    keys.count(account, 1)
    with pytest.raises(QuotaUsed):
        keys.count(account, 1)
    assert keys.count(account, -1) == 0
    use(keys, key)
    assert keys.used(account) == 1


def test_a_new_month_begins_at_zero(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    key = keys.add("press", quota=1)
    monkeypatch.setattr("pimenton.web.keys.this_month", lambda: "2026-01")
    use(keys, key)
    monkeypatch.setattr("pimenton.web.keys.this_month", lambda: "2026-02")
    use(keys, key)


def test_threads_and_connections_count_together(keys: Keys, tmp_path: Path) -> None:
    key = keys.add("press", quota=150)
    with closing(Records(tmp_path)) as records:
        other = Keys(records)
        threads = [Thread(target=use, args=(each, key, 25)) for each in (keys, other) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        account = keys.account(key)
        assert account is not None
        assert keys.used(account) == 150
        with pytest.raises(QuotaUsed):
            use(other, key)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_a_name_must_fit_a_line(keys: Keys, name: str) -> None:
    with pytest.raises(ValueError, match="name must have"):
        keys.add(name)


def test_the_command_adds_lists_and_removes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--data", str(tmp_path / "state")]
    assert main(["keys", "add", "press", "--quota", "500", *folder]) == 0
    key = capsys.readouterr().out.strip()
    with closing(Records(tmp_path / "state")) as records:
        use(Keys(records), key)
    assert main(["keys", "list", *folder]) == 0
    assert capsys.readouterr().out.split() == [
        "name",
        "this",
        "month",
        "quota",
        "press",
        "1",
        "500",
    ]
    assert main(["keys", "add", "press", *folder]) == 1
    assert capsys.readouterr().err == "pimenton: there is a key named 'press' already\n"
    assert main(["keys", "remove", "press", *folder]) == 0
    assert main(["keys", "remove", "press", *folder]) == 1
    assert "press: there is no such key" in capsys.readouterr().err
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "words", [["add"], ["list", "press"], ["remove"], ["list", "--quota", "1"]]
)
def test_the_command_refuses_what_does_not_go_together(words: list[str], tmp_path: Path) -> None:
    assert main(["keys", *words, "--data", str(tmp_path)]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "state"
    path.write_text("")
    assert main(["keys", "list", "--data", str(path)]) == 1
    assert capsys.readouterr().err == f"pimenton: {path}: File exists\n"
