package doorlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/doorlog/doorlog"
)

// The examples write into a store of their own, at a time of their own.
func exampleStore() (st *doorlog.Store, done func()) {
	dir, err := os.MkdirTemp("", "doorlog-example-")
	if err != nil {
		log.Fatal(err)
	}
	st, err = doorlog.Open(filepath.Join(dir, "events.db"), &doorlog.Options{Now: func() time.Time { return now }})
	if err != nil {
		log.Fatal(err)
	}
	return st, func() {
		if err := errors.Join(st.Close(), os.RemoveAll(dir)); err != nil {
			log.Fatal(err)
		}
	}
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "doorlog-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	st, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer st.Close()
}

func ExampleStore_WriteEvent() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	e, err := st.WriteEvent(ctx, doorlog.Event{
		Camera: "front_door", RecordedAt: now, Type: doorlog.Motion, Person: "alice",
		FaceDistance: new(0.32), UnlockGranted: true, Door: doorlog.Unlocked,
		Detections: []doorlog.Detection{
			{Label: "person", Confidence: 0.95, Box: &doorlog.Box{X1: 10, Y1: 20, X2: 100, Y2: 200}},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.RecordedAt, e.Camera, e.Person, e.PrimaryLabel(), e.Door)
	// Output: 2026-02-25 18:30:00 +0000 UTC front_door alice person unlocked
}

// A frame that cannot be read costs the thumbnail, never the event.
func ExampleStore_WriteEventWithFrame() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()

	e, err := st.WriteEventWithFrame(ctx, doorlog.Event{
		Camera: "front_door", RecordedAt: now, Type: doorlog.Ding,
	}, []byte("not a picture"))
	if err != nil {
		log.Fatal(err)
	}
	_, err = st.Thumbnail(ctx, e.ID)
	fmt.Println(errors.Is(err, doorlog.ErrNotFound))
	// Output: true
}

// A producer that may deliver a recording twice stores it once.
func ExampleStore_WriteEventOnce() {
	st, done := exampleStore()
	defer done()
	e := doorlog.Event{Camera: "front_door", RecordedAt: now, Type: doorlog.Ding, RecordingID: "7301"}
	for range 2 {
		_, existed, err := st.WriteEventOnce(context.Background(), e, nil)
		fmt.Println(existed, err)
	}
	// Output:
	// false <nil>
	// true <nil>
}

// What is wrong with an event can be told field by field.
func ExampleFieldError() {
	st, done := exampleStore()
	defer done()
	_, err := st.WriteEvent(context.Background(), doorlog.Event{Camera: "front_door", RecordedAt: now})

	var field *doorlog.FieldError
	fmt.Println(errors.Is(err, doorlog.ErrInvalid), errors.As(err, &field), field.Field)
	fmt.Println(err)
	// Output:
	// true true event_type
	// doorlog: write event: event_type: is empty
}

