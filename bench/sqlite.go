package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/doorlog/doorlog"
)

const modernc = "sqlite"

// The pool of connections to read with, and how long one waits for the writer.
const (
	sqliteReaders  = 8
	sqlitePatience = 10_000 // ms
)

// A sqliteDB is one connection that writes and a pool that reads, as WAL has
// one writer beside any number of readers, with the same pragmas whatever the
// driver.
type sqliteDB struct {
	write, read *sql.DB
	statements  map[string]*sql.Stmt // to read with
	inserts     [2]*sql.Stmt         // an event, a detection
}

// A connector opens connections and sets their pragmas.
type connector struct {
	sqlDriver driver.Driver
	dsn       string
	pragmas   []string
}

func (c *connector) Driver() driver.Driver { return c.sqlDriver }

func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.sqlDriver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	execer, ok := conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.Join(errors.New("the driver cannot set pragmas"), conn.Close())
	}
	for _, p := range c.pragmas {
		if _, err := execer.ExecContext(ctx, "PRAGMA "+p, nil); err != nil {
			return nil, errors.Join(fmt.Errorf("pragma %s: %w", p, err), conn.Close())
		}
	}
	return conn, nil
}

func openDB(driverName, dir, schema string, pragmas []string) (*sqliteDB, error) {
	probe, err := sql.Open(driverName, "")
	if err != nil {
		return nil, err
	}
	sqlDriver := probe.Driver()
	if err := probe.Close(); err != nil {
		return nil, err
	}
	pragmas = append([]string{fmt.Sprintf("busy_timeout=%d", sqlitePatience), "journal_mode=WAL", "foreign_keys=ON"}, pragmas...)
	c := &connector{sqlDriver, "file:" + filepath.Join(dir, "events.db") + "?_txlock=immediate", pragmas}
	db := &sqliteDB{write: sql.OpenDB(c), read: sql.OpenDB(c), statements: make(map[string]*sql.Stmt)}
	db.write.SetMaxOpenConns(1)
	db.read.SetMaxOpenConns(sqliteReaders)
	db.read.SetMaxIdleConns(sqliteReaders)
	if _, err := db.write.ExecContext(context.Background(), schema); err != nil {
		return nil, errors.Join(err, db.close())
	}
	return db, nil
}

func (db *sqliteDB) close() error {
	var errs []error
	for _, st := range db.statements {
		errs = append(errs, st.Close())
	}
	for _, st := range db.inserts {
		if st != nil {
			errs = append(errs, st.Close())
		}
	}
	return errors.Join(append(errs, db.read.Close(), db.write.Close())...)
}

// prepare prepares the statements by their names.
func (db *sqliteDB) prepare(queries map[string]string) (err error) {
	for name, query := range queries {
		if db.statements[name], err = db.read.PrepareContext(context.Background(), query); err != nil {
			delete(db.statements, name)
			return fmt.Errorf("prepare %s: %w", name, err)
		}
	}
	for i, query := range [...]string{insertEvent, insertDetection} {
		if db.inserts[i], err = db.write.PrepareContext(context.Background(), query); err != nil {
			return fmt.Errorf("prepare %s: %w", query, err)
		}
	}
	return nil
}

