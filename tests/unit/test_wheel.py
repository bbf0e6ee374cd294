"""The wheel: both packages, the shipped files, and nothing else; and it works from where it is unpacked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]

SHIPPED = ("config", "seeds", "pom.xml")
"""What lies beside the packages in a checkout, and below pipeline/data/ in a wheel."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    """The wheel, built from this checkout by the build backend that pyproject.toml names."""
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    (path,) = directory.glob("counterclaim-*.whl")
    with ZipFile(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def unpacked(wheel: ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what an installation would."""
    directory = tmp_path_factory.mktemp("unpacked")
    wheel.extractall(directory)
    return directory


def sources(*paths: str) -> set[str]:
    """The files at and below these paths, but for what Python compiled beside them."""
    roots = [ROOT / name for name in paths]
    files = [root for root in roots if root.is_file()] + [file for root in roots for file in root.rglob("*")]
    return {str(file.relative_to(ROOT)) for file in files if file.is_file() and "__pycache__" not in file.parts}


def test_the_wheel_holds_exactly_the_packages_and_the_shipped_files(wheel: ZipFile) -> None:
    """Each file once, where it belongs; no tests, no bench, no docs."""
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == sources("pipeline", "agents") | {f"pipeline/data/{name}" for name in sources(*SHIPPED)}


def test_the_wheel_installs_one_command_and_two_packages(wheel: ZipFile) -> None:
    """`counterclaim`, `pipeline` and `agents`; and the licence goes along."""
    names = wheel.namelist()
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    assert wheel.read(entry_points).decode().split("\n")[:2] == [
        "[console_scripts]",
        "counterclaim = pipeline.cli:main",
    ]
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"pipeline", "agents"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_what_is_unpacked_finds_its_own_files(unpacked: Path, tmp_path: Path) -> None:
    """Away from the checkout, the shipped configuration is found below the package, and is sound."""
    program = (
        "import json, os; from pipeline.resources import shipped; from pipeline.settings.load import load_all;"
        "found = load_all(shipped('config'), {});"
        "print(json.dumps([str(shipped('seeds')), str(shipped('pom.xml')), len(found.feeds)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    seeds, pom, feeds = json.loads(done.stdout)
    assert (seeds, pom) == (str(unpacked / "pipeline/data/seeds"), str(unpacked / "pipeline/data/pom.xml"))
    assert Path(pom).is_file()
    assert feeds >= 80
