"""Times, IDs, zones, queries and errors: what needs no server."""

from __future__ import annotations

import copy
import json
import os
import pickle
import time
import unittest
import zoneinfo
from datetime import date, datetime, timedelta, timezone
from unittest import mock

from . import support
import doorlog


class Times(unittest.TestCase):
    def test_text_becomes_the_same_text_again(self) -> None:
        for text in ("2026-02-25T07:30:00Z", "2026-02-25T07:30:00.25Z", "2026-02-25T07:30:00.123456789Z",
                     "1970-01-01T00:00:00.000000001Z", "9999-12-31T23:59:59.999999999Z"):  # fmt: skip
            at = doorlog._parse_time(text)
            assert at is not None
            again = doorlog._parse_time(at.text())
            assert again is not None
            self.assertEqual((again, again.nanosecond, at.text()), (at, at.nanosecond, text))
            self.assertEqual(at.utcoffset(), timedelta())

    def test_copies_keep_the_nanoseconds(self) -> None:
        at = doorlog._parse_time("2026-02-25T07:30:00.123456789Z")
        assert at is not None
        for other in (copy.copy(at), copy.deepcopy({"at": at})["at"], pickle.loads(pickle.dumps(at))):
            self.assertEqual(other.text(), "2026-02-25T07:30:00.123456789Z")
        plain = at + timedelta(seconds=1)
        self.assertEqual(plain - at, timedelta(seconds=1))

    def test_forms_of_producers(self) -> None:
        want = datetime(2026, 2, 25, 7, 30, tzinfo=timezone.utc)
        for text in ("2026-02-25T07:30:00", "2026-02-25 07:30", "2026-02-25t07:30:00z", "2026-02-25T08:30:00+01:00",
                     "2026-02-25T08:30+01", "2026-02-25T13:00:00+0530", "2026-02-25 07:30:00 UTC",
                     "2026-02-25T07:30:00,000"):  # fmt: skip
            self.assertEqual(doorlog._parse_time(text), want, text)
        east = doorlog._parse_time("2026-02-25T07:30:00.000000001+01:00")
        self.assertEqual(east and east.text(), "2026-02-25T06:30:00.000000001Z")
        for text in ("1772004600", "yesterday", "2026-02-30T07:30:00", "2026-02-25T07:30:60Z", "2026-02-25"):
            self.assertIsNone(doorlog._parse_time(text), text)

    def test_a_time_without_a_zone_is_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "no time zone"):
            doorlog.Query(since=datetime(2026, 2, 25)).parameters()
        with self.assertRaisesRegex(ValueError, "no time zone"):
            doorlog.new_id(datetime(2026, 2, 25))


class IDs(unittest.TestCase):
    def test_an_id_holds_its_time(self) -> None:
        at = doorlog._parse_time("2026-02-25T07:30:00.123456789Z")
        assert at is not None
        number = 0
        for letter in doorlog.new_id(at):
            number = number * 32 + doorlog._BASE32.index(letter)
        self.assertEqual(number >> 80, int(at.timestamp() * 1000))
        self.assertEqual(number >> 60 & 0xFFFFF, 456789)

    def test_ids_of_one_moment_are_different_and_in_order(self) -> None:
        ids = [doorlog.new_id(support.NOON) for _ in range(1000)]
        self.assertEqual(ids, sorted(set(ids)))

    def test_a_time_before_1970_has_no_id(self) -> None:
        with self.assertRaises(ValueError):
            doorlog.new_id(datetime(1969, 12, 31, tzinfo=timezone.utc))

    @unittest.skipUnless(hasattr(os, "fork"), "no fork here")
    def test_a_forked_process_makes_other_ids(self) -> None:
        doorlog.new_id(support.NOON)
        near, far = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(far, doorlog.new_id(support.NOON).encode())
            os._exit(0)
        os.waitpid(child, 0)
        theirs = os.read(near, 100).decode()
        os.close(near)
        os.close(far)
        self.assertNotEqual(theirs, doorlog.new_id(support.NOON))


