"""The client answers queries as the command does on the same store."""

from __future__ import annotations

import json
import os
import random
from datetime import timedelta
from typing import Any, Dict, List, Tuple

from . import support
from .support import NOON, an_event

CAMERAS, LABELS, TYPES = ["porch", "yard", "ga=r%age", "é"], ["person", "dog", "cat"], ["motion", "ding"]
PERSONS, DOORS, METHODS = ["ann", "bob", "Zoë"], ["none", "unlocked", "jammed"], ["face", "keypad"]
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "CET-1CEST,M3.5.0,M10.5.0/3"]


def some_events(dice: random.Random, count: int) -> List[Dict[str, Any]]:
    events = []
    for _ in range(count):
        at = dice.randrange(60 * 86_400)
        events.append(an_event(
            dice.choice(CAMERAS), after=at + dice.random(), event_type=dice.choice(TYPES),
            person_name=dice.choice([None, *PERSONS]), door_action=dice.choice(DOORS), method=dice.choice([None, *METHODS]),
            unlock_granted=dice.random() < 0.2, alert_sent=dice.random() < 0.2, pinned=dice.random() < 0.1,
            reviewed=dice.random() < 0.3, recording_id=dice.choice([None, "r1", "r2"]),
            attributes={name: dice.choice(["1", "2=3", "%3D"]) for name in ("zone", "n%") if dice.random() < 0.4},
            detections=[{"label": dice.choice(LABELS), "confidence": round(dice.random(), 3)} for _ in range(dice.randrange(3))],
        ))  # fmt: skip
    return events


def a_query(dice: random.Random) -> Tuple[Dict[str, Any], List[str]]:
    """A query of random conditions, for the client and as flags of the command."""
    asked: Dict[str, Any] = {}
    flags: List[str] = []

    def sometimes(chance: float = 0.25) -> bool:
        return dice.random() < chance

    for field, flag, values in (("camera", "camera", CAMERAS), ("type", "type", TYPES), ("door", "door", DOORS),
                                ("method", "method", METHODS), ("label", "label", LABELS), ("person", "person", PERSONS)):  # fmt: skip
        if sometimes():
            asked[field] = dice.sample(values, dice.randrange(1, 3))
            flags += [f"--{flag}={value}" for value in asked[field]]
    if "person" not in asked and sometimes():
        asked["stranger"] = dice.random() < 0.5
        flags.append("--stranger" if asked["stranger"] else "--known")
    for field, yes, no in (("unlock_granted", "--unlocked", "--unlocked=false"), ("pinned", "--pinned", "--pinned=false"),
                           ("has_thumbnail", "--has-thumbnail", "--has-thumbnail=false"),
                           ("alert_sent", "--alerted", "--unalerted"), ("reviewed", "--reviewed", "--unreviewed")):  # fmt: skip
        if sometimes(0.1):
            asked[field] = dice.random() < 0.5
            flags.append(yes if asked[field] else no)
    if sometimes():
        asked["min_confidence"] = round(dice.random(), 2)
        flags.append(f"--min-confidence={asked['min_confidence']}")
    if sometimes(0.15):
        name, values = dice.choice(["zone", "n%"]), dice.sample(["1", "2=3", "%3D"], dice.randrange(1, 3))
        asked["attributes"] = {name: values}
        flags += [f"--attribute={name}={value}" for value in values]
    if sometimes(0.1):
        asked["recording_id"] = "r1"
        flags.append("--recording=r1")
    ends = sorted(timedelta(seconds=dice.randrange(60 * 86_400), microseconds=dice.randrange(1_000_000)) for _ in range(2))
    for field, end in zip(("since", "until"), ends):
        if sometimes(0.3):
            at = NOON + end
            asked[field] = at
            flags.append(f"--{field}={at.isoformat()}")
    if sometimes():
        asked["hours"] = tuple(dice.sample(range(24), 2))
        asked["hours"] = (asked["hours"][0], asked["hours"][1] or 24)
        flags.append("--hours={}-{}".format(*asked["hours"]))
    if sometimes():
        asked["weekday"] = dice.sample(["mon", "tue", "wed", "thu", "fri", "sat", "sun"], dice.randrange(1, 4))
        flags.append("--weekdays=" + ",".join(asked["weekday"]))
    asked["tz"] = dice.choice(ZONES)
    flags.append(f"--tz={asked['tz']}")
    if sometimes(0.5):
        asked["oldest_first"] = True
        flags.append("--oldest-first")
    if sometimes():
        asked["offset"] = dice.randrange(1, 30)
        flags.append(f"--offset={asked['offset']}")
    return asked, flags


class Queries(support.StoreCase):
    queries = int(os.environ.get("DOORLOG_QUERIES", "300"))

    def test_random_queries(self) -> None:
        dice = random.Random(7)
        self.assertEqual({result.error for result in self.client.bulk(some_events(dice, 2000))}, {None})
        self.server.stop()
        asked = [(*a_query(dice), dice.randrange(1, 80)) for _ in range(self.queries)]
        wanted = [
            json.loads(self.server.command("events", "--db", self.server.db, "--json", f"--limit={limit}", *flags))
            for _, flags, limit in asked
        ]
        self.server.start()
        found = 0
        for (query, flags, limit), want in zip(asked, wanted):
            page = self.client.page(limit=limit, **query)
            raw = json.loads(json.dumps(page.events, default=lambda at: at.text()))
            self.assertEqual(raw, want["events"], flags)
            self.assertEqual((page.next is None, page.prev is None), (want["next"] is None, want["prev"] is None), flags)
            self.assertEqual([event["id"] for event in self.client.events(limit=limit, **query)],
                             [event["id"] for event in want["events"]], flags)  # fmt: skip
            found += len(raw)
        self.assertGreater(found, self.queries)
