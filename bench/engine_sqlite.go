package main

import (
	"database/sql"
	"maps"
	"time"

	"github.com/doorlog/doorlog"
)

// sqliteEngine is SQLite as the platform had it that doorlog takes the place
// of: its tables and indexes, times as text, one query for each event's
// detections, pages by OFFSET, one transaction an event.
type sqliteEngine struct{ db *sqliteDB }

const originalSchema = `
CREATE TABLE IF NOT EXISTS events (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	camera_id TEXT NOT NULL,
	recorded_at TEXT NOT NULL,
	event_type TEXT NOT NULL,
	recording_id TEXT,
	person_name TEXT,
	face_confidence REAL,
	face_distance REAL,
	unlock_granted INTEGER NOT NULL DEFAULT 0,
	door_action TEXT NOT NULL DEFAULT 'none',
	thumbnail_path TEXT,
	alert_sent INTEGER NOT NULL DEFAULT 0,
	created_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS detections (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	event_id INTEGER NOT NULL REFERENCES events(id) ON DELETE CASCADE,
	label TEXT NOT NULL,
	confidence REAL NOT NULL,
	bbox_x1 REAL, bbox_y1 REAL, bbox_x2 REAL, bbox_y2 REAL
);
CREATE TABLE IF NOT EXISTS persons (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	display_name TEXT NOT NULL,
	auto_unlock INTEGER NOT NULL DEFAULT 1,
	created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_events_recorded_at ON events(recorded_at DESC);
CREATE INDEX IF NOT EXISTS idx_events_camera_id ON events(camera_id);
CREATE INDEX IF NOT EXISTS idx_events_person_name ON events(person_name);
CREATE INDEX IF NOT EXISTS idx_detections_event_id ON detections(event_id);
CREATE INDEX IF NOT EXISTS idx_detections_label ON detections(label);`

var originalQueries = map[string]string{
	"event":      `SELECT ` + eventColumns + ` FROM events WHERE id = ?`,
	"detections": `SELECT ` + detectionColumns + ` FROM detections WHERE event_id = ? ORDER BY id`,
	"page":       `SELECT ` + eventColumns + ` FROM events ORDER BY recorded_at DESC LIMIT ? OFFSET ?`,
	"label": `SELECT ` + eventColumns + ` FROM events WHERE id IN (SELECT event_id FROM detections WHERE label = ?)
		ORDER BY recorded_at DESC LIMIT ?`,
	"pair":  `SELECT ` + eventColumns + ` FROM events WHERE camera_id = ? AND person_name = ? ORDER BY recorded_at DESC LIMIT ?`,
	"count": `SELECT COUNT(*) FROM events WHERE camera_id = ?`,
}

func openSQLite(driverName, synchronous string) func(string) (engine, error) {
	return func(dir string) (engine, error) {
		db, err := openDB(driverName, dir, originalSchema, []string{"synchronous=" + synchronous})
		if err != nil {
			return nil, err
		}
		queries := analyses(`CAST(strftime('%w', e.recorded_at) AS INTEGER)`, `CAST(strftime('%H', e.recorded_at) AS INTEGER)`,
			`strftime('%Y-%m-%d', e.recorded_at)`)
		maps.Copy(queries, originalQueries)
		return &sqliteEngine{db}, db.prepare(queries)
	}
}

// textTime has a fixed number of digits, so that it sorts.
const textTime = "2006-01-02T15:04:05.000000000Z"

func asText(t time.Time) any { return t.UTC().Format(textTime) }

func fromText(text string) (time.Time, error) { return time.Parse(textTime, text) }

func (s *sqliteEngine) Load(batch []doorlog.Event, _ int) error { return s.db.insertAll(batch, asText) }

func (s *sqliteEngine) Settle() error { return nil }
func (s *sqliteEngine) Close() error  { return s.db.close() }

func (s *sqliteEngine) Write(e *doorlog.Event, _ int) error {
	return s.db.insertAll([]doorlog.Event{*e}, asText)
}

func (s *sqliteEngine) Event(r ref) (doorlog.Event, error) {
	return only(s.list("event", r.n+1))
}

// only returns the one event of a list that has been read.
func only(list []doorlog.Event, err error) (doorlog.Event, error) {
	if err == nil && len(list) == 0 {
		err = errMissing
	}
	if err != nil {
		return doorlog.Event{}, err
	}
	return list[0], nil
}

// list reads events, and then the detections of each.
func (s *sqliteEngine) list(name string, args ...any) (list []doorlog.Event, err error) {
	var ids []int64
	err = s.db.rows(name, args, func(rows *sql.Rows) error {
		var r eventRow[string]
		if err := rows.Scan(r.columns()...); err != nil {
			return err
		}
		e, err := r.event(fromText)
		ids, list = append(ids, r.id), append(list, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, id := range ids {
		err := s.db.rows("detections", []any{id}, func(rows *sql.Rows) error {
			var r detectionRow
			err := rows.Scan(r.columns()...)
			list[i].Detections = append(list[i].Detections, r.detection())
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (s *sqliteEngine) Newest(limit int) ([]doorlog.Event, error) { return s.list("page", limit, 0) }

func (s *sqliteEngine) NewestWithLabel(label string, limit int) ([]doorlog.Event, error) {
	return s.list("label", label, limit)
}

func (s *sqliteEngine) Pair(camera, person string, limit int) ([]doorlog.Event, error) {
	return s.list("pair", camera, person, limit)
}

func (s *sqliteEngine) PageAt(depth int, _ ref, limit int) ([]doorlog.Event, error) {
	return s.list("page", limit, depth)
}

func (s *sqliteEngine) CountCamera(camera string) (int, error) { return s.db.count("count", camera) }

func (s *sqliteEngine) Heatmap(sp span) (doorlog.Heatmap, error) {
	return s.db.heatmap(bounded("heatmap", sp, asText))
}

func (s *sqliteEngine) Timeline(sp span) ([]doorlog.DayCount, error) {
	return s.db.timeline(bounded("timeline", sp, asText))
}

func (s *sqliteEngine) Breakdown(sp span) ([]doorlog.LabelCount, error) {
	return s.db.breakdown(bounded("breakdown", sp, asText))
}
