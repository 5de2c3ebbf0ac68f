"""Answers that a sound server does not give: the other side is a script."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import tempfile
import threading
import unittest
from typing import Callable, List
from unittest import mock

from . import support
from .support import an_event
import doorlog


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def problem(status: int, code: str, **more: object) -> bytes:
    text = json.dumps({"status": status, "codes": [code], "detail": code, **more}).encode()
    return answer(f"{status} Problem", text, "Content-Type: application/problem+json").replace(
        b"Content-Type: application/json\r\n", b""
    )


def chunked(media: bytes, *chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTrailer: Doorlog-Backup-Info, Doorlog-Problem\r\n" % media
    head += b"Transfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


LINES, STREAM, TAR = b"application/x-ndjson", b"text/event-stream", b"application/x-tar"


class Cut(bytes):
    """An answer after which the connection is lost."""


class Scripted(unittest.TestCase):
    """Each request gets the next answer; an answer that is empty loses the connection."""

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="dl")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.requests: List[bytes] = []
        self.answers: List[bytes] = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.path.join(self.folder, "s.sock"))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve)
        self.carriers: List[threading.Thread] = []

    def client(self, *answers: bytes, met: bool = True) -> doorlog.Client:
        self.answers = list(answers)
        self.thread.start()
        client = doorlog.Client("unix:" + os.path.join(self.folder, "s.sock"), timeout=5)
        client._met = met
        self.addCleanup(self.end)
        self.addCleanup(client.close)
        return client

    def end(self) -> None:
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        for thread in (self.thread, *self.carriers):
            thread.join(10)
        self.listener.close()

    def serve(self) -> None:
        while self.answers:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            carrier = threading.Thread(target=self.carry, args=(connection,))
            carrier.start()
            self.carriers.append(carrier)

    def carry(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as source:
            while self.answers:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = source.readline()
                    if not line:
                        return
                    head += line
                length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = source.read(int(length[0].split(b":")[1])) if length else b""
                self.requests.append(head + body)
                text = self.answers.pop(0)
                connection.sendall(text)
                if not text or b"chunked" in text or isinstance(text, Cut):
                    return

    def test_passing_errors_are_tried_again(self) -> None:
        client = self.client(
            problem(503, "closed"), answer("502 Bad Gateway", b"<h1>"), b"", problem(429, "too-many"), answer("200 OK", b'{"count":7}')
        )
        self.assertEqual(client.count(), 7)
        self.assertEqual(len(set(self.requests)), 1)

    def test_other_errors_are_not(self) -> None:
        client = self.client(problem(503, "failed"), problem(500, "new-code"))
        with self.assertRaises(doorlog.Failed):
            client.count()
        with self.assertRaises(doorlog.DoorlogError) as caught:
            client.count()
        self.assertEqual((type(caught.exception), caught.exception.codes), (doorlog.DoorlogError, ("new-code",)))

    def test_a_write_is_repeated_under_one_id(self) -> None:
        event = json.dumps({"id": "x", "recorded_at": "2026-02-25T07:30:00Z"}).encode()
        client = self.client(b"", b"", answer("201 Created", event))
        client.post(an_event())
        ids = {json.loads(request.partition(b"\r\n\r\n")[2])["id"] for request in self.requests}
        self.assertEqual((len(self.requests), len(ids)), (3, 1))

    def test_what_must_not_be_sent_twice(self) -> None:
        client = self.client(b"")
        with self.assertRaisesRegex(doorlog.Unreachable, "lost"):
            client.add_token("t", read=True)
        self.assertEqual(len(self.requests), 1)

    def test_a_deletion_whose_answer_was_lost(self) -> None:
        self.client(b"", problem(404, "not-found")).delete("X")
        self.assertEqual(len(self.requests), 2)

    def test_an_answer_that_is_cut_off_anywhere(self) -> None:
        good, bad = answer("200 OK", b'{"count":7}', "ETag: x"), problem(404, "not-found")
        cuts = [Cut(whole[:at]) for whole in (good, bad) for at in range(1, len(whole))]
        client = self.client(*(one for cut in cuts for one in (cut, answer("200 OK", b'{"count":8}'))))
        for cut in cuts:
            self.assertEqual(client.count(), 8, cut)
        self.assertEqual(len(self.requests), 2 * len(cuts))

    def test_warnings_of_the_server_are_logged(self) -> None:
        client = self.client(answer("200 OK", b'{"count":7}', 'Doorlog-Warning: {"msg":"frame"}'))
        with self.assertLogs("doorlog", "WARNING") as logs:
            client.count()
        self.assertIn("frame", logs.output[0])

    def test_a_long_call_that_fails_at_its_end(self) -> None:
        lines = b'{"progress":{"done":1}}\n\n{"error":{"codes":["full"],"detail":"full"},"result":{"events":3}}\n'
        client = self.client(chunked(LINES, lines), chunked(LINES, b'{"progress":{"done":1}}\n'))
        with self.assertRaises(doorlog.Full) as caught:
            client.prune({}, dry_run=False)
        self.assertEqual(caught.exception.result, {"events": 3})
        with self.assertRaises(doorlog.Unreachable):
            client.verify()

    def test_backups_that_are_not_whole(self) -> None:
        target = os.path.join(self.folder, "a.backup")
        info = b'Doorlog-Backup-Info: {"events":1}\r\n'
        bad = b'Doorlog-Problem: {"codes":["corrupt"],"detail":"page 7"}\r\n'
        client = self.client(
            chunked(TAR, b"tar", end=b""),
            chunked(TAR, b"tar", end=b"0\r\n" + bad + b"\r\n"),
            chunked(TAR, b"tar"),
            answer("200 OK", b"tar").replace(b"application/json", TAR),
            chunked(TAR, b"tar", b"more", end=b"0\r\n" + info + b"\r\n"),
            answer("204 No Content"),
        )
        for error in (doorlog.Unreachable, doorlog.Corrupt, doorlog.DoorlogError, doorlog.Unreachable):
            with self.assertRaises(error):
                client.backup(target)
            self.assertEqual([name for name in os.listdir(self.folder) if "backup" in name], [])
        self.assertEqual(client.backup(target), {"events": 1})
        with open(target, "rb") as file:
            self.assertEqual(file.read(), b"tarmore")
        self.assertEqual(os.stat(target).st_mode & 0o777, 0o600)
        self.assertTrue(self.requests[-1].startswith(b"POST /v1/backup/kept "))

    def test_a_stream_that_is_cut_between_two_changes(self) -> None:
        def change(seq: int) -> bytes:
            return b'id: c%d\nevent: created\ndata: {"cursor":"c%d","op":"created","id":"e%d"}\n\n' % (seq, seq, seq)

        client = self.client(
            chunked(STREAM, b": hello\nretry: 10\n\n", change(1), change(2)[:-1], end=b""),
            chunked(STREAM, b'id: c3\nevent: at\ndata: {"cursor":"c3"}\n\n', end=b""),
            chunked(STREAM, change(4)),
            chunked(STREAM, b'event: reset\ndata: {"codes":["gone"],"detail":"gone"}\n\n'),
        )
        changes = client.changes()
        self.assertEqual([next(changes)["id"] for _ in range(2)], ["e1", "e4"])
        with self.assertRaises(doorlog.Gone):
            next(changes)
        self.assertEqual(list(changes), [])
        targets = [request.split(b" ")[1] for request in self.requests]
        self.assertEqual(targets, [b"/v1/changes", *(b"/v1/changes?after=c%d" % seq for seq in (1, 3, 4))])

    def test_streams_that_end_at_once_are_not_asked_for_without_a_pause(self) -> None:
        changes = self.client(*[chunked(STREAM, b": hello\n\n")] * 6, problem(403, "forbidden")).changes()
        waits: List[float] = []
        with mock.patch.object(changes._closed, "wait", waits.append), self.assertRaises(doorlog.Forbidden):
            next(changes)
        self.assertGreater(waits[-1], 10 * waits[0])

    def test_bulk_goes_on_after_the_last_result(self) -> None:
        def result(line: int) -> bytes:
            return b'{"line":%d,"id":"e","existed":%s}\n' % (line, b"false" if line > 1 else b"true")

        client = self.client(chunked(LINES, result(2), end=b""), problem(503, "closed"), chunked(LINES, result(1), result(2)))
        results = list(client.bulk(an_event(after=i) for i in range(3)))
        self.assertEqual([one.existed for one in results], [False] * 3)
        lines = [request.partition(b"\r\n\r\n")[2].count(b"\n") for request in self.requests]
        self.assertEqual(lines, [3, 2, 2])

    def test_what_no_doorlog_server_answers(self) -> None:
        page = answer("200 OK", b"<h1>Log in</h1>").replace(b"application/json", b"text/html")
        moved = answer("302 Found", b"", "Location: https://door.example/")
        strange = (page, moved, answer("404 Not Found", b"404 page not found"), answer("200 OK", b"{"),
                   answer("200 OK", b'{"a":"\xff"}'), answer("400 No", b'{"codes":7}'))  # fmt: skip
        calls: List[Callable[[doorlog.Client], object]] = [
            doorlog.Client.count, doorlog.Client.persons, doorlog.Client.server, doorlog.Client.verify,
            lambda client: client.post(an_event()), lambda client: client.thumbnail("x"),
            lambda client: client.delete("x"), lambda client: client.set_auto_unlock("bob", False),
            lambda client: client.ack("alerts", "c1"), lambda client: list(client.bulk([an_event()])),
            lambda client: client.delete_person("bob"), lambda client: next(client.changes()),
            lambda client: client.backup(os.path.join(self.folder, "a.backup")),
        ]  # fmt: skip
        client = self.client(*(one for one in strange for _ in calls), answer("200 OK", b'{"name":"caddy"}'))
        for one in strange:
            kind = doorlog.RequestError if one.startswith(b"HTTP/1.1 400") else doorlog.NotServer
            for call in calls:
                with self.assertRaises(kind, msg=one):
                    call(client)
        with self.assertRaises(doorlog.NotServer):
            client.server()
        self.assertEqual(self.answers, [])

    def test_errors_of_the_caller_are_not_those_of_the_connection(self) -> None:
        def progress(_: object) -> None:
            raise BrokenPipeError("the terminal is gone")

        client = self.client(chunked(LINES, b'{"progress":{"done":1}}\n{"result":{}}\n'), chunked(TAR, b"tar" * 10_000))
        with self.assertRaisesRegex(BrokenPipeError, "terminal"):
            client.verify(progress)
        with mock.patch("doorlog.os.fdopen") as fdopen:
            fdopen.return_value.__enter__.return_value.write.side_effect = OSError(errno.ENOSPC, "No space left on device")
            with self.assertRaises(OSError) as caught:
                client.backup(os.path.join(self.folder, "a.backup"))
        self.assertEqual((type(caught.exception), caught.exception.errno), (OSError, errno.ENOSPC))
        self.assertEqual([name for name in os.listdir(self.folder) if "backup" in name], [])

    def test_a_client_that_is_closed_during_a_call_keeps_no_connection(self) -> None:
        client = self.client(answer("200 OK", b'{"count":7}'))
        with mock.patch.object(client, "_check_answer", side_effect=lambda *_: client.close()):
            self.assertEqual(client.count(), 7)
        self.assertEqual(client._pool._idle, [])
