"""The events of locks and cameras that a doorlog server keeps.

``doorlog serve`` has the store open; this module talks to it, over the Unix socket beside the
database or over HTTP. It is one file, for Python 3.9 and later, and needs the standard library alone.

``Client`` has a method for each call of the API. ``EventStore`` has the methods of the SQLite class
that smart lock projects in Python use, so that a program changes one import.

    with Client("events.db") as client:                     # its socket is events.db.sock
        event = client.post({"camera_id": "porch", "recorded_at": now, "event_type": "motion"}, frame)
        for event in client.events(camera="porch", since=yesterday):
            print(event["recorded_at"], event["person_name"])

Times that come back are ``Timestamp``: a ``datetime`` in UTC. A ``datetime`` that goes in must have
a time zone; one without is a ``ValueError``. A time given as text is sent as it is, and text without
an offset is in UTC. An absent value is ``None``.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import functools
import http.client
import io
import json
import logging
import os
import random
import re
import secrets
import select
import socket
import ssl
import stat
import struct
import tempfile
import threading
import time
import unicodedata
import urllib.parse
import zoneinfo
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from types import TracebackType
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Type,
    TypedDict,
    TypeVar,
    Union,
)

__version__ = "0.1.0"

__all__ = [
    "BadCursor", "BulkResult", "Change", "Changed", "Changes", "Client", "Corrupt", "Detection",
    "DoorlogError", "Event", "EventStore", "Exists", "Failed", "Forbidden", "Full", "Gone", "Invalid",
    "NotFound", "NotServer", "Page", "Person", "Query", "RequestError", "Scope", "Timestamp", "TooLarge",
    "TooMany", "Unauthorized", "UnknownOutcome", "Unreachable", "new_id",
]  # fmt: skip

logger = logging.getLogger("doorlog")

T = TypeVar("T")
Json = Dict[str, Any]
Texts = Union[str, Sequence[str], None]
When = Union[datetime, str]
Attributes = Mapping[str, Union[str, Sequence[str]]]
Zone = Union[str, tzinfo]
PathLike = Union[str, "os.PathLike[str]"]

MAX_FRAME_BYTES = 32 << 20  # what the server takes as a frame


# --- errors


class DoorlogError(Exception):
    """What the server answered instead of a result. Its text is that of the library's error.

    ``codes`` are all kinds of error that it is, such as ``("too-large", "invalid")``; ``status`` is
    that of HTTP. ``field`` and ``reason`` say what was refused and why, if it is about a field.
    ``result`` is what a long call had done before it failed. ``retried`` says that the request had
    been sent before, and that its first attempt may have been carried out.
    """

    def __init__(
        self,
        text: str,
        *,
        codes: Sequence[str] = (),
        status: Optional[int] = None,
        field: Optional[str] = None,
        reason: Optional[str] = None,
        result: Any = None,
    ) -> None:
        super().__init__(text)
        self.codes = tuple(codes)
        self.status = status
        self.field = field
        self.reason = reason
        self.result = result
        self.retried = False


class NotFound(DoorlogError):
    """There is no such event, person, consumer or file."""


class Exists(DoorlogError):
    """It exists already, with other content."""


class Invalid(DoorlogError):
    """A value cannot be stored or asked for: see ``field`` and ``reason``."""


class TooLarge(Invalid):
    """A value, a frame or a body exceeds a limit."""


class BadCursor(DoorlogError):
    """The text is not a cursor of a page of this query."""


class Changed(DoorlogError):
    """The event is not any more what it was when it was read (``if_match``)."""


class Full(DoorlogError):
    """There is no room for the write. Nothing was changed."""


class Gone(DoorlogError):
    """The changes after a cursor are not kept any more.

    Take ``Client.cursor()``, then read everything again, and go on after that cursor.
    """


class Unauthorized(DoorlogError):
    """A token is needed, or the token is not valid."""


class Forbidden(DoorlogError):
    """The token does not allow that."""


class TooMany(DoorlogError):
    """Too many requests or streams."""


class Corrupt(DoorlogError):
    """The disk of the server holds damaged data."""


class Failed(DoorlogError):
    """The store takes no writes until it is opened again."""


class UnknownOutcome(DoorlogError):
    """The disk failed at the end of a write, which may or may not be there."""


class RequestError(DoorlogError):
    """The server did not understand the request, or has no such address."""


class NotServer(DoorlogError):
    """What answers at the address is no doorlog server, but a proxy or another program."""


class Unreachable(DoorlogError, ConnectionError):
    """There was no answer: no server, a lost connection, or it took too long.

    The call was repeated as long as ``retry_for`` allows, if it can be. A write that cannot be
    repeated may have been carried out.
    """


_KINDS: Dict[str, Type[DoorlogError]] = {
    "not-found": NotFound,
    "no-file": NotFound,
    "exists": Exists,
    "invalid": Invalid,
    "too-large": TooLarge,
    "bad-cursor": BadCursor,
    "changed": Changed,
    "full": Full,
    "gone": Gone,
    "unauthorized": Unauthorized,
    "forbidden": Forbidden,
    "too-many": TooMany,
    "corrupt": Corrupt,
    "failed": Failed,
    "moved": Failed,
    "unknown-outcome": UnknownOutcome,
    "request": RequestError,
}

# The server ends or is just beginning: the same request can succeed in a moment.
_PASSING = frozenset(("closed", "locked", "canceled", "too-many"))


def _error(problem: Mapping[str, Any], status: Optional[int] = None, result: Any = None) -> DoorlogError:
    codes = [str(code) for code in problem.get("codes") or ()]
    kind = next((_KINDS[code] for code in codes if code in _KINDS), DoorlogError)
    return kind(
        str(problem.get("detail") or problem.get("title") or "the server failed"),
        codes=codes,
        status=problem.get("status", status),
        field=problem.get("field"),
        reason=problem.get("reason"),
        result=problem.get("result", result),
    )


def _error_of(status: int, content_type: str, body: bytes) -> DoorlogError:
    """The error that an answer is. A proxy's answer is no problem document."""
    if "json" in content_type:
        try:
            problem = json.loads(body)
        except ValueError:
            problem = None
        if isinstance(problem, dict) and isinstance(problem.get("codes"), list):
            return _error(problem, status)
    text = body[:200].decode("utf-8", "replace").strip() or http.client.responses.get(status, "")
    kinds = {401: Unauthorized, 403: Forbidden, 404: NotServer, 413: TooLarge, 429: TooMany}
    return kinds.get(status, RequestError)(f"the server answered {status}: {text}", status=status)


# --- times and IDs


class Timestamp(datetime):
    """A ``datetime`` in UTC that also keeps the nanoseconds, so that an event can be sent back as it was.

    ``nanosecond`` is 0 to 999, below ``microsecond``. It has no part in comparisons and arithmetic.
    """

    nanosecond: int

    def __new__(cls, *args: Any, nanosecond: int = 0, **kwargs: Any) -> Timestamp:
        self = super().__new__(cls, *args, **kwargs)
        self.nanosecond = nanosecond
        return self

    def text(self) -> str:
        """RFC 3339, in UTC, with all digits."""
        return _time_text(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        if self.nanosecond:
            return _parse_time, (self.text(),)
        return super().__reduce_ex__(protocol)


_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?([Zz]|UTC|GMT|[+-]\d\d(?::?\d\d)?))?",
    re.ASCII,
)


