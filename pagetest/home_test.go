package pagetest_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
	"github.com/doorlog/doorlog/web"
)

// A home is a store and a server of it. Its days are those before today, in UTC, and today as far as it has
// come: see writeHousehold.
type home struct {
	Store *doorlog.Store
	Path  string // of the store's file
	URL   string // of the page, with / at its end

	t       testing.TB
	options web.Options
	end     func() // stops the server; nil: there is none
}

// A homeOption changes a home before it is opened.
type homeOption func(*homeOptions)

type homeOptions struct {
	web   web.Options
	store doorlog.Options
	dir   string // another store than that of the household
}

// withTokens has the server ask for a token.
func withTokens(o *homeOptions) { o.web.RequireToken = true }

// of has the home use a store that there is, not a copy of the household's.
func of(dir string) homeOption { return func(o *homeOptions) { o.dir = dir } }

// newHome opens a store of its own for a test, and serves it.
func newHome(t testing.TB, options ...homeOption) *home {
	t.Helper()
	if browser == nil {
		missing(t, pagetest.ErrNoBrowser.Error())
	}
	o := homeOptions{}
	for _, set := range options {
		set(&o)
	}
	if o.dir == "" {
		o.dir = t.TempDir()
		if err := os.CopyFS(o.dir, os.DirFS(template(t))); err != nil {
			t.Fatal(err)
		}
	}
	h := &home{t: t, Path: filepath.Join(o.dir, "events.db"), URL: "http://127.0.0.1:0/", options: o.web}
	st, err := doorlog.Open(h.Path, &o.store)
	if err != nil {
		t.Fatal(err)
	}
	h.Store = st
	t.Cleanup(func() {
		h.stop()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	h.start()
	return h
}

// start serves the store, at the same address as before.
func (h *home) start() {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	options := &web.ServeOptions{
		Options: h.options, Socket: "-", Addresses: []string{h.URL[len("http://") : len(h.URL)-1]},
		Ready: func(at []net.Addr) { ready <- at[0] },
	}
	go func() { ended <- web.Serve(ctx, h.Store, options) }()
	select {
	case at := <-ready:
		h.URL = "http://" + at.String() + "/"
	case err := <-ended:
		cancel()
		h.t.Fatal(err)
	}
	h.end = func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Error(err)
		}
	}
}

// stop ends the server; the store stays open.
func (h *home) stop() {
	if h.end != nil {
		h.end()
		h.end = nil
	}
}

