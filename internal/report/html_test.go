package report_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/report"
)

var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return loc
}()

const nasty = `<script>alert(1)</script>"'&`

// aStore returns a store with an event of each kind that a report tells apart, of which the first is at noon of UTC.
func aStore(t *testing.T) (st *doorlog.Store, events []doorlog.Event) {
	t.Helper()
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := st.PutPerson(t.Context(), doorlog.PersonInput{Name: "mary_ann", DisplayName: "Mary Ann <3"}); err != nil {
		t.Fatal(err)
	}
	var frame bytes.Buffer
	if err := jpeg.Encode(&frame, image.NewRGBA(image.Rect(0, 0, 64, 36)), nil); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 2, 25, 12, 0, 0, 0, time.UTC)
	box := &doorlog.Box{X1: -5, Y1: 2.5, X2: 30, Y2: 99}
	for i, in := range []struct {
		doorlog.Event
		frame []byte
	}{
		{doorlog.Event{
			Camera: "front_door", Type: doorlog.Motion, Person: "mary_ann", Door: doorlog.Unlocked, Method: doorlog.MethodFace, UnlockGranted: true,
			FaceConfidence: new(0.987), FaceDistance: new(0.25), FrameWidth: 64, FrameHeight: 36,
			Detections: []doorlog.Detection{{Label: "person", Confidence: 0.5, Box: box}, {Label: "dog", Confidence: 1}},
		}, frame.Bytes()},
		{doorlog.Event{Camera: nasty, Type: doorlog.Ding, Door: doorlog.Failed, Attributes: map[string]string{nasty: nasty}}, nil},
		{doorlog.Event{Camera: "front_door", Type: doorlog.Motion, Door: doorlog.Jammed}, frame.Bytes()}, // its picture is deleted below
		{doorlog.Event{Camera: "front_door", Type: "delivery"}, frame.Bytes()},                           // its picture is overwritten below
	} {
		in.RecordedAt = at.Add(time.Duration(i) * 8 * time.Hour)
		e, err := st.WriteEventWithFrame(t.Context(), in.Event, in.frame)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if err := os.Remove(filepath.Join(st.ThumbnailDir(), filepath.FromSlash(events[2].ThumbnailPath))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(st.ThumbnailDir(), filepath.FromSlash(events[3].ThumbnailPath)), []byte("<html>no picture"), 0o600); err != nil {
		t.Fatal(err)
	}
	return st, events
}

func htmlOf(t *testing.T, src report.Source, q doorlog.Query, o report.Options) (string, report.Sum) {
	t.Helper()
	var out strings.Builder
	sum, err := report.HTML(t.Context(), &out, src, q, &o)
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), sum
}

func wants(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in\n%s", part, text)
		}
	}
}