def _parse_time(text: str) -> Optional[Timestamp]:
    """The time that a text in RFC 3339 or ISO 8601 means, in UTC if it has no offset; None: another form."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups("")
    digits = (fraction + "000000000")[:9]
    try:
        at = Timestamp(
            int(year), int(month), int(day), int(hour), int(minute), int(second or 0), int(digits[:6]), timezone.utc,
            nanosecond=int(digits[6:]),
        )  # fmt: skip
        if zone[:1] not in ("+", "-"):
            return at
        hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
        if hours > 23 or minutes > 59:
            return None
        at -= timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
        at.nanosecond = int(digits[6:])
        return at
    except (ValueError, OverflowError):
        return None


def _time_text(at: datetime) -> str:
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone: it is not clear which moment it means")
    utc = at.astimezone(timezone.utc).replace(tzinfo=None)
    fraction = f"{utc.microsecond:06}{getattr(at, 'nanosecond', 0):03}".rstrip("0")
    return utc.replace(microsecond=0).isoformat() + (f".{fraction}Z" if fraction else "Z")


def _when(at: When) -> str:
    return _time_text(at) if isinstance(at, datetime) else str(at)


def _read_times(value: Json, *fields: str) -> Json:
    """Turns the texts of these fields into times. The zero time is None."""
    for field in fields:
        text = value.get(field)
        if isinstance(text, str):
            value[field] = None if text == "0001-01-01T00:00:00Z" else _parse_time(text) or text
    return value


def _read_event(value: Json) -> Event:
    return _read_times(value, "recorded_at", "ended_at", "created_at")  # type: ignore[return-value]


def _read_person(value: Json) -> Person:
    return _read_times(value, "created_at")  # type: ignore[return-value]


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID = re.compile(f"[0-7][{_BASE32}]{{25}}", re.IGNORECASE | re.ASCII)
_id_lock = threading.Lock()
_last_id = 0


def new_id(recorded_at: datetime) -> str:
    """A new ID for an event that happened then. Writing an event again under its ID changes nothing.

    An ID is a ULID. It has 48 bits of milliseconds since 1970, 20 bits of nanoseconds within the
    millisecond, and 60 bits that tell events of one nanosecond apart. IDs of one time are made in order.
    """
    _time_text(recorded_at)  # it has a time zone
    since = recorded_at.astimezone(timezone.utc) - _EPOCH
    if since < timedelta():
        raise ValueError(f"{recorded_at} is before 1970")
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    nanos = micros % 1000 * 1000 + int(getattr(recorded_at, "nanosecond", 0))
    at = (micros // 1000) << 20 | nanos
    global _last_id
    with _id_lock:
        if _last_id >> 60 == at:
            _last_id += 1
        else:
            _last_id = at << 60 | secrets.randbits(59)  # the top bit is 0, so that adding 1 never overflows
        number = _last_id
    return "".join(_BASE32[number >> shift & 31] for shift in range(125, -1, -5))


if hasattr(os, "register_at_fork"):  # else a child would repeat the IDs of its parent

    def _after_fork() -> None:
        global _last_id, _id_lock
        _last_id, _id_lock = 0, threading.Lock()

    os.register_at_fork(after_in_child=_after_fork)


def _loads(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise NotServer(f"the answer is no JSON, so it is not that of a doorlog server: {error}") from error


def _dumps(value: Any) -> bytes:
    return json.dumps(value, default=_plain, allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    """What JSON writes for values that it does not know: times, spans of time, and numbers of NumPy."""
    if isinstance(value, datetime):
        return _time_text(value)
    if isinstance(value, timedelta):
        return (value.days * 86_400 + value.seconds) * 1_000_000_000 + value.microseconds * 1000
    if isinstance(value, Mapping):
        return dict(value)
    if callable(getattr(value, "item", None)):
        return value.item()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


# --- what comes and goes


class Detection(TypedDict, total=False):
    """One thing that was seen in a frame. A box has all four sides, or none."""

    label: str
    confidence: float
    bbox_x1: Optional[float]
    bbox_y1: Optional[float]
    bbox_x2: Optional[float]
    bbox_y2: Optional[float]


class Event(TypedDict, total=False):
    """An event. One that comes from the server has all of these keys."""

    id: str
    camera_id: str
    recorded_at: Timestamp
    ended_at: Optional[Timestamp]
    event_type: str
    recording_id: Optional[str]
    person_name: Optional[str]
    face_confidence: Optional[float]
    face_distance: Optional[float]
    unlock_granted: bool
    door_action: str
    method: Optional[str]
    thumbnail_path: Optional[str]
    frame_width: Optional[int]
    frame_height: Optional[int]
    alert_sent: bool
    pinned: bool
    reviewed: bool
    created_at: Timestamp
    attributes: Optional[Dict[str, str]]
    detections: List[Detection]


class Person(TypedDict, total=False):
    """Somebody whom the cameras know by name."""

    name: str
    display_name: str
    auto_unlock: bool
    created_at: Timestamp
    key: str


class Change(TypedDict, total=False):
    """One step in the history of the store. ``event`` and ``person`` are as they are now."""

    cursor: str
    op: str  # created, updated, deleted, person_put or person_removed
    id: str
    event: Event
    person: Person
    no_match: bool


class Page(NamedTuple):
    """A page of events, and the cursors of the next and the previous one; None: there is none."""

    events: List[Event]
    next: Optional[str]
    prev: Optional[str]


class BulkResult(NamedTuple):
    """What became of one event of ``Client.bulk``. ``position`` counts from 0; ``error`` is None if it is stored."""

    position: int
    id: Optional[str]
    existed: bool
    error: Optional[DoorlogError]


def _texts(values: Texts) -> List[str]:
    return [] if values is None else [values] if isinstance(values, str) else [str(value) for value in values]


def _attributes(attributes: Optional[Attributes]) -> List[str]:
    """The attributes that are asked for, as name=value. A % or = in a name is escaped."""
    asked = []
    for name, values in (attributes or {}).items():
        escaped = name.replace("%", "%25").replace("=", "%3D")
        if not _texts(values):
            raise ValueError(f"attribute {name!r} has no values")
        asked += [f"{escaped}={value}" for value in _texts(values)]
    return asked


def _parameters(*named: Tuple[str, Any]) -> List[Tuple[str, str]]:
    """The parameters of a URL. None is left out, and a list is repeated."""
    out: List[Tuple[str, str]] = []
    for name, value in named:
        if value is None:
            continue
        if isinstance(value, bool):
            out.append((name, "true" if value else "false"))
        elif isinstance(value, datetime):
            out.append((name, _time_text(value)))
        elif isinstance(value, list):
            out += [(name, str(one)) for one in value]
        else:
            out.append((name, str(value)))
    return out


_WEEKDAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}


def _weekdays(days: Union[int, str, Sequence[Union[int, str]], None]) -> List[str]:
    if days is None:
        return []
    listed: Sequence[Union[int, str]] = [days] if isinstance(days, (int, str)) else days
    return [str(_WEEKDAYS.get(day.lower()[:3], day) if isinstance(day, str) else day) for day in listed]


@dataclass(frozen=True)
class Query:
    """Selects events. All fields that are set must match; a field with several values matches if one of them does.

    ``hours`` is ``"22-6"`` or ``(22, 6)``: from 22:00 until just before 6:00. ``weekday`` is ``"mon"``, or
    a number from 0 for Sunday; note that Python counts from Monday. Both, and days, are of the zone ``tz``:
    a name such as ``Europe/Berlin``, a ``ZoneInfo``, or a rule of POSIX; UTC if it is None. ``since`` belongs
    to the range and ``until`` does not.
    """

    camera: Texts = None
    type: Texts = None
    door: Texts = None
    method: Texts = None
    person: Texts = None
    label: Texts = None
    stranger: Optional[bool] = None
    unlock_granted: Optional[bool] = None
    alert_sent: Optional[bool] = None
    has_thumbnail: Optional[bool] = None
    pinned: Optional[bool] = None
    reviewed: Optional[bool] = None
    min_confidence: Optional[float] = None
    attributes: Optional[Attributes] = None
    recording_id: Optional[str] = None
    since: Optional[When] = None
    until: Optional[When] = None
    hours: Union[str, Tuple[int, int], None] = None
    weekday: Union[int, str, Sequence[Union[int, str]], None] = None
    tz: Optional[Zone] = None
    oldest_first: Optional[bool] = None
    offset: Optional[int] = None

    def parameters(self) -> List[Tuple[str, str]]:
        """The parameters of a URL that ask for this."""
        hours = "-".join(map(str, self.hours)) if isinstance(self.hours, tuple) else self.hours
        names = ("camera", "type", "door", "method", "person", "label")
        plain = ("stranger", "unlock_granted", "alert_sent", "has_thumbnail", "pinned", "reviewed", "min_confidence",
                 "recording_id", "since", "until")  # fmt: skip
        return _parameters(
            *((name, _texts(getattr(self, name))) for name in names),
            *((name, getattr(self, name)) for name in plain),
            ("attribute", _attributes(self.attributes)),
            ("hours", hours),
            ("weekday", _weekdays(self.weekday)),
            ("tz", _zone_name(self.tz)),
            ("oldest_first", self.oldest_first or None),
            ("offset", self.offset or None),
        )


@dataclass(frozen=True)
class Scope:
    """Says which events the analytics count, and whose days and hours they are: those of ``tz``, else UTC."""

    camera: Optional[str] = None
    since: Optional[When] = None
    until: Optional[When] = None
    tz: Optional[Zone] = None
    method: Texts = None
    attributes: Optional[Attributes] = None
    reviewed: Optional[bool] = None

    def parameters(self) -> List[Tuple[str, str]]:
        """The parameters of a URL that ask for this."""
        return _parameters(
            ("camera", self.camera),
            ("since", self.since),
            ("until", self.until),
            ("tz", _zone_name(self.tz)),
            ("method", _texts(self.method)),
            ("attribute", _attributes(self.attributes)),
            ("reviewed", self.reviewed),
        )


def _query(query: Optional[Query], filters: Mapping[str, Any]) -> Query:
    if query is not None and filters:
        raise TypeError("give a Query or its fields, not both")
    return query if query is not None else Query(**filters)


def _scope(scope: Optional[Scope], filters: Mapping[str, Any]) -> Scope:
    if scope is not None and filters:
        raise TypeError("give a Scope or its fields, not both")
    return scope if scope is not None else Scope(**filters)


# --- time zones


def _zone_name(zone: Optional[Zone]) -> Optional[str]:
    """The name of a zone for the server: one of the time zone database, or a rule of POSIX."""
    if zone is None or isinstance(zone, str):
        return zone
    key = getattr(zone, "key", None)
    if key:
        return str(key)
    offset = zone.utcoffset(None)
    if offset is None:
        raise ValueError(f"{zone!r} has no name: give the name of a time zone")
    return _fixed_rule(offset)


def _fixed_rule(offset: timedelta) -> str:
    """A zone that is always so far ahead of UTC. POSIX counts the other way round: <+0530>-5:30."""
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    sign, other = ("+", "-") if minutes > 0 else ("-", "")
    hours, rest = divmod(abs(minutes), 60)
    return f"<{sign}{hours:02}{rest:02}>{other}{hours}:{rest:02}"


def _tzinfo(zone: Zone) -> tzinfo:
    if not isinstance(zone, str):
        return zone
    name = zone.lstrip(":")
    if name in ("", "UTC"):
        return timezone.utc
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    try:
        return zoneinfo.ZoneInfo.from_file(io.BytesIO(_zone_file(name)), key=name)
    except (ValueError, IndexError, OSError):
        raise ValueError(f"{zone!r} is not a time zone such as Europe/Berlin or CET-1CEST,M3.5.0,M10.5.0/3") from None


def _zone_file(rule: str) -> bytes:
    """A zone file (RFC 9636) without transitions, which leaves all times to the rule at its end."""
    block = b"TZif3" + bytes(15) + struct.pack(">6L", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
    return block + block + b"\n" + rule.encode("ascii", "strict") + b"\n"


def _machine_zone() -> str:
    """The name of the zone of this machine, or a rule for it."""
    name = os.environ.get("TZ")
    if name is None:
        name = "/etc/localtime"
    name = name.lstrip(":")
    if not name.startswith("/"):
        return name or "UTC"
    folder, found, rest = os.path.realpath(name).partition("/zoneinfo/")
    if found:
        return re.sub("^(posix|right)/", "", rest)
    try:
        with open(name, "rb") as file:
            data = file.read(1 << 20)
    except OSError:
        data = b""
    rule = data.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii", "replace") if data.startswith(b"TZif") else ""
    return rule or _fixed_rule(timedelta(seconds=time.localtime().tm_gmtoff or 0))


# --- connections


class _Link(http.client.HTTPConnection):
    """A connection over a Unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        family = getattr(socket, "AF_UNIX", None)
        if family is None:
            raise OSError("Python has no Unix sockets on this system: use an http:// address")
        sock = socket.socket(family, socket.SOCK_STREAM)
        folder = None
        try:
            sock.settimeout(self.timeout)
            path = self._path
            if len(os.fsencode(path)) > 100 and hasattr(os, "O_PATH"):  # too long for an address: by way of its folder
                folder = os.open(os.path.dirname(path) or ".", os.O_PATH)
                path = f"/proc/self/fd/{folder}/{os.path.basename(path)}"
            sock.connect(path)
        except BaseException:
            sock.close()
            raise
        finally:
            if folder is not None:
                os.close(folder)
        self.sock = sock