// token makes a token and returns its secret.
func (h *home) token(name string, grant web.Grant) string {
	h.t.Helper()
	_, secret, err := web.OpenTokens(web.TokensPath(h.Path)).Add(name, grant)
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// write stores an event as a camera does, with a frame if it has a size. What is not given is a motion at the
// front door, now.
func (h *home) write(e doorlog.Event) doorlog.Event {
	h.t.Helper()
	if e.Camera == "" {
		e.Camera = "front_door"
	}
	if e.Type == "" {
		e.Type = doorlog.Motion
	}
	if e.RecordedAt.IsZero() {
		e.RecordedAt = time.Now()
	}
	var frame []byte
	if e.FrameWidth > 0 {
		frame = drawFrame(&e)
	}
	stored, err := h.Store.WriteEventWithFrame(context.Background(), e, frame)
	if err != nil {
		h.t.Fatal(err)
	}
	return stored
}

// newest returns the newest event of the store that fits a query.
func (h *home) newest(q doorlog.Query) *doorlog.Event {
	h.t.Helper()
	for e, err := range h.Store.Events(context.Background(), q) {
		if err != nil {
			h.t.Fatal(err)
		}
		return &e
	}
	h.t.Fatalf("no event of %+v", q)
	return nil
}

var templateOf struct {
	sync.Once
	dir string
	err error
}

// template returns the folder of the store of which each test has a copy.
func template(t testing.TB) string {
	t.Helper()
	templateOf.Do(func() {
		if templateOf.dir, templateOf.err = os.MkdirTemp("", "doorlog-pagetest-"); templateOf.err == nil {
			templateOf.err = writeHousehold(filepath.Join(templateOf.dir, "events.db"), time.Now())
		}
	})
	if templateOf.err != nil {
		t.Fatal(templateOf.err)
	}
	return templateOf.dir
}

func removeTemplate() { _ = os.RemoveAll(templateOf.dir) }

// A moment is something that happens at the same time of each day.
type moment struct {
	hour, minute int
	doorlog.Event
}

// householdDay is what happens on each day.
func householdDay() []moment {
	seen := func(labels ...string) (all []doorlog.Detection) {
		for i, label := range labels {
			x := float64(60 + 200*i)
			all = append(all, doorlog.Detection{Label: label, Confidence: 0.91 - 0.1*float64(i), Box: &doorlog.Box{X1: x, Y1: 80, X2: x + 150, Y2: 340}})
		}
		return all
	}
	door := func(camera, person string, action doorlog.DoorAction, how doorlog.Method, labels ...string) doorlog.Event {
		e := doorlog.Event{Camera: camera, Type: doorlog.Motion, Person: person, Door: action, Method: how, Detections: seen(labels...)}
		if person != "" {
			e.FaceConfidence, e.FaceDistance = new(0.93), new(0.31)
		}
		e.UnlockGranted = action == doorlog.Unlocked
		return e
	}
	plain := func(camera string, kind doorlog.EventType, labels ...string) doorlog.Event {
		return doorlog.Event{Camera: camera, Type: kind, Detections: seen(labels...)}
	}
	return []moment{
		{2, 40, door("front_door", "", doorlog.Unlocked, doorlog.MethodKeypad, "person")}, // nobody knows who
		{3, 12, plain("backyard", doorlog.Motion, "cat")},
		{5, 30, plain("driveway", doorlog.Motion)}, // nothing in it
		{7, 5, door("front_door", "alice", doorlog.Locked, doorlog.MethodFace, "person")},
		{7, 6, plain("driveway", doorlog.Motion, "person", "car")},
		{8, 15, door("front_door", "bob", doorlog.Locked, doorlog.MethodFace, "person", "dog")},
		{9, 50, plain("front_door", doorlog.Ding, "person", "package")},
		{9, 51, plain("front_door", doorlog.OnDemand, "person")},
		{11, 20, door("front_door", "", doorlog.Failed, doorlog.MethodFace, "person")}, // a stranger is refused
		{11, 21, door("front_door", "", doorlog.Failed, doorlog.MethodKeypad, "person")},
		{12, 30, door("front_door", "bob", doorlog.Unlocked, doorlog.MethodFace, "person", "dog")},
		{13, 0, plain("backyard", doorlog.Motion, "dog")},
		{14, 45, door("garage", "alice", doorlog.Jammed, doorlog.MethodApp, "car")},
		{15, 10, plain("driveway", doorlog.Motion, "car")},
		{16, 0, plain("backyard", doorlog.Motion, "bird")},
		{17, 40, door("front_door", "alice", doorlog.Unlocked, doorlog.MethodFace, "person")},
		{18, 5, door("front_door", "carol", doorlog.Unlocked, doorlog.MethodKeypad, "person")},
		{19, 30, plain("driveway", doorlog.Motion, "cat")},
		{22, 15, plain("front_door", doorlog.Motion, "person")},
		{23, 50, plain("backyard", doorlog.Motion, "fox")},
	}
}

// pastDays is how many whole days before today the household has.
const pastDays = 6

// writeHousehold makes a store: alice and bob live there, carol is a guest who has to ring or use her code. What
// happens on each day is householdDay, at the same times, in UTC. All but the last day are reviewed. The newest
// event is always alice's, who came home some seconds ago.
func writeHousehold(path string, now time.Time) error {
	ctx := context.Background()
	st, err := doorlog.Open(path, nil)
	if err != nil {
		return err
	}
	for _, in := range []doorlog.PersonInput{
		{Name: "alice", DisplayName: "Alice"}, {Name: "bob", DisplayName: "Bob"}, {Name: "carol", DisplayName: "Carol", AutoUnlock: new(false)},
	} {
		if _, err := st.PutPerson(ctx, in); err != nil {
			return err
		}
	}
	var events []doorlog.Event
	var frames [][]byte
	add := func(e doorlog.Event, at time.Time) {
		e.RecordedAt, e.FrameWidth, e.FrameHeight = at, 640, 360
		e.Reviewed = now.Sub(at) > 24*time.Hour
		if len(e.Detections) == 2 {
			e.Attributes = map[string]string{"zone": "porch"}
		}
		events, frames = append(events, e), append(frames, drawFrame(&e))
	}
	midnight := now.UTC().Truncate(24 * time.Hour)
	for day := -pastDays; day <= 0; day++ {
		for _, m := range householdDay() {
			at := midnight.AddDate(0, 0, day).Add(time.Duration(m.hour)*time.Hour + time.Duration(m.minute)*time.Minute + 7*time.Second)
			if at.Before(now.Add(-time.Minute)) {
				add(m.Event, at)
			}
		}
	}
	home := householdDay()[15].Event
	add(home, now.Add(-30*time.Second))
	if _, err := st.WriteEventsWithFrames(ctx, events, frames); err != nil {
		return fmt.Errorf("write the household: %w", err)
	}
	return st.Close()
}

var frameColours = []color.RGBA{{0xd9, 0x7b, 0x4f, 0xff}, {0x4f, 0x8a, 0xd9, 0xff}, {0x6b, 0xa3, 0x5c, 0xff}}

// drawFrame draws a picture with a patch of colour in each box.
func drawFrame(e *doorlog.Event) []byte {
	frame := image.NewRGBA(image.Rect(0, 0, e.FrameWidth, e.FrameHeight))
	light := uint8(40)
	if hour := e.RecordedAt.UTC().Hour(); hour > 6 && hour < 20 {
		light = 190
	}
	draw.Draw(frame, frame.Bounds(), &image.Uniform{color.RGBA{light, light, light + 20, 0xff}}, image.Point{}, draw.Src)
	for i, d := range e.Detections {
		if d.Box != nil {
			patch := image.Rect(int(d.Box.X1), int(d.Box.Y1), int(d.Box.X2), int(d.Box.Y2))
			draw.Draw(frame, patch, &image.Uniform{frameColours[i%len(frameColours)]}, image.Point{}, draw.Src)
		}
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, frame, &jpeg.Options{Quality: 70}); err != nil {
		panic(err) // writing to a buffer never fails
	}
	return out.Bytes()
}
