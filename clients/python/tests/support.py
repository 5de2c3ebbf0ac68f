"""What the tests share: a real server, pictures, and a proxy that loses connections."""

from __future__ import annotations

import atexit
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import doorlog  # noqa: E402

_binary: Optional[str] = None


def binary() -> str:
    """The command: DOORLOG_BINARY, or else built once from this tree."""
    global _binary
    if _binary is None:
        _binary = os.environ.get("DOORLOG_BINARY")
    if _binary is None:
        folder = tempfile.mkdtemp(prefix="doorlog-")
        atexit.register(shutil.rmtree, folder, True)
        _binary = os.path.join(folder, "doorlog")
        subprocess.run(["go", "build", "-o", _binary, "./cmd/doorlog"], cwd=HERE.parents[2], check=True)
    return _binary


def environment() -> Dict[str, str]:
    """The environment of the command: without what could lead it to another store."""
    kept = ("PATH", "HOME", "TMPDIR", "GOCACHE", "SYSTEMROOT")
    return {**{name: os.environ[name] for name in kept if name in os.environ}, "TZ": "UTC"}


class Server:
    """``doorlog serve`` of a store in a folder."""

    def __init__(self, folder: str, *flags: str) -> None:
        self.folder = folder
        self.db = os.path.join(folder, "events.db")
        self.flags = flags
        self.process: Optional[subprocess.Popen[str]] = None
        self.http = ""
        self.start()

    def start(self) -> None:
        with open(os.path.join(self.folder, "log"), "a") as log:
            self.process = subprocess.Popen(
                [binary(), "serve", "--db", self.db, "--listen", "127.0.0.1:0", "--json", *self.flags],
                cwd=self.folder, env=environment(), stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            with open(os.path.join(self.folder, "log")) as log:
                raise AssertionError(f"the server does not start: {log.read()}")
        for address in json.loads(line)["listening"]:
            if address.startswith("http://"):
                self.http = address

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def command(self, *args: str) -> str:
        """What the command prints in the folder of the store."""
        done = subprocess.run([binary(), *args], cwd=self.folder, env=environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"{args}: {done.stderr}")
        return done.stdout


class StoreCase(unittest.TestCase):
    """A test with a server of its own store."""

    flags: Tuple[str, ...] = ()

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="dl")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.server = Server(self.folder, *self.flags)
        self.addCleanup(self.server.stop)
        self.client = self.connect(self.server.db)

    def connect(self, address: str, *args: Any, **named: Any) -> doorlog.Client:
        client = doorlog.Client(address, *args, **named)
        self.addCleanup(client.close)
        return client


NOON = datetime(2026, 2, 25, 12, 0, 0, 250000, tzinfo=timezone.utc)


def an_event(camera: str = "porch", after: float = 0, **more: Any) -> Dict[str, Any]:
    """An event, so many seconds after noon."""
    return {"camera_id": camera, "recorded_at": NOON + timedelta(seconds=after), "event_type": "motion", **more}


def picture(width: int = 64, height: int = 48, seed: int = 1) -> bytes:
    """A PNG of coloured stripes."""
    colours = random.Random(seed)
    rows = b"".join(
        b"\0" + bytes(colours.randrange(256) for _ in range(3)) * width for _ in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    head = struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


class FlakyProxy:
    """Passes connections on to a Unix socket, and loses many of them at a random byte in either direction."""

    def __init__(self, path: str, target: str, seed: int, most: int = 6000, healthy: float = 0.3) -> None:
        self.path, self._target, self._most, self._healthy = path, target, most, healthy
        self._dice = random.Random(seed)
        self._ended = False
        self.lost = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._threads: List[threading.Thread] = []
        self._spawn(self._accept)

    def _spawn(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._ended:
                near.close()
                return
            left = None if self._dice.random() < self._healthy else self._dice.randrange(self._most)
            self._spawn(self._carry, near, left)

    def _carry(self, near: socket.socket, left: Optional[int]) -> None:
        with near, socket.socket(socket.AF_UNIX) as far:
            try:
                far.connect(self._target)
                while not self._ended:
                    for ready in select.select([near, far], [], [], 0.2)[0]:
                        data = ready.recv(4096)
                        if not data:
                            return
                        if left is not None and len(data) >= left:
                            (far if ready is near else near).sendall(data[:left])
                            self.lost += 1
                            return
                        left = None if left is None else left - len(data)
                        (far if ready is near else near).sendall(data)
            except OSError:
                return

    def close(self) -> None:
        self._ended = True
        try:
            with socket.socket(socket.AF_UNIX) as wake:
                wake.connect(self.path)
        except OSError:
            pass
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
