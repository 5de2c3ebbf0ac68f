"""Measures the drop-in over the socket: ``python3 -m tests.figures [seconds]``."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import time
from datetime import datetime, timezone
from typing import Awaitable, Callable

from . import support
import doorlog


async def rate(what: str, seconds: float, call: Callable[[], Awaitable[object]], at_once: int = 1) -> None:
    """Prints how many calls a second so many tasks make, and what each costs this process."""
    ends = time.perf_counter() + seconds

    async def repeat() -> int:
        count = 0
        while time.perf_counter() < ends:
            await call()
            count += 1
        return count

    began, worked = time.perf_counter(), time.process_time()
    count = sum(await asyncio.gather(*(repeat() for _ in range(at_once))))
    took, worked = time.perf_counter() - began, time.process_time() - worked
    print(f"{what}: {count / took:.0f}/s, {1000 * worked / count:.2f} ms of a processor each")


async def measure(db: str, seconds: float) -> None:
    frame = support.picture(640, 480)

    async with doorlog.EventStore(db) as store:

        def write(picture: bool) -> Awaitable[str]:
            now = datetime.now(timezone.utc)
            name = store.save_thumbnail(frame, now.isoformat()) if picture else None
            detections = [{"label": "person", "confidence": 0.9}]
            return store.write_event("front_door", now, thumbnail_path=name, detections=detections)

        await rate("write_event with a frame", seconds, lambda: write(True))
        await rate("write_event with a frame, 8 at once", seconds, lambda: write(True), 8)
        await rate("write_event", seconds, lambda: write(False))
        await rate("write_event, 8 at once", seconds, lambda: write(False), 8)
        await rate("get_recent_events(20)", seconds, store.get_recent_events)
        events = (support.an_event(after=i) for i in range(20_000))
        began = time.perf_counter()
        count = sum(1 for _ in store.client.bulk(events))
        print(f"bulk: {count / (time.perf_counter() - began):.0f} events/s")


if __name__ == "__main__":
    folder = tempfile.mkdtemp(prefix="dl")
    server = support.Server(folder)
    try:
        asyncio.run(measure(server.db, float(sys.argv[1]) if len(sys.argv) > 1 else 3.0))
    finally:
        server.stop()
        shutil.rmtree(folder)
