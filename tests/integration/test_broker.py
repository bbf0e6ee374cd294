"""The broker as a child: started, restarted, stopped, never left behind, and clear about what it lacks."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from pipeline.broker import Broker, Kind, open_broker
from pipeline.errors import BrokerError
from pipeline.kafka import Follower, Publisher, apply_topics, describe_topics, ping
from pipeline.kafka_jars import find_jars, find_java
from pipeline.topics import FLAGS, TOPICS


@pytest.fixture
async def own(broker_kind: Kind, tmp_path: Path) -> AsyncIterator[Broker]:
    """A broker of the test's own, not started."""
    made = open_broker(broker_kind, port=0, data_dir=tmp_path / "kafka")
    yield made
    await made.stop()


async def gone(pid: int) -> None:
    """Wait until a process that is not our child has ended."""
    async with asyncio.timeout(30):
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(descriptor, ended.set)
        await ended.wait()
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_it_answers_on_its_port_from_start_to_stop(own: Broker) -> None:
    """A free port is chosen, a client is answered, and after stop nobody listens there."""
    bootstrap = await own.start()
    assert bootstrap == own.bootstrap
    assert not bootstrap.endswith(":0")
    await asyncio.to_thread(ping, [bootstrap], 10)
    pid = own.pid
    assert pid is not None
    await own.stop()
    await gone(pid)
    host, port = bootstrap.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
    await own.stop()


async def test_a_restart_keeps_the_port_and_what_the_kind_promises(own: Broker, broker_kind: Kind) -> None:
    """Apache Kafka has its topics and records again; the embedded broker is empty, as its description says."""
    bootstrap = await own.start()
    await asyncio.to_thread(apply_topics, [bootstrap], TOPICS)
    async with Publisher([bootstrap]) as publisher:
        position = await publisher.send(FLAGS, b"kept?", key=b"en")
    assert await own.restart() == bootstrap
    names = await asyncio.to_thread(describe_topics, [bootstrap], [FLAGS])
    if broker_kind == "embedded":
        assert names == {}
        assert "in memory only" in own.describe
    else:
        follower = Follower([bootstrap], [FLAGS], from_beginning=True)
        message = await anext(aiter(follower))
        await follower.close()
        assert (message.value, message.offset) == (b"kept?", position.offset)


async def test_what_was_acknowledged_outlives_kill_9(own: Broker, broker_kind: Kind) -> None:
    """The durable kind keeps acknowledged records over a kill -9 of the broker; `wait` tells the signal."""
    bootstrap = await own.start()
    await asyncio.to_thread(apply_topics, [bootstrap], TOPICS)
    async with Publisher([bootstrap]) as publisher:
        await asyncio.gather(*(publisher.send(FLAGS, b"%d" % number, key=b"en") for number in range(100)))
    assert own.pid is not None
    os.kill(own.pid, signal.SIGKILL)
    assert await asyncio.wait_for(own.wait(), 30) == -signal.SIGKILL
    await own.restart()
    names = await asyncio.to_thread(describe_topics, [bootstrap], [FLAGS])
    assert (FLAGS in names) == (broker_kind == "apache")
    if FLAGS in names:
        values = []
        async for message in (follower := Follower([bootstrap], [FLAGS], from_beginning=True)):
            values.append(message.value)
            if len(values) == 100:
                follower.stop()
        assert sorted(values, key=lambda value: int(value or b"")) == [b"%d" % number for number in range(100)]


async def test_a_killed_parent_leaves_no_broker(broker_kind: Kind, tmp_path: Path) -> None:
    """kill -9 of the process that runs the broker ends the broker too."""
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from pipeline.broker import open_broker\n"
        "async def main():\n"
        "    async with open_broker(sys.argv[1], port=0, data_dir=Path(sys.argv[2])) as broker:\n"
        "        print(broker.pid, flush=True)\n"
        "        await broker.wait()\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, broker_kind, str(tmp_path), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 90))
    os.kill(pid, 0)
    parent.kill()
    await parent.wait()
    await gone(pid)