class Queries(unittest.TestCase):
    def test_a_query_becomes_parameters(self) -> None:
        query = doorlog.Query(
            camera=["porch", "yard"], label="dog", stranger=False, min_confidence=0.5, hours=(22, 6),
            weekday=["sat", "Sunday"], attributes={"a=b%": ["1", "x=y"]}, since=support.NOON,
            until="2026-03-01T00:00:00Z", tz=zoneinfo.ZoneInfo("Europe/Berlin"), oldest_first=True,
        )  # fmt: skip
        self.assertEqual(query.parameters(), [
            ("camera", "porch"), ("camera", "yard"), ("label", "dog"), ("stranger", "false"), ("min_confidence", "0.5"),
            ("since", "2026-02-25T12:00:00.25Z"), ("until", "2026-03-01T00:00:00Z"),
            ("attribute", "a%3Db%25=1"), ("attribute", "a%3Db%25=x=y"),
            ("hours", "22-6"), ("weekday", "6"), ("weekday", "0"), ("tz", "Europe/Berlin"), ("oldest_first", "true"),
        ])  # fmt: skip

    def test_an_unknown_field_is_refused(self) -> None:
        with doorlog.Client("/nowhere/events.db") as client:
            with self.assertRaises(TypeError):
                client.count(cameras="porch")
            with self.assertRaises(TypeError):
                client.count(doorlog.Query(), camera="porch")

    def test_attributes_need_values(self) -> None:
        with self.assertRaises(ValueError):
            doorlog.Query(attributes={"zone": []}).parameters()


class Zones(unittest.TestCase):
    def test_names_of_zones(self) -> None:
        self.assertEqual(doorlog._zone_name("Asia/Kolkata"), "Asia/Kolkata")
        self.assertEqual(doorlog._zone_name(zoneinfo.ZoneInfo("Asia/Kolkata")), "Asia/Kolkata")
        self.assertEqual(doorlog._zone_name(timezone.utc), "UTC")
        self.assertEqual(doorlog._zone_name(timezone(timedelta(hours=5, minutes=30))), "<+0530>-5:30")
        self.assertEqual(doorlog._zone_name(timezone(timedelta(hours=-3))), "<-0300>3:00")

    def test_a_rule_is_a_zone(self) -> None:
        berlin, rule = zoneinfo.ZoneInfo("Europe/Berlin"), doorlog._tzinfo("CET-1CEST,M3.5.0,M10.5.0/3")
        for day in range(0, 730, 7):
            at = datetime(2026, 1, 1, 12, tzinfo=timezone.utc) + timedelta(days=day)
            self.assertEqual(at.astimezone(rule).utcoffset(), at.astimezone(berlin).utcoffset(), at)
        fixed = doorlog._tzinfo("<+0530>-5:30")
        self.assertEqual(support.NOON.astimezone(fixed).utcoffset(), timedelta(hours=5, minutes=30))

    def test_what_is_no_zone(self) -> None:
        for text in ("Berlin", "Mars/Olympus", "CET-1CEST,nonsense", "../../etc/passwd"):
            with self.assertRaisesRegex(ValueError, "not a time zone"):
                doorlog._tzinfo(text)

    def test_the_zone_of_this_machine(self) -> None:
        for value, want in (("Europe/Berlin", "Europe/Berlin"), (":Asia/Tokyo", "Asia/Tokyo"), ("", "UTC"),
                            ("CET-1CEST,M3.5.0,M10.5.0/3", "CET-1CEST,M3.5.0,M10.5.0/3")):  # fmt: skip
            with mock.patch.dict(os.environ, TZ=value):
                self.assertEqual(doorlog._machine_zone(), want)

    def test_days_of_zones(self) -> None:
        def hours_of(store: doorlog.EventStore, day: date) -> float:
            since, until = store._day(day)
            return (until - since) / timedelta(hours=1)

        store = doorlog.EventStore("/nowhere/events.db", tz="Europe/Berlin")
        self.assertEqual(store._day(date(2026, 2, 25))[0], datetime(2026, 2, 24, 23, tzinfo=timezone.utc))
        self.assertEqual([hours_of(store, date(2026, *day)) for day in ((3, 28), (3, 29), (10, 25))], [24, 23, 25])
        # Here midnight does not come on the day on which the clock is put forward.
        beirut = doorlog.EventStore("/nowhere/events.db", tz="Asia/Beirut")
        self.assertEqual(hours_of(beirut, date(2026, 3, 29)), 23)
        with mock.patch.dict(os.environ, TZ="Europe/Berlin"):
            self.addCleanup(time.tzset)
            time.tzset()
            here = doorlog.EventStore("/nowhere/events.db")
            self.assertEqual([hours_of(here, date(2026, *day)) for day in ((3, 28), (3, 29), (10, 25))], [24, 23, 25])
            self.assertEqual(here._zone, "Europe/Berlin")