class _Address:
    """Where a server is: unix:PATH, a path of a database (its socket is beside it), or an http or https URL."""

    def __init__(self, address: PathLike, context: Optional[ssl.SSLContext]) -> None:
        text = os.fspath(address)
        self.path: Optional[str] = None
        self.base = ""
        if text.startswith(("http://", "https://")):
            url = urllib.parse.urlsplit(text)
            if not url.hostname or url.query or url.fragment or url.username is not None:
                raise ValueError(f"{text!r} is not the address of a server, such as http://127.0.0.1:7780")
            self.host, self.port, self.base = url.hostname, url.port, url.path.rstrip("/")
            self.context = (context or ssl.create_default_context()) if url.scheme == "https" else None
        else:
            is_socket = text.startswith("unix:") or text.endswith(".sock")
            path = text[len("unix:") :] if text.startswith("unix:") else text
            if not path:
                raise ValueError("the address of the server is empty")
            # whole, because the program may go to another folder
            self.path = os.path.join(os.getcwd(), path) if is_socket else os.path.realpath(path) + ".sock"
        self.text = text if self.path is None else "unix:" + self.path

    def connection(self, timeout: float) -> http.client.HTTPConnection:
        if self.path is not None:
            return _Link(self.path, timeout)
        if self.context is not None:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.context)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)


class _Pool:
    """Idle connections, for all threads. A process that forks begins with none."""

    most = 8

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: List[http.client.HTTPConnection] = []
        self._closed = False
        self._process = os.getpid()

    def _forked(self) -> None:
        """Lets go what is the parent's: its connections, and a lock that another thread may have held."""
        if self._process != os.getpid():
            idle, self._idle, self._lock, self._process = self._idle, [], threading.Lock(), os.getpid()
            for connection in idle:
                connection.close()  # it stays open in the parent

    def take(self) -> Optional[http.client.HTTPConnection]:
        """An idle connection that the server has not closed, or None."""
        self._forked()
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.sock is not None and not _readable(connection.sock):
                return connection
            connection.close()

    def give(self, connection: http.client.HTTPConnection) -> None:
        self._forked()
        with self._lock:
            if connection.sock is not None and len(self._idle) < self.most and not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def clear(self, close: bool = False) -> None:
        """Closes the idle connections; with close also those that come back later."""
        self._forked()
        with self._lock:
            idle, self._idle = self._idle, []
            self._closed = self._closed or close
        for connection in idle:
            connection.close()


def _readable(sock: socket.socket) -> bool:
    """Whether an idle connection has something to read: its end."""
    try:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(sock, select.POLLIN)
            return bool(poll.poll(0))
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True


class _Reply:
    """An answer whose body has yet to be read."""

    def __init__(self, pool: _Pool, connection: http.client.HTTPConnection) -> None:
        self._pool = pool
        self._connection = connection
        self._sock: Optional[socket.socket] = connection.sock
        self._done = False
        self.response = connection.getresponse()  # which takes the socket away, if it is the last answer
        self.status = self.response.status
        self.trailers: Dict[str, str] = {}

    def header(self, name: str) -> Optional[str]:
        return self.response.getheader(name)

    def is_cut(self) -> bool:
        """Whether the connection was lost amid the headers, which http.client takes for their end.

        The server says how long each body is, except that of a stream of changes.
        """
        stream = (self.header("Content-Type") or "").startswith("text/event-stream")
        return self.response.length is None and not self.response.chunked and not stream and self.response.version > 10

    def read(self) -> bytes:
        body = self.response.read()
        self.release()
        return body

    def lines(self) -> Iterator[bytes]:
        """The lines of the body, without their ends. A body that is cut off is an HTTPException."""
        while True:
            line = self.response.readline()
            if not line:
                break
            if not line.endswith(b"\n"):
                raise http.client.IncompleteRead(line)
            yield line.rstrip(b"\r\n")
        self.release()

    def pieces(self) -> Iterator[bytes]:
        """The body in pieces, and then the trailers. http.client has no way to the trailers, so this reads chunks."""
        source = self.response.fp
        if not self.response.chunked or source is None:
            raise http.client.HTTPException("the answer is not chunked, so it has no trailers")
        while True:
            try:
                size = int(_line(source).partition(b";")[0], 16)
            except ValueError:
                raise http.client.HTTPException("a chunk has no size") from None
            if size == 0:
                break
            while size > 0:
                piece = source.read(min(size, 1 << 18))
                if not piece:
                    raise http.client.IncompleteRead(b"")
                size -= len(piece)
                yield piece
            _line(source)
        while True:
            line = _line(source)
            if not line:
                return
            name, _, value = line.decode("utf-8", "replace").partition(":")
            self.trailers[name.strip().lower()] = value.strip()
            if name.lower() == "doorlog-warning":
                _warn(value.strip())

    def release(self) -> None:
        """Keeps the connection for the next request. The body must have been read."""
        if not self._done:
            self._done = True
            if self.response.will_close:
                self.response.close()
                self._connection.close()
            else:
                self._pool.give(self._connection)

    def interrupt(self) -> None:
        """Ends the connection for whoever reads from it, perhaps in another thread. That must close the reply."""
        if not self._done and self._sock is not None:
            try:
                self._sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """Ends the connection."""
        if not self._done:
            self._done = True
            self.response.close()
            self._connection.close()


def _warn(warning: str) -> None:
    """Logs what the library of the server logged about this call."""
    logger.warning("doorlog: the server says: %s", warning)


def _line(source: Any) -> bytes:
    line: bytes = source.readline(65537)
    if not line.endswith(b"\n") or len(line) > 65536:
        raise http.client.IncompleteRead(line)
    return line.rstrip(b"\r\n")


_LOST = (OSError, http.client.HTTPException)


