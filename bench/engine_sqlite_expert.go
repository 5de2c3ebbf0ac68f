package main

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/doorlog/doorlog"
)

// expertEngine is SQLite as somebody sets it up who knows it well: times as
// integers, composite indexes, the detections of all events in one query, keyset
// pages, a larger cache and a memory map, statistics for the planner, and one
// goroutine that writes what waits in one transaction.
type expertEngine struct {
	db      *sqliteDB
	queue   chan insertion
	stopped sync.WaitGroup
}

type insertion struct {
	event *doorlog.Event
	done  chan<- error
}

// The schema is the original's with INTEGER times, nanoseconds since 1970, and
// composite indexes in place of those on their first column alone.
const expertSchema = `
CREATE TABLE IF NOT EXISTS events (
	id INTEGER PRIMARY KEY,
	camera_id TEXT NOT NULL,
	recorded_at INTEGER NOT NULL,
	event_type TEXT NOT NULL,
	recording_id TEXT,
	person_name TEXT,
	face_confidence REAL,
	face_distance REAL,
	unlock_granted INTEGER NOT NULL DEFAULT 0,
	door_action TEXT NOT NULL DEFAULT 'none',
	thumbnail_path TEXT,
	alert_sent INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS detections (
	id INTEGER PRIMARY KEY,
	event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
	label TEXT NOT NULL,
	confidence REAL NOT NULL,
	bbox_x1 REAL, bbox_y1 REAL, bbox_x2 REAL, bbox_y2 REAL
) STRICT;
CREATE TABLE IF NOT EXISTS persons (
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	display_name TEXT NOT NULL,
	auto_unlock INTEGER NOT NULL DEFAULT 1,
	created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS events_time ON events(recorded_at);
CREATE INDEX IF NOT EXISTS events_camera_time ON events(camera_id, recorded_at);
CREATE INDEX IF NOT EXISTS events_person_time ON events(person_name, recorded_at) WHERE person_name IS NOT NULL;
CREATE INDEX IF NOT EXISTS detections_event ON detections(event_id);
CREATE INDEX IF NOT EXISTS detections_label_event ON detections(label, event_id);`

var expertPragmas = []string{"synchronous=FULL", "cache_size=-65536", "mmap_size=1073741824", "temp_store=MEMORY"}

var expertQueries = map[string]string{
	"event":  expertEvents + `WHERE id = ?`,
	"newest": expertEvents + `ORDER BY recorded_at DESC LIMIT ?`,
	"page":   expertEvents + `WHERE recorded_at < ? ORDER BY recorded_at DESC LIMIT ?`,
	// The events are walked over in their order, and the composite index says
	// of each whether it has the label.
	"label": expertEvents + `WHERE EXISTS (SELECT 1 FROM detections d WHERE d.label = ? AND d.event_id = events.id)
		ORDER BY recorded_at DESC LIMIT ?`,
	"pair":  expertEvents + `WHERE camera_id = ? AND person_name = ? ORDER BY recorded_at DESC LIMIT ?`,
	"count": `SELECT COUNT(*) FROM events WHERE camera_id = ?`,

	"detections":        `SELECT ` + detectionColumns + ` FROM detections WHERE event_id = ? ORDER BY id`,
	"detections of all": `SELECT ` + detectionColumns + ` FROM detections WHERE event_id IN (SELECT value FROM json_each(?)) ORDER BY id`,
}

const expertEvents = `SELECT ` + eventColumns + ` FROM events `

func openExpert(driverName string) func(string) (engine, error) {
	return func(dir string) (engine, error) {
		db, err := openDB(driverName, dir, expertSchema, expertPragmas)
		if err != nil {
			return nil, err
		}
		// 1970-01-01 was a Thursday.
		queries := analyses(`(e.recorded_at / 86400000000000 + 4) % 7`, `e.recorded_at / 3600000000000 % 24`,
			`date(e.recorded_at / 86400000000000 * 86400, 'unixepoch')`)
		maps.Copy(queries, expertQueries)
		if err := db.prepare(queries); err != nil {
			return nil, errors.Join(err, db.close())
		}
		x := &expertEngine{db: db, queue: make(chan insertion)}
		x.stopped.Go(x.commit)
		return x, nil
	}
}