const (
	eventColumns = `id, camera_id, recorded_at, event_type, recording_id, person_name, face_confidence, face_distance,
		unlock_granted, door_action, thumbnail_path, alert_sent, created_at`
	detectionColumns = `event_id, label, confidence, bbox_x1, bbox_y1, bbox_x2, bbox_y2`

	insertEvent = `INSERT INTO events (camera_id, recorded_at, event_type, recording_id, person_name, face_confidence,
		face_distance, unlock_granted, door_action, thumbnail_path, alert_sent, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	insertDetection = `INSERT INTO detections (` + detectionColumns + `) VALUES (?, ?, ?, ?, ?, ?, ?)`
)

// A moment turns a time into the value of a column.
type moment func(time.Time) any

// insertAll stores events in one transaction.
func (db *sqliteDB) insertAll(list []doorlog.Event, m moment) error {
	ctx := context.Background()
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	intoEvents, intoDetections := tx.StmtContext(ctx, db.inserts[0]), tx.StmtContext(ctx, db.inserts[1])
	for i := range list {
		if err := insert(ctx, intoEvents, intoDetections, &list[i], m); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func insert(ctx context.Context, intoEvents, intoDetections *sql.Stmt, e *doorlog.Event, m moment) error {
	res, err := intoEvents.ExecContext(ctx, e.Camera, m(e.RecordedAt), string(e.Type), orNull(e.RecordingID), orNull(e.Person),
		e.FaceConfidence, e.FaceDistance, e.UnlockGranted, e.Door.String(), orNull(e.ThumbnailPath), e.AlertSent, m(e.CreatedAt))
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for _, d := range e.Detections {
		var sides [4]any
		if b := d.Box; b != nil {
			sides = [4]any{b.X1, b.Y1, b.X2, b.Y2}
		}
		if _, err := intoDetections.ExecContext(ctx, id, d.Label, d.Confidence, sides[0], sides[1], sides[2], sides[3]); err != nil {
			return err
		}
	}
	return nil
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// An eventRow takes in the eventColumns; recorded and created are whatever the
// columns hold.
type eventRow[T any] struct {
	id                           int64
	camera, kind, door           string
	recording, person, thumbnail sql.NullString
	recorded, created            T
	confidence, distance         sql.NullFloat64
	unlock, alert                bool
}

func (r *eventRow[T]) columns() []any {
	return []any{
		&r.id, &r.camera, &r.recorded, &r.kind, &r.recording, &r.person, &r.confidence, &r.distance,
		&r.unlock, &r.door, &r.thumbnail, &r.alert, &r.created,
	}
}

func (r *eventRow[T]) event(timeOf func(T) (time.Time, error)) (doorlog.Event, error) {
	recorded, err1 := timeOf(r.recorded)
	created, err2 := timeOf(r.created)
	door, err3 := doorlog.ParseDoorAction(r.door)
	e := doorlog.Event{
		Camera: r.camera, RecordedAt: recorded, CreatedAt: created, Type: doorlog.EventType(r.kind), RecordingID: r.recording.String,
		Person: r.person.String, UnlockGranted: r.unlock, Door: door, ThumbnailPath: r.thumbnail.String, AlertSent: r.alert,
	}
	if r.confidence.Valid {
		e.FaceConfidence = new(r.confidence.Float64)
	}
	if r.distance.Valid {
		e.FaceDistance = new(r.distance.Float64)
	}
	return e, errors.Join(err1, err2, err3)
}

// A detectionRow takes in the detectionColumns.
type detectionRow struct {
	eventID    int64
	label      string
	confidence float64
	box        [4]sql.NullFloat64
}

func (r *detectionRow) columns() []any {
	return []any{&r.eventID, &r.label, &r.confidence, &r.box[0], &r.box[1], &r.box[2], &r.box[3]}
}

func (r *detectionRow) detection() doorlog.Detection {
	d := doorlog.Detection{Label: r.label, Confidence: r.confidence}
	if b := r.box; b[0].Valid && b[1].Valid && b[2].Valid && b[3].Valid {
		d.Box = &doorlog.Box{X1: b[0].Float64, Y1: b[1].Float64, X2: b[2].Float64, Y2: b[3].Float64}
	}
	return d
}

// rows calls fn for each row of a query.
func (db *sqliteDB) rows(name string, args []any, fn func(*sql.Rows) error) (err error) {
	rows, err := db.statements[name].QueryContext(context.Background(), args...)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return rows.Err()
}

func (db *sqliteDB) count(name string, args ...any) (n int, err error) {
	err = db.statements[name].QueryRowContext(context.Background(), args...).Scan(&n)
	return n, err
}

func (db *sqliteDB) heatmap(name string, args []any) (h doorlog.Heatmap, err error) {
	err = db.rows(name, args, func(rows *sql.Rows) error {
		var day, hour, n int
		if err := rows.Scan(&day, &hour, &n); err != nil {
			return err
		}
		if day < 0 || day > 6 || hour < 0 || hour > 23 {
			return fmt.Errorf("day %d, hour %d", day, hour)
		}
		h[day][hour] = n
		return nil
	})
	return h, err
}

func (db *sqliteDB) timeline(name string, args []any) (list []doorlog.DayCount, err error) {
	err = db.rows(name, args, func(rows *sql.Rows) error {
		var d doorlog.DayCount
		err := rows.Scan(&d.Date, &d.Count, &d.Strangers, &d.Known, &d.Unlocks)
		list = append(list, d)
		return err
	})
	return list, err
}

func (db *sqliteDB) breakdown(name string, args []any) (list []doorlog.LabelCount, err error) {
	err = db.rows(name, args, func(rows *sql.Rows) error {
		var l doorlog.LabelCount
		err := rows.Scan(&l.Label, &l.Count, &l.AvgConfidence)
		list = append(list, l)
		return err
	})
	return list, err
}

// ofAll ends the names of the analyses that have no bounds.
const ofAll = "-all"

// bounded returns which form of an analysis a span needs, and its arguments.
func bounded(name string, s span, m moment) (statement string, args []any) {
	if s.all() {
		return name + ofAll, nil
	}
	return name, []any{m(s.since), m(s.until)}
}

// analyses returns the statements of the three analyses, of a span and of
// everything, from the expressions of a time's weekday, hour and date.
func analyses(weekday, hour, date string) map[string]string {
	queries := make(map[string]string)
	for suffix, where := range map[string]string{"": "WHERE e.recorded_at >= ? AND e.recorded_at < ?", ofAll: ""} {
		queries["heatmap"+suffix] = `SELECT ` + weekday + `, ` + hour + `, COUNT(*) FROM events e ` + where + ` GROUP BY 1, 2`
		queries["timeline"+suffix] = `SELECT ` + date + `, COUNT(*), SUM(e.event_type = 'motion' AND e.person_name IS NULL),
			SUM(e.person_name IS NOT NULL), SUM(e.unlock_granted) FROM events e ` + where + ` GROUP BY 1 ORDER BY 1`
		join := ""
		if where != "" {
			join = "JOIN events e ON e.id = d.event_id "
		}
		queries["breakdown"+suffix] = `SELECT d.label, COUNT(*), AVG(d.confidence) FROM detections d ` + join + where +
			` GROUP BY d.label ORDER BY COUNT(*) DESC, d.label`
	}
	return queries
}
