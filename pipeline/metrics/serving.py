"""The port that Prometheus reads a process's metrics from."""

from __future__ import annotations

import errno
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIServer

from prometheus_client import disable_created_metrics, start_http_server

from pipeline.errors import PortTakenError
from pipeline.metrics.process import Metrics

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Exporter:
    """A running `/metrics`; also a context manager."""

    host: str
    port: int
    _server: WSGIServer
    _thread: threading.Thread

    @property
    def url(self) -> str:
        """Where this machine can read it; a server on every address is read on the loopback one."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - compared
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/metrics"

    def close(self) -> None:
        """Stop answering and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Exporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(metrics: Metrics, host: str, port: int, *, setting: str = "metrics") -> Exporter:
    """Serve `/metrics` from a thread of its own; port 0 takes any free one.

    Raises:
        PortTakenError: somebody listens there already; ``setting`` names what to change.
    """
    # Process-wide: `_created` doubles every series, and nothing reads it.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # unannotated in prometheus_client 0.26
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL}:
            raise
        raise PortTakenError(host, port, setting, error.strerror or str(error)) from error
    return Exporter(host, server.server_port, server, thread)
