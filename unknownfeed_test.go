package doorlog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// A reader that waits gets a change of unknown outcome as one gets it that looks.
func TestWaitingReaderIsWokenByACommitOfUnknownOutcome(t *testing.T) {
	s := newStore(t)
	at := s.cursor(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	woken := make(chan error, 1)
	go func() { woken <- s.AwaitChange(ctx, at) }()
	for range 100 { // so that it waits
		if s.Waits() {
			break
		}
		time.Sleep(time.Millisecond)
	}
	s.FailCommits(true, errors.New("the disk is gone"))
	_, err := s.WriteEvent(t.Context(), motion("garage", 1))
	wantError(t, err, doorlog.ErrUnknownOutcome, "")
	page, err := s.ChangePage(t.Context(), at, 0, nil)
	if err != nil || len(page.Changes) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	if err := <-woken; err != nil {
		t.Error(err)
	}
}