class _Own(Exception):
    """An error of the caller's code or disk, which must not be taken for a loss of the connection."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(error)
        self.error = error


_JSON, _LINES, _PICTURE, _NOTHING = "application/json", "application/x-ndjson", "image/*", ""


@dataclass
class _Request:
    method: str
    target: str
    body: Optional[bytes]
    headers: Dict[str, str]
    resend: bool  # to carry it out twice does no harm
    answer: str  # the media type of what the server answers


class _Multipart:
    """The body of a form, in one piece."""

    def __init__(self) -> None:
        self._boundary = secrets.token_hex(20)
        self._pieces: List[bytes] = []
        self.type = f"multipart/form-data; boundary={self._boundary}"

    def add(self, name: str, content_type: str, content: bytes, file: bool = False) -> None:
        place = f'; filename="{name}"' if file else ""
        head = (
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"{place}\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        )
        self._pieces += [head.encode(), content, b"\r\n"]

    def body(self) -> bytes:
        return b"".join([*self._pieces, f"--{self._boundary}--\r\n".encode()])


def _segment(name: str) -> str:
    """A name as one segment of a path."""
    if not name:
        raise ValueError("the name or ID is empty")
    return urllib.parse.quote(name, safe="")


# --- the client


class Client:
    """A store that a server has open. It is safe for use by several threads.

    ``address`` is the path of a database (its socket is beside it), ``unix:PATH`` of a socket, or an
    ``http://`` or ``https://`` address. ``timeout`` is how many seconds each connection attempt and each
    wait for the server may take.

    If the connection is lost, calls that can be repeated are repeated for ``retry_for`` seconds, also while
    the server is starting again. Events are written under an ID that is made here, so they are stored
    once. A client that has not reached its server yet fails at once.
    """

    def __init__(
        self,
        address: PathLike,
        token: Optional[str] = None,
        timeout: float = 30.0,
        *,
        retry_for: float = 10.0,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        self._address = _Address(address, ssl_context)
        self._timeout = timeout
        self._retry_for = retry_for
        self._headers = {"User-Agent": f"doorlog-python/{__version__}"}
        if token:
            if not re.fullmatch("[!-~]+", token.strip()):  # http.client would show it in its error
                raise ValueError("the token has a character that no token has")
            self._headers["Authorization"] = "Bearer " + token.strip()
        self._pool = _Pool()
        self._met = False  # the server has answered once
        self._closed = False

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<doorlog.Client {self._address.text}>"

    def close(self) -> None:
        """Closes the connections, those of calls that are under way when they return. Later calls are an error."""
        self._closed = True
        self._pool.clear(close=True)

    # How a request is sent. A connection that was idle may have been closed by the server just now, so a
    # request that must not be sent twice gets a new one.

    def _run(self, request: _Request, use: Callable[[_Reply], T]) -> T:
        began = time.monotonic()
        attempt, may_have_arrived = 0, False
        while True:
            sent = reused = False
            try:
                if self._closed:
                    raise ValueError("the client is closed")
                connection = self._pool.take() if request.resend else None
                reused = connection is not None
                if connection is None:
                    connection = self._address.connection(self._timeout)
                    connection.connect()
                sent = True
                return self._exchange(connection, request, use)
            except DoorlogError as error:
                error.retried = may_have_arrived
                if not (request.resend and self._passing(error)):
                    raise
                cause: Exception = error
            except _Own as own:
                raise own.error
            except ssl.SSLCertVerificationError as error:
                raise Unreachable(f"{self._address.text}: {error}") from error
            except _LOST as error:
                cause = error
            may_have_arrived = may_have_arrived or sent
            if reused and not isinstance(cause, DoorlogError):
                self._pool.clear()  # the others were closed with it
                continue
            delay = min(2.0, 0.05 * 2**attempt) * random.uniform(0.5, 1)
            attempt += 1
            if sent and not request.resend or not self._met or time.monotonic() - began + delay > self._retry_for:
                if isinstance(cause, DoorlogError):
                    raise cause
                raise self._unreachable(request, cause, sent or may_have_arrived) from cause
            time.sleep(delay)

    def _exchange(self, connection: http.client.HTTPConnection, request: _Request, use: Callable[[_Reply], T]) -> T:
        reply: Optional[_Reply] = None
        try:
            try:
                headers = {**self._headers, **request.headers}
                connection.request(request.method, self._address.base + request.target, request.body, headers)
            except ConnectionError:
                if not request.body:
                    raise
                # the server may have refused a body without reading all of it, and have said why
            reply = _Reply(self._pool, connection)
            if reply.is_cut():
                raise http.client.IncompleteRead(b"")
            self._met = True
            for warning in reply.response.headers.get_all("Doorlog-Warning") or ():
                _warn(warning)
            if reply.status < 400:
                self._check_answer(reply, request)
                return use(reply)
            error = _error_of(reply.status, reply.header("Content-Type") or "", reply.read())
        except BaseException:
            if reply is not None:
                reply.close()
            connection.close()
            raise
        raise error

    def _check_answer(self, reply: _Reply, request: _Request) -> None:
        """Refuses what a doorlog server does not answer. A page of a proxy must not look like a success."""
        media = (reply.header("Content-Type") or "").partition(";")[0].strip()
        if request.answer == _NOTHING:
            expected = reply.status == 204
        elif request.answer == _PICTURE:  # a producer may have put any file into the thumbnail folder
            expected = reply.status == 200 and (media.startswith("image/") or media == "application/octet-stream")
        else:
            expected = 200 <= reply.status < 300 and media == request.answer
        if not expected:
            reply.read()  # an answer that was cut amid its headers fails here, and counts as lost
            text = f"{self._address.text}: {request.method} {request.target.partition('?')[0]}"
            raise NotServer(
                f"{text}: the answer {reply.status} {media} is not that of a doorlog server", status=reply.status
            )

    @staticmethod
    def _passing(error: DoorlogError) -> bool:
        """Whether the same request may succeed in a moment."""
        if not error.codes:  # of a proxy
            return error.status in (502, 503, 504)
        return error.status in (429, 503) and error.codes[0] in _PASSING

    def _unreachable(self, request: _Request, cause: Exception, sent: bool) -> Unreachable:
        what = f"{request.method} {request.target.partition('?')[0]}"
        if sent:
            return Unreachable(f"{self._address.text}: {what}: the connection was lost: {cause or type(cause).__name__}")
        return Unreachable(f"{self._address.text}: {cause}: is `doorlog serve` running?")

    def _request(
        self,
        method: str,
        path: str,
        parameters: Sequence[Tuple[str, str]] = (),
        *,
        body: Optional[bytes] = None,
        content_type: str = "application/json",
        headers: Optional[Mapping[str, str]] = None,
        resend: bool = True,
        answer: str = _JSON,
    ) -> _Request:
        target = path + ("?" + urllib.parse.urlencode(parameters) if parameters else "")
        all_headers = dict(headers or {})
        if body is not None:
            all_headers["Content-Type"] = content_type
        return _Request(method, target, body, all_headers, resend, answer)

    def _call(
        self, method: str, path: str, parameters: Sequence[Tuple[str, str]] = (), value: Any = None, **how: Any
    ) -> Any:
        """Sends a request with a JSON value, or none, and returns the JSON of the answer."""
        if value is not None:
            how["body"] = _dumps(value)
        return _loads(self._run(self._request(method, path, parameters, **how), _Reply.read))

    def _do(self, method: str, path: str, value: Any = None, **how: Any) -> None:
        """Sends a request that is answered with nothing."""
        if value is not None:
            how["body"] = _dumps(value)
        self._run(self._request(method, path, answer=_NOTHING, **how), _Reply.read)

    def _long(self, path: str, value: Any, progress: Optional[Callable[[Json], None]]) -> Json:
        """A call that takes time. It is not repeated, because the server ends it when the connection ends."""
        body = None if value is None else _dumps(value)
        request = self._request(
            "POST", path, body=body, headers={"Accept": _LINES}, resend=False, answer=_LINES,
        )  # fmt: skip

        def follow(reply: _Reply) -> Json:
            for line in reply.lines():
                told = _loads(line) if line.strip() else {}
                if "error" in told:
                    raise _error(told["error"], result=told.get("result"))
                if "result" in told:
                    result: Json = told["result"]
                    reply.read()
                    return result
                if "progress" in told and progress is not None:
                    try:
                        progress(told["progress"])
                    except Exception as error:
                        raise _Own(error)
            raise http.client.IncompleteRead(b"")

        return self._run(request, follow)

    # Events

    def page(
        self, query: Optional[Query] = None, *, limit: int = 50, cursor: Optional[str] = None, **filters: Any
    ) -> Page:
        """A page of events, newest first, at most 1,000. ``filters`` are the fields of a ``Query``."""
        parameters = _query(query, filters).parameters() + _parameters(("limit", limit), ("cursor", cursor or None))
        got = self._call("GET", "/v1/events", parameters)
        return Page([_read_event(event) for event in got["events"]], got.get("next") or None, got.get("prev") or None)

    def events(self, query: Optional[Query] = None, *, limit: Optional[int] = None, **filters: Any) -> Iterator[Event]:
        """The events that match, newest first, read page by page. Each page is of one state of the store."""
        asked = _query(query, filters)
        cursor: Optional[str] = None
        while limit is None or limit > 0:
            page = self.page(asked, limit=500 if limit is None else min(limit, 500), cursor=cursor)
            yield from page.events
            if page.next is None:
                return
            if cursor is None and asked.offset:  # the cursor holds the place
                asked = dataclasses.replace(asked, offset=None)
            cursor, limit = page.next, None if limit is None else limit - len(page.events)

    def count(self, query: Optional[Query] = None, **filters: Any) -> int:
        """The number of events that match."""
        return int(self._call("GET", "/v1/count", _query(query, filters).parameters())["count"])

    def report(
        self, query: Optional[Query] = None, *, format: str = "html", lang: str = "en", pictures: bool = True,
        bom: bool = True, **filters: Any,
    ) -> bytes:  # fmt: skip
        """The events that match as a file for people, in memory: "html" with the pictures in it, or "csv"."""
        options = _parameters(("format", format), ("lang", lang), ("pictures", pictures), ("bom", bom))
        parameters = _query(query, filters).parameters() + options
        return self._run(self._request("GET", "/v1/report", parameters, answer=f"text/{format}"), _Reply.read)

    def explain(self, query: Optional[Query] = None, *, limit: Optional[int] = None, **filters: Any) -> Json:
        """How a query is answered, and how much is read for it."""
        parameters = _query(query, filters).parameters() + _parameters(("limit", limit))
        return self._call("GET", "/v1/explain", parameters)  # type: ignore[no-any-return]

    def get(self, id: str) -> Event:
        """An event, or ``NotFound``."""
        return self.get_tagged(id)[0]

    def get_tagged(self, id: str) -> Tuple[Event, str]:
        """An event and its ETag, which ``put``, ``patch`` and ``delete`` take as ``if_match``."""
        request = self._request("GET", f"/v1/events/{_segment(id)}")
        data, tag = self._run(request, lambda reply: (reply.read(), reply.header("ETag") or ""))
        return _read_event(_loads(data)), tag

    def recording(self, camera: str, recording_id: str) -> Event:
        """The event of this recording of a camera, or ``NotFound``."""
        parameters = _parameters(("camera", camera), ("recording_id", recording_id))
        return _read_event(self._call("GET", "/v1/recording", parameters))

    def known(self, ids: Iterable[str]) -> List[str]:
        """Those of the IDs, at most 10,000, that events have."""
        got: List[str] = self._call("POST", "/v1/events/known", value={"ids": list(ids)})["known"]
        return got

    def new_id(self, recorded_at: When) -> str:
        """A new ID for an event of this time; the server makes it if only the server can read the time."""
        at = recorded_at if isinstance(recorded_at, datetime) else _parse_time(str(recorded_at))
        if at is not None and _time_text(at) >= "1970":
            return new_id(at)
        got = self._call("GET", "/v1/new-id", _parameters(("recorded_at", recorded_at)))
        return str(got["id"])

    def _with_id(self, event: Mapping[str, Any]) -> Json:
        whole = dict(event)
        if not whole.get("id") and whole.get("recorded_at") is not None:
            whole["id"] = self.new_id(whole["recorded_at"])
        return whole

    def _stored_before(self, error: Exists, event: Json, given: Mapping[str, Any]) -> Event:
        """What a repeated write returns. The ID was made here, so the event that has it is the first attempt's."""
        if not error.retried or given.get("id"):
            raise error
        return self.get(event["id"])

    def post(self, event: Mapping[str, Any], frame: Optional[bytes] = None, *, once: bool = False) -> Event:
        """Stores an event, with the thumbnail of its frame, and returns it as stored. It is durable then.

        The frame is a JPEG, PNG, GIF, WebP or BMP picture; if it cannot be read, the event is stored
        without. With ``once`` a recording that its camera has already is not stored again: the event
        of that recording is returned. An event with an ID of your own can be written again; if another
        event has that ID, the error is ``Exists``.
        """
        whole = self._with_id(event)
        how: Dict[str, Any] = {"body": _dumps(whole)}
        if frame:
            form = _Multipart()
            form.add("event", "application/json", how["body"])
            form.add("frame", "application/octet-stream", bytes(frame), file=True)
            how = {"body": form.body(), "content_type": form.type}
        parameters = _parameters(("once", once or None))
        try:
            stored = self._call("POST", "/v1/events", parameters, resend="id" in whole or once, **how)
        except Exists as error:
            return self._stored_before(error, whole, event)
        return _read_event(stored)

    def post_all(
        self,
        events: Sequence[Mapping[str, Any]],
        frames: Optional[Sequence[Optional[bytes]]] = None,
        *,
        once: bool = False,
    ) -> List[Event]:
        """Stores events in one transaction, all or none. ``frames[i]`` is the frame of ``events[i]``, or None."""
        if frames is not None and len(frames) != len(events):
            raise ValueError(f"{len(frames)} frames for {len(events)} events")
        whole = [self._with_id(event) for event in events]
        how: Dict[str, Any] = {"body": _dumps(whole)}
        if frames is not None and any(frames):
            form = _Multipart()
            form.add("events", "application/json", how["body"])
            for i, frame in enumerate(frames):
                if frame:
                    form.add(f"frame.{i}", "application/octet-stream", bytes(frame), file=True)
            how = {"body": form.body(), "content_type": form.type}
        resend = once or all("id" in event for event in whole)
        got = self._call("POST", "/v1/events", _parameters(("once", once or None)), resend=resend, **how)
        return [_read_event(event) for event in got["events"]]

    def bulk(self, events: Iterable[Mapping[str, Any]], *, once: bool = False) -> Iterator[BulkResult]:
        """Stores any number of events, and tells in their order what became of each. One that is refused costs no other.

        They are sent some hundred at a time, as the results are read. What a lost connection left open
        is sent again.
        """
        batch: List[Tuple[int, bytes, str, bool]] = []
        size = 0
        refused: Dict[int, DoorlogError] = {}
        at = -1
        for at, event in enumerate(events):
            try:
                whole = self._with_id(event)
                line = _dumps(whole) + b"\n"
            except Invalid as error:
                refused[at] = error
                continue
            except (TypeError, ValueError) as error:  # it cannot be sent: a time without a zone, a NaN
                refused[at] = Invalid(str(error))
                continue
            batch.append((at, line, str(whole.get("id") or ""), not event.get("id")))
            size += len(line)
            if len(batch) + len(refused) >= 500 or size >= 4 << 20:
                yield from self._bulk(batch, refused, once)
                batch, size, refused = [], 0, {}
        yield from self._bulk(batch, refused, once)

    def _bulk(
        self, batch: Sequence[Tuple[int, bytes, str, bool]], refused: Mapping[int, DoorlogError], once: bool
    ) -> List[BulkResult]:
        results = {at: BulkResult(at, None, False, error) for at, error in refused.items()}
        left, again, began = list(batch), False, time.monotonic()
        while left:
            before = len(left)
            try:
                for done in self._bulk_lines(left, once):
                    at, _, id, own = left[0]
                    if done.error is not None and self._passing(done.error):
                        raise done.error
                    if again and own and isinstance(done.error, Exists):
                        done = BulkResult(0, id, False, None)  # the first attempt stored it, and it was changed since
                    results[at] = BulkResult(at, done.id, done.existed and not (again and own and not once), done.error)
                    del left[0]
            except DoorlogError as error:
                if not self._met or not (isinstance(error, Unreachable) or self._passing(error)):
                    raise
                if len(left) < before:
                    began = time.monotonic()
                if time.monotonic() - began > self._retry_for:
                    raise
                again = True
                time.sleep(0.05)
        return [results[at] for at in sorted(results)]

    def _bulk_lines(self, left: Sequence[Tuple[int, bytes, str, bool]], once: bool) -> Iterator[BulkResult]:
        body = b"".join(line for _, line, _, _ in left)
        request = self._request(
            "POST", "/v1/events", _parameters(("once", once or None)),
            body=body, content_type=_LINES, headers={"Accept": _LINES}, resend=False, answer=_LINES,
        )  # fmt: skip
        count = len(left)
        reply = self._run(request, lambda reply: reply)
        try:
            for line in reply.lines():
                if not line.strip():
                    continue
                told = _loads(line)
                error = _error(told["error"]) if told.get("error") else None
                yield BulkResult(0, told.get("id"), bool(told.get("existed")), error)
                count -= 1
            if count:
                raise http.client.IncompleteRead(b"")
        except _LOST as error:
            raise self._unreachable(request, error, True) from error
        finally:
            reply.close()

    def put(self, event: Mapping[str, Any], *, if_match: Optional[str] = None) -> Event:
        """Writes an event under its ID. With ``if_match`` it replaces the stored event, if that has this ETag
        still (``"*"``: any), else the error is ``Changed``."""
        headers = {"If-Match": if_match} if if_match else None
        path = f"/v1/events/{_segment(str(event.get('id') or ''))}"
        return _read_event(self._call("PUT", path, value=event, headers=headers, resend=if_match in (None, "*")))

    def patch(self, id: str, changes: Mapping[str, Any], *, if_match: Optional[str] = None) -> Event:
        """Changes the fields that are given, as RFC 7396 says: None removes. ``id``, ``recorded_at`` and
        ``created_at`` cannot change."""
        headers = {"If-Match": if_match} if if_match else None
        return _read_event(
            self._call(
                "PATCH", f"/v1/events/{_segment(id)}", value=changes,
                content_type="application/merge-patch+json", headers=headers, resend=if_match in (None, "*"),
            )
        )  # fmt: skip

    def update(self, id: str, change: Callable[[Event], object]) -> Event:
        """Reads an event, lets ``change`` change it in place, and writes it, until nobody else wrote in between."""
        for _ in range(20):
            event, tag = self.get_tagged(id)
            change(event)
            try:
                return self.put(event, if_match=tag)
            except Changed as error:
                last = error
        raise last

    def update_all(self, changed: Iterable[Tuple[Mapping[str, Any], str]]) -> List[Event]:
        """Replaces events, each with the ETag that it had, in one transaction, all or none."""
        events = [{"event": event, "etag": tag} for event, tag in changed]
        got = self._call("POST", "/v1/events/update", value={"events": events}, resend=False)
        return [_read_event(event) for event in got["events"]]

    def delete(self, id: str, *, if_match: Optional[str] = None) -> None:
        """Deletes an event with its thumbnail."""
        headers = {"If-Match": if_match} if if_match else None
        self._remove(f"/v1/events/{_segment(id)}", headers)

    def _remove(self, path: str, headers: Optional[Mapping[str, str]] = None) -> None:
        try:
            self._do("DELETE", path, headers=headers)
        except NotFound as error:
            if not error.retried:  # else the first attempt removed it
                raise

    def thumbnail(self, id: str) -> bytes:
        """The thumbnail of an event, or ``NotFound``: a JPEG, or what the file of a producer holds."""
        request = self._request("GET", f"/v1/events/{_segment(id)}/thumbnail", answer=_PICTURE)
        return self._run(request, _Reply.read)

    def put_thumbnail(self, id: str, frame: bytes) -> Event:
        """Makes the thumbnail of an event that has none yet; ``Exists`` if it has one."""
        path = f"/v1/events/{_segment(id)}/thumbnail"
        try:
            stored = self._call("PUT", path, body=bytes(frame), content_type="image/jpeg")
        except Exists as error:
            if not error.retried:
                raise
            return self.get(id)
        return _read_event(stored)

    def pin(self, id: str) -> None:
        """Protects an event from being pruned."""
        self._do("PUT", f"/v1/events/{_segment(id)}/pin")

    def unpin(self, id: str) -> None:
        """Takes that protection away."""
        self._do("DELETE", f"/v1/events/{_segment(id)}/pin")

    def mark_alert_sent(self, id: str) -> None:
        """Notes that somebody was alerted."""
        self._do("PUT", f"/v1/events/{_segment(id)}/alert")

    def mark_reviewed(self, ids: Iterable[str], reviewed: bool = True) -> None:
        """Notes that somebody has looked at these events, or that nobody has: of all of them, or of none."""
        self._do("POST", "/v1/events/review", value={"ids": list(ids), "reviewed": reviewed})

    # Counts. ``filters`` are the fields of a Scope.

    def summary(self, scope: Optional[Scope] = None, **filters: Any) -> Json:
        """total_events, today_count, total_strangers, total_known, total_unlocks, first_event and last_event."""
        return _read_times(self._counts("summary", scope, filters), "first_event", "last_event")

    def heatmap(self, scope: Optional[Scope] = None, **filters: Any) -> List[Json]:
        """day_of_week (0 is Sunday), hour and count, where there are events."""
        return self._counts("heatmap", scope, filters)  # type: ignore[no-any-return]

    def breakdown(self, scope: Optional[Scope] = None, **filters: Any) -> List[Json]:
        """label, count and avg_confidence, the most frequent first."""
        return self._counts("breakdown", scope, filters)  # type: ignore[no-any-return]

    def timeline(self, scope: Optional[Scope] = None, **filters: Any) -> List[Json]:
        """date, count, strangers, known and unlocks of each day that has events."""
        return self._counts("timeline", scope, filters)  # type: ignore[no-any-return]

    def quarters(self, scope: Optional[Scope] = None, **filters: Any) -> List[Json]:
        """camera_id, start, count, strangers, known and unlocks of each quarter hour that has events; ``since`` is needed."""
        return [_read_times(quarter, "start") for quarter in self._counts("quarters", scope, filters)]

    def hours(self, scope: Optional[Scope] = None, **filters: Any) -> List[Json]:
        """hour, count and avg_per_day of each of the 24 hours."""
        return self._counts("hours", scope, filters)  # type: ignore[no-any-return]

    def activity(self, scope: Optional[Scope] = None, **filters: Any) -> List[Json]:
        """person_name, visits, first_seen, last_seen and days of each person, the most frequent first."""
        return [_read_times(person, "first_seen", "last_seen") for person in self._counts("activity", scope, filters)]

    def analytics(self, scope: Optional[Scope] = None, **filters: Any) -> Json:
        """summary, heatmap, breakdown, timeline, hours and persons, all of one state of the store."""
        got: Json = self._counts("analytics", scope, filters)
        _read_times(got["summary"], "first_event", "last_event")
        for person in got["persons"]:
            _read_times(person, "first_seen", "last_seen")
        return got

    def _counts(self, name: str, scope: Optional[Scope], filters: Mapping[str, Any]) -> Any:
        return self._call("GET", "/v1/" + name, _scope(scope, filters).parameters())

    def cameras(self) -> List[Json]:
        """camera_id, events, first_event and last_event of each camera."""
        return [_read_times(one, "first_event", "last_event") for one in self._call("GET", "/v1/cameras")]

    def types(self) -> List[Json]:
        """event_type, events, first_event and last_event of each type of event."""
        return [_read_times(one, "first_event", "last_event") for one in self._call("GET", "/v1/types")]

    def rename_camera(self, old: str, new: str, progress: Optional[Callable[[Json], None]] = None) -> Json:
        """Renames a camera in all events; if both names exist they become one."""
        return self._long("/v1/cameras/rename", {"from": old, "to": new}, progress)

    # Persons

    def persons(self) -> List[Person]:
        """The known persons, sorted by name."""
        return [_read_person(person) for person in self._call("GET", "/v1/persons")]

    def person(self, name: str) -> Person:
        """A known person, or ``NotFound``."""
        return _read_person(self._call("GET", f"/v1/persons/{_segment(name)}"))

    def put_person(
        self, name: str, display_name: Optional[str] = None, auto_unlock: Optional[bool] = None,
        created_at: Optional[When] = None,
    ) -> Person:  # fmt: skip
        """Adds a person, or changes what is given of one. The door opens for a new person unless told otherwise."""
        given = {"display_name": display_name, "auto_unlock": auto_unlock, "created_at": created_at}
        value = {field: one for field, one in given.items() if one is not None}
        return _read_person(self._call("PUT", f"/v1/persons/{_segment(name)}", value=value))

    def delete_person(self, name: str) -> None:
        """Removes a person from the list. The events keep the name; ``erase_person`` takes it off them."""
        self._remove(f"/v1/persons/{_segment(name)}")

    def set_auto_unlock(self, name: str, on: bool) -> None:
        """Sets whether the door opens for a person."""
        self._do("PUT", f"/v1/persons/{_segment(name)}/auto-unlock", value={"on": bool(on)})

    def auto_unlock_names(self) -> List[str]:
        """The names of the persons for whom the door opens."""
        return self._call("GET", "/v1/auto-unlock")  # type: ignore[no-any-return]

    def rename_person(self, old: str, new: str, progress: Optional[Callable[[Json], None]] = None) -> Json:
        """Renames a person in the list and in all events; two persons who become one are let in only if both were."""
        return self._long("/v1/persons/rename", {"from": old, "to": new}, progress)

    def sync_persons(self, files: Iterable[str]) -> Json:
        """Adds the persons whose face images have these file names, such as mary_1.jpg: added, known, skipped."""
        return self._call("POST", "/v1/persons/sync", value={"files": list(files)})  # type: ignore[no-any-return]

    def erase_person(self, name: str, how: str = "name", progress: Optional[Callable[[Json], None]] = None) -> Json:
        """Erases a person from the whole store: the name and the pictures (``"name"``) or the events (``"events"``)."""
        return _read_times(self._long("/v1/erase", {"name": name, "how": how}, progress), "at")

    # Changes

    def changes(
        self,
        after: str = "",
        query: Optional[Query] = None,
        *,
        ids_only: bool = False,
        reconnect_for: Optional[float] = None,
        **filters: Any,
    ) -> Changes:
        """Iterates over the changes after a cursor, and then over those to come.

        ``""`` is the beginning, ``"now"`` from here on. The iterator reconnects and goes on where it was,
        for ever, or until it has had no server for ``reconnect_for`` seconds. It raises ``Gone`` if the
        changes after its cursor are not kept. Keep ``change["cursor"]`` of the last change that you have
        dealt with, and begin there after a restart: then none is missed, and some may come again.
        """
        return Changes(self, after, _query(query, filters), ids_only, reconnect_for)

    def change_page(
        self,
        after: str = "",
        query: Optional[Query] = None,
        *,
        limit: int = 100,
        wait: float = 0,
        ids_only: bool = False,
        **filters: Any,
    ) -> Json:
        """changes, next and more: some changes after a cursor.

        With ``wait`` it waits up to so many seconds for the first, but at most 60, and 5 less than ``timeout``.
        """
        parameters = _query(query, filters).parameters() + _parameters(
            ("after", after or None),
            ("limit", limit),
            ("ids_only", ids_only or None),
            ("wait", f"{min(wait, 60, max(self._timeout - 5, 1)):.3f}s" if wait > 0 else None),
        )
        got: Json = self._call("GET", "/v1/changes", parameters)
        got["changes"] = [_read_change(change) for change in got["changes"]]
        return got

    def cursor(self) -> str:
        """The place after the last change."""
        return str(self._call("GET", "/v1/cursor")["cursor"])

    def consumers(self) -> List[Json]:
        """The readers whose places the store keeps: name, cursor, behind, hold, acked and gone."""
        return [_read_times(one, "acked") for one in self._call("GET", "/v1/consumers")]

    def consumer(self, name: str, *, start: str = "", hold: Optional[int] = None) -> str:
        """The cursor of a consumer, which is made if there is none. It begins at ``start``."""
        at = self.cursor() if start == "now" else start
        given = {"from": at or None, "hold": hold}
        value = {field: one for field, one in given.items() if one is not None}
        return str(self._call("PUT", f"/v1/consumers/{_segment(name)}", value=value)["cursor"])

    def consumer_cursor(self, name: str) -> str:
        """The cursor of a consumer, or ``NotFound``."""
        return str(self._call("GET", f"/v1/consumers/{_segment(name)}")["cursor"])

    def ack(self, name: str, cursor: str) -> None:
        """Moves the place of a consumer: it has dealt with all changes up to the cursor."""
        self._do("POST", f"/v1/consumers/{_segment(name)}/ack", value={"cursor": cursor})

    def delete_consumer(self, name: str) -> None:
        """Removes a consumer: nothing is kept for it any more."""
        self._remove(f"/v1/consumers/{_segment(name)}")

    # Care

    def server(self) -> Json:
        """Who answers, and what this client may do: name, version, store_id, api and grant."""
        got = self._call("GET", "/v1/server")
        if not isinstance(got, dict) or got.get("name") != "doorlog":
            raise NotServer(f"{self._address.text}: the server is no doorlog server")
        return got

    def info(self) -> Json:
        """Sizes, growth and health of the store."""
        got = _read_times(
            self._call("GET", "/v1/info"), "oldest", "newest", "oldest_snapshot", "verified", "last_backup"
        )
        got["consumers"] = [_read_times(one, "acked") for one in got.get("consumers") or ()]
        return got

    def verify(self, progress: Optional[Callable[[Json], None]] = None) -> Json:
        """Reads everything, and says what is wrong (``findings``) and what to do (``remedy``)."""
        return self._long("/v1/verify", None, progress)

    def compact(self, progress: Optional[Callable[[Json], None]] = None) -> Json:
        """Makes the file smaller, in use."""
        return self._long("/v1/compact", None, progress)

    def prune(
        self, policy: Mapping[str, Any], *, dry_run: bool = True, progress: Optional[Callable[[Json], None]] = None
    ) -> Json:
        """Deletes what a policy does not keep. It only tells what it would delete, unless ``dry_run`` is False.

        A ``timedelta`` stands for nanoseconds: ``{"max_age_ns": timedelta(days=90)}``.
        """
        return self._long("/v1/prune", {"policy": policy, "dry_run": dry_run}, progress)

    def forget_missing(
        self, *, dry_run: bool = True, folders: bool = False, progress: Optional[Callable[[Json], None]] = None
    ) -> Json:
        """Takes the names of thumbnails that are gone off their events, unless it is a dry run."""
        value = {"dry_run": dry_run, **({"folders": True} if folders else {})}
        return self._long("/v1/forget-missing", value, progress)

    def backup(self, path: PathLike, *, verify: bool = True, overwrite: bool = False) -> Json:
        """Writes the whole store, with its thumbnails, to one file, and returns what is in it.

        The file appears when it is whole and durable. Then the store notes that it has a backup. An
        existing file is replaced only with ``overwrite``, else the error is ``FileExistsError``.
        ``missing``, ``unreadable`` and ``changed`` of the result are not 0 if thumbnails could not be saved.
        """
        target = os.path.abspath(os.fspath(path))
        if not overwrite and os.path.lexists(target):
            raise FileExistsError(f"{target} exists")
        folder = os.path.dirname(target)
        number, temporary = tempfile.mkstemp(prefix=".doorlog-", suffix=".backup", dir=folder)
        try:
            with os.fdopen(number, "wb") as file:
                info = self._backup(file, verify)
                file.flush()
                os.fsync(file.fileno())
            _move(temporary, target, overwrite)
        except BaseException:
            try:
                os.unlink(temporary)
            except FileNotFoundError:
                pass
            raise
        _sync_folder(folder)
        self._do("POST", "/v1/backup/kept", value=info)
        return _read_times(dict(info), "time")

    def _backup(self, file: Any, verify: bool) -> Json:
        request = self._request(
            "GET", "/v1/backup", _parameters(("verify", verify)), headers={"TE": "trailers"}, resend=False,
            answer="application/x-tar",
        )  # fmt: skip

        def save(reply: _Reply) -> Json:
            try:
                for piece in reply.pieces():
                    try:
                        file.write(piece)
                    except OSError as error:
                        raise _Own(error)
            finally:
                reply.close()
            if "doorlog-problem" in reply.trailers:
                raise _error(_loads(reply.trailers["doorlog-problem"].encode()))
            if "doorlog-backup-info" not in reply.trailers:
                raise DoorlogError("the backup ended without its account: does a proxy remove the trailers?")
            info: Json = _loads(reply.trailers["doorlog-backup-info"].encode())
            return info

        return self._run(request, save)

    def tokens(self) -> List[Json]:
        """The tokens, without their secrets."""
        return [_read_times(one, "created_at") for one in self._call("GET", "/v1/tokens")]

    def add_token(
        self, name: str, *, read: bool = False, write: bool = False, cameras: Sequence[str] = (), admin: bool = False
    ) -> str:
        """Makes a token and returns its secret, which is told only once. ``cameras`` limit ``write``."""
        value: Json = {"name": name, "read": read, "write": write, "admin": admin}
        if cameras:
            value["cameras"] = _texts(cameras)
        return str(self._call("POST", "/v1/tokens", value=value, resend=False)["token"])

    def delete_token(self, name: str) -> None:
        """Revokes a token."""
        self._remove(f"/v1/tokens/{_segment(name)}")


