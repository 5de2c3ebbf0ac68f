package doorlog_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	_ "image/jpeg"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

func (s *testStore) writeFrame(t testing.TB, e doorlog.Event, frame []byte) doorlog.Event {
	t.Helper()
	id, err := idOf(s.WriteEventWithFrame(t.Context(), e, frame))
	if err != nil {
		t.Fatal(err)
	}
	return s.event(t, id)
}

// files returns the files below the thumbnail folder.
func (s *testStore) files(t testing.TB) (names []string) {
	t.Helper()
	err := filepath.WalkDir(s.thumbs, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, rerr := filepath.Rel(s.thumbs, path)
			names, err = append(names, filepath.ToSlash(name)), rerr
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return names
}

func (s *testStore) wantFiles(t testing.TB, want ...string) {
	t.Helper()
	if got := s.files(t); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("thumbnail folder holds %v, want %v", got, want)
	}
}

func TestFrameBecomesAThumbnail(t *testing.T) {
	s := newStore(t)
	e := fullEvent()
	e.FrameWidth, e.FrameHeight = 1, 1 // the frame's own size counts
	got := s.writeFrame(t, e, jpegFrame(t, 1920, 1080))
	want := asStored(e, got.ID)
	want.ThumbnailPath, want.FrameWidth, want.FrameHeight = "2026/02/25/"+got.ID.String()+".jpg", 1920, 1080
	wantEvent(t, got, want)
	s.wantFiles(t, got.ThumbnailPath)

	data, err := s.Thumbnail(t.Context(), got.ID)
	if err != nil {
		t.Fatal(err)
	}
	size, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || format != "jpeg" || size.Width != 1280 || size.Height != 720 {
		t.Errorf("thumbnail is a %dx%d %s, %v", size.Width, size.Height, format, err)
	}
	s.reopen(t)
	if again, err := s.Thumbnail(t.Context(), got.ID); err != nil || !bytes.Equal(again, data) {
		t.Errorf("after reopening: %v", err)
	}
}

func TestThumbnailEdgeIsAnOption(t *testing.T) {
	s := newStoreWith(t, doorlog.Options{ThumbnailEdge: 100})
	for _, test := range []struct{ width, height, thumbWidth, thumbHeight int }{{300, 200, 100, 67}, {50, 150, 33, 100}, {40, 30, 40, 30}} {
		e := s.writeFrame(t, motion("garage", 1), jpegFrame(t, test.width, test.height))
		data, err := s.Thumbnail(t.Context(), e.ID)
		if err != nil {
			t.Fatal(err)
		}
		size, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil || size.Width != test.thumbWidth || size.Height != test.thumbHeight {
			t.Errorf("%+v became %dx%d, %v", test, size.Width, size.Height, err)
		}
	}
}

