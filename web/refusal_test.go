package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// A client whose body is refused before it is read gets to read why, although it is still sending.
func TestARefusedBodyIsAnswered(t *testing.T) {
	s := start(t, openStore(t), nil)
	large := strings.Repeat(" ", 80<<20)
	for _, at := range []struct {
		name, url string
		client    *http.Client
	}{
		{"socket", "http://doorlog", newClient(t, s.socket())},
		{"loopback", s.url(""), &http.Client{Transport: &http.Transport{}}},
	} {
		for _, path := range []string{"/v1/persons/sync", "/v1/events", "/v1/verify", "/v1/nothing"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at.url+path, strings.NewReader(large))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			resp, err := at.client.Do(r)
			if err != nil {
				t.Errorf("%s, %s: %v", at.name, path, err)
				continue
			}
			if resp.StatusCode < http.StatusBadRequest {
				t.Errorf("%s, %s: status %d", at.name, path, resp.StatusCode)
			}
			_ = resp.Body.Close()
		}
		at.client.CloseIdleConnections()
	}
}