def _move(source: str, target: str, overwrite: bool) -> None:
    """Renames a file. Unless overwrite, an existing target stays, also one that appears at this moment."""
    if overwrite:
        os.replace(source, target)
        return
    try:
        os.link(source, target)
    except FileExistsError:
        raise FileExistsError(f"{target} exists") from None
    except (OSError, AttributeError, NotImplementedError):  # the file system has no hard links
        if os.path.lexists(target):
            raise FileExistsError(f"{target} exists") from None
        os.replace(source, target)
        return
    os.unlink(source)


def _sync_folder(folder: str) -> None:
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _read_change(change: Json) -> Change:
    if change.get("event") is not None:
        _read_event(change["event"])
    if change.get("person") is not None:
        _read_person(change["person"])
    return change  # type: ignore[return-value]


class Changes(Iterator[Change]):
    """The changes of a store as they come: see ``Client.changes``. ``close`` may be called from another thread."""

    silence = 60.0  # seconds without a heartbeat after which the connection counts as lost

    def __init__(
        self, client: Client, after: str, query: Query, ids_only: bool, reconnect_for: Optional[float]
    ) -> None:
        self.cursor = after
        """The place after the last change, or after those that the query left out."""
        self._client = client
        self._parameters = query.parameters() + _parameters(("ids_only", ids_only or None))
        self._reconnect_for = reconnect_for
        self._reading = threading.Lock()  # held by the thread that reads
        self._lock = threading.Lock()  # for _reply and _closed
        self._reply: Optional[_Reply] = None
        self._lines: Iterator[bytes] = iter(())
        self._closed = threading.Event()

    def __iter__(self) -> Changes:
        return self

    def __enter__(self) -> Changes:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_reply", None) is not None:
            self.close()

    def close(self) -> None:
        """Ends the iteration, also one that waits."""
        with self._lock:
            self._closed.set()
            if self._reply is not None:
                self._reply.interrupt()
        if self._reading.acquire(blocking=False):  # else the reader drops the connection
            try:
                self._drop()
            finally:
                self._reading.release()

    def __next__(self) -> Change:
        with self._reading:
            try:
                change = self._follow()
            except BaseException:
                self._closed.set()
                self._drop()
                raise
            if change is None:
                self._drop()
                raise StopIteration
            return change

    def _follow(self) -> Optional[Change]:
        """The next change, after as many connections as it takes; None: the iteration was closed."""
        lost_at: Optional[float] = None
        attempt = 0
        while not self._closed.is_set():
            began, place = time.monotonic(), self.cursor
            try:
                if self._reply is None:
                    self._connect()
                lost_at = None
                change = self._read()
                if change is not None:
                    return change
                cause: Exception = EOFError("the server ended the stream")
            except DoorlogError as error:
                passing = isinstance(error, (Unreachable, TooMany)) or Client._passing(error)
                if not passing or not self._client._met:
                    raise
                cause = error
            except (*_LOST, EOFError) as error:
                cause = error
            self._drop()
            now = time.monotonic()
            lost_at = now if lost_at is None else lost_at
            if lost_at == now and (self.cursor != place or now - began > 10):
                attempt = 0  # else whoever accepts connections and ends them would be asked without a pause
            delay = min(5.0, 0.05 * 2**attempt) * random.uniform(0.5, 1)
            attempt += 1
            if self._closed.is_set():
                return None
            if self._reconnect_for is not None and now + delay - lost_at > self._reconnect_for:
                raise Unreachable(f"{self._client._address.text}: the stream of changes was lost: {cause}") from cause
            logger.debug("doorlog: the stream of changes was lost, and is opened again: %s", cause)
            self._closed.wait(delay)
        return None

    def _connect(self) -> None:
        if self.cursor == "now":  # so that nothing is missed if the connection is lost before the first change
            self.cursor = self._client.cursor()
        parameters = self._parameters + _parameters(("after", self.cursor or None))
        request = self._client._request(
            "GET", "/v1/changes", parameters, headers={"Accept": "text/event-stream"}, resend=False,
            answer="text/event-stream",
        )  # fmt: skip
        reply = self._client._run(request, lambda reply: reply)
        with self._lock:
            if self._closed.is_set():
                reply.close()
                raise EOFError("closed")
            if reply._sock is not None:
                reply._sock.settimeout(self.silence)
            self._reply, self._lines = reply, reply.lines()

    def _drop(self) -> None:
        with self._lock:
            if self._reply is not None:
                self._reply.close()
            self._reply, self._lines = None, iter(())

    def _read(self) -> Optional[Change]:
        """The next change; None: the stream has ended. What has come without its end is dropped, and comes again."""
        kind, data = "message", b""
        place: Optional[str] = None
        for line in self._lines:
            name, _, value = line.partition(b":")
            value = value[1:] if value.startswith(b" ") else value
            if name == b"event":
                kind = value.decode()
            elif name == b"data":
                data += value
            elif name == b"id":
                place = value.decode()
            elif line == b"":
                if data and kind == "reset":
                    raise _error(_loads(data))
                if place is not None:
                    self.cursor = place
                if data and kind != "at":
                    change: Json = _loads(data)
                    return _read_change(change)
                kind, data, place = "message", b"", None
        return None


