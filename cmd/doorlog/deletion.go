package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

const drawnCameras = 10

// A doomed is an event that is to be deleted.
type doomed struct {
	id         doorlog.ID
	camera     string
	detections int
	thumbnail  bool
	bytes      int64 // of the thumbnail
}

// A deletion says what was deleted, or would be.
type deletion struct {
	DryRun bool `json:"dry_run"`
	deleted
	By     []deletedOf `json:"by"`
	Pinned int         `json:"pinned"`
	Kept   int         `json:"kept"`
}

// deleted has the numbers of what was deleted.
type deleted struct {
	Events         int   `json:"events"`
	Detections     int   `json:"detections"`
	Thumbnails     int   `json:"thumbnails"`
	ThumbnailBytes int64 `json:"thumbnail_bytes"`
}

// deletedOf says what was deleted of one camera.
type deletedOf struct {
	Camera string `json:"camera_id"`
	deleted
	Oldest time.Time `json:"oldest"`
	Newest time.Time `json:"newest"`
}

func (d *deleted) add(e doomed) {
	d.Events++
	d.Detections += e.detections
	if e.thumbnail {
		d.Thumbnails++
		d.ThumbnailBytes += e.bytes
	}
}

// newDeletion returns the account of these events.
func newDeletion(events []doomed, pinned int) *deletion {
	d := &deletion{By: []deletedOf{}, Pinned: pinned}
	places := map[string]int{}
	for _, e := range events {
		d.add(e)
		at, ok := places[e.camera]
		if !ok {
			at = len(d.By)
			places[e.camera] = at
			d.By = append(d.By, deletedOf{Camera: e.camera, Oldest: e.id.Time(), Newest: e.id.Time()})
		}
		of := &d.By[at]
		of.add(e)
		if t := e.id.Time(); t.Before(of.Oldest) {
			of.Oldest = t
		} else if t.After(of.Newest) {
			of.Newest = t
		}
	}
	slices.SortFunc(d.By, func(a, b deletedOf) int {
		return cmp.Or(cmp.Compare(b.Events, a.Events), cmp.Compare(a.Camera, b.Camera))
	})
	return d
}

// what says what was deleted, as part of a sentence.
func (d *deletion) what() string {
	return fmt.Sprintf("%s and %s (%s)", plural(d.Events, "event"), plural(d.Thumbnails, "thumbnail"), size(d.ThumbnailBytes))
}

// draw writes the account for people.
func (d *deletion) draw(w io.Writer, loc *time.Location, cameras bool) error {
	did := "deleted"
	if d.DryRun {
		did = "would delete"
	}
	what := d.what()
	if d.Events == 0 {
		what = "nothing: " + noMatch
	} else if cameras {
		if err := d.drawCameras(w, loc); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	text := fmt.Sprintf("%s %s; %s kept", did, what, plural(d.Kept, "event"))
	if d.Pinned > 0 {
		text += fmt.Sprintf(", of which %d pinned", d.Pinned)
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// drawCameras writes a row for each of the first cameras.
func (d *deletion) drawCameras(w io.Writer, loc *time.Location) error {
	var rows [][]string
	for _, of := range d.By[:min(len(d.By), drawnCameras)] {
		rows = append(rows, []string{
			of.Camera, count(of.Events), count(of.Detections), count(of.Thumbnails), size(of.ThumbnailBytes),
			of.Oldest.In(loc).Format(minuteLayout), of.Newest.In(loc).Format(minuteLayout),
		})
	}
	header := []string{"CAMERA", "EVENTS", "DETECTIONS", "THUMBNAILS", "THEIR SIZE", "OLDEST", "NEWEST"}
	if err := terminal.WriteTable(w, header, rows); err != nil {
		return err
	}
	if left := len(d.By) - drawnCameras; left > 0 {
		fmt.Fprintf(w, "(and %s more)\n", plural(left, "camera"))
	}
	return nil
}
