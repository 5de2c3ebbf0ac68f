package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/client"
)

// notHere are the methods of a store that its client has not, and why.
var notHere = map[string]string{
	"View":          "a snapshot cannot be held over the network: Analytics and Known read one state",
	"Path":          "the file is on the machine of the server",
	"ThumbnailDir":  "the folder is on the machine of the server: Server tells it over a Unix socket",
	"ReadOnly":      "the server tells it with each write that it refuses",
	"SaveThumbnail": "no file waits for its event at the server: WriteEventWithFrame, and AddThumbnail",
	"DeleteEventIf": "a function cannot be sent: UpdateEvents and DeleteEvent",
}

// differs are the methods whose signature is another one than that of the store, and why.
var differs = map[string]string{
	"Consumer":     "its consumer is a client.Consumer",
	"FindConsumer": "its consumer is a client.Consumer",
}

// Whoever has a *doorlog.Store in an interface of their own can put a client there.
func TestAClientHasTheMethodsOfAStore(t *testing.T) {
	compare(t, reflect.TypeFor[*doorlog.Store](), reflect.TypeFor[*client.Client]())
	compare(t, reflect.TypeFor[*doorlog.Consumer](), reflect.TypeFor[*client.Consumer]())
}

func compare(t *testing.T, library, client reflect.Type) {
	t.Helper()
	for m := range library.Methods() {
		got, ok := client.MethodByName(m.Name)
		if ok == (notHere[m.Name] != "") {
			t.Errorf("%s: in the client: %t, in the list of what is not there: %q", m.Name, ok, notHere[m.Name])
		}
		if ok && differs[m.Name] == "" && signature(got.Type) != signature(m.Type) {
			t.Errorf("%s: %s, want %s", m.Name, signature(got.Type), signature(m.Type))
		}
	}
}

// signature returns the types of a method without its receiver.
func signature(f reflect.Type) string {
	var b strings.Builder
	for i := 1; i < f.NumIn(); i++ {
		b.WriteString(f.In(i).String() + ", ")
	}
	b.WriteString("-> ")
	for out := range f.Outs() {
		b.WriteString(out.String() + ", ")
	}
	return b.String()
}