# --- the drop-in


class _Frames:
    """Frames that wait for their events. Their number, bytes and age are bounded."""

    def __init__(self, most: int, most_bytes: int, seconds: float) -> None:
        self._lock = threading.Lock()
        self._most, self._most_bytes, self._seconds = most, most_bytes, seconds
        self._frames: Dict[str, Tuple[bytes, float]] = {}  # by name, in the order in which they came
        self._bytes = 0
        self._used: Set[str] = set()

    def add(self, name: str, frame: bytes) -> None:
        with self._lock:
            self._frames[name] = (frame, time.monotonic())
            self._bytes += len(frame)
            self._trim()

    def get(self, name: str) -> Optional[bytes]:
        with self._lock:
            self._trim()
            found = self._frames.get(name)
            return found and found[0]

    def used(self, name: str) -> None:
        """Notes that an event has the frame. It stays while there is room, because another event may name it too."""
        with self._lock:
            if name in self._frames:
                self._used.add(name)

    def clear(self) -> None:
        with self._lock:
            self._frames.clear()
            self._used.clear()
            self._bytes = 0

    def _trim(self) -> None:
        now = time.monotonic()
        while self._frames:
            full = len(self._frames) > self._most or self._bytes > self._most_bytes
            name = next((name for name in self._frames if name in self._used), None) if full else None
            if name is None:
                name = next(iter(self._frames))
                old = now - self._frames[name][1] > self._seconds
                if not full and not old:
                    return
                if name not in self._used:
                    why = "no event has named it in time" if old else "too many frames wait for their events"
                    logger.warning("doorlog: the frame %s is dropped: %s", name, why)
            self._bytes -= len(self._frames.pop(name)[0])
            self._used.discard(name)