// checkTags fails unless all elements are closed in their order.
func checkTags(t *testing.T, text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.AutoClose, d.Entity = xml.HTMLAutoClose, xml.HTMLEntity
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			open = append(open, token.Name.Local)
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != token.Name.Local {
				t.Fatalf("</%s> within %v", token.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("%v are not closed", open)
	}
}

func TestAReportHasWhatWasAskedForAndEachEvent(t *testing.T) {
	st, events := aStore(t)
	since := events[0].RecordedAt.Add(-time.Hour)
	q := doorlog.Query{Since: since, Doors: []doorlog.DoorAction{doorlog.Unlocked, doorlog.Failed, doorlog.Jammed}, OldestFirst: true}
	text, sum := htmlOf(t, st, q, report.Options{Location: berlin, Made: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), StoreID: "STORE"})
	if sum != (report.Sum{Events: 3, Pictures: 1, Missing: 1}) {
		t.Errorf("it says %+v", sum)
	}
	checkTags(t, text)
	wants(t, text,
		`<html lang="en">`, "from Wednesday, 25 February 2026, 12:00:00 (UTC&#43;01:00)", "<dd>Unlocked, Refused, Jammed</dd>", "<dd>Europe/Berlin</dd>",
		"Sunday, 1 March 2026, 10:00:00 (UTC&#43;01:00)", "<dd>STORE</dd>", "<dt>Events</dt><dd>3</dd>", "<b>1</b> Unlocked", "<b>1</b> Jammed", "<b>1</b> Refused",
		`id="day-2026-02-25"`, `id="day-2026-02-26"`, `<time datetime="2026-02-25T13:00:00&#43;01:00">13:00:00 (UTC&#43;01:00)</time>`,
		"<dd>Mary Ann &lt;3</dd>", "98.7% sure, distance 0.250", "<dt>How</dt><dd>Face</dd>", "<dt>Let in</dt><dd>yes</dd>", "<dd>Front door</dd>", "Person 50.0%, Dog 100.0%",
		`src="data:image/jpeg;base64,`, `viewBox="0 0 64 36"`, `d="M0 2.5H30V36H0Z"`, "The picture is not there any more.", "No picture was taken.",
		"End of the report: 3 events.", events[1].ID.String(),
	)
	if strings.Contains(text, "<script") || strings.Contains(text, "Content-Security-Policy\" content=\"\"") {
		t.Error("there is a script in it")
	}
	if !strings.HasSuffix(text, "</html>\n") {
		t.Error("it does not end")
	}
	picture, err := st.Thumbnail(t.Context(), events[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, text, strings.ReplaceAll(base64.StdEncoding.EncodeToString(picture), "+", "&#43;"))
}

func TestAReportInGerman(t *testing.T) {
	st, _ := aStore(t)
	text, sum := htmlOf(t, st, doorlog.Query{}, report.Options{Language: "de", Location: berlin, Made: time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)})
	checkTags(t, text)
	wants(t, text, `<html lang="de">`, "Wer an der Tür war", "alles, bis der Bericht erstellt wurde", "Mittwoch, 1. Juli 2026, 11:00:00 (UTC&#43;02:00)", "zu 98,7 % sicher, Abstand 0,250", "Person 50,0 %, Hund 100,0 %",
		"Das Bild ist nicht mehr da.", "Das Bild ist nicht lesbar.", "Ende des Berichts: 4 Ereignisse.", "Neueste zuerst")
	if sum.Missing != 2 || strings.Index(text, "day-2026-02-26") > strings.Index(text, "day-2026-02-25") {
		t.Errorf("it says %+v", sum)
	}
	text, _ = htmlOf(t, st, doorlog.Query{Cameras: []string{"nowhere"}}, report.Options{Language: "de"})
	checkTags(t, text)
	wants(t, text, "Es wurde nichts aufgezeichnet", "Ende des Berichts: 0 Ereignisse.")
}

// Each condition that a query can have is told, with a name in both languages.
func TestEachConditionIsTold(t *testing.T) {
	st, _ := aStore(t)
	yes := true
	q := doorlog.Query{
		Cameras: []string{"front_door"}, Types: []doorlog.EventType{doorlog.Ding}, Doors: []doorlog.DoorAction{doorlog.NoAction}, Methods: []doorlog.Method{doorlog.MethodKey},
		Persons: []string{"mary_ann"}, Labels: []string{"dog"}, MinConfidence: 0.5, UnlockGranted: &yes, AlertSent: &yes, HasThumbnail: &yes, Pinned: &yes, Reviewed: &yes,
		Attributes: map[string][]string{"zone": {"true"}}, RecordingID: "false", Since: time.Unix(0, 0), Until: time.Unix(1e9, 0),
		Hours: &doorlog.Hours{From: 22, Until: 6}, Weekdays: []time.Weekday{time.Saturday},
	}
	for _, language := range report.Languages() {
		text, _ := htmlOf(t, st, q, report.Options{Language: language})
		if strings.Contains(text, "<dt></dt>") {
			t.Errorf("%s: a condition has no name:\n%s", language, text)
		}
		wants(t, text, "Mary Ann &lt;3", map[string]string{"en": "<dd>Dog</dd>", "de": "<dd>Hund</dd>"}[language], "0.5", "zone=true", "<dd>false</dd>", "22-6")
	}
	q.Persons, q.Stranger = nil, &yes
	text, _ := htmlOf(t, st, q, report.Options{NoPictures: true})
	wants(t, text, "<dt>Without a known person</dt><dd>yes</dd>", "<dd>Saturday</dd>")
}

func TestPicturesCanBeLeftOut(t *testing.T) {
	st, _ := aStore(t)
	text, sum := htmlOf(t, st, doorlog.Query{}, report.Options{NoPictures: true})
	if sum != (report.Sum{Events: 4}) || strings.Contains(text, "<img") {
		t.Errorf("it says %+v", sum)
	}
	wants(t, text, "Pictures were left out.", "No picture was taken.")
}

// A broken source has errors where it is told to.
type broken struct {
	*doorlog.Store
	after   int // this many events
	picture error
}

var errBroken = errors.New("broken")

