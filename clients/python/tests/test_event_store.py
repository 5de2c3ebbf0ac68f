"""Each method of EventStore, against a real server."""

from __future__ import annotations

import asyncio
import os
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, List
from unittest import mock

from . import support
from .support import picture
import doorlog


class StoreTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        support.StoreCase.setUp(self)  # type: ignore[arg-type]
        self.thumbnails = os.path.join(self.folder, "thumbnails")

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().slow_callback_duration = 60  # a machine that is busy is no failure
        self.store = await self.open(tz="UTC")

    connect = support.StoreCase.connect
    flags = ()
    folder: str
    server: support.Server
    client: doorlog.Client

    async def open(self, **how: Any) -> doorlog.EventStore:
        store = doorlog.EventStore(self.server.db, self.thumbnails, **how)
        self.addAsyncCleanup(store.close)
        await store.initialize()
        return store


def ago(**span: float) -> str:
    """A time as producers write it: in UTC, without an offset."""
    return (datetime.now(timezone.utc) - timedelta(**span)).replace(tzinfo=None).isoformat()


class Events(StoreTest):
    async def test_a_whole_event(self) -> None:
        name = self.store.save_thumbnail(picture(), "2026-02-25T10:30:00.500000")
        assert name is not None
        self.assertRegex(os.path.basename(name), r"^2026-02-25T10-30-00-500000~\w+\.jpg$")
        self.assertEqual(os.path.dirname(name), self.thumbnails)
        with self.assertLogs("doorlog", "WARNING"):
            id = await self.store.write_event(
                "front_door", "2026-02-25T10:30:00.500000", "r1", "ding", "ann", 0.75, 0.25, True, "unlocked", name,
                [{"label": "person", "confidence": 0.9, "bbox_x1": 1, "bbox_y1": 2, "bbox_x2": 3, "bbox_y2": 4, "id": 7},
                 {"label": "dog", "confidence": 0.5, "bbox_x1": 1, "bbox_y1": None}],
            )  # fmt: skip
        event = await self.store.get_event(id)
        assert event is not None
        self.assertEqual(event["recorded_at"], "2026-02-25T10:30:00.500000+00:00")
        self.assertEqual(datetime.fromisoformat(event["recorded_at"]).utcoffset(), timedelta())
        with open(event["thumbnail_path"], "rb") as file:
            self.assertEqual(file.read(2), b"\xff\xd8")
        want = {"id": id, "camera_id": "front_door", "recording_id": "r1", "event_type": "ding", "person_name": "ann",
                "face_confidence": 0.75, "face_distance": 0.25, "unlock_granted": True, "door_action": "unlocked",
                "alert_sent": False}  # fmt: skip
        self.assertEqual({field: event[field] for field in want}, want)
        self.assertEqual([(one["label"], one["bbox_x2"]) for one in event["detections"]], [("person", 3), ("dog", None)])
        self.assertEqual(await self.store.get_recent_events(), [event])

    async def test_a_plain_event(self) -> None:
        id = await self.store.write_event(camera_id="front_door", recorded_at=datetime.now(timezone.utc))
        event = await self.store.get_event(id)
        assert event is not None
        self.assertEqual((event["event_type"], event["door_action"], event["thumbnail_path"], event["detections"]),
                         ("motion", "none", None, []))  # fmt: skip
        for unknown in (7, "7", doorlog.new_id(support.NOON), "", None):
            self.assertIsNone(await self.store.get_event(unknown))  # type: ignore[arg-type]
        with self.assertRaises(doorlog.Invalid):
            await self.store.write_event("front_door", "yesterday")
        with self.assertRaises(ValueError):
            await self.store.write_event("front_door", datetime(2026, 2, 25))

    async def test_a_frame_may_be_named_twice(self) -> None:
        name = self.store.save_thumbnail(picture(), "t")
        ids = [await self.store.write_event("front_door", ago(minutes=i), thumbnail_path=name) for i in range(2)]
        self.assertEqual(len({self.client.get(id)["thumbnail_path"] for id in ids}), 2)

    async def test_a_file_of_the_producer(self) -> None:
        Path(self.thumbnails).mkdir(exist_ok=True)
        own = Path(self.thumbnails, "own.jpg")
        own.write_bytes(picture())
        id = await self.store.write_event("front_door", ago(), thumbnail_path=str(own))
        self.assertEqual(self.client.get(id)["thumbnail_path"], "own.jpg")
        event = await self.store.get_event(id)
        assert event is not None
        self.assertEqual(event["thumbnail_path"], str(own))
        self.assertEqual(self.client.thumbnail(id), picture())
        Path(self.thumbnails, "other.bin").write_bytes(b"<h1>")
        id = await self.store.write_event("front_door", ago(), thumbnail_path="other.bin")
        self.assertEqual(self.client.thumbnail(id), b"<h1>")

    async def test_spellings_of_the_path_of_a_file(self) -> None:
        Path(self.thumbnails).mkdir(exist_ok=True)
        Path(self.thumbnails, "own.jpg").write_bytes(picture())
        link = os.path.join(self.folder, "link")
        os.symlink(self.thumbnails, link)
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.folder)
        store = doorlog.EventStore("events.db")
        self.addAsyncCleanup(store.close)
        for path in (os.path.join(self.thumbnails, "own.jpg"), "thumbnails/own.jpg", "own.jpg", "link/own.jpg",
                     "thumbnails/../thumbnails/own.jpg", Path(link, "own.jpg")):  # fmt: skip
            id = await store.write_event("front_door", ago(), thumbnail_path=path)  # type: ignore[arg-type]
            self.assertEqual(self.client.get(id)["thumbnail_path"], "own.jpg", path)
        for path in ("/etc/passwd", "../own.jpg"):
            with self.assertRaises(doorlog.Invalid):
                await store.write_event("front_door", ago(), thumbnail_path=path)

    async def test_frames_are_bounded(self) -> None:
        store = await self.open(max_frames=2, max_frame_bytes=10_000)
        with self.assertLogs("doorlog", "WARNING"):
            self.assertIsNone(store.save_thumbnail(b"", "t"))
        names: List[str] = []
        with self.assertLogs("doorlog", "WARNING") as logs:
            for i in range(3):
                name = store.save_thumbnail(picture(seed=i), str(i))
                assert name is not None
                names.append(name)
        self.assertIn("too many frames", logs.output[0])
        with self.assertLogs("doorlog", "WARNING"):
            id = await store.write_event("front_door", ago(), thumbnail_path=names[0])
        self.assertIsNone(self.client.get(id)["thumbnail_path"])
        id = await store.write_event("front_door", ago(), thumbnail_path=names[1])
        self.assertIsNotNone(self.client.get(id)["thumbnail_path"])
        with self.assertNoLogs_("doorlog"):  # the frame that was used goes first, and silently
            store.save_thumbnail(picture(seed=4), "4")
        self.assertEqual(set(store._frames._frames) & set(names), {names[2]})
        with self.assertLogs("doorlog", "WARNING"):
            store.save_thumbnail(bytes(9_900), "5")
        self.assertLessEqual(store._frames._bytes, 10_000)

    def assertNoLogs_(self, name: str) -> Any:
        logger = doorlog.logger
        return mock.patch.object(logger, "warning", side_effect=AssertionError("a warning"))

    async def test_frames_that_no_event_names_expire(self) -> None:
        store = await self.open(frame_seconds=5)
        with mock.patch("doorlog.time.monotonic", return_value=100.0):
            name = store.save_thumbnail(picture(), "t")
        assert name is not None
        with mock.patch("doorlog.time.monotonic", return_value=104.0):
            self.assertIsNotNone(store._frames.get(name))
        with mock.patch("doorlog.time.monotonic", return_value=106.0), self.assertLogs("doorlog", "WARNING"):
            self.assertIsNone(store._frames.get(name))
        self.assertEqual(store._frames._bytes, 0)

    async def test_filters(self) -> None:
        today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        for at, label in ((today, "person"), (today - timedelta(seconds=1), "dog"),
                          (datetime.now(timezone.utc) - timedelta(days=6, hours=23), "dog"),
                          (datetime.now(timezone.utc) - timedelta(days=7, hours=1), "person"),
                          (datetime.now(timezone.utc) - timedelta(days=40), "person")):  # fmt: skip
            await self.store.write_event("front_door", at, detections=[{"label": label, "confidence": 0.5}])
        get = self.store.get_filtered_events
        self.assertEqual([len(await get(date_range=name)) for name in ("all", "today", "7d", "30d")], [5, 1, 3, 4])
        self.assertEqual(len(await get(object_type="dog", date_range="7d")), 2)
        self.assertEqual(len(await get(limit=2)), 2)
        self.assertEqual(len(await get(limit=-1, offset=1)), 4)
        self.assertEqual((await get(limit=1, offset=4))[0]["id"], (await get())[4]["id"])
        self.assertEqual(await self.store.get_today_event_count(), 1)
        with self.assertRaises(ValueError):
            await get(date_range="week")

    async def test_days_are_those_of_the_zone(self) -> None:
        for offset in (0, 3, 6, 9, 12, 15, 18, 21, 23):
            await self.store.write_event("front_door", ago(hours=offset))
        for zone in ("Pacific/Kiritimati", "Pacific/Honolulu", "<+0530>-5:30"):
            store = await self.open(tz=zone)
            count = await store.get_today_event_count()
            self.assertEqual(count, (await store.get_analytics_stats())["today_count"])
            self.assertEqual(count, len(await store.get_filtered_events(date_range="today")))

    async def test_for_the_orb_and_the_timelapse(self) -> None:
        for i, (label, frame) in enumerate((("cat", True), ("person", False), ("dog", True))):
            name = self.store.save_thumbnail(picture(), str(i)) if frame else None
            detections = [{"label": label, "confidence": 0.9}, {"label": "car", "confidence": 0.3}]
            await self.store.write_event("front_door", f"2026-02-25T10:0{i}:00", thumbnail_path=name, detections=detections)
        await self.store.write_event("front_door", "2026-02-26T00:00:00")
        orb = await self.store.get_recent_events_for_orb(limit=3)
        self.assertEqual([row["primary_label"] for row in orb], [None, "dog", "person"])
        lapse = await self.store.get_events_for_timelapse("2026-02-25")
        self.assertEqual([row["recorded_at"][11:16] for row in lapse], ["10:00", "10:02"])
        self.assertTrue(all(os.path.exists(row["thumbnail_path"]) for row in lapse))
        self.assertEqual(lapse, await self.store.get_events_for_timelapse(support.NOON.date()))
        with self.assertRaises(ValueError):
            await self.store.get_events_for_timelapse("25.2.2026")

    async def test_counts(self) -> None:
        for i in range(4):
            await self.store.write_event("front_door", ago(days=i * 20), person_name="ann" if i else None,
                                         unlock_granted=i == 1, detections=[{"label": "dog", "confidence": 0.5}])  # fmt: skip
        self.assertEqual(sum(cell["count"] for cell in await self.store.get_hourly_heatmap()), 2)
        self.assertEqual(set((await self.store.get_hourly_heatmap())[0]), {"day_of_week", "hour", "count"})
        self.assertEqual(await self.store.get_detection_breakdown(days=50),
                         [{"label": "dog", "count": 3, "avg_confidence": 0.5}])  # fmt: skip
        days = await self.store.get_daily_timeline()
        self.assertEqual([(day["count"], day["strangers"], day["known"], day["unlocks"]) for day in days],
                         [(1, 0, 1, 1), (1, 1, 0, 0)])  # fmt: skip
        hours = await self.store.get_peak_hours()
        self.assertEqual((len(hours), sum(hour["count"] for hour in hours)), (24, 2))
        stats = await self.store.get_analytics_stats()
        self.assertEqual({name: stats[name] for name in ("total_events", "today_count", "total_strangers", "total_known",
                                                         "total_unlocks")},
                         {"total_events": 4, "today_count": 1, "total_strangers": 1, "total_known": 3,
                          "total_unlocks": 1})  # fmt: skip
        self.assertIsInstance(stats["first_event"], str)

    async def test_many_at_once(self) -> None:
        ids = await asyncio.gather(*(self.store.write_event("front_door", ago(minutes=i)) for i in range(50)))
        self.assertEqual(len(set(ids)), 50)
        self.assertEqual(len(await self.store.get_recent_events(limit=100)), 50)

    async def test_it_waits_for_its_server(self) -> None:
        self.server.stop()
        store = doorlog.EventStore(self.server.db)
        waiting = asyncio.ensure_future(store.initialize())
        await asyncio.get_running_loop().run_in_executor(None, self.server.start)
        await waiting
        await store.close()
        impatient = doorlog.EventStore("/nowhere/events.db", retry_for=0.1)
        with self.assertRaises(doorlog.Unreachable):
            await impatient.initialize()
        await impatient.close()


