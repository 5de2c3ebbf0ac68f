"""Each method of Client, against a real server."""

from __future__ import annotations

import contextlib
import os
import threading
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, List

from . import support
from .support import NOON, an_event, picture
import doorlog

DAY = timedelta(days=1)


class Events(support.StoreCase):
    def test_an_event_comes_back_as_it_was_written(self) -> None:
        given = an_event(
            recording_id="r1", person_name="Zoë", face_confidence=0.75, face_distance=0.25, unlock_granted=True,
            door_action="unlocked", method="face", ended_at=NOON + timedelta(seconds=9), frame_width=640, frame_height=480,
            attributes={"zone": "porch", "recorded_at": "2026-02-25T12:00:00Z"},
            detections=[{"label": "person", "confidence": 0.9, "bbox_x1": 1, "bbox_y1": 2, "bbox_x2": 3, "bbox_y2": 4.5}],
        )  # fmt: skip
        stored = self.client.post(given)
        for field, value in given.items():
            self.assertEqual(stored[field], value, field)  # type: ignore[literal-required]
        self.assertIsInstance(stored["created_at"], datetime)
        self.assertEqual(set(stored), set(doorlog.Event.__annotations__))
        self.assertEqual(self.client.get(stored["id"]), stored)
        self.assertEqual(self.client.recording("porch", "r1"), stored)
        self.assertIsNone(self.client.post(an_event())["person_name"])

    def test_a_frame_goes_with_its_event(self) -> None:
        stored = self.client.post(an_event(), picture(200, 100))
        assert stored["thumbnail_path"] is not None
        with open(os.path.join(self.folder, "thumbnails", stored["thumbnail_path"]), "rb") as file:
            self.assertEqual(self.client.thumbnail(stored["id"]), file.read())
        with self.assertLogs("doorlog", "WARNING") as logs:
            plain = self.client.post(an_event(after=1), b"no picture")
        self.assertIn("without a thumbnail", logs.output[0])
        self.assertIsNone(plain["thumbnail_path"])
        with self.assertRaises(doorlog.NotFound):
            self.client.thumbnail(plain["id"])
        self.assertIsNotNone(self.client.put_thumbnail(plain["id"], picture())["thumbnail_path"])
        with self.assertRaises(doorlog.Exists):
            self.client.put_thumbnail(plain["id"], picture(seed=2))

    def test_nanoseconds_survive_a_round_trip(self) -> None:
        text = "2026-02-25T12:00:00.123456789Z"
        stored = self.client.post(an_event(recorded_at=text, ended_at="2026-02-25T12:00:01.000000001Z"))
        self.assertEqual(stored["recorded_at"].text(), text)
        stored["person_name"] = "ann"
        again = self.client.put(stored, if_match="*")
        assert again["ended_at"] is not None
        self.assertEqual((again["recorded_at"].text(), again["ended_at"].nanosecond), (text, 1))
        self.assertEqual(self.client.count(since=again["recorded_at"]), 1)

    def test_times_that_only_the_server_reads(self) -> None:
        stored = self.client.post(an_event(recorded_at="1772020800.5"))
        self.assertEqual(stored["recorded_at"], datetime(2026, 2, 25, 12, 0, 0, 500000, timezone.utc))
        self.assertEqual(self.client.post(an_event(recorded_at="2026-02-25T13:00:00"))["recorded_at"].hour, 13)
        with self.assertRaises(doorlog.Invalid):
            self.client.post(an_event(recorded_at="yesterday"))
        self.assertEqual(len(self.client.new_id(NOON)), 26)

    def test_once(self) -> None:
        first = self.client.post(an_event(recording_id="r"), once=True)
        second = self.client.post(an_event(after=5, recording_id="r"), once=True)
        self.assertEqual(first, second)
        self.assertEqual(self.client.count(), 1)

    def test_the_same_id_again(self) -> None:
        event = an_event(id=doorlog.new_id(NOON))
        self.assertEqual(self.client.post(event), self.client.post(event))
        with self.assertRaises(doorlog.Exists) as caught:
            self.client.post({**event, "person_name": "ann"})
        self.assertEqual(caught.exception.status, 409)
        self.assertEqual(self.client.put({**event})["id"], event["id"])

    def test_errors_name_the_field(self) -> None:
        with self.assertRaises(doorlog.Invalid) as caught:
            self.client.post(an_event(face_confidence=2))
        self.assertEqual((caught.exception.field, caught.exception.status), ("face_confidence", 400))
        with self.assertRaises(doorlog.Invalid) as caught:
            self.client.post(an_event(colour="red"))
        self.assertEqual(caught.exception.field, "colour")
        calls: Dict[str, Callable[[], object]] = {
            "offset": lambda: self.client.page(offset=-1),
            "camera": lambda: self.client.page(camera=""),
            "hours": lambda: self.client.count(hours="25-1"),
            "hold": lambda: self.client.consumer("x", hold=-1),
            "policy.max_age_ns": lambda: self.client.prune({"max_age_ns": -1}),
        }
        for field, call in calls.items():
            with self.assertRaises(doorlog.Invalid) as caught:
                call()
            self.assertEqual(caught.exception.field, field)
        with self.assertRaises(doorlog.TooLarge):
            self.client.post(an_event("c" * 300))
        with self.assertRaises(doorlog.NotFound):
            self.client.get(doorlog.new_id(NOON))
        with self.assertRaises(ValueError):
            self.client.get("")
        with self.assertRaises(ValueError):
            self.client.post(an_event(face_confidence=float("nan")))

    def test_all_or_none(self) -> None:
        stored = self.client.post_all([an_event(), an_event(after=1)], [None, picture()])
        self.assertEqual([event["thumbnail_path"] is None for event in stored], [True, False])
        with self.assertRaises(doorlog.Invalid):
            self.client.post_all([an_event(after=2), an_event("")])
        self.assertEqual(self.client.count(), 2)
        with self.assertRaises(ValueError):
            self.client.post_all([an_event()], [])
        again = self.client.post_all([an_event(after=3, recording_id="r")] * 2, once=True)
        self.assertEqual(again[0]["id"], again[1]["id"])

    def test_in_bulk(self) -> None:
        def events() -> Any:
            for i in range(1203):
                yield an_event("" if i == 700 else "yard", after=i)
            yield an_event("yard", recorded_at="yesterday")

        results = list(self.client.bulk(events()))
        self.assertEqual([result.position for result in results], list(range(1204)))
        wrong = [result for result in results if result.error is not None]
        self.assertEqual([result.position for result in wrong], [700, 1203])
        assert wrong[0].error is not None
        self.assertEqual(wrong[0].error.field, "camera_id")
        self.assertEqual(self.client.count(), 1202)
        ids = [result.id for result in results if result.error is None]
        self.assertEqual(ids, [event["id"] for event in self.client.events(oldest_first=True)])
        self.assertEqual(list(self.client.bulk([])), [])
        one = an_event(id=ids[0])
        self.assertEqual(list(self.client.bulk([{**one, "camera_id": "yard"}])), [(0, ids[0], True, None)])

    def test_what_cannot_be_sent_costs_no_other_event(self) -> None:
        naive, nan = an_event(after=1, recorded_at=datetime(2026, 2, 25)), an_event(after=2, face_confidence=float("nan"))
        results = list(self.client.bulk([an_event(), naive, nan, an_event(after=3)]))
        self.assertEqual([type(result.error) for result in results], [type(None), doorlog.Invalid, doorlog.Invalid, type(None)])
        self.assertEqual(self.client.count(), 2)

    def test_changes_of_an_event(self) -> None:
        event, tag = self.client.get_tagged(self.client.post(an_event(person_name="ann"))["id"])
        other = self.client.patch(event["id"], {"person_name": None, "ended_at": NOON + DAY}, if_match=tag)
        self.assertEqual((other["person_name"], other["ended_at"]), (None, NOON + DAY))
        with self.assertRaises(doorlog.Changed):
            self.client.patch(event["id"], {"reviewed": True}, if_match=tag)
        with self.assertRaises(doorlog.Changed):
            self.client.put(event, if_match=tag)
        with self.assertRaises(doorlog.Changed):
            self.client.delete(event["id"], if_match=tag)
        with self.assertRaises(doorlog.Invalid):
            self.client.patch(event["id"], {"recorded_at": NOON + DAY})
        got = self.client.update(event["id"], lambda event: event.__setitem__("person_name", "bob"))
        self.assertEqual(got["person_name"], "bob")
        self.client.mark_alert_sent(event["id"])
        self.client.mark_reviewed([event["id"]])
        self.client.pin(event["id"])
        got = self.client.get(event["id"])
        self.assertEqual((got["alert_sent"], got["reviewed"], got["pinned"]), (True, True, True))
        self.client.mark_reviewed([event["id"]], False)
        self.assertFalse(self.client.get(event["id"])["reviewed"])
        self.client.unpin(event["id"])
        self.assertEqual(self.client.count(pinned=True), 0)
        self.client.delete(event["id"])
        with self.assertRaises(doorlog.NotFound):
            self.client.delete(event["id"])

    def test_updates_of_many(self) -> None:
        tagged = [self.client.get_tagged(self.client.post(an_event(after=i))["id"]) for i in range(3)]
        self.client.patch(tagged[2][0]["id"], {"person_name": "ann"})
        for event, _ in tagged:
            event["camera_id"] = "yard"
        changed = tagged
        with self.assertRaises(doorlog.Changed):
            self.client.update_all(changed)
        self.assertEqual(self.client.count(camera="yard"), 0)
        self.assertEqual([event["camera_id"] for event in self.client.update_all(changed[:2])], ["yard"] * 2)

    def test_update_tries_again_when_others_write(self) -> None:
        id = self.client.post(an_event(attributes={"n": "0"}))["id"]

        def count() -> None:
            with doorlog.Client(self.server.db) as client:
                for _ in range(10):
                    client.update(id, one_more)

        def one_more(event: doorlog.Event) -> None:
            event["attributes"] = {"n": str(int((event["attributes"] or {})["n"]) + 1)}

        threads = [threading.Thread(target=count) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(self.client.get(id)["attributes"], {"n": "30"})


class Reads(support.StoreCase):
    def setUp(self) -> None:
        super().setUp()
        events = [
            an_event(
                "porch" if i % 2 else "yard", after=i * 60, person_name="ann" if i % 3 else None,
                detections=[{"label": "dog" if i % 4 else "cat", "confidence": 0.5 + i / 5000}],
            ) for i in range(1100)
        ]  # fmt: skip
        self.assertTrue(all(result.error is None for result in self.client.bulk(events)))

    def test_pages(self) -> None:
        everything = list(self.client.events())
        self.assertEqual(len(everything), 1100)
        self.assertEqual(everything[0]["recorded_at"], NOON + timedelta(minutes=1099))
        self.assertEqual(everything[::-1], list(self.client.events(oldest_first=True)))
        self.assertEqual(everything[3:606], list(self.client.events(limit=603, offset=3)))
        self.assertEqual([], list(self.client.events(limit=0)))
        page = self.client.page(camera="yard", limit=10)
        following = self.client.page(camera="yard", limit=10, cursor=page.next)
        self.assertEqual(page.events + following.events, list(self.client.events(camera="yard", limit=20)))
        self.assertEqual(self.client.page(camera="yard", limit=10, cursor=following.prev).events, page.events)
        with self.assertRaises(doorlog.BadCursor):
            self.client.page(cursor="nonsense")

    def test_filters(self) -> None:
        self.assertEqual(self.client.count(camera=["yard", "porch"]), 1100)
        self.assertEqual(self.client.count(camera="yard", stranger=True), 184)
        self.assertEqual(self.client.count(doorlog.Query(label="cat", min_confidence=0.6)), 150)
        self.assertEqual(self.client.count(since=NOON, until=NOON + timedelta(hours=1)), 60)
        self.assertEqual(self.client.count(hours="12-13", tz="Asia/Tokyo"), self.client.count(hours=(3, 4)))
        self.assertEqual(self.client.count(weekday="wed"), 720)
        with self.assertRaises(doorlog.Invalid):
            self.client.count(camera="")
        self.assertTrue(self.client.explain(camera="yard")["lists"])
        ids = [event["id"] for event in self.client.events(limit=3)]
        self.assertEqual(sorted(self.client.known([*ids, doorlog.new_id(NOON)])), sorted(ids))

    def test_report(self) -> None:
        table = self.client.report(camera="yard", since=NOON, until=NOON + timedelta(hours=1), format="csv", bom=False)
        self.assertTrue(table.startswith(b"id,recorded_at,"))
        self.assertEqual(len(table.splitlines()), 1 + self.client.count(camera="yard", since=NOON, until=NOON + timedelta(hours=1)))
        page = self.client.report(doorlog.Query(camera="nowhere"), lang="de", pictures=False)
        self.assertIn("Ende des Berichts: 0 Ereignisse.", page.decode())
        self.assertEqual(len(self.client.report(camera="nowhere", format="csv").splitlines()), 1)
        with self.assertRaises(doorlog.Invalid):
            self.client.report(format="pdf")

    def test_analytics(self) -> None:
        scope: Dict[str, Any] = {"since": NOON, "until": NOON + DAY, "tz": "Europe/Berlin", "camera": "yard"}
        whole = self.client.analytics(**scope)
        self.assertEqual(whole["summary"], self.client.summary(**scope))
        self.assertEqual(whole["summary"]["first_event"], NOON)
        self.assertEqual(whole["heatmap"], self.client.heatmap(**scope))
        self.assertEqual(whole["breakdown"], self.client.breakdown(**scope))
        self.assertEqual(whole["timeline"], self.client.timeline(doorlog.Scope(**scope)))
        quarters = self.client.quarters(**scope)
        self.assertEqual(quarters[0]["start"], NOON.replace(microsecond=0))
        self.assertEqual(sum(quarter["count"] for quarter in quarters), whole["summary"]["total_events"])
        self.assertEqual(whole["hours"], self.client.hours(**scope))
        self.assertEqual(whole["persons"], self.client.activity(**scope))
        self.assertEqual(whole["persons"][0]["first_seen"], NOON + timedelta(minutes=2))
        self.assertEqual([camera["camera_id"] for camera in self.client.cameras()], ["porch", "yard"])
        self.assertEqual(self.client.types()[0]["events"], 1100)
        renamed = self.client.rename_camera("yard", "garden")
        self.assertEqual(renamed["events"], 550)
        self.assertEqual(self.client.count(camera="garden"), 550)


class Persons(support.StoreCase):
    def test_persons(self) -> None:
        ann = self.client.put_person("mary ann/2")
        self.assertEqual((ann["display_name"], ann["auto_unlock"]), ("Mary Ann/2", True))
        self.assertIsInstance(ann["created_at"], datetime)
        self.client.put_person("bob", "Bob B.", False, NOON)
        self.assertEqual([person["name"] for person in self.client.persons()], ["bob", "mary ann/2"])
        self.assertEqual(self.client.person("bob")["created_at"], NOON)
        self.assertEqual(self.client.auto_unlock_names(), ["mary ann/2"])
        self.client.set_auto_unlock("mary ann/2", False)
        self.assertEqual(self.client.auto_unlock_names(), [])
        with self.assertRaises(doorlog.NotFound):
            self.client.set_auto_unlock("carl", True)
        self.client.post(an_event(person_name="bob"))
        self.assertEqual(self.client.rename_person("bob", "rob")["events"], 1)
        self.assertEqual(self.client.sync_persons(["carl_1.jpg", "rob_1.png", "notes.txt", "sub/"]),
                         {"added": ["carl"], "known": ["rob"], "skipped": ["notes.txt", "sub"]})  # fmt: skip
        self.client.delete_person("mary ann/2")
        with self.assertRaises(doorlog.NotFound):
            self.client.delete_person("mary ann/2")
        told: List[doorlog.Json] = []
        erased = self.client.erase_person("rob", progress=told.append)
        self.assertEqual(erased["events"], 1)
        self.assertIsInstance(erased["at"], doorlog.Timestamp)
        self.assertTrue(told)
        self.assertEqual(self.client.count(person="rob"), 0)


class Care(support.StoreCase):
    def test_info(self) -> None:
        self.client.post(an_event())
        info = self.client.info()
        self.assertEqual((info["events"], info["newest"]), (1, NOON))
        server = self.client.server()
        self.assertEqual((server["store_id"], server["api"]), (info["store_id"], 1))

    def test_verify_prune_and_compact(self) -> None:
        for i in range(3):
            self.client.post(an_event(after=i), picture())
        told: List[doorlog.Json] = []
        self.assertTrue(self.client.verify(told.append)["whole"])
        self.assertTrue(told)
        policy = {"max_events": 2, "max_age_ns": timedelta(days=10_000)}
        self.assertEqual(self.client.prune(policy)["events"], 1)
        self.assertEqual(self.client.count(), 3)
        self.assertEqual(self.client.prune(policy, dry_run=False)["events"], 1)
        self.assertEqual(self.client.count(), 2)
        with self.assertRaises(doorlog.Invalid):
            self.client.prune({"max_evens": 1})
        self.assertIn("after", self.client.compact())
        event = next(self.client.events())
        os.unlink(os.path.join(self.folder, "thumbnails", str(event["thumbnail_path"])))
        self.assertEqual(self.client.forget_missing()["events"], 1)
        self.client.forget_missing(dry_run=False)
        self.assertIsNone(self.client.get(event["id"])["thumbnail_path"])

    def test_a_backup_can_be_restored(self) -> None:
        self.client.post(an_event(), picture())
        target = os.path.join(self.folder, "copy.backup")
        info = self.client.backup(target)
        self.assertEqual((info["events"], info["thumbnails"], info["bytes"]), (1, 1, os.path.getsize(target)))
        self.assertEqual(self.client.info()["last_backup"], info["time"])
        with self.assertRaises(FileExistsError):
            self.client.backup(target)
        self.assertEqual(self.client.backup(target, verify=False, overwrite=True)["events"], 1)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(".doorlog-")], [])
        self.server.command("restore", target, "--to", os.path.join(self.folder, "restored"))
        self.assertTrue(os.path.exists(os.path.join(self.folder, "restored", "events.db")))

    def test_a_backup_that_fails_leaves_nothing(self) -> None:
        target = os.path.join(self.folder, "copy.backup")
        with contextlib.suppress(FileNotFoundError):
            self.client.backup(os.path.join(self.folder, "no", "folder", "copy.backup"))
        self.server.stop()
        with self.assertRaises(doorlog.Unreachable):
            doorlog.Client(self.server.db).backup(target)
        self.assertEqual([name for name in os.listdir(self.folder) if "backup" in name], [])