func TestFilesAndFoldersAreTheOwnersOnly(t *testing.T) {
	s := newStore(t)
	s.writeFrame(t, motion("garage", 1), jpegFrame(t, 8, 8))
	err := filepath.WalkDir(s.thumbs, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s: %v, want %v", path, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUnreadableFrameCostsTheThumbnailNotTheEvent(t *testing.T) {
	s := newStore(t)
	whole := jpegFrame(t, 200, 100)
	png := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xc3\x50\x00\x00\xc3\x50\x08\x02\x00\x00\x00")
	png = binary.BigEndian.AppendUint32(png, crc32.ChecksumIEEE(png[12:]))
	for name, frame := range map[string][]byte{
		"text": []byte("hello"), "zip": []byte("PK\x03\x04 and more of a zip file"),
		"tiff": []byte("II*\x00\x08\x00\x00\x00"), "truncated": whole[:len(whole)/2], "only the beginning": whole[:3],
		"50,000 x 50,000 PNG": png, "more than 32 MiB": append(whole[:len(whole):len(whole)], make([]byte, doorlog.MaxFrameBytes)...),
	} {
		e := motion(name, 1)
		got := s.writeFrame(t, e, frame)
		wantEvent(t, got, asStored(e, got.ID))
		if !strings.Contains(s.log.String(), "event="+got.ID.String()) {
			t.Errorf("%s: no line in the log", name)
		}
		_, err := s.Thumbnail(t.Context(), got.ID)
		wantError(t, err, doorlog.ErrNotFound, "it has none")
		err = s.SaveThumbnail(t.Context(), &e, frame)
		wantError(t, err, doorlog.ErrInvalid, "save thumbnail: frame: ")
		if large := strings.Contains(name, "50,000") || strings.Contains(name, "32 MiB"); large && math.MaxInt > math.MaxInt32 {
			wantError(t, err, doorlog.ErrTooLarge, "more than") // 32-bit decoders refuse the first themselves
		}
	}
	s.wantFiles(t)
}

func TestEventThatIsRefusedLeavesNoThumbnail(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	frame := jpegFrame(t, 8, 8)
	_, err := s.WriteEventWithFrame(ctx, motion("", 1), frame)
	wantError(t, err, doorlog.ErrInvalid, "camera_id")
	s.wantFiles(t)

	first := s.writeFrame(t, motion("garage", 1), frame)
	other := motion("other", 1)
	other.ID = first.ID
	_, err = s.WriteEventWithFrame(ctx, other, frame)
	wantError(t, err, doorlog.ErrExists, first.ID.String())
	if got, err := idOf(s.WriteEventWithFrame(ctx, motionWith(first.ID), frame)); err != nil || got != first.ID {
		t.Errorf("the same event with the same frame: %v, %v", got, err)
	}
	s.wantFiles(t, first.ThumbnailPath)
}

// motionWith is motion("garage", 1) with an ID.
func motionWith(id doorlog.ID) doorlog.Event {
	e := motion("garage", 1)
	e.ID = id
	return e
}

func TestWriteOnceWithAFrameKeepsTheFirst(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	e := motion("garage", 1)
	e.RecordingID = "rec-1"
	var all sync.WaitGroup
	ids := make([]doorlog.ID, 8)
	for i := range ids { // at the same time: all but one find the event when they have their thumbnail
		all.Go(func() {
			stored, _, err := s.WriteEventOnce(ctx, e, jpegFrame(t, 8, 8))
			if err != nil {
				t.Error(err)
			}
			ids[i] = stored.ID
		})
	}
	all.Wait()
	got := s.event(t, ids[0])
	for _, id := range ids {
		if id != got.ID {
			t.Errorf("%v, want %v", id, got.ID)
		}
	}
	s.wantFiles(t, got.ThumbnailPath)
}

func TestDeleteTakesTheThumbnailAlong(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	a := s.writeFrame(t, motion("garage", 1), jpegFrame(t, 8, 8))
	b := s.writeFrame(t, motion("garage", 2), jpegFrame(t, 8, 8))
	if err := s.DeleteEvent(ctx, a.ID); err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t, b.ThumbnailPath)
	b.ThumbnailPath = ""
	if err := s.UpdateEvent(ctx, b); err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t)
}

func TestProducersOwnFiles(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	own := filepath.Join(s.thumbs, "old", "1.jpg")
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	frame := jpegFrame(t, 8, 8)
	if err := os.WriteFile(own, frame, 0o600); err != nil {
		t.Fatal(err)
	}
	e := motion("garage", 1)
	e.ThumbnailPath = "old/1.jpg"
	e2 := motion("backyard", 1)
	e2.ThumbnailPath = "old/1.jpg" // the original let two cameras do so
	missing := motion("garage", 3)
	missing.ThumbnailPath = "old/2.jpg"
	stored := s.write(t, e, e2, missing)
	for _, want := range stored {
		wantEvent(t, s.event(t, want.ID), want)
	}
	if got, err := s.Thumbnail(ctx, stored[0].ID); err != nil || !bytes.Equal(got, frame) {
		t.Errorf("%v", err)
	}
	_, err := s.Thumbnail(ctx, stored[2].ID)
	wantError(t, err, fs.ErrNotExist, stored[2].ID.String())

	for i := range doorlog.FoldAt { // so that one is found by the index, and one in the tail
		s.write(t, motion("garage", i+10))
	}
	e3 := motion("garage", 0)
	e3.ThumbnailPath = "old/1.jpg"
	stored = append(stored, s.write(t, e3)...)
	for _, i := range []int{0, 3} {
		if err := s.DeleteEvent(ctx, stored[i].ID); err != nil {
			t.Fatal(err)
		}
		s.wantFiles(t, "old/1.jpg")
	}
	if err := s.DeleteEvent(ctx, stored[1].ID); err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t)
}

