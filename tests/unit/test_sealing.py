"""Secrets at rest: what is sealed comes back with the right key only, and a key that others can read is refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SealError
from pipeline.sealing import Seals, is_sealed


@given(text=st.text())
def test_what_is_sealed_comes_back(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    seals = Seals.open(tmp_path_factory.getbasetemp() / "law.key", create=True)

    sealed = seals.seal(text)

    assert is_sealed(sealed)
    assert seals.unseal(sealed) == text
    assert len(text) < 4 or text not in sealed


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / "data" / "secret.key"

    sealed = Seals.open(file, create=True).seal("whsec_x")

    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]
    assert Seals.open(file, create=True).unseal(sealed) == "whsec_x"
    assert Seals.open(file, create=False).unseal(sealed) == "whsec_x"


def test_processes_that_begin_at_once_end_with_one_key(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(lambda _: Seals.open(file, create=True), range(8)))

    sealed = [seals.seal("one") for seals in opened]

    assert {seals.unseal(text) for seals in opened for text in sealed} == {"one"}


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(SealError, match=r"secret\.key.*is not there.*alerts\.key_file"):
        Seals.open(tmp_path / "secret.key", create=False)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_key_that_others_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret.key"
    Seals.open(file, create=True)
    file.chmod(mode)

    with pytest.raises(SealError, match=f"mode {mode:04o}.*chmod 600"):
        Seals.open(file, create=True)


def test_a_file_without_a_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    file.touch(0o600)
    file.write_text("hello")

    with pytest.raises(SealError, match="holds no key"):
        Seals.open(file, create=True)


def test_another_key_is_told_from_damage(tmp_path: Path) -> None:
    one, other = (Seals.open(tmp_path / name, create=True) for name in ("one.key", "other.key"))
    sealed = one.seal("secret")

    with pytest.raises(SealError, match=r"sealed with the key [0-9a-f]{8}, but .*other\.key is the key"):
        other.unseal(sealed)
    with pytest.raises(SealError, match="damaged"):
        one.unseal(sealed[:-8] + "AAAAAAA=")
    with pytest.raises(SealError, match="not sealed"):
        one.unseal("secret")
