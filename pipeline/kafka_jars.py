"""Java and Apache Kafka's jars: found, checked, and resolved by Maven once for each version of `pom.xml`."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pipeline.errors import BrokerError
from pipeline.resources import shipped

log = logging.getLogger(__name__)

JAVA_VERSION: Final = 17
"""Oldest Java that runs an Apache Kafka 4 broker (its 4.0 upgrade notes)."""

MAVEN_SECONDS: Final = 900.0
"""Bound on the first resolution: some 110 MB over a slow line."""

VERSION_SECONDS: Final = 30.0
"""Bound on `java -version`, which needs a tenth of a second on a free machine."""

ERROR_LINES: Final = 12
"""Of a tool's output that an error quotes."""


async def find_java() -> Path:
    """The Java to run with, from JAVA_HOME or PATH; raises BrokerError when it is missing or too old."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        where = f"JAVA_HOME ({home})" if home else "PATH"
        raise BrokerError(
            f"Apache Kafka needs Java {JAVA_VERSION} or newer and there is no `java` in {where}: install one "
            f"(Debian: `apt-get install openjdk-{JAVA_VERSION}-jre-headless`), or use `--broker embedded`"
        )
    said = await run([found, "-version"], VERSION_SECONDS)
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    if match is None or int(match[1]) < JAVA_VERSION:
        raise BrokerError(
            f"Apache Kafka needs Java {JAVA_VERSION} or newer; {found} says: {said.strip().splitlines()[0]}. Install a "
            f"newer one (Debian: `apt-get install openjdk-{JAVA_VERSION}-jre-headless`) and point JAVA_HOME at it"
        )
    return Path(found)


async def find_jars(pom: Path | None = None) -> Path:
    """The folder with Kafka's jars, named by the hash of ``pom`` (default: the shipped one); made by Maven if needed.

    Raises BrokerError when Maven is missing or cannot resolve.
    """
    pom = pom or shipped("pom.xml")
    folder = cache_dir() / f"kafka-{hashlib.sha256(pom.read_bytes()).hexdigest()[:12]}"
    if not folder.is_dir():
        await _resolve(pom, folder)
    return folder


def cache_dir() -> Path:
    """Where we keep what can be fetched again (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterclaim"


async def run(command: Sequence[str], seconds: float) -> str:
    """Run a tool and return all it printed; raises BrokerError when it fails or its time is over."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError as error:
        raise BrokerError(f"`{' '.join(command)}` did not end within {seconds:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    if process.returncode != 0:
        last = "\n  ".join(deque(text.strip().splitlines(), ERROR_LINES))
        raise BrokerError(f"`{' '.join(command)}` failed with status {process.returncode}:\n  {last}")
    return text


async def _resolve(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokerError(
            "Apache Kafka's jars are fetched by Maven at the first start and there is no `mvn` in PATH: install it "
            "(Debian: `apt-get install maven`), or use `--broker embedded`"
        )
    log.info("fetching Apache Kafka's jars by Maven into %s, once", folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Copied beside, then renamed: an interrupted run leaves nothing that looks complete, and of two at once one wins.
    with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
        jars = Path(unfinished) / "jars"
        await run(
            [
                maven,
                *("--quiet", "--batch-mode", "--file", str(pom)),
                *("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={jars}"),
            ],
            MAVEN_SECONDS,
        )
        if not any(jars.glob("kafka_*.jar")):
            raise BrokerError(f"Maven ended well but brought no Kafka jar into {jars}: is {pom} complete?")
        if not folder.is_dir():
            jars.rename(folder)