// same fails the test unless the client gives what the store gives. An empty list may be nil.
func same[T any](t *testing.T, what string, got T, err error) func(want T, wantErr error) {
	t.Helper()
	return func(want T, wantErr error) {
		t.Helper()
		if err != nil || wantErr != nil || !reflect.DeepEqual(got, want) && !slices.Equal(marshal(t, got), marshal(t, want)) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v, %v", what, got, err, want, wantErr)
		}
	}
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReadsGiveWhatTheStoreGives(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	e := motion(5)
	e.RecordingID, e.Person, e.Attributes = "rec/1 %", "alice", map[string]string{"a=b": "c&d"}
	first, err := s.WriteEventWithFrame(ctx, e, frame(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		if _, err := s.WriteEvent(ctx, motion(10+i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.PutPerson(ctx, doorlog.PersonInput{Name: "a/b?"}); err != nil {
		t.Fatal(err)
	}
	q := doorlog.Query{Limit: 7, Offset: 2}
	got, err := c.Event(ctx, first.ID)
	same(t, "event", got, err)(s.Event(ctx, first.ID))
	got, err = c.EventByRecording(ctx, "front", "rec/1 %")
	same(t, "event by recording", got, err)(s.EventByRecording(ctx, "front", "rec/1 %"))
	picture, err := c.Thumbnail(ctx, first.ID)
	same(t, "thumbnail", picture, err)(s.Thumbnail(ctx, first.ID))
	for _, n := range []int{0, 5, 1000} {
		recent, err := c.Recent(ctx, n)
		same(t, "recent", recent, err)(s.Recent(ctx, n))
	}
	page, err := c.Page(ctx, q, "")
	same(t, "page", page, err)(s.Page(ctx, q, ""))
	next, err := c.Page(ctx, q, page.Next)
	same(t, "next page", next, err)(s.Page(ctx, q, page.Next))
	n, err := c.Count(ctx, q)
	same(t, "count", n, err)(s.Count(ctx, q))
	plan, err := c.Explain(ctx, q)
	same(t, "explain", plan, err)(s.Explain(ctx, q))
	cameras, err := c.Cameras(ctx)
	same(t, "cameras", cameras, err)(s.Cameras(ctx))
	types, err := c.Types(ctx)
	same(t, "types", types, err)(s.Types(ctx))
	persons, err := c.Persons(ctx)
	same(t, "persons", persons, err)(s.Persons(ctx))
	person, err := c.Person(ctx, "a/b?")
	same(t, "person", person, err)(s.Person(ctx, "a/b?"))
	names, err := c.AutoUnlockNames(ctx)
	same(t, "auto unlock", names, err)(s.AutoUnlockNames(ctx))
	stats, err := c.Stats(ctx)
	same(t, "stats", stats, err)(s.Stats(ctx))
	ghost, err := c.NewID(noon)
	if err != nil {
		t.Fatal(err)
	}
	known, err := c.Known(ctx, []doorlog.ID{first.ID, ghost, first.ID})
	if err != nil || len(known) == 0 || slices.Contains(known, ghost) {
		t.Errorf("known: %v, %v", known, err)
	}
}

func TestAnalyticsAreThoseOfTheStore(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	for i := range 30 {
		e := motion(i * 3000)
		e.Person = []string{"", "alice", "bob"}[i%3]
		if _, err := s.WriteEvent(ctx, e); err != nil {
			t.Fatal(err)
		}
	}
	for _, sc := range []doorlog.Scope{{}, {Camera: "front", Location: time.FixedZone("here", 5400), Since: noon.Add(-10 * time.Hour)}} {
		all, err := c.Analytics(ctx, sc)
		same(t, "analytics", all, err)(s.Analytics(ctx, sc))
		summary, err := c.Summary(ctx, sc)
		same(t, "summary", summary, err)(s.Summary(ctx, sc))
		heatmap, err := c.Heatmap(ctx, sc)
		same(t, "heatmap", heatmap, err)(s.Heatmap(ctx, sc))
		labels, err := c.LabelBreakdown(ctx, sc)
		same(t, "labels", labels, err)(s.LabelBreakdown(ctx, sc))
		days, err := c.Timeline(ctx, sc)
		same(t, "timeline", days, err)(s.Timeline(ctx, sc))
		day := doorlog.Scope{Camera: sc.Camera, Since: noon.Add(-10 * time.Hour), Until: noon.Add(14 * time.Hour)}
		quarters, err := c.Quarters(ctx, day)
		same(t, "quarters", quarters, err)(s.Quarters(ctx, day))
		hours, err := c.PeakHours(ctx, sc)
		same(t, "hours", hours, err)(s.PeakHours(ctx, sc))
		visits, err := c.PersonActivity(ctx, sc)
		same(t, "activity", visits, err)(s.PersonActivity(ctx, sc))
	}
}

func TestWritesAreStored(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	check := func(what string, got doorlog.Event, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		same(t, what, got, err)(s.Event(ctx, got.ID))
	}
	e, err := c.WriteEvent(ctx, motion(1))
	check("write", e, err)
	e, err = c.WriteEventWithFrame(ctx, motion(2), frame(t))
	check("with frame", e, err)
	if e.ThumbnailPath == "" || e.FrameWidth != 320 {
		t.Errorf("the frame: %+v", e)
	}
	e, err = c.WriteEventWithFrame(ctx, motion(3), []byte("no picture"))
	check("with a bad frame", e, err)
	recorded := motion(4)
	recorded.RecordingID = "r"
	for i := range 2 {
		var existed bool
		e, existed, err = c.WriteEventOnce(ctx, recorded, frame(t))
		check("once", e, err)
		if existed != (i > 0) {
			t.Errorf("existed: %t", existed)
		}
	}
	many, err := c.WriteEvents(ctx, []doorlog.Event{motion(5), motion(5)})
	if err != nil || len(many) != 2 || many[0].ID.Compare(many[1].ID) >= 0 {
		t.Fatalf("%+v, %v", many, err)
	}
	check("many", many[1], err)
	framed, err := c.WriteEventsWithFrames(ctx, []doorlog.Event{motion(6), motion(7)}, [][]byte{nil, frame(t)})
	if err != nil || framed[0].ThumbnailPath != "" || framed[1].ThumbnailPath == "" {
		t.Fatalf("%+v, %v", framed, err)
	}
	_, existed, err := c.WriteEventsOnce(ctx, []doorlog.Event{recorded, {RecordingID: "s", Camera: "front", Type: "x", RecordedAt: noon}}, nil)
	if err != nil || !slices.Equal(existed, []bool{true, false}) {
		t.Errorf("%v, %v", existed, err)
	}
	e, err = c.AddThumbnail(ctx, framed[0].ID, frame(t))
	check("add a thumbnail", e, err)
	if _, err := c.AddThumbnail(ctx, e.ID, frame(t)); !errors.Is(err, doorlog.ErrExists) {
		t.Error(err)
	}
	if none, err := c.WriteEvents(ctx, nil); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

func TestEventsAreChangedAndDeleted(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	e, err := c.WriteEvent(ctx, motion(1))
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := func() doorlog.Event {
		t.Helper()
		is, err := s.Event(ctx, e.ID)
		must(err)
		return is
	}
	must(c.Pin(ctx, e.ID))
	must(c.MarkAlertSent(ctx, e.ID))
	must(c.MarkReviewed(ctx, e.ID))
	if is := now(); !is.Pinned || !is.AlertSent || !is.Reviewed {
		t.Errorf("%+v", is)
	}
	must(c.Unpin(ctx, e.ID))
	e.Person = "alice"
	must(c.UpdateEvent(ctx, e))
	if is := now(); is.Pinned || is.AlertSent || is.Person != "alice" {
		t.Errorf("%+v", is)
	}
	calls := 0
	stored, err := c.UpdateEvents(ctx, []doorlog.ID{e.ID, e.ID}, func(is *doorlog.Event) error {
		if calls++; calls == 1 { // somebody else is faster
			must(s.Pin(ctx, e.ID))
		}
		is.Person = strings.ToUpper(is.Person)
		return nil
	})
	if err != nil || calls != 2 || len(stored) != 2 || !stored[0].Pinned || stored[1].Person != "ALICE" {
		t.Errorf("%+v, %v after %d calls", stored, err, calls)
	}
	must(c.DeleteEvent(ctx, e.ID))
	if err := c.DeleteEvent(ctx, e.ID); !errors.Is(err, doorlog.ErrNotFound) {
		t.Error(err)
	}
}

func TestPersonsAreKept(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	p, err := c.PutPerson(ctx, doorlog.PersonInput{Name: "mary_ann", AutoUnlock: new(false)})
	same(t, "person", p, err)(s.Person(ctx, "mary_ann"))
	if err := c.SetAutoUnlock(ctx, "mary_ann", true); err != nil {
		t.Error(err)
	}
	if is, err := s.Person(ctx, "mary_ann"); err != nil || !is.AutoUnlock {
		t.Errorf("%+v, %v", is, err)
	}
	dir := t.TempDir()
	for _, name := range []string{"bob_1.jpg", "x.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sync, err := c.SyncPersons(ctx, dir)
	if err != nil || !slices.Equal(sync.Added, []string{"bob"}) || !slices.Equal(sync.Skipped, []string{"x.txt"}) {
		t.Errorf("%+v, %v", sync, err)
	}
	if _, err := c.SyncPersons(ctx, filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	e := motion(1)
	e.Person = "bob"
	if _, err := s.WriteEvent(ctx, e); err != nil {
		t.Fatal(err)
	}
	renamed, err := c.RenamePerson(ctx, "bob", "rob")
	if err != nil || renamed.Events != 1 || !renamed.Known {
		t.Errorf("%+v, %v", renamed, err)
	}
	if renamed, err = c.RenameCamera(ctx, "front", "back"); err != nil || renamed.Events != 1 {
		t.Errorf("%+v, %v", renamed, err)
	}
	erased, err := c.ErasePerson(ctx, "rob", doorlog.EraseEvents)
	if err != nil || erased.Events != 1 || erased.How != doorlog.EraseEvents {
		t.Errorf("%+v, %v", erased, err)
	}
	if err := c.DeletePerson(ctx, "mary_ann"); err != nil {
		t.Error(err)
	}
	if left, err := s.Persons(ctx); err != nil || len(left) != 0 {
		t.Errorf("%+v, %v", left, err)
	}
}

func TestAStoreIsLookedAfter(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	for i := range 10 {
		if _, err := c.WriteEventWithFrame(ctx, motion(i*1000), frame(t)); err != nil {
			t.Fatal(err)
		}
	}
	seen := make(map[string]int)
	ctx = doorlog.WithProgress(ctx, func(p doorlog.Progress) { seen[p.Doing]++ })
	v, err := c.Verify(ctx)
	same(t, "verify", v, err)(s.Verify(t.Context()))
	policy := doorlog.Policy{MaxEvents: 6}
	would, err := c.WouldPrune(ctx, policy)
	same(t, "would prune", would, err)(s.WouldPrune(t.Context(), policy))
	pruned, err := c.Prune(ctx, policy)
	if err != nil || pruned.Events != 4 || pruned.Kept != 6 {
		t.Errorf("%+v, %v", pruned, err)
	}
	if compacted, err := c.Compact(ctx); err != nil || compacted.Before == 0 {
		t.Errorf("%+v, %v", compacted, err)
	}
	forgotten, err := c.WouldForgetMissing(ctx, nil)
	same(t, "would forget", forgotten, err)(s.WouldForgetMissing(t.Context(), nil))
	if _, err := c.ForgetMissing(ctx, &doorlog.ForgetOptions{Folders: true}); err != nil {
		t.Error(err)
	}
	for _, doing := range []string{"verifying", "pruning", "compacting"} {
		if seen[doing] == 0 {
			t.Errorf("no report of %q among %v", doing, slices.Collect(maps.Keys(seen)))
		}
	}
}

func TestABackupCanBeRestored(t *testing.T) {
	s, c := storeAndClient(t)
	ctx := t.Context()
	e, err := c.WriteEventWithFrame(ctx, motion(1), frame(t))
	if err != nil {
		t.Fatal(err)
	}
	var backup bytes.Buffer
	finished := false
	info, err := c.Backup(ctx, &backup, &doorlog.BackupOptions{Verify: true, Finish: func(info *doorlog.BackupInfo) error {
		finished = true
		if stats, err := s.Stats(ctx); err != nil || !stats.LastBackup.IsZero() {
			t.Errorf("the backup is recorded too early: %v, %v", stats.LastBackup, err)
		}
		if info.Bytes != int64(backup.Len()) || info.Events != 1 || info.Thumbnails != 1 {
			t.Errorf("%+v of %d bytes", info, backup.Len())
		}
		return nil
	}})
	if err != nil || !finished {
		t.Fatalf("%+v, %v", info, err)
	}
	if stats, err := s.Stats(ctx); err != nil || !stats.LastBackup.Equal(info.Time) {
		t.Errorf("the last backup is of %v, want %v, %v", stats.LastBackup, info.Time, err)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	if _, err := doorlog.Restore(ctx, dir, &backup, nil); err != nil {
		t.Fatal(err)
	}
	restored, err := doorlog.Open(filepath.Join(dir, "events.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	got, err := restored.Event(ctx, e.ID)
	same(t, "restored", got, err)(e, nil)

	sorry := errors.New("not good enough")
	_, err = c.Backup(ctx, &backup, &doorlog.BackupOptions{Finish: func(*doorlog.BackupInfo) error { return sorry }})
	if !errors.Is(err, sorry) {
		t.Error(err)
	}
	_, err = c.Backup(ctx, fullDisk{}, nil)
	if !errors.Is(err, doorlog.ErrFull) || errors.Is(err, client.ErrUnreachable) {
		t.Error(err)
	}
	_, want := s.Backup(ctx, fullDisk{}, nil)
	if err.Error() != want.Error() {
		t.Errorf("%q, want %q as of the library", err, want)
	}
}

// A fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, doorlog.ErrFull }

func TestAClosedClientIsClosed(t *testing.T) {
	s, c := storeAndClient(t)
	ended := make(chan error)
	at, err := s.Cursor(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	go func() { ended <- c.AwaitChange(context.Background(), at) }()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, doorlog.ErrClosed) {
		t.Error(err)
	}
	if _, err := c.Stats(t.Context()); !errors.Is(err, doorlog.ErrClosed) {
		t.Error(err)
	}
}

// A function that panics is not called again, and harms nobody.
func TestAProgressHookThatPanicsIsDropped(t *testing.T) {
	_, c := storeAndClient(t)
	calls := 0
	ctx := doorlog.WithProgress(t.Context(), func(doorlog.Progress) {
		calls++
		panic("sorry")
	})
	if v, err := c.Verify(ctx); err != nil || !v.Sound() || calls != 1 {
		t.Errorf("%+v, %v after %d calls", v, err, calls)
	}
}