func asNanos(t time.Time) any { return t.UnixNano() }

func fromNanos(ns int64) (time.Time, error) { return time.Unix(0, ns).UTC(), nil }

// commit takes what waits and stores it in one transaction, until the queue is
// closed. When the transaction fails, it fails for all.
func (x *expertEngine) commit() {
	const most = 1000
	for first := range x.queue {
		list, waiting := []doorlog.Event{*first.event}, []chan<- error{first.done}
	more:
		for len(list) < most {
			select {
			case next, ok := <-x.queue:
				if !ok {
					break more
				}
				list, waiting = append(list, *next.event), append(waiting, next.done)
			default:
				break more
			}
		}
		err := x.db.insertAll(list, asNanos)
		for _, done := range waiting {
			done <- err
		}
	}
}

func (x *expertEngine) Write(e *doorlog.Event, _ int) error {
	done := make(chan error, 1)
	x.queue <- insertion{e, done}
	return <-done
}

func (x *expertEngine) Load(batch []doorlog.Event, _ int) error {
	return x.db.insertAll(batch, asNanos)
}

func (x *expertEngine) Settle() error {
	_, err := x.db.write.ExecContext(context.Background(), `ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

func (x *expertEngine) Close() error {
	close(x.queue)
	x.stopped.Wait()
	return x.db.close()
}

func (x *expertEngine) Event(r ref) (doorlog.Event, error) {
	return only(x.list("event", r.n+1))
}

// list reads events, and then the detections of all of them with one query. A
// JOIN, whose rows repeat the event, and json_group_array take twice as long.
func (x *expertEngine) list(name string, args ...any) (list []doorlog.Event, err error) {
	places := make(map[int64]int)
	ids := []byte{'['}
	query, of := "detections", any(nil)
	err = x.db.rows(name, args, func(rows *sql.Rows) error {
		var r eventRow[int64]
		if err := rows.Scan(r.columns()...); err != nil {
			return err
		}
		if len(list) > 0 {
			query, ids = "detections of all", append(ids, ',')
		}
		of, ids = r.id, strconv.AppendInt(ids, r.id, 10)
		places[r.id] = len(list)
		e, err := r.event(fromNanos)
		list = append(list, e)
		return err
	})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if len(list) > 1 {
		of = string(append(ids, ']'))
	}
	return list, x.db.rows(query, []any{of}, func(rows *sql.Rows) error {
		var r detectionRow
		if err := rows.Scan(r.columns()...); err != nil {
			return err
		}
		e := &list[places[r.eventID]]
		e.Detections = append(e.Detections, r.detection())
		return nil
	})
}

func (x *expertEngine) Newest(limit int) ([]doorlog.Event, error) { return x.list("newest", limit) }

func (x *expertEngine) NewestWithLabel(label string, limit int) ([]doorlog.Event, error) {
	return x.list("label", label, limit)
}

func (x *expertEngine) Pair(camera, person string, limit int) ([]doorlog.Event, error) {
	return x.list("pair", camera, person, limit)
}

func (x *expertEngine) PageAt(_ int, after ref, limit int) ([]doorlog.Event, error) {
	return x.list("page", asNanos(after.at), limit)
}

func (x *expertEngine) CountCamera(camera string) (int, error) { return x.db.count("count", camera) }

func (x *expertEngine) Heatmap(s span) (doorlog.Heatmap, error) {
	return x.db.heatmap(bounded("heatmap", s, asNanos))
}

func (x *expertEngine) Timeline(s span) ([]doorlog.DayCount, error) {
	return x.db.timeline(bounded("timeline", s, asNanos))
}

func (x *expertEngine) Breakdown(s span) ([]doorlog.LabelCount, error) {
	return x.db.breakdown(bounded("breakdown", s, asNanos))
}
