package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	bolt "go.etcd.io/bbolt"

	"github.com/doorlog/doorlog"
)

// sample N FILE writes N events as JSON lines, every second one with a detection.
func sample(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sample N FILE")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var lines strings.Builder
	for i := range n {
		detections := ""
		if i%2 == 0 {
			detections = `,"detections":[{"label":"dog","confidence":0.5}]`
		}
		fmt.Fprintf(&lines, `{"camera_id":"garage","event_type":"motion","recorded_at":%q%s}`+"\n",
			time.Date(2026, 2, 25, 0, 0, i, 0, time.UTC).Format(time.RFC3339), detections)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(lines.String()), 0o600))
}

// damage FILE BUCKET KIND damages a database behind the back of doorlog, at the
// first entry of a bucket (gone, changed) or at its root page (page).
func damage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: damage FILE BUCKET gone|changed|page")
	}
	file, kind := ts.MkAbs(args[0]), args[2]
	db, err := bolt.Open(file, 0o600, &bolt.Options{FreelistType: bolt.FreelistArrayType})
	ts.Check(err)
	pageSize := int64(db.Info().PageSize)
	var root int64
	err = db.Update(func(tx *bolt.Tx) (err error) {
		defer func() { err = errors.Join(err, sealState(tx)) }()
		b := tx.Bucket([]byte(args[1]))
		root = int64(b.Root())
		k, v := b.Cursor().First()
		if k == nil {
			return errors.New("the bucket is empty")
		}
		switch kind {
		case "gone":
			return b.Delete(k)
		case "changed":
			v = bytes.Clone(v)
			at := len(v) - 1
			if args[1] == "tail" { // of two records, the event's is the first
				at = 4 + 8 + 8 // behind its length and its number
			}
			v[at] ^= 1
			return b.Put(k, v)
		}
		return nil
	})
	if err == nil { // so that the state before has it too
		err = db.Update(sealState)
	}
	ts.Check(errors.Join(err, db.Close()))
	if kind != "page" {
		return
	}
	if root == 0 {
		ts.Fatalf("the bucket is too small for a page of its own")
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt(bytes.Repeat([]byte("xyz\x00"), int(pageSize/4)), root*pageSize)
	ts.Check(errors.Join(err, f.Close()))
}

// sealState rewrites the state record for a transaction that doorlog has not made.
func sealState(tx *bolt.Tx) error {
	meta, key := tx.Bucket([]byte("meta")), []byte("state")
	rec := bytes.Clone(meta.Get(key))
	const header = 1 + 4 // version, checksum
	const seq = 8        // is behind the number of the transaction
	binary.BigEndian.PutUint64(rec[len(rec)-seq-8:], uint64(tx.ID()))
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(crc32.Checksum([]byte("meta"), table), table, rec[:1])
	sum = crc32.Update(crc32.Update(sum, table, rec[header:]), table, key)
	binary.BigEndian.PutUint32(rec[1:], sum)
	return meta.Put(key, rec)
}

// truncate FILE BYTES cuts a file, or makes it longer.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE BYTES")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// Commands that read or check a store can be interrupted, and leave nothing behind.
func TestVerifyingRepairingAndSalvagingCanBeInterrupted(t *testing.T) {
	c := newCLI(t)
	c.run(t.Context(), exitOK, "write", "--camera", "c")
	before, err := os.ReadFile(c.db)
	if err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(filepath.Dir(c.db), "fresh.db")
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	for _, args := range [][]string{{"verify"}, {"repair", "--yes"}, {"salvage", fresh}} {
		c.run(ctx, exitFailed, args...)
		if got := c.errors.String(); got != "doorlog: interrupted\n" || c.printed.Len() > 0 {
			t.Errorf("%v: it says %q and %q", args, got, c.printed.String())
		}
	}
	after, err := os.ReadFile(c.db)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the database has changed: %v", err)
	}
	if left, err := os.ReadDir(filepath.Dir(c.db)); err != nil || len(left) != 1 {
		t.Errorf("left are %v, %v", left, err)
	}
}

// If nobody reads the output of verify, the exit code still tells of damage.
func TestDamageIsAnExitCodeAlsoWhereNobodyReads(t *testing.T) {
	c := newCLI(t)
	c.run(t.Context(), exitOK, "write", "--camera", "c")
	if err := os.Truncate(c.db, 8192); err != nil {
		t.Fatal(err)
	}
	c.out = errWriter{syscall.EPIPE}
	c.run(t.Context(), exitDamaged, "verify")
	if c.errors.Len() > 0 {
		t.Errorf("it says %q", c.errors.String())
	}
}

// Of a long list people see the beginning, and how much is left out.
func TestAVerdictOnManyFindings(t *testing.T) {
	v := &doorlog.Verification{Found: 1234, Orphaned: 21}
	for range 100 {
		v.Findings = append(v.Findings, doorlog.Finding{Invariant: 1, Problem: "page 7: \x1b[2J"})
	}
	for range 21 {
		v.Orphans = append(v.Orphans, "2026/02/25/x.jpg")
	}
	var out strings.Builder
	drawVerification(&out, v, "thumbnails", "doorlog repair")
	for _, want := range []string{"1,234 findings:\n", "  (and 1,214 more)\n", "21 thumbnails of no event:\n", "  (and 1 more)\n", `I1: page 7: \x1b[2J`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in it:\n%s", want, out.String())
		}
	}
	if got := strings.Count(out.String(), "I1: "); got != drawnFindings {
		t.Errorf("%d findings are shown", got)
	}
}