func TestThumbnailThatChangedIsNotReturned(t *testing.T) {
	s := newStore(t)
	e := s.writeFrame(t, motion("garage", 1), jpegFrame(t, 8, 8))
	name := filepath.Join(s.thumbs, filepath.FromSlash(e.ThumbnailPath))
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Clone(data)
	changed[len(changed)/2]++
	for text, data := range map[string][]byte{"checksum": changed, "bytes": data[:100]} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = s.Thumbnail(t.Context(), e.ID)
		wantError(t, err, doorlog.ErrCorrupt, text)
		if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "I10") {
			t.Errorf("the checker says %v", err)
		}
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPathsThatLeaveTheFolderAreRefused(t *testing.T) {
	s := newStore(t)
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "x.jpg"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.thumbs, 0o700); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"out": outside, "x.jpg": filepath.Join(outside, "x.jpg"), "in": "."} {
		if err := os.Symlink(to, filepath.Join(s.thumbs, link)); err != nil {
			t.Skip("SKIP: no symbolic links here:", err)
		}
	}
	stored := s.write(t, motion("garage", 1))[0]
	other := s.writeFrame(t, motion("garage", 2), jpegFrame(t, 8, 8))
	for _, path := range []string{"out/x.jpg", "x.jpg", "in/x.jpg", "../x.jpg", outside + "/x.jpg", "out", other.ThumbnailPath, "2026"} {
		e := motion("garage", 1)
		e.ThumbnailPath = path
		_, err := s.WriteEvent(t.Context(), e)
		wantError(t, err, doorlog.ErrInvalid, "thumbnail_path")
		e.ID = stored.ID
		wantError(t, s.UpdateEvent(t.Context(), e), doorlog.ErrInvalid, "thumbnail_path")
	}
	// A link that is put in the way of a thumbnail leads nowhere either.
	if err := os.Symlink(outside, filepath.Join(s.thumbs, "2025")); err != nil {
		t.Fatal(err)
	}
	lastYear := motion("garage", 1)
	lastYear.RecordedAt = now.AddDate(-1, 0, 0)
	if got := s.writeFrame(t, lastYear, jpegFrame(t, 8, 8)); got.ThumbnailPath != "" {
		t.Errorf("thumbnail %s went through a link", got.ThumbnailPath)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("outside: %v, %v", left, err)
	}
}

func TestFolderThatTakesNoFilesCostsTheThumbnailNotTheEvent(t *testing.T) {
	frame := jpegFrame(t, 1280, 720)
	keepsEvent := func(t *testing.T, s *testStore) {
		t.Helper()
		e := motion("garage", 1)
		got := s.writeFrame(t, e, frame)
		want := asStored(e, got.ID)
		wantEvent(t, got, want)
		if !strings.Contains(s.log.String(), "without a thumbnail") {
			t.Errorf("log: %s", s.log)
		}
	}
	t.Run("a file is in its place", func(t *testing.T) {
		s := newStore(t)
		if err := os.WriteFile(s.thumbs, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		keepsEvent(t, s)
	})
	t.Run("read-only", func(t *testing.T) {
		s := newStore(t)
		mount(t, s.thumbs, "ro,size=1m")
		keepsEvent(t, s)
	})
	t.Run("full", func(t *testing.T) {
		s := newStore(t)
		mount(t, s.thumbs, "size=16k")
		keepsEvent(t, s)
		for _, name := range s.files(t) {
			t.Errorf("%s was left behind", name)
		}
	})
}

// mount puts a tmpfs of its own at a folder until the test ends.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	mountAs(t, dir, "tmpfs", options, "tmpfs")
}

