"""Lost connections and killed servers: nothing is lost, and nothing is stored twice."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import Any, Dict, List

from . import support
from .support import FlakyProxy, an_event, picture
import doorlog


class Faults(support.StoreCase):
    def through_a_proxy(self, seed: int, **how: Any) -> doorlog.Client:
        self.proxy = FlakyProxy(os.path.join(self.folder, "flaky.sock"), self.server.db + ".sock", seed, **how)
        self.addCleanup(self.proxy.close)
        client = self.connect("unix:" + self.proxy.path, retry_for=60)
        client._met = True
        return client

    def check(self, written: Dict[str, str]) -> None:
        """The store has exactly the events that were written, each once."""
        stored = list(self.client.events())
        self.assertEqual({event["id"]: event["person_name"] for event in stored}, written)
        self.assertEqual(len(stored), len(written))

    def test_writes_through_a_proxy_that_loses_connections(self) -> None:
        client = self.through_a_proxy(1)
        written: Dict[str, str] = {}
        lock = threading.Lock()
        failures: List[BaseException] = []

        def write(number: int) -> None:
            try:
                for i in range(25):
                    event = an_event(f"camera {number}", after=i, person_name=f"{number} {i}")
                    stored = client.post(event, picture() if i % 3 == 0 else None)
                    with lock:
                        written[stored["id"]] = event["person_name"]
                    self.assertEqual(i % 3 == 0, stored["thumbnail_path"] is not None)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.check(written)
        self.assertGreater(self.proxy.lost, 5)

    def test_bulk_through_a_proxy_that_loses_connections(self) -> None:
        client = self.through_a_proxy(2, most=100_000, healthy=0.2)
        events = [an_event("yard", after=i, person_name=str(i), recording_id=f"r{i}") for i in range(1500)]
        results = list(client.bulk(events))
        self.assertEqual([result.position for result in results], list(range(1500)))
        self.assertEqual({(result.error, result.existed) for result in results}, {(None, False)})
        self.check({str(result.id): str(result.position) for result in results})
        self.assertGreater(self.proxy.lost, 0)

    def test_reads_through_a_proxy_that_loses_connections(self) -> None:
        written = list(self.client.bulk(an_event("yard", after=i) for i in range(300)))
        client = self.through_a_proxy(3, most=200_000)
        for _ in range(20):
            self.assertEqual([event["id"] for event in client.events(oldest_first=True)], [one.id for one in written])

    def test_changes_through_a_proxy_that_loses_connections(self) -> None:
        client = self.through_a_proxy(4, healthy=0)
        changes = client.changes()
        self.addCleanup(changes.close)
        for i in range(60):
            id = self.client.post(an_event(after=i))["id"]
            self.assertEqual(next(changes)["id"], id)
        self.assertGreater(self.proxy.lost, 5)

    def test_an_event_that_was_changed_before_its_write_was_repeated(self) -> None:
        class Meddler(doorlog.Client):
            """Loses its first answer to each write, and somebody changes the event before the second attempt."""

            lost = False

            def meddle(this) -> None:
                this.lost = True
                self.client.patch(next(self.client.events())["id"], {"person_name": "ann"})
                raise ConnectionResetError

            def _exchange(this, connection: Any, request: Any, use: Any) -> Any:
                answer = super()._exchange(connection, request, use)
                if request.method == "POST" and not this.lost:
                    this.meddle()
                return answer

            def _bulk_lines(this, left: Any, once: bool) -> Any:
                results = list(super()._bulk_lines(left, once))
                if len(results) == 2:
                    self.client.patch(str(results[1].id), {"person_name": "ann"})
                    yield results[0]
                    raise doorlog.Unreachable("lost")
                yield from results

        client = Meddler(self.server.db)
        self.addCleanup(client.close)
        client._met = True
        stored = client.post(an_event())
        self.assertEqual(stored["person_name"], "ann")
        self.check({stored["id"]: "ann"})
        self.client.delete(stored["id"])
        results = list(client.bulk([an_event(after=1, person_name="bob"), an_event(after=2)]))
        self.assertEqual([(result.error, result.existed) for result in results], [(None, False)] * 2)
        self.check({str(results[0].id): "bob", str(results[1].id): "ann"})

    def test_kills_of_the_server_while_clients_write(self) -> None:
        ended = threading.Event()
        written: Dict[str, str] = {}
        failures: List[BaseException] = []
        lock = threading.Lock()

        def write(number: int) -> None:
            try:
                with doorlog.Client(self.server.db, retry_for=60) as client:
                    i = 0
                    while not ended.is_set():
                        event = an_event(f"camera {number}", after=i, person_name=f"{number} {i}")
                        stored = client.post(event, picture() if i % 5 == 0 else None)
                        with lock:
                            written[stored["id"]] = event["person_name"]
                        i += 1
            except BaseException as error:
                failures.append(error)

        def follow() -> None:
            try:
                for change in changes:
                    if change["op"] == "created":
                        seen.append(change["id"])
            except BaseException as error:
                failures.append(error)

        seen: List[str] = []
        changes = self.client.changes()
        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        reader = threading.Thread(target=follow)
        for thread in (*threads, reader):
            thread.start()
        dice = random.Random(5)
        for _ in range(6):
            time.sleep(dice.uniform(0.1, 0.5))
            self.server.kill()
            self.server.start()
        time.sleep(0.2)
        ended.set()
        for thread in threads:
            thread.join(90)
        deadline = time.monotonic() + 30
        while not failures and not set(written) <= set(seen) and time.monotonic() < deadline:
            time.sleep(0.05)
        changes.close()
        reader.join(30)
        self.assertEqual(failures, [])
        self.assertGreater(len(written), 20)
        self.check(written)
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(set(seen), set(written))

    def test_a_write_that_cannot_be_repeated_is_not(self) -> None:
        self.client.info()
        self.server.stop()
        with self.assertRaises(doorlog.Unreachable):
            self.connect(self.server.db).add_token("t", read=True)
        self.server.start()
        self.assertEqual(self.client.tokens(), [])

    def test_a_server_that_does_not_answer(self) -> None:
        import socket

        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(os.path.join(self.folder, "silent.sock"))
            silent.listen()
            client = self.connect("unix:" + os.path.join(self.folder, "silent.sock"), timeout=0.1, retry_for=0.2)
            began = time.monotonic()
            with self.assertRaises(doorlog.Unreachable):
                client.post(an_event())
            self.assertLess(time.monotonic() - began, 5)