async def test_a_taken_port_is_named(broker_kind: Kind, tmp_path: Path) -> None:
    """Somebody listens on the port already: the error says which port and what to do."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} on 127.0.0.1 cannot be used") as caught:
            await open_broker(broker_kind, port=port, data_dir=tmp_path).start()
    assert caught.value.exit_code == 3


async def test_an_unusable_data_directory_is_named(broker_kind: Kind, tmp_path: Path) -> None:
    """A file where the data directory should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match="file/kafka cannot be used"):
        await open_broker(broker_kind, port=0, data_dir=tmp_path / "file" / "kafka").start()


class Broken:
    """A broker that prints its reason and ends, or that never listens."""

    describe = "broken"
    start_seconds = 1.0

    def __init__(self, script: str) -> None:
        self._script = script

    async def launch(self, port: int, data_dir: Path) -> tuple[list[str], dict[str, str]]:
        """Python in place of a broker."""
        return [sys.executable, "-c", self._script], {}


async def test_a_broker_that_dies_at_its_start_is_quoted(tmp_path: Path) -> None:
    """The error has the exit status and the last lines of the log."""
    broken = Broker(Broken("import sys; print('disk is full'); sys.exit(3)"), port=0, data_dir=tmp_path)
    with pytest.raises(BrokerError, match=r"ended at its start \(status 3\)(.|\n)*disk is full"):
        await broken.start()
    assert broken.pid is None


async def test_a_broker_that_never_answers_is_given_up_and_ended(tmp_path: Path) -> None:
    """The start is bounded, and the process does not stay."""
    script = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    broken = Broker(Broken(script), port=0, data_dir=tmp_path)
    with pytest.raises(BrokerError, match="did not answer within 1 s"):
        await broken.start()
    await gone(int(broken.log.read_text()))


async def test_a_second_start_is_refused(own: Broker) -> None:
    """A running broker is not started twice."""
    await own.start()
    with pytest.raises(BrokerError, match="runs already"):
        await own.start()


async def test_missing_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Java in PATH, or none where JAVA_HOME points: the error names the place and what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(BrokerError, match=r"no `java` in PATH(.|\n)*apt-get install openjdk-17"):
        await open_broker("apache", port=0, data_dir=tmp_path).start()
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(BrokerError, match=r"no `java` in JAVA_HOME \(/nowhere\)"):
        await find_java()


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts a shell script of this name in front of PATH, with no JAVA_HOME and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAVA_HOME", raising=False)

    def put(name: str, script: str) -> None:
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)

    return put


@pytest.mark.parametrize("said", ['openjdk version "11.0.22" 2024-01-16', 'java version "1.8.0_392"'])
async def test_old_java_is_refused_with_what_it_says(tool: Callable[[str, str], None], said: str) -> None:
    """Java 11 and 8 cannot run Kafka 4."""
    tool("java", f"echo '{said}' >&2")
    with pytest.raises(BrokerError, match=f"needs Java 17 or newer; .*{said.split()[2]}"):
        await find_java()


async def test_missing_maven_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Jars that are not there yet need Maven; the error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(BrokerError, match=r"no `mvn` in PATH(.|\n)*apt-get install maven"):
        await find_jars()


async def test_jars_are_resolved_once_for_each_pom(tool: Callable[[str, str], None], tmp_path: Path) -> None:
    """The second start does not call Maven; another pom does; a failed run leaves nothing and quotes Maven."""
    tool(
        "mvn",
        "for a; do case $a in -DoutputDirectory=*) d=${a#*=};; esac; done; mkdir -p $d; touch $d/kafka_2.13-1.jar",
    )
    pom = tmp_path / "pom.xml"
    pom.write_text("<project/>")
    first = await find_jars(pom)
    assert [jar.name for jar in first.iterdir()] == ["kafka_2.13-1.jar"]
    tool("mvn", "echo cannot reach the repository; exit 1")
    assert await find_jars(pom) == first
    pom.write_text("<project><!-- newer --></project>")
    with pytest.raises(BrokerError, match="cannot reach the repository"):
        await find_jars(pom)
    assert list(first.parent.iterdir()) == [first]
