package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// With any flags prune prints the same as its dry run did before.
func TestPruneDoesWhatItsDryRunSaid(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 5))
	t.Log("seed", seed)
	storeOf(t)
	fillHousehold(t, rng)
	for range 12 {
		args := []string{"prune", "--json", fmt.Sprintf("--max-age=%dh", 1+rng.IntN(4000))}
		for _, flag := range []string{
			fmt.Sprintf("--rule=camera=camera%d,max-age=%dh", rng.IntN(3), 1+rng.IntN(4000)),
			fmt.Sprintf("--rule=label=cat,stranger=yes,max-age=%dh,name=cats", 1+rng.IntN(4000)),
			fmt.Sprintf("--rule=person=alice,person=bob,max-age=%dh", 1+rng.IntN(4000)),
			fmt.Sprintf("--keep-unlocks=%dh", 1+rng.IntN(4000)),
			fmt.Sprintf("--keep-strangers=%dh", 1+rng.IntN(4000)),
			fmt.Sprintf("--thumbnail-age=%dh", 1+rng.IntN(4000)),
			fmt.Sprintf("--max-events=%d", 1+rng.IntN(250)),
			fmt.Sprintf("--max-bytes=%dKB", 1+rng.IntN(300)),
		} {
			if rng.IntN(3) == 0 {
				args = append(args, flag)
			}
		}
		said, did := pruned(t, append(args, "--dry-run")), pruned(t, append(args, "--yes"))
		if said["dry_run"] != true || did["dry_run"] != false {
			t.Errorf("dry_run: %v, %v", said["dry_run"], did["dry_run"])
		}
		delete(said, "dry_run")
		delete(did, "dry_run")
		if a, b := fmt.Sprint(said), fmt.Sprint(did); a != b {
			t.Errorf("%q:\nit said %s\n and did %s", args, a, b)
		}
	}
}

func pruned(t *testing.T, args []string) (result map[string]any) {
	t.Helper()
	out, err := runAt(t, noon, args...)
	if err == nil {
		err = json.Unmarshal([]byte(out), &result)
	}
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, out)
	}
	return result
}

// fillHousehold fills the store of storeOf, also with thumbnails.
func fillHousehold(t *testing.T, rng *rand.Rand) {
	t.Helper()
	var frame bytes.Buffer
	if err := jpeg.Encode(&frame, image.NewGray(image.Rect(0, 0, 64, 48)), nil); err != nil {
		t.Fatal(err)
	}
	st, err := doorlog.Open(os.Getenv("DB_PATH"), &doorlog.Options{
		ThumbnailDir: os.Getenv("THUMBNAILS_DIR"), Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for range 250 {
		e := doorlog.Event{
			Camera: fmt.Sprint("camera", rng.IntN(3)), Type: doorlog.Motion,
			RecordedAt: noon.Add(-time.Duration(rng.IntN(4000)) * time.Hour),
			Person:     []string{"", "alice", "bob"}[rng.IntN(3)],
			Detections: []doorlog.Detection{{Label: []string{"cat", "dog"}[rng.IntN(2)], Confidence: 0.5}},
		}
		e.UnlockGranted = e.Person != "" && rng.IntN(2) == 0
		if rng.IntN(3) > 0 {
			_, err = st.WriteEvent(context.Background(), e)
		} else {
			_, err = st.WriteEventWithFrame(context.Background(), e, frame.Bytes())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