// mountAs puts a file system at a folder until the test ends.
func mountAs(t *testing.T, dir, kind, options, device string) {
	t.Helper()
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("SKIP: only root on Linux can mount")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "mount", "-t", kind, "-o", options, device, dir).CombinedOutput(); err != nil {
		t.Skipf("SKIP: cannot mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

// A second attempt comes later, by the clock, and changes nothing.
func TestFrameIsWrittenAgainUnderTheSameID(t *testing.T) {
	clock := now
	s := newStoreWith(t, doorlog.Options{Now: func() time.Time {
		clock = clock.Add(time.Millisecond)
		return clock
	}})
	ctx := t.Context()
	e := motion("garage", 1)
	var err error
	if e.ID, err = s.NewID(e.RecordedAt); err != nil {
		t.Fatal(err)
	}
	first, second := jpegFrame(t, 80, 80), jpegFrame(t, 40, 20)
	for _, frame := range [][]byte{first, first, second, []byte("no picture")} {
		if id, err := idOf(s.WriteEventWithFrame(ctx, e, frame)); err != nil || id != e.ID {
			t.Errorf("%v, %v", id, err)
		}
		if stored, existed, err := s.WriteEventOnce(ctx, e, frame); err != nil || stored.ID != e.ID || !existed {
			t.Errorf("once: %v, %v, %v", stored.ID, existed, err)
		}
	}
	stored := s.event(t, e.ID)
	if stored.FrameWidth != 80 {
		t.Errorf("the frame of another attempt counts: %+v", stored)
	}
	other := e
	other.Camera = "other"
	_, err = s.WriteEventWithFrame(ctx, other, second)
	wantError(t, err, doorlog.ErrExists, e.ID.String())
	wantError(t, s.SaveThumbnail(ctx, &other, second), doorlog.ErrExists, e.ID.String())
	gone, cancel := context.WithCancel(ctx)
	release := s.Block()
	waiting := make(chan error)
	go func() {
		_, err := s.WriteEventWithFrame(gone, e, first)
		waiting <- err
	}()
	s.untilWaiting(1)
	cancel()
	if err := <-waiting; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	release()
	if _, err := s.Thumbnail(ctx, e.ID); err != nil {
		t.Errorf("the thumbnail of the first time: %v", err)
	}
	wantEvent(t, s.event(t, e.ID), stored)
}

func TestManyWriteTheSameFrameAtOnce(t *testing.T) {
	s := newStore(t)
	e := motion("garage", 1)
	var err error
	if e.ID, err = s.NewID(e.RecordedAt); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if _, err := s.WriteEventWithFrame(t.Context(), e, jpegFrame(t, 100+i, 100)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s.wantFiles(t, s.event(t, e.ID).ThumbnailPath)
}

// A write that fails takes no file away that it has not made.
func TestRefusedEventKeepsTheProducersFile(t *testing.T) {
	s := newStore(t)
	own := filepath.Join(s.thumbs, "own.jpg")
	if err := os.MkdirAll(s.thumbs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, jpegFrame(t, 8, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	e := motion("garage", 1)
	e.ThumbnailPath = "own.jpg"
	first := s.write(t, e)[0]
	e.ID, e.Camera = first.ID, "other"
	_, err := s.WriteEventWithFrame(t.Context(), e, []byte("no picture"))
	wantError(t, err, doorlog.ErrExists, first.ID.String())
	s.FailCommits(false, errors.New("not now"))
	e.ID = doorlog.ID{}
	if _, err = s.WriteEventWithFrame(t.Context(), e, []byte("no picture")); err == nil {
		t.Error("the write went well")
	}
	s.FailCommits(false, nil)
	s.wantFiles(t, "own.jpg")
}

// While one event that names a file is deleted, another that names it is written.
func TestSharedFileStaysForWhoIsWrittenMeanwhile(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	frame := jpegFrame(t, 8, 8)
	if err := os.MkdirAll(s.thumbs, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if err := os.WriteFile(filepath.Join(s.thumbs, "own.jpg"), frame, 0o600); err != nil {
			t.Fatal(err)
		}
		e := motion("garage", 1)
		e.ThumbnailPath = "own.jpg"
		old := s.write(t, e)[0]
		release := s.Block()
		var all sync.WaitGroup
		var id doorlog.ID
		all.Go(func() {
			if err := s.DeleteEvent(ctx, old.ID); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			var err error
			if id, err = idOf(s.WriteEvent(ctx, e)); err != nil {
				t.Error(err)
			}
		})
		s.untilWaiting(2)
		release()
		all.Wait()
		if _, err := s.Thumbnail(ctx, id); err != nil {
			t.Fatalf("the file that an event names is gone: %v", err)
		}
		if err := s.DeleteEvent(ctx, id); err != nil {
			t.Fatal(err)
		}
		s.wantFiles(t)
	}
}

func TestPipeIsNoThumbnail(t *testing.T) {
	s := newStore(t)
	if err := os.MkdirAll(s.thumbs, 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfifo", filepath.Join(s.thumbs, "pipe.jpg")).CombinedOutput(); err != nil {
		t.Skipf("SKIP: no mkfifo: %v: %s", err, out)
	}
	e := motion("garage", 1)
	e.ThumbnailPath = "pipe.jpg"
	_, err := s.WriteEvent(t.Context(), e)
	wantError(t, err, doorlog.ErrInvalid, "is not a file")
}

func TestFolderThatIsTakenAwayIsMadeAgain(t *testing.T) {
	s := newStore(t)
	for i := range 3 {
		if e := s.writeFrame(t, motion("garage", i), jpegFrame(t, 8, 8)); e.ThumbnailPath == "" {
			t.Errorf("no thumbnail: %s", s.log)
		} else if err := s.DeleteEvent(t.Context(), e.ID); err != nil {
			t.Error(err)
		}
		if err := os.RemoveAll(s.thumbs); err != nil {
			t.Fatal(err)
		}
	}
}

// Large frames are decoded one at a time: together they would take hundreds of megabytes.
func TestCloseWaitsForAFrame(t *testing.T) {
	s := newStore(t)
	frame := jpegFrame(t, 2000, 2100)
	var all sync.WaitGroup
	begun := make(chan struct{}, 4)
	for i := range 4 {
		all.Go(func() {
			begun <- struct{}{}
			_, err := s.WriteEventWithFrame(t.Context(), motion("garage", i), frame)
			if err != nil && !errors.Is(err, doorlog.ErrClosed) {
				t.Error(err)
			}
		})
	}
	for range 4 {
		<-begun
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	all.Wait()
	s.open(t)
	events := s.all(t, doorlog.Query{})
	if files := s.files(t); len(files) != len(events) {
		t.Errorf("%d events and %d files", len(events), len(files))
	}
}