class Access(support.StoreCase):
    def test_tokens(self) -> None:
        secret = self.client.add_token("porch", write=True, cameras=["porch"])
        self.assertEqual([token["name"] for token in self.client.tokens()], ["porch"])
        self.assertIsInstance(self.client.tokens()[0]["created_at"], datetime)
        self.assertNotIn(secret, str(self.client.tokens()))
        writer = self.connect(self.server.http, secret + "\n")
        writer.post(an_event("porch"))
        with self.assertRaises(doorlog.Forbidden):
            writer.post(an_event("yard"))
        with self.assertRaises(doorlog.Forbidden):
            writer.tokens()
        self.client.delete_token("porch")
        with self.assertRaises(doorlog.Unauthorized):
            writer.post(an_event("porch"))
        with self.assertRaises(doorlog.NotFound):
            self.client.delete_token("porch")

    def test_over_http(self) -> None:
        client = self.connect(self.server.http)
        event = client.post(an_event("a/b ?&=é"), picture())
        self.assertEqual(self.client.get(event["id"]), event)
        self.assertEqual(client.count(camera="a/b ?&=é"), 1)

    def test_many_threads_share_a_client(self) -> None:
        def write(number: int) -> None:
            for i in range(10):
                self.client.post(an_event(f"camera {number}", after=i))
                self.assertEqual(self.client.count(camera=f"camera {number}"), i + 1)

        failures: List[BaseException] = []

        def guarded(number: int) -> None:
            try:
                write(number)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=guarded, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(self.client.count(), 160)
        self.assertLessEqual(len(self.client._pool._idle), 8)

    def test_a_forked_process_has_connections_of_its_own(self) -> None:
        if not hasattr(os, "fork"):
            self.skipTest("no fork here")
        self.client.info()
        child = os.fork()
        if child == 0:
            try:
                self.client.post(an_event("child"))
                os._exit(0)
            finally:
                os._exit(1)
        self.client.post(an_event("parent"))
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.client.count(), 2)