_PENDING = re.compile(r"~[0-9a-f]{16}\.jpg$")  # the end of a name that save_thumbnail returns
_BOX = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


class EventStore:
    """The event store of smart lock projects in Python, with the same methods, kept by a doorlog server.

    ``db_path`` is what ``Client`` takes as ``address``. ``thumbnails_dir`` is the thumbnail folder of the
    store as this program sees it; it stands before each ``thumbnail_path`` that is returned. None: the
    folder ``thumbnails`` beside the database, or nothing if ``db_path`` is no path of a database. ``tz`` is
    the zone of days and hours; None: that of this machine.

    All methods are ``async`` except ``save_thumbnail``. They do their work in threads of their own, at most
    8. Events are dicts with the names of the columns. Times are text in UTC, such as
    ``2026-02-25T10:30:00.250000+00:00``, and IDs are text. Detections have no IDs of their own.
    """

    def __init__(
        self,
        db_path: PathLike,
        thumbnails_dir: Optional[PathLike] = None,
        *,
        token: Optional[str] = None,
        tz: Optional[Zone] = None,
        timeout: float = 30.0,
        retry_for: float = 10.0,
        max_frames: int = 64,
        max_frame_bytes: int = 64 << 20,
        frame_seconds: float = 600.0,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        self.client = Client(db_path, token, timeout, retry_for=retry_for, ssl_context=ssl_context)
        self.client._met = True  # the program may start before the server: wait for it
        self.thumbnails_dir = _default_thumbnails(db_path) if thumbnails_dir is None else Path(thumbnails_dir)
        self._zone = _machine_zone() if tz is None else tz
        self._tzinfo = None if tz is None else _tzinfo(tz)  # None: what the C library says
        self._frames = _Frames(max_frames, max_frame_bytes, frame_seconds)
        self._threads = concurrent.futures.ThreadPoolExecutor(8, "doorlog")

    async def __aenter__(self) -> EventStore:
        await self.initialize()
        return self

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def _in_thread(self, call: Callable[..., T], *args: Any, **named: Any) -> T:
        work = functools.partial(call, *args, **named)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def initialize(self) -> None:
        """Waits until the server answers, for ``retry_for`` seconds. The server has opened the store."""
        await self._in_thread(self.client.server)

    async def close(self) -> None:
        """Lets the calls that have begun end, and closes the connections."""
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        self.client.close()
        self._frames.clear()

    # Events

    def save_thumbnail(self, frame_bytes: bytes, event_timestamp: str) -> Optional[str]:
        """Keeps a frame in memory, and returns the name that ``write_event`` takes as ``thumbnail_path``.

        The frame goes to the server with its event, in one request. Until then the name is that of no file;
        afterwards ``(await get_event(id))["thumbnail_path"]`` is. Frames are kept for ``frame_seconds``, at
        most ``max_frames`` with ``max_frame_bytes``; when there are more, the oldest is dropped with a
        warning. None: the frame is empty or too large.
        """
        try:
            frame = bytes(frame_bytes)
        except TypeError:
            logger.warning("doorlog: the frame of %s is not bytes", event_timestamp)
            return None
        if not frame or len(frame) > MAX_FRAME_BYTES:
            logger.warning("doorlog: the frame of %s has %d bytes and is not kept", event_timestamp, len(frame))
            return None
        stem = re.sub(r"[^0-9A-Za-z+_-]", "-", str(event_timestamp))[:64]
        name = str(self.thumbnails_dir / f"{stem}~{secrets.token_hex(8)}.jpg")
        self._frames.add(name, frame)
        return name

    async def write_event(
        self,
        camera_id: str,
        recorded_at: When,
        recording_id: Optional[str] = None,
        event_type: str = "motion",
        person_name: Optional[str] = None,
        face_confidence: Optional[float] = None,
        face_distance: Optional[float] = None,
        unlock_granted: bool = False,
        door_action: Optional[str] = "none",
        thumbnail_path: Optional[str] = None,
        detections: Optional[Sequence[Mapping[str, Any]]] = None,
    ) -> str:
        """Stores an event with its detections and its frame, and returns its ID. It is durable then.

        ``recorded_at`` without an offset is in UTC. ``thumbnail_path`` is what ``save_thumbnail`` returned,
        or a file of yours in the thumbnail folder. Of a detection, ``label``, ``confidence`` and the box are
        stored; a box that lacks a side is left out.
        """
        event: Json = {
            "camera_id": camera_id,
            "recorded_at": recorded_at,
            "recording_id": None if recording_id is None else str(recording_id),
            "event_type": event_type,
            "person_name": person_name,
            "face_confidence": _number(face_confidence),
            "face_distance": _number(face_distance),
            "unlock_granted": bool(unlock_granted),
            "door_action": door_action or "none",
            "detections": [_detection(one) for one in detections or ()],
        }
        name = None if thumbnail_path is None else str(thumbnail_path)
        frame = None if name is None else self._frames.get(name)
        if name is not None and frame is None:
            if _PENDING.search(name):
                logger.warning("doorlog: the frame %s is not kept any more: its event is stored without it", name)
            else:
                event["thumbnail_path"] = self._below(name)
        stored = await self._in_thread(self.client.post, event, frame)
        if name is not None:
            self._frames.used(name)
        return stored["id"]

    def _below(self, path: str) -> str:
        """The path of a file below the thumbnail folder, with forward slashes."""
        if self.thumbnails_dir == Path():  # nobody said where the folder is
            return path
        folder, file = os.path.split(path)
        try:
            below = Path(os.path.realpath(folder)).relative_to(os.path.realpath(self.thumbnails_dir))
            return (below / file).as_posix()
        except ValueError:
            return path  # it is below the folder already, or the server refuses it

    def _row(self, event: Event) -> Json:
        row: Json = dict(event)
        for field in ("recorded_at", "ended_at", "created_at"):
            if isinstance(row.get(field), datetime):
                row[field] = row[field].isoformat()
        if row.get("thumbnail_path"):
            row["thumbnail_path"] = str(self.thumbnails_dir / row["thumbnail_path"])
        return row

    def _rows(self, limit: Optional[int], offset: int, **filters: Any) -> List[Json]:
        if limit is not None and limit < 0:  # as in SQLite
            limit = None
        events = self.client.events(limit=limit, offset=max(offset, 0), **filters)
        return [self._row(event) for event in events]

    async def get_event(self, event_id: str) -> Optional[Json]:
        """An event with its detections; None: there is none of this ID."""
        if not _ID.fullmatch(str(event_id)):
            return None
        try:
            return self._row(await self._in_thread(self.client.get, str(event_id)))
        except (NotFound, Invalid):
            return None

    async def get_recent_events(self, limit: int = 20, offset: int = 0) -> List[Json]:
        """The newest events."""
        return await self._in_thread(self._rows, limit, offset)

    async def get_today_event_count(self) -> int:
        """The number of events of today."""
        since, until = self._day(self._today())
        return await self._in_thread(self.client.count, since=since, until=until)

    async def get_filtered_events(
        self, limit: int = 20, offset: int = 0, date_range: str = "all", object_type: str = "all"
    ) -> List[Json]:
        """Events, newest first. ``date_range`` is ``"today"`` (the day), ``"7d"`` or ``"30d"`` (so many days
        back from now), or ``"all"``; ``object_type`` is the label of a detection, or ``"all"``."""
        filters: Dict[str, Any] = {"label": None if object_type == "all" else object_type}
        days = re.fullmatch(r"(\d{1,5})d", date_range)
        if date_range == "today":
            filters["since"], filters["until"] = self._day(self._today())
        elif days:
            filters["since"] = self._ago(int(days[1]))
        elif date_range != "all":
            raise ValueError(f'date_range {date_range!r} is not "today", "7d", "30d" or "all"')
        return await self._in_thread(self._rows, limit, offset, **filters)

    async def get_recent_events_for_orb(self, limit: int = 50) -> List[Json]:
        """The newest events, each with ``primary_label``: the label of its surest detection, or None."""
        rows = await self._in_thread(self._rows, limit, 0)
        for row in rows:
            surest = max(row.get("detections") or (), key=lambda one: one["confidence"], default=None)
            row["primary_label"] = surest and surest["label"]
        return rows

    async def get_events_for_timelapse(self, date: Union[str, date]) -> List[Json]:
        """The events of a day (``2026-02-25``) that have a thumbnail, oldest first."""
        day = date if not isinstance(date, str) else datetime.strptime(date, "%Y-%m-%d").date()
        since, until = self._day(day)
        return await self._in_thread(
            self._rows, None, 0, since=since, until=until, has_thumbnail=True, oldest_first=True
        )

    # Counts. ``days`` counts back from now, to the hour and minute.

    async def get_hourly_heatmap(self, days: int = 30) -> List[Json]:
        """day_of_week (0 is Sunday), hour and count, where there are events."""
        return await self._in_thread(self.client.heatmap, since=self._ago(days), tz=self._zone)

    async def get_detection_breakdown(self, days: int = 30) -> List[Json]:
        """label, count and avg_confidence, the most frequent first."""
        return await self._in_thread(self.client.breakdown, since=self._ago(days), tz=self._zone)

    async def get_daily_timeline(self, days: int = 30) -> List[Json]:
        """date, count, strangers, known and unlocks of each day that has events."""
        return await self._in_thread(self.client.timeline, since=self._ago(days), tz=self._zone)

    async def get_peak_hours(self, days: int = 30) -> List[Json]:
        """hour, count and avg_per_day of each of the 24 hours, also of those without events."""
        return await self._in_thread(self.client.hours, since=self._ago(days), tz=self._zone)

    async def get_analytics_stats(self) -> Json:
        """total_events, today_count, total_strangers, total_known and total_unlocks of all events, and the
        times of the first_event and the last_event."""
        stats = await self._in_thread(self.client.summary, tz=self._zone)
        for field in ("first_event", "last_event"):
            if isinstance(stats.get(field), datetime):
                stats[field] = stats[field].isoformat()
        return stats

    # Persons. The face images of a person are the files <name>_<anything>.jpg, .jpeg, .png or .bmp.

    async def get_persons(self, known_faces_dir: Optional[PathLike] = None) -> List[Json]:
        """id, name, display_name, auto_unlock, created_at and face_count of each person, sorted by name.

        ``face_count`` is the number of face images in the folder; 0 if there is no folder.
        """
        persons = await self._in_thread(self.client.persons)
        faces = await self._in_thread(_faces, known_faces_dir)
        rows: List[Json] = []
        for person in persons:
            row: Json = {"id": person.get("key"), **person, "face_count": len(faces.get(person["name"], ()))}
            if isinstance(row.get("created_at"), datetime):
                row["created_at"] = row["created_at"].isoformat()
            rows.append(row)
        return rows

    async def add_person(self, name: str, display_name: Optional[str] = None, auto_unlock: bool = True) -> None:
        """Adds a person. Of one who is known, only ``display_name`` is changed, if it is given: whether the
        door opens stays as it is."""
        await self._in_thread(self._add_person, name, display_name, auto_unlock)

    def _add_person(self, name: str, display_name: Optional[str], auto_unlock: bool) -> None:
        if not auto_unlock:  # the server's default for a new person is True, and a known one keeps the value
            try:
                self.client.person(name)
            except NotFound:
                self.client.put_person(name, display_name, False)
                return
        self.client.put_person(name, display_name)

    async def delete_person(self, name: str, known_faces_dir: Optional[PathLike] = None) -> bool:
        """Removes a person from the list, and then the person's face images from the folder; False: not listed.

        Only regular files that are named after exactly this person are removed: for ``mary``, ``mary_1.jpg``
        but not ``mary_ann_1.jpg``. No symbolic link is followed or removed, and sub-folders are left alone.
        """
        listed = True
        try:
            await self._in_thread(self.client.delete_person, name)
        except NotFound:
            listed = False
        if known_faces_dir is not None:
            await self._in_thread(_remove_faces, known_faces_dir, name)
        return listed

    async def set_person_auto_unlock(self, name: str, enabled: bool) -> bool:
        """Sets whether the door opens for a person; False: there is no such person."""
        try:
            await self._in_thread(self.client.set_auto_unlock, name, enabled)
        except NotFound:
            return False
        return True

    async def get_auto_unlock_names(self) -> Set[str]:
        """The names of the persons for whom the door opens."""
        return set(await self._in_thread(self.client.auto_unlock_names))

    async def sync_persons_from_disk(self, known_faces_dir: PathLike) -> int:
        """Adds the persons who have face images in the folder and are not listed, and returns their number."""
        return await self._in_thread(self._sync_persons, known_faces_dir)

    def _sync_persons(self, folder: PathLike) -> int:
        files = [names[0] for _, names in sorted(_faces(folder, links=True).items())]  # one for each person
        added = 0
        for at in range(0, len(files), 1000):
            added += len(self.client.sync_persons(files[at : at + 1000])["added"])
        return added

    # Days

    def _now(self) -> datetime:
        return datetime.now(timezone.utc)

    def _today(self) -> date:
        return self._now().astimezone(self._tzinfo).date()

    def _ago(self, days: int) -> datetime:
        return self._now() - timedelta(days=days)

    def _day(self, day: date) -> Tuple[datetime, datetime]:
        """The first moment of a day, and that of the next."""
        return self._start(day), self._start(day + timedelta(days=1))

    def _start(self, day: date) -> datetime:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._tzinfo)
        return midnight.astimezone(timezone.utc)  # without tzinfo it is the local time of this machine


