package doorlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// waitsForFolder reports whether a goroutine waits for the folder of the thumbnails.
func waitsForFolder() bool {
	stacks := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "sync.(*Mutex).Lock") && strings.Contains(stack, ".(*thumbnails).open(") {
			return true
		}
	}
	return false
}

// whileTheFolderHangs makes a call on a store whose thumbnails are on a disk that lets it
// wait again and again. It returns how often, and fails if a snapshot is open then.
func (s *testStore) whileTheFolderHangs(t *testing.T, call func() error) (waits int) {
	t.Helper()
	release := doorlog.HoldThumbnails(s.Store)
	done := make(chan error, 1)
	go func() { done <- call() }()
	for {
		select {
		case err := <-done:
			release()
			if err != nil {
				t.Error(err)
			}
			return waits
		default:
		}
		if !waitsForFolder() {
			runtime.Gosched()
			continue
		}
		waits++
		for begun := time.Now(); s.stats(t).Snapshots > 0; runtime.Gosched() {
			if time.Since(begun) > 5*time.Second {
				t.Errorf("a snapshot of %v stays open", s.stats(t).OldestSnapshot)
				release()
				<-done
				return waits
			}
		}
		release()
		release = doorlog.HoldThumbnails(s.Store)
	}
}

// A disk that does not answer may keep a call, but not the pages of the database.
func TestNoSnapshotIsOpenWhileFilesAreLookedAt(t *testing.T) {
	free := int64(1 << 30)
	defer doorlog.SetDisk(func(string) (int64, int64, error) { return free, 1 << 40, nil })()
	s := newStore(t)
	s.many(t, 100)
	for i := range 12 {
		s.writeFramed(t, motion("porch", 100+i), i)
	}
	for i := range 3 { // of which one names the file of another
		s.putFile(t, fmt.Sprintf("own/%d.jpg", i), "a producer's own")
		s.write(t, named(fmt.Sprintf("own/%d.jpg", i/2), 50+i))
	}
	gone := s.writeFramed(t, motion("porch", 90), 90)
	if err := os.Remove(filepath.Join(s.thumbs, gone.ThumbnailPath)); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	would := func(policy doorlog.Policy) func() error {
		return func() error {
			p, err := s.WouldPrune(ctx, policy)
			if err == nil && p.Thumbnails == 0 {
				err = errors.New("it would remove nothing")
			}
			return err
		}
	}
	for _, c := range []struct {
		name string
		call func() error
	}{
		{"Verify", func() error { _, err := s.Verify(ctx); return err }},
		{"Thumbnail", func() error {
			e, err := s.Page(ctx, doorlog.Query{HasThumbnail: new(true), OldestFirst: true, Limit: 1}, "")
			if err == nil {
				_, err = s.Thumbnail(ctx, e.Events[0].ID)
			}
			return err
		}},
		{"Backup", func() error { _, err := s.Backup(ctx, new(countingWriter), nil); return err }},
		{"WouldPrune by age", would(doorlog.Policy{MaxAge: time.Minute})},
		{"WouldPrune by bytes", would(doorlog.Policy{MaxBytes: 1})},
		{"WouldPrune for free space", func() error {
			_, err := s.WouldPrune(ctx, doorlog.Policy{KeepFree: doorlog.FreeSpace{Bytes: free + 100}})
			return err
		}},
		{"WouldForgetMissing", func() error { _, err := s.WouldForgetMissing(ctx, nil); return err }},
		{"ForgetMissing", func() error { _, err := s.ForgetMissing(ctx, nil); return err }},
		{"Prune", func() error { _, err := s.Prune(ctx, doorlog.Policy{MaxAge: time.Minute}); return err }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if waits := s.whileTheFolderHangs(t, c.call); waits == 0 {
				t.Error("it does not look into the folder")
			}
		})
	}
}

type countingWriter struct{ n int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.n += int64(len(p))
	return len(p), nil
}

// A watched context calls look each time that somebody asks whether it has ended.
type watched struct {
	context.Context
	look func()
}

func (w *watched) Err() error {
	w.look()
	return w.Context.Err()
}

// Verify asks after each file whether it is to end. So often no snapshot is open.
func TestVerifyWalksOverTheFolderWithoutASnapshot(t *testing.T) {
	s := newStore(t)
	const framed, orphans = 20, 700
	for i := range framed {
		s.writeFramed(t, motion("porch", 100+i), i)
	}
	for i := range orphans {
		id := doorlog.ID{0, 0, 0, 0, byte(i >> 8), byte(i), 1}
		name := "1970/01/01/" + id.String() + ".jpg"
		s.putFile(t, name, "of no event")
		old := time.Now().Add(-24 * time.Hour)
		if err := os.Chtimes(filepath.Join(s.thumbs, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	free := 0
	ctx := watched{Context: t.Context(), look: func() {
		if s.stats(t).Snapshots == 0 {
			free++
		}
	}}
	v, err := s.Verify(&ctx)
	if err != nil || !v.Sound() || v.Thumbnails != framed || v.Orphaned < orphans/2 {
		t.Errorf("%+v, %v", v, err)
	}
	if free < framed+v.Orphaned {
		t.Errorf("%d times no snapshot was open, of %d files", free, framed+v.Orphaned)
	}
}

// A receiver who takes nothing gets a backup, and keeps no snapshot.
func TestSlowReceiverKeepsNoSnapshot(t *testing.T) {
	doorlog.ImpatientBackups(t)
	s := newStore(t)
	s.many(t, 3000)
	g := newGate(0)
	done := make(chan error)
	go func() {
		_, err := s.Backup(t.Context(), g, &doorlog.BackupOptions{Verify: true})
		done <- err
	}()
	<-g.reached
	until(t, func() bool { return s.stats(t).Snapshots == 0 })
	s.write(t, motion("garage", 0))
	close(g.opens)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := len(restored(t, g.Bytes()).all(t, doorlog.Query{})); n != 3000 {
		t.Errorf("%d events are restored", n)
	}
}
