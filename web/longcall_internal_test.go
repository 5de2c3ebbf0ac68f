package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/doorlog/doorlog"
)

// A call may be through with a kind of work, or with all of it, before its client has taken a line.
func TestOfEachKindOfWorkThereIsAReport(t *testing.T) {
	const (
		judging = `{"progress":{"doing":"judging","done":2,"total":2,"bytes":false}}` + "\n"
		pruning = `{"progress":{"doing":"pruning","done":1,"total":1,"bytes":false}}` + "\n"
		begun   = `{"progress":{"doing":"judging","done":0,"total":2,"bytes":false}}` + "\n"
		result  = `{"result":1}` + "\n"
	)
	for range 200 {
		told := make(chan struct{})
		answer := &slowAnswer{ResponseRecorder: httptest.NewRecorder(), until: told}
		c := &call{server: &server{}, w: &response{ResponseWriter: answer, limits: &limits{}}, r: httptest.NewRequest(http.MethodPost, "/v1/prune", nil)}
		err := longLines(c, func(ctx context.Context) (*int, error) {
			defer close(told)
			tell := doorlog.ProgressOf(ctx)
			tell(doorlog.Progress{Doing: "judging", Total: 2})
			tell(doorlog.Progress{Doing: "judging", Done: 2, Total: 2})
			tell(doorlog.Progress{Doing: "pruning", Done: 1, Total: 1})
			return new(1), nil
		})
		// The first report may have been taken before the second came.
		if got := answer.Body.String(); err != nil || got != judging+pruning+result && got != begun+judging+pruning+result {
			t.Fatalf("%v\n%s", err, got)
		}
	}
}

// A slowAnswer takes nothing before a channel is closed.
type slowAnswer struct {
	*httptest.ResponseRecorder
	until chan struct{}
}

func (a *slowAnswer) Write(p []byte) (int, error) {
	<-a.until
	return a.ResponseRecorder.Write(p)
}
