package doorlog_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"
)

// An entry is one of a backup.
type entry struct {
	name, content, link string
	kind                byte // 0: a file
	at                  time.Time
}

// entriesOf takes a backup apart.
func entriesOf(t testing.TB, backup []byte) (entries []entry) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(backup)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry{name: h.Name, content: string(data), at: h.ModTime})
	}
}

// tarOf puts entries together.
func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		writeEntry(t, w, e)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func writeEntry(t testing.TB, w *tar.Writer, e entry) {
	t.Helper()
	h := tar.Header{Typeflag: tar.TypeReg, Name: e.name, Linkname: e.link, Size: int64(len(e.content)), Mode: 0o600, ModTime: e.at}
	if e.kind != 0 {
		h.Typeflag = e.kind
	}
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, e.content); err != nil {
		t.Fatal(err)
	}
}

// sealed puts entries together with an end that has the right checksum and
// numbers, as somebody could who wishes harm.
func sealed(t testing.TB, entries []entry) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	end := struct {
		CRC        string `json:"crc"`
		Thumbnails int    `json:"thumbnails"`
		Changed    int    `json:"changed"`
		Missing    int    `json:"missing"`
	}{}
	for _, e := range entries {
		if e.name == "end.json" {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			end.CRC = fmt.Sprintf("%08x%08x",
				crc32.Checksum(out.Bytes(), crc32.MakeTable(crc32.Castagnoli)), crc32.ChecksumIEEE(out.Bytes()))
			text, err := json.Marshal(end)
			if err != nil {
				t.Fatal(err)
			}
			e.content = string(text)
		}
		switch folder, _, _ := strings.Cut(e.name, "/"); folder {
		case "thumbnails":
			end.Thumbnails++
		case "changed":
			end.Changed++
			end.Thumbnails++
		case "missing":
			end.Missing++
		}
		writeEntry(t, w, e)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
