"""The feed of changes, against a real server."""

from __future__ import annotations

import itertools
import os
import threading
import time
from typing import Any, List

from . import support
from .support import an_event
import doorlog


class Feed(support.StoreCase):
    def test_changes_come_as_they_happen(self) -> None:
        event = self.client.post(an_event())
        with self.client.changes() as changes:
            first = next(changes)
            self.assertEqual((first["op"], first["id"], first["event"]), ("created", event["id"], event))
            self.assertEqual(changes.cursor, first["cursor"])
            self.client.put_person("ann")
            second = next(changes)
            self.assertEqual((second["op"], second["person"]["name"]), ("person_put", "ann"))
            self.client.delete(event["id"])
            third = next(changes)
            self.assertEqual((third["op"], third.get("event")), ("deleted", None))
        with self.client.changes(first["cursor"], ids_only=True) as changes:
            self.assertEqual([(c["op"], "person" in c) for c in itertools.islice(changes, 2)],
                             [("person_put", False), ("deleted", False)])  # fmt: skip

    def test_from_now_on_and_with_a_query(self) -> None:
        self.client.post(an_event("yard"))
        with self.client.changes("now", camera="yard") as changes:
            at = self.client.cursor()
            waiting: List[Any] = []
            reader = threading.Thread(target=lambda: waiting.append(next(changes)))
            reader.start()
            while changes.cursor == "now":
                time.sleep(0.01)
            self.assertEqual(changes.cursor, at)
            self.client.post(an_event("porch", after=1))
            event = self.client.post(an_event("yard", after=2))
            reader.join(20)
            self.assertEqual(waiting[0]["event"], event)

    def test_close_ends_a_reader_that_waits(self) -> None:
        changes = self.client.changes("now")
        got: List[Any] = []
        reader = threading.Thread(target=lambda: got.extend(changes))
        reader.start()
        while changes._reply is None:
            time.sleep(0.01)
        changes.close()
        reader.join(20)
        self.assertFalse(reader.is_alive())
        self.assertEqual(got, [])
        self.assertEqual(list(changes), [])

    def test_it_goes_on_when_the_server_starts_again(self) -> None:
        changes = self.client.changes()
        self.addCleanup(changes.close)
        ids = []
        for i in range(6):
            ids.append(self.client.post(an_event(after=i))["id"])
            self.assertEqual(next(changes)["id"], ids[-1])
            if i % 2:
                self.server.kill()
                self.server.start()

    def test_it_can_give_up(self) -> None:
        self.client.post(an_event())
        changes = self.client.changes(reconnect_for=0.2)
        next(changes)
        self.server.stop()
        with self.assertRaises(doorlog.Unreachable):
            next(changes)

    def test_gone(self) -> None:
        self.client.post(an_event())
        at = self.client.cursor()
        target = os.path.join(self.folder, "copy.backup")
        self.client.backup(target)
        self.server.stop()
        self.server.command("restore", target, "--to", os.path.join(self.folder, "restored"))
        other = support.Server(os.path.join(self.folder, "restored"))
        self.addCleanup(other.stop)
        client = self.connect(other.db)
        with self.assertRaises(doorlog.Gone) as caught:
            next(client.changes(at))
        self.assertEqual(caught.exception.codes[0], "gone")
        with self.assertRaises(doorlog.Gone):
            client.change_page(at)
        with self.assertRaises(doorlog.Invalid):
            next(client.changes("nonsense"))

    def test_pages(self) -> None:
        ids = [self.client.post(an_event(after=i))["id"] for i in range(5)]
        page = self.client.change_page(limit=3)
        self.assertEqual(([change["id"] for change in page["changes"]], page["more"]), (ids[:3], True))
        page = self.client.change_page(page["next"])
        self.assertEqual(([change["id"] for change in page["changes"]], page["more"]), (ids[3:], False))
        got: List[Any] = []
        reader = threading.Thread(target=lambda: got.append(self.client.change_page(page["next"], wait=20)))
        reader.start()
        id = self.client.post(an_event(after=9))["id"]
        reader.join(20)
        self.assertEqual([change["id"] for change in got[0]["changes"]], [id])
        self.assertEqual(self.client.change_page(self.client.cursor(), wait=0.05)["changes"], [])

    def test_consumers(self) -> None:
        self.client.post(an_event())
        start = self.client.consumer("fleet", start="now", hold=1000)
        self.assertEqual(start, self.client.cursor())
        event = self.client.post(an_event(after=1))
        with self.client.changes(self.client.consumer("fleet")) as changes:
            change = next(changes)
        self.assertEqual(change["id"], event["id"])
        self.assertEqual(self.client.consumers()[0]["behind"], 1)
        self.client.ack("fleet", change["cursor"])
        self.assertEqual(self.client.consumer_cursor("fleet"), change["cursor"])
        info = self.client.consumers()[0]
        self.assertEqual((info["behind"], info["hold"], info["gone"]), (0, 1000, False))
        self.client.delete_consumer("fleet")
        with self.assertRaises(doorlog.NotFound):
            self.client.consumer_cursor("fleet")
        self.assertNotEqual(self.client.consumer("other"), start)
