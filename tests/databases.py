"""A PostgreSQL server of a test's own: its files in one folder, its socket there too, gone when the test is.

The programs are Debian's (package `postgresql`); where they are not there the tests fail, they do not skip. PostgreSQL
refuses to be run by root, so as root it runs as `postgres`, whom the package makes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

DEBIAN = Path("/usr/lib/postgresql")
USER = "counterclaim"

QUICK = {"fsync": "off", "full_page_writes": "off", "max_connections": "30"}
"""What a power cut could spoil; a killed server keeps what it had."""


def program(name: str) -> str:
    """Path of one of PostgreSQL's programs, the newest version's."""
    found = sorted(DEBIAN.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    path = str(found[-1]) if found else shutil.which(name)
    assert path, f"{name} is not installed (Debian: apt-get install postgresql); these tests need the real one"
    return path


class Postgres:
    """One cluster."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._data = folder, folder / "data"
        self._made = 0

    def create(self) -> None:
        """Make the cluster."""
        self._run(
            "initdb",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            f"--username={USER}",
            "--pgdata",
            str(self._data),
        )
        lines = {"listen_addresses": "''", "unix_socket_directories": f"'{self.folder}'"} | QUICK
        with (self._data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items())

    def start(self) -> None:
        """Start the server; it answers when this returns."""
        self._run(
            "pg_ctl", "start", "--wait", "--timeout=60", "--pgdata", str(self._data), "--log", str(self.folder / "log")
        )

    def stop(self, how: str = "fast") -> None:
        """Stop it; `immediate` is a crash."""
        self._run("pg_ctl", "stop", "--wait", "--timeout=60", f"--mode={how}", "--pgdata", str(self._data))

    def database(self) -> str:
        """URL of a new, empty database."""
        self._made += 1
        name = f"archive{self._made}"
        self._run("createdb", f"--host={self.folder}", f"--username={USER}", name)
        url = make_url(f"postgresql+psycopg://{USER}@/{name}").update_query_dict({"host": str(self.folder)})
        return url.render_as_string(hide_password=False)

    def _run(self, name: str, *arguments: str) -> None:
        # What pg_ctl starts keeps its output open: a pipe would be waited for as long as the server runs.
        output = subprocess.DEVNULL if name == "pg_ctl" else subprocess.PIPE
        done = subprocess.run(
            [*_as_nobody_special(), program(name), *arguments],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, f"{name}: {done.stdout or self._log()}"

    def _log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server, in a short folder: a socket's path has 107 bytes at the most, and pytest's are only for us."""
    folder = Path(tempfile.mkdtemp(prefix="ccpg-"))
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
    server = Postgres(folder)
    try:
        server.create()
        server.start()
        yield server
    finally:
        with suppress(AssertionError):  # a test stopped it
            server.stop("immediate")
        shutil.rmtree(folder)


def _as_nobody_special() -> list[str]:
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