class Errors(unittest.TestCase):
    def test_a_problem_becomes_an_exception(self) -> None:
        problem = {"detail": "doorlog: write event: camera_id: is empty", "status": 400, "codes": ["too-large", "invalid"],
                   "field": "camera_id", "reason": "is empty"}  # fmt: skip
        error = doorlog._error_of(400, "application/problem+json", json.dumps(problem).encode())
        self.assertIsInstance(error, doorlog.TooLarge)
        self.assertIsInstance(error, doorlog.Invalid)
        self.assertEqual((error.field, error.reason, error.status), ("camera_id", "is empty", 400))
        self.assertEqual(str(error), problem["detail"])

    def test_the_answer_of_a_proxy(self) -> None:
        error = doorlog._error_of(502, "text/html", b"<h1>Bad gateway</h1>")
        self.assertEqual((error.status, error.codes), (502, ()))

    def test_every_code_that_the_server_has(self) -> None:
        source = (support.HERE.parents[2] / "internal" / "wire" / "problem.go").read_text()
        for kind, code in (("NotFound", "not-found"), ("Gone", "gone"), ("Full", "full"), ("Changed", "changed")):
            self.assertIn(f'"{code}"', source)
            self.assertIs(doorlog._KINDS[code], getattr(doorlog, kind))
        for code in (*doorlog._KINDS, *doorlog._PASSING):
            self.assertIn(f'"{code}"', source.replace('"urn:doorlog:problem:request"', '"request"'), code)


class Addresses(unittest.TestCase):
    def test_addresses(self) -> None:
        def path(text: str) -> object:
            return doorlog._Address(text, None).path

        self.assertEqual(path("unix:/run/a.sock"), "/run/a.sock")
        self.assertEqual(path("/run/a.sock"), "/run/a.sock")
        self.assertEqual(path("/nowhere/events.db"), "/nowhere/events.db.sock")
        here = os.getcwd()
        for relative in ("events.db.sock", "unix:events.db.sock", "events.db"):  # the program may go to another folder
            self.assertEqual(path(relative), os.path.join(here, "events.db.sock"))
        at = doorlog._Address("https://door.example:8443/base/", None)
        self.assertEqual((at.host, at.port, at.base, at.path), ("door.example", 8443, "/base", None))
        for wrong in ("", "unix:", "http://", "http://a?b=c", "http://user:secret@host"):
            with self.assertRaises(ValueError):
                doorlog._Address(wrong, None)

    def test_a_token_is_not_shown(self) -> None:
        self.assertNotIn("secret", repr(doorlog.Client("http://localhost:1", token="secret")))

    def test_a_token_that_cannot_be_sent_is_not_shown(self) -> None:
        for token in ("# mine\ndoorlog_secret", "doorlog_secret\u20ac", "doorlog secret"):
            with self.assertRaises(ValueError) as caught:
                doorlog.Client("http://localhost:1", token).count()
            self.assertNotIn("secret", repr(caught.exception))

    def test_no_server(self) -> None:
        began = time.monotonic()
        with doorlog.Client("/nowhere/events.db") as client, self.assertRaisesRegex(doorlog.Unreachable, "doorlog serve"):
            client.info()
        with self.assertRaises(ConnectionError):
            next(doorlog.Client("/nowhere/events.db").changes())
        self.assertLess(time.monotonic() - began, 2)

    def test_a_closed_client(self) -> None:
        client = doorlog.Client("/nowhere/events.db")
        client.close()
        with self.assertRaisesRegex(ValueError, "closed"):
            client.info()