class Persons(StoreTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.faces = Path(self.folder, "faces")
        self.faces.mkdir()

    def draw(self, *names: str) -> None:
        for name in names:
            (self.faces / name).write_bytes(b"face")

    async def test_persons(self) -> None:
        await self.store.add_person("mary_ann")
        await self.store.add_person("bob", "Bobby", auto_unlock=False)
        self.draw("mary_ann_1.jpg", "mary_ann_2.PNG", "mary_1.jpg", "bob_1.txt")
        rows = await self.store.get_persons(self.faces)
        self.assertEqual([(row["name"], row["display_name"], row["auto_unlock"], row["face_count"]) for row in rows],
                         [("bob", "Bobby", False, 0), ("mary_ann", "Mary Ann", True, 2)])  # fmt: skip
        self.assertIsNotNone(rows[0]["id"])
        datetime.fromisoformat(rows[0]["created_at"])
        self.assertEqual([row["face_count"] for row in await self.store.get_persons()], [0, 0])
        self.assertEqual([row["face_count"] for row in await self.store.get_persons(self.faces / "no")], [0, 0])
        self.assertEqual(await self.store.get_auto_unlock_names(), {"mary_ann"})

    async def test_a_person_who_is_added_again_is_not_let_in_again(self) -> None:
        await self.store.add_person("bob")
        self.assertIs(await self.store.set_person_auto_unlock("bob", False), True)
        await self.store.add_person("bob", "Bobby")
        self.assertEqual(await self.store.get_auto_unlock_names(), set())
        await self.store.set_person_auto_unlock("bob", True)
        await self.store.add_person("bob", auto_unlock=False)
        self.assertEqual((await self.store.get_persons())[0]["display_name"], "Bobby")
        self.assertEqual(await self.store.get_auto_unlock_names(), {"bob"})
        self.assertIs(await self.store.set_person_auto_unlock("carl", True), False)

    async def test_who_is_deleted_loses_just_the_own_face_images(self) -> None:
        await self.store.add_person("mary")
        outside = Path(self.folder, "outside")
        outside.mkdir()
        (outside / "mary_5.jpg").write_bytes(b"face")
        kept = ["mary_ann_1.jpg", "mary.jpg", "mary_1.txt", "marybeth_1.jpg", ".mary_1.jpg", "Mary_1.jpg"]
        self.draw("mary_1.jpg", "mary_2.JPEG", "mary_x.bmp", *kept)
        (self.faces / "mary_9.jpg").mkdir()
        os.symlink(outside / "mary_5.jpg", self.faces / "mary_8.jpg")
        os.symlink(outside, self.faces / "mary_7.jpg")
        with self.assertLogs("doorlog", "WARNING"):
            self.assertIs(await self.store.delete_person("mary", self.faces), True)
        self.assertEqual(sorted(os.listdir(self.faces)), sorted([*kept, "mary_7.jpg", "mary_8.jpg", "mary_9.jpg"]))
        self.assertTrue((outside / "mary_5.jpg").exists())
        self.assertEqual(await self.store.get_persons(), [])

    async def test_names_are_no_paths(self) -> None:
        Path(self.folder, "x_1.jpg").write_bytes(b"face")
        for name in ("../x", str(Path(self.folder, "x")), "*", "."):
            self.assertIs(await self.store.delete_person(name, self.faces), False)
        self.assertTrue(Path(self.folder, "x_1.jpg").exists())
        self.assertIs(await self.store.delete_person("bob", self.faces / "no"), False)

    async def test_who_is_not_listed_loses_the_face_images_too(self) -> None:
        self.draw("bob_1.jpg")
        self.assertIs(await self.store.delete_person("bob", str(self.faces)), False)
        self.assertEqual(os.listdir(self.faces), [])

    async def test_names_are_equal_in_every_spelling(self) -> None:
        await self.store.add_person("Zoe\u0308")
        self.draw("Zo\u00eb_1.jpg", "Zoe\u0308_2.jpg")
        self.assertEqual([row["face_count"] for row in await self.store.get_persons(self.faces)], [2])
        await self.store.delete_person("Zo\u00eb", self.faces)
        self.assertEqual(os.listdir(self.faces), [])

    async def test_sync(self) -> None:
        self.draw("ann_1.jpg", "ann_2.jpg", "mary_ann_1.png", "notes.txt", "nobody.jpg")
        (self.faces / "sub_1.jpg").mkdir()
        with open(os.fsencode(self.faces) + b"/\xff_1.jpg", "wb"):
            pass
        self.assertEqual(await self.store.sync_persons_from_disk(self.faces), 2)
        self.assertEqual(await self.store.sync_persons_from_disk(str(self.faces)), 0)
        self.assertEqual(await self.store.get_auto_unlock_names(), {"ann", "mary_ann"})
        self.assertEqual(await self.store.sync_persons_from_disk(self.faces / "no"), 0)

    async def test_sync_agrees_with_the_library(self) -> None:
        self.draw("a_1.jpg", "_1.jpg", "a_.jpg", "b.c_1.jpeg", "d_1.gif", "e__2.bmp", ".f_1.jpg", "g_1.jpg.png", "h_1.JPG")
        added = self.client.sync_persons(sorted(os.listdir(self.faces)))["added"]
        self.assertEqual(sorted(doorlog._faces(self.faces)), added)
