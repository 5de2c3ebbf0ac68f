package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/household"
	"github.com/doorlog/doorlog/cmd/doorlog/internal/terminal"
)

const (
	maxDemoDays = 3650
	demoWriters = 16 // writes at the same moment share a commit
	demoRecent  = 10
)

func newDemoCommand(a *app) *cobra.Command {
	d := demo{app: a}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Fill a store with the days of a made-up household",
		Long: `Make up a household with four cameras, and write its last days: people who leave and
come home, deliveries, guests, pets, cars, strangers at night, and motions with nothing
in them. Every event has a drawn frame, and its boxes fit the things in the frame.

The store is events.db and thumbnails in the folder of --dir. The same seed makes the
same days, so running the demo again adds only what is new. No event is in the future: the
last day ends now. Days begin at midnight in --tz. A zone with another offset has another
household: in one folder the demo would mix the two.

--serve serves the store then, as "doorlog serve" does, and prints the address of the page
that shows it. While it runs the household goes on living: about every 20 seconds a camera
sees something that belongs to the hour. Ctrl-C ends it.`,
		Example: `  doorlog demo
  doorlog demo --serve
  doorlog demo --days 365 --seed 7 --dir /tmp/year`,
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"listen", "every"} {
				if cmd.Flags().Changed(name) && !d.serves {
					return misuse("--%s goes with --serve", name)
				}
			}
			d.listenSaid = cmd.Flags().Changed("listen")
			return d.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.IntVar(&d.days, "days", 30, "write the last `N` days, today included")
	f.Int64Var(&d.seed, "seed", 1, "`number` that the household is made from")
	f.StringVar(&d.dir, "dir", "demo", "`folder` of the store; it is made if it does not exist")
	f.BoolVar(&d.serves, "serve", false, "serve the store and its page then, and let the household go on living")
	f.StringVar(&d.listen, "listen", demoAddress, "with --serve: `address` to listen on; without this flag the next free port if this one is taken")
	f.DurationVar(&d.every, "every", 20*time.Second, "with --serve: mean `time` between two events, such as 5s")
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}

// A demo is one run of the command.
type demo struct {
	app  *app
	days int
	seed int64
	dir  string
	exe  string // the path of this program, "" if it is not known

	serves     bool
	listen     string
	listenSaid bool
	every      time.Duration

	elsewhere bool // THUMBNAILS_DIR names another folder than that of the demo

	house *household.Household
	store *doorlog.Store

	events, existing, detections atomic.Int64
}

// demoResult says what a run did.
type demoResult struct {
	Events     int     `json:"events"`
	Existing   int     `json:"existing"` // were there already
	Detections int     `json:"detections"`
	Thumbnails int     `json:"thumbnails"`
	Persons    int     `json:"persons"`
	Seconds    float64 `json:"seconds"`
	DBBytes    int64   `json:"db_bytes"`
	FileBytes  int64   `json:"thumbnail_bytes"` // of all thumbnails of the store
}

func (d *demo) dbPath() string       { return filepath.Join(d.dir, "events.db") }
func (d *demo) thumbnailDir() string { return filepath.Join(d.dir, "thumbnails") }

func (d *demo) run(ctx context.Context) (err error) {
	loc, err := d.check()
	if err != nil {
		return err
	}
	instead := "or use another --dir"
	if d.serves {
		instead = "or open the page that it serves, or use another --dir"
	}
	if err := d.app.needsFile(ctx, d.dbPath(), "demo", instead); err != nil {
		return err
	}
	var listener net.Listener
	if d.serves {
		if listener, err = d.openListener(ctx); err != nil {
			return err
		}
		defer func() { _ = listener.Close() }() // once more if the server has closed it
	}
	if err := os.MkdirAll(d.dir, 0o750); err != nil {
		return err
	}
	d.exe, _ = os.Executable() // to say how it can be called
	named, _ := d.app.setting("", "THUMBNAILS_DIR", "")
	d.elsewhere = named != ""
	d.house = household.New(d.seed, loc)
	d.store, err = d.app.open(d.dbPath(), &doorlog.Options{ThumbnailDir: d.thumbnailDir()}, d.app.patience)
	if err != nil {
		return explainLock(err)
	}
	defer func() { err = cmp.Or(err, d.store.Close()) }()
	result, err := d.write(ctx)
	if err != nil {
		return err
	}
	recent, err := d.store.Recent(ctx, demoRecent)
	if err != nil {
		return err
	}
	err = d.app.emit(result, func(w io.Writer) error { return d.report(w, result, recent, loc) })
	if err != nil || !d.serves {
		return err
	}
	return d.serve(ctx, listener)
}

// check refuses flags that make no sense.
func (d *demo) check() (*time.Location, error) {
	switch {
	case d.days < 1 || d.days > maxDemoDays:
		return nil, misuse("--days %d is not in 1..%d", d.days, maxDemoDays)
	case d.dir == "":
		return nil, misuse("--dir is empty")
	case d.serves && d.every <= 0:
		return nil, misuse("--every %v is no time between two events", d.every)
	case d.app.flags.db != "" || d.app.flags.thumbnails != "":
		return nil, misuse("the demo makes a store of its own: say where with --dir, not with --db or --thumbnails")
	}
	return d.app.location()
}

