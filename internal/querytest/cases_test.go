package querytest_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/querytest"
)

// A line of the file is a case again, so that other tests can ask what it asks.
func TestCasesCanBeReadAgain(t *testing.T) {
	st, err := doorlog.Open(filepath.Join(t.TempDir(), "events.db"), &doorlog.Options{Now: func() time.Time { return querytest.Now }})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	if err := querytest.Fill(t.Context(), st, rng, 250); err != nil {
		t.Fatal(err)
	}
	if n, err := st.Count(t.Context(), doorlog.Query{}); err != nil || n != 250 {
		t.Fatalf("%d events, %v", n, err)
	}
	var out bytes.Buffer
	if err := querytest.WriteCases(t.Context(), &out, st, rng, 20); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n"))
	if len(lines) != 20 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		var c querytest.Case
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if again, err := json.Marshal(c); err != nil || !bytes.Equal(again, line) {
			t.Errorf("\n got %s, %v\nwant %s", again, err, line)
		}
	}
}