def _default_thumbnails(db_path: PathLike) -> Path:
    text = os.fspath(db_path)
    if text.startswith(("unix:", "http://", "https://")) or text.endswith(".sock"):
        return Path()
    return Path(os.path.realpath(text) if os.path.islink(text) else text).parent / "thumbnails"


def _number(value: Optional[float]) -> Optional[float]:
    return None if value is None else float(value)


def _detection(given: Mapping[str, Any]) -> Json:
    box = [given.get(side) for side in _BOX]
    out: Json = {"label": given["label"], "confidence": float(given["confidence"])}
    if None not in box:
        out.update((side, float(given[side])) for side in _BOX)
    elif any(value is not None for value in box):
        logger.warning("doorlog: the box of a detection of %s lacks a side and is left out", given["label"])
    return out


def _person_of_file(file: str) -> Optional[str]:
    """The person that a face image shows, by the rule of the server; None: it is no face image."""
    stem, extension = os.path.splitext(file)
    name, _, rest = stem.rpartition("_")
    is_picture = extension.lower() in (".jpg", ".jpeg", ".png", ".bmp")
    if not is_picture or file.startswith(".") or not (name and rest):
        return None
    name = unicodedata.normalize("NFC", name)
    try:
        return name if len(name.encode()) <= 255 else None
    except UnicodeEncodeError:  # bytes that are not UTF-8
        return None


def _faces(folder: Optional[PathLike], links: bool = False) -> Dict[str, List[str]]:
    """The face images in a folder, by person. Symbolic links are counted only if links."""
    faces: Dict[str, List[str]] = {}
    if folder is None:
        return faces
    try:
        with os.scandir(os.fspath(folder)) as entries:
            for entry in entries:
                name = _person_of_file(entry.name)
                if name is not None and (entry.is_file(follow_symlinks=False) or links and entry.is_symlink()):
                    faces.setdefault(name, []).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        pass
    return faces


def _remove_faces(folder: PathLike, name: str) -> None:
    """Removes the face images of a person from a folder."""
    person = unicodedata.normalize("NFC", name)
    try:
        number = os.open(os.fspath(folder), os.O_RDONLY) if os.unlink in os.supports_dir_fd else None
    except FileNotFoundError:
        return
    try:
        for file in _faces(folder, links=True).get(person, ()):
            path = os.path.join(os.fspath(folder), file)
            try:
                at = path if number is None else file
                if not stat.S_ISREG(os.stat(at, dir_fd=number, follow_symlinks=False).st_mode):
                    logger.warning("doorlog: %s is not a regular file and stays", path)
                    continue
                os.unlink(at, dir_fd=number)
            except OSError as error:
                logger.warning("doorlog: %s could not be removed: %s", path, error)
    finally:
        if number is not None:
            os.close(number)