func (b broken) Events(ctx context.Context, q doorlog.Query) iter.Seq2[doorlog.Event, error] {
	return func(yield func(doorlog.Event, error) bool) {
		n := 0
		for e, err := range b.Store.Events(ctx, q) {
			if n == b.after {
				yield(doorlog.Event{}, errBroken)
				return
			}
			if n++; !yield(e, err) {
				return
			}
		}
	}
}

func (b broken) Thumbnail(context.Context, doorlog.ID) ([]byte, error) { return nil, b.picture }

func TestAReportThatFailsDoesNotLookWhole(t *testing.T) {
	st, _ := aStore(t)
	for _, write := range []func(context.Context, io.Writer, report.Source, doorlog.Query, *report.Options) (report.Sum, error){report.HTML, report.CSV} {
		var out strings.Builder
		sum, err := write(t.Context(), &out, broken{Store: st, after: 2, picture: fs.ErrPermission}, doorlog.Query{}, &report.Options{})
		if !errors.Is(err, errBroken) || sum.Events != 2 || strings.Contains(out.String(), "End of the report") {
			t.Errorf("%+v, %v", sum, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := report.HTML(ctx, io.Discard, st, doorlog.Query{}, &report.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("it was not interrupted: %v", err)
	}
}

// A busy source gets an event when its events have been counted.
type busy struct{ *doorlog.Store }

func (b busy) Events(ctx context.Context, q doorlog.Query) iter.Seq2[doorlog.Event, error] {
	return func(yield func(doorlog.Event, error) bool) {
		if _, err := b.WriteEvent(ctx, doorlog.Event{Camera: "c", Type: doorlog.Motion, RecordedAt: time.Unix(1, 0)}); err != nil {
			yield(doorlog.Event{}, err)
			return
		}
		b.Store.Events(ctx, q)(yield)
	}
}

func TestAReportWhoseNumbersDifferSaysSo(t *testing.T) {
	st, _ := aStore(t)
	const differ = "so the numbers at its beginning differ."
	if text, _ := htmlOf(t, st, doorlog.Query{}, report.Options{}); strings.Contains(text, differ) {
		t.Error("nobody wrote")
	}
	text, _ := htmlOf(t, busy{st}, doorlog.Query{}, report.Options{})
	wants(t, text, "<dt>Events</dt><dd>4</dd>", "End of the report: 5 events.", differ)
}

func TestTheNameOfTheFileHasItsDays(t *testing.T) {
	made := time.Date(2026, 3, 9, 23, 30, 0, 0, time.UTC)
	day := func(d int) time.Time { return time.Date(2026, 3, d, 0, 0, 0, 0, berlin) }
	for _, c := range []struct {
		q    doorlog.Query
		want string
	}{
		{doorlog.Query{}, "doorlog-to-2026-03-10.csv"},
		{doorlog.Query{Since: day(2)}, "doorlog-2026-03-02-to-2026-03-10.csv"},
		{doorlog.Query{Since: day(2), Until: day(5)}, "doorlog-2026-03-02-to-2026-03-04.csv"},
		{doorlog.Query{Since: day(2), Until: day(3)}, "doorlog-2026-03-02.csv"},
		{doorlog.Query{Until: day(3)}, "doorlog-to-2026-03-02.csv"},
	} {
		if got := report.FileName(c.q, report.FormatCSV, berlin, made); got != c.want {
			t.Errorf("%+v has the name %s, want %s", c.q, got, c.want)
		}
	}
}

// A report of many events is written as they are read.
func TestAReportIsWrittenAsItIsRead(t *testing.T) {
	st, _ := aStore(t)
	many := make([]doorlog.Event, 2000)
	for i := range many {
		many[i] = doorlog.Event{Camera: "c", Type: doorlog.Motion, RecordedAt: time.Unix(int64(i), 0)}
	}
	if _, err := st.WriteEvents(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	var out counter
	half := 0
	o := report.Options{Each: func(sum report.Sum) {
		if sum.Events == len(many)/2 {
			half = out.n
		}
	}}
	if sum, err := report.HTML(t.Context(), &out, st, doorlog.Query{OldestFirst: true}, &o); err != nil || sum.Events != 2004 {
		t.Fatal(sum, err)
	}
	if kept := out.n/2 - half; kept > 128<<10 {
		t.Errorf("%d bytes were kept", kept)
	}
}

type counter struct{ n int }

func (c *counter) Write(p []byte) (int, error) {
	c.n += len(p)
	return len(p), nil
}