// write writes the persons and the days, and counts them.
func (d *demo) write(ctx context.Context) (r demoResult, err error) {
	begin := time.Now()
	before, _, err := filesIn(d.thumbnailDir())
	if err != nil {
		return r, err
	}
	if r.Persons, err = d.writePersons(ctx); err != nil {
		return r, err
	}
	if err := d.writeDays(ctx); err != nil {
		return r, err
	}
	r.Seconds = time.Since(begin).Seconds()
	r.Events, r.Existing, r.Detections = int(d.events.Load()), int(d.existing.Load()), int(d.detections.Load())
	r.Thumbnails, r.FileBytes, err = filesIn(d.thumbnailDir())
	if err != nil {
		return r, err
	}
	r.Thumbnails -= before
	db, err := os.Stat(d.dbPath())
	if err != nil {
		return r, err
	}
	r.DBBytes = db.Size()
	return r, nil
}

// writePersons adds the residents who are not in the store. The others stay unchanged,
// because somebody may have edited them.
func (d *demo) writePersons(ctx context.Context) (added int, err error) {
	for _, r := range household.Residents() {
		_, err := d.store.Person(ctx, r.Name)
		if err == nil {
			continue
		}
		if !errors.Is(err, doorlog.ErrNotFound) {
			return added, err
		}
		if _, err := d.store.PutPerson(ctx, r); err != nil {
			return added, err
		}
		added++
	}
	return added, nil
}

// writeDays passes the days, oldest first, to several writers. The first error ends all of
// them.
func (d *demo) writeDays(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan household.Sighting)
	var writers sync.WaitGroup
	for range demoWriters {
		writers.Go(func() {
			for s := range queue {
				if _, err := d.writeSighting(ctx, s); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	bar := d.app.progress(int64(d.days), "days")
	defer bar.Done()
	for day := range d.house.Days(d.days, d.app.now()) {
		if !enqueue(ctx, queue, day) {
			break
		}
		bar.Add(1)
	}
	close(queue)
	writers.Wait()
	return context.Cause(ctx)
}

// enqueue sends a day to the writers. It returns false if ctx ended before.
func enqueue(ctx context.Context, queue chan<- household.Sighting, day []household.Sighting) bool {
	for _, s := range day {
		select {
		case queue <- s:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// writeSighting draws the frame and writes the event, unless the store has it.
func (d *demo) writeSighting(ctx context.Context, s household.Sighting) (id doorlog.ID, err error) {
	e, err := d.store.EventByRecording(ctx, s.Event.Camera, s.Event.RecordingID)
	if err == nil {
		d.existing.Add(1)
		return e.ID, nil
	}
	if !errors.Is(err, doorlog.ErrNotFound) {
		return id, err
	}
	frame, detections, err := d.house.Picture(&s)
	if err != nil {
		return id, err
	}
	s.Event.Detections = detections
	s.Event.Reviewed = s.IsReviewed(d.app.now())
	e, existed, err := d.store.WriteEventOnce(ctx, s.Event, frame)
	switch {
	case err != nil:
		return id, err
	case existed:
		d.existing.Add(1)
	default:
		d.events.Add(1)
		d.detections.Add(int64(len(detections)))
	}
	return e.ID, nil
}

// report says what was written, shows the latest events, and suggests what to try.
func (d *demo) report(w io.Writer, r demoResult, recent []doorlog.Event, loc *time.Location) error {
	fmt.Fprintf(w, "%s: %s events, %s detections, %s thumbnails and %d persons written in %.1f s",
		terminal.Printable(d.dir), count(r.Events), count(r.Detections), count(r.Thumbnails), r.Persons, r.Seconds)
	if r.Events > 0 && r.Seconds > 0 {
		fmt.Fprintf(w, " (%.0f events a second)", float64(r.Events)/r.Seconds)
	}
	fmt.Fprintln(w)
	if r.Existing > 0 {
		fmt.Fprintln(w, plural(r.Existing, "event")+wereThere(r.Existing))
	}
	fmt.Fprintf(w, "on disk: %s of events, %s of thumbnails\n\nThe latest events:\n",
		size(r.DBBytes), size(r.FileBytes))
	if err := writeEventTable(w, recent, loc); err != nil {
		return err
	}
	id := "ID"
	if len(recent) > 0 {
		id = recent[0].ID.String()
	}
	doorlog, where := "doorlog", ""
	if strings.Contains(d.exe, string(filepath.Separator)+"go-build") { // "go run" puts programs there
		doorlog, where = "go run ./cmd/doorlog", ", from the root of the repository"
	}
	onDemo := fmt.Sprintf("%s --db %s", doorlog, shellWord(d.dbPath()))
	if d.elsewhere {
		onDemo += " --thumbnails " + shellWord(d.thumbnailDir())
	}
	page := fmt.Sprintf("\n  %s serve      # the page: http://%s", onDemo, demoAddress)
	if d.serves {
		page = ""
	}
	_, err := fmt.Fprintf(w, `
What to try next%[4]s:
  %[1]s recent --limit 5
  %[1]s get %[2]s
  %[1]s events --label cat --hours 22-6 --since 7d
  %[1]s stats
  %[1]s persons list
  %[1]s write --camera front_door --type ding --detection person:0.95
  %[1]s recent --jsonl > latest.jsonl
  %[3]s --db copy.db import latest.jsonl%[5]s
`, onDemo, id, doorlog, where, page)
	return err
}

// shellWord quotes a text that a shell might not read as one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("_./-", r)
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(terminal.Printable(s), "'", `'\''`) + "'"
}