func ExampleStore_Events() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	for i := range 5 {
		_, err := st.WriteEvent(ctx, doorlog.Event{
			Camera: fmt.Sprint("camera", i), RecordedAt: now.Add(-time.Duration(i) * time.Hour), Type: doorlog.Motion,
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	for e, err := range st.Events(ctx, doorlog.Query{Since: now.Add(-3 * time.Hour), OldestFirst: true, Limit: 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.RecordedAt.Format(time.TimeOnly), e.Camera)
	}
	// Output:
	// 15:30:00 camera3
	// 16:30:00 camera2
}

// Several reads of one View see the same state of the store.
func ExampleStore_View() {
	st, done := exampleStore()
	defer done()
	err := st.View(context.Background(), func(sn *doorlog.Snapshot) error {
		events, err := sn.Recent(20)
		if err != nil {
			return err
		}
		persons, err := sn.Persons()
		fmt.Println(len(events), len(persons))
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: 0 0
}

// exampleFile makes a store of two events that is closed.
func exampleFile() (path string, done func()) {
	dir, err := os.MkdirTemp("", "doorlog-example-")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "events.db")
	st, err := doorlog.Open(path, &doorlog.Options{Now: func() time.Time { return now }})
	if err != nil {
		log.Fatal(err)
	}
	for _, camera := range []string{"front_door", "garage"} {
		e := doorlog.Event{Camera: camera, RecordedAt: now, Type: doorlog.Motion}
		if _, err := st.WriteEvent(context.Background(), e); err != nil {
			log.Fatal(err)
		}
	}
	if err := st.Close(); err != nil {
		log.Fatal(err)
	}
	return path, func() {
		if err := os.RemoveAll(dir); err != nil {
			log.Fatal(err)
		}
	}
}

func ExampleVerify() {
	path, done := exampleFile()
	defer done()
	v, err := doorlog.Verify(context.Background(), path, nil)
	if err != nil {
		log.Fatal(err) // it could not be found out
	}
	fmt.Println(v.Sound(), v.Events, v.Findings, v.Remedy)
	// Output: true 2 [] nothing
}

// A long call says what it does, and how far it is.
func ExampleProgress() {
	path, done := exampleFile()
	defer done()
	_, err := doorlog.Verify(context.Background(), path, &doorlog.Options{Progress: func(p doorlog.Progress) {
		if p.Done == p.Total {
			fmt.Println(p.Doing)
		}
	}})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// verifying
	// comparing
	// comparing thumbnails
	// looking for orphans
}

// Repair mends what it can without loss; the rest is for Salvage.
func ExampleRepair() {
	path, done := exampleFile()
	defer done()
	r, err := doorlog.Repair(context.Background(), path, nil)
	if errors.Is(err, doorlog.ErrCorrupt) {
		log.Fatal("records are lost: ", err) // and nothing was changed
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Rebuilt, r.Removed, r.After.Sound())
	// Output: false 0 true
}

// The disk has changed one of two events: the other one is saved.
func ExampleSalvage() {
	path, done := exampleFile()
	defer done()
	data, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte("garage"), []byte("garbge"))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		log.Fatal(err)
	}

	s, err := doorlog.Salvage(context.Background(), path, path+".saved", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Events, "saved,", s.LostEvents, "lost")
	// Output: 1 saved, 1 lost
}

func ExampleStore_PutPerson() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	p, err := st.PutPerson(ctx, doorlog.PersonInput{Name: "mary_ann"})
	fmt.Println(p.DisplayName, p.AutoUnlock, err)

	p, err = st.PutPerson(ctx, doorlog.PersonInput{Name: "mary_ann", AutoUnlock: new(false)})
	fmt.Println(p.DisplayName, p.AutoUnlock, err)
	// Output:
	// Mary Ann true <nil>
	// Mary Ann false <nil>
}

// A time-lapse: the events of a camera with pictures, oldest first.
func ExampleStore_Events_timelapse() {
	st, done := exampleStore()
	defer done()
	q := doorlog.Query{
		Cameras: []string{"garden"}, HasThumbnail: new(true), OldestFirst: true,
		Since: now.AddDate(0, 0, -30), Until: now,
	}
	for e, err := range st.Events(context.Background(), q) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.ThumbnailPath)
	}
	// Output:
}

func ExampleStore_Page() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	for i := range 5 {
		e := doorlog.Event{Camera: "garage", RecordedAt: now.Add(-time.Duration(i) * time.Hour), Type: doorlog.Motion}
		if _, err := st.WriteEvent(ctx, e); err != nil {
			log.Fatal(err)
		}
	}
	q := doorlog.Query{Cameras: []string{"garage"}, Limit: 2}
	for at := ""; ; {
		page, err := st.Page(ctx, q, at)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(page.Events), page.Prev != "", page.Next != "")
		if at = page.Next; at == "" {
			break
		}
	}
	// Output:
	// 2 false true
	// 2 true true
	// 1 true false
}

func ExampleStore_Heatmap() {
	st, done := exampleStore()
	defer done()
	ctx := context.Background()
	if _, err := st.WriteEvent(ctx, doorlog.Event{Camera: "garage", RecordedAt: now, Type: doorlog.Motion}); err != nil {
		log.Fatal(err)
	}
	h, err := st.Heatmap(ctx, doorlog.Scope{Location: time.FixedZone("Kathmandu", 5*3600+45*60)})
	fmt.Println(h[time.Thursday][0], err) // 18:30 UTC on Wednesday is 0:15 on Thursday there
	// Output: 1 <nil>
}

// In a struct of the program's own the event has a field with a name. Embedded, its
// MarshalJSON would be that of the struct, and the other fields would be lost.
func ExampleEvent_json() {
	type alert struct {
		Level string        `json:"level"`
		Event doorlog.Event `json:"event"`
	}
	text := `{"level":"high","event":{"camera_id":"front_door","recorded_at":1772004600,"event_type":"ding"}}`
	var a alert
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a.Level, a.Event.Camera, a.Event.RecordedAt.Format(time.RFC3339))
	// Output: high front_door 2026-02-25T07:30:00Z
}
