package apitest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/apitest"
	"github.com/doorlog/doorlog/client"
)

// A clientCall calls one method of a client, and returns its error.
type clientCall struct {
	name string
	call func(ctx context.Context, t *testing.T, c *client.Client) error
}

// What the Go client sends and gets is as documented, in each of its methods.
func TestGoClientSpeaksAsDocumented(t *testing.T) {
	recorder := apitest.NewRecorder(load(t))
	s := newServer(t, recorder, nil)
	c, err := client.Open(t.Context(), "http://"+s.address, &client.Options{
		Token: s.tokens["phone"], HTTPClient: &http.Client{Transport: recorder.RoundTripper(http.DefaultTransport)},
	})
	if err != nil {
		t.Fatal(err)
	}
	called := make(map[string]bool)
	for _, calls := range [][]clientCall{reads(), writes(t), feeds(), care()} {
		for _, one := range calls {
			called[one.name] = true
			if err := one.call(t.Context(), t, c); err != nil {
				t.Errorf("%s: %v", one.name, err)
			}
			for _, err := range recorder.Faults() {
				t.Errorf("%s: %v", one.name, err)
			}
		}
	}
	for method := range reflect.TypeFor[*client.Client]().Methods() {
		if !called[method.Name] && method.Name != "Close" {
			t.Errorf("%s is not called", method.Name)
		}
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	recorder.Report(t)
}

// call0 to call2 make a clientCall of a method that returns a value besides its error.
func call0[R any](name string, f func(*client.Client, context.Context) (R, error)) clientCall {
	return clientCall{name, func(ctx context.Context, _ *testing.T, c *client.Client) error {
		_, err := f(c, ctx)
		return err
	}}
}

func call1[A, R any](name string, f func(*client.Client, context.Context, A) (R, error), a A) clientCall {
	return call0(name, func(c *client.Client, ctx context.Context) (R, error) { return f(c, ctx, a) })
}

func call2[A, B, R any](name string, f func(*client.Client, context.Context, A, B) (R, error), a A, b B) clientCall {
	return call0(name, func(c *client.Client, ctx context.Context) (R, error) { return f(c, ctx, a, b) })
}

// done makes a clientCall of a method that returns only an error.
func done[A any](name string, f func(*client.Client, context.Context, A) error, a A) clientCall {
	return clientCall{name, func(ctx context.Context, _ *testing.T, c *client.Client) error { return f(c, ctx, a) }}
}

func reads() []clientCall {
	type c = client.Client
	yes := true
	scope := doorlog.Scope{
		Camera: "front_door", Since: time.Unix(1772000000, 5), Location: time.FixedZone("", 3600), Reviewed: new(bool),
		Attributes: map[string][]string{"a=b%": {"1", "2"}},
	}
	q := doorlog.Query{
		Cameras: []string{"front_door", "garage"}, Labels: []string{"person"}, MinConfidence: 0.25, Stranger: new(bool), HasThumbnail: &yes,
		Hours: &doorlog.Hours{From: 22, Until: 6}, Weekdays: []time.Weekday{time.Sunday, time.Friday}, Location: time.FixedZone("", -3600),
		Doors: []doorlog.DoorAction{doorlog.Unlocked}, Attributes: map[string][]string{"zone": {"porch"}}, Until: time.Now(), OldestFirst: true, Limit: 5,
	}
	first, _ := doorlog.ParseID(eventID) // it is one
	return []clientCall{
		call0("Server", (*c).Server),
		call1("Event", (*c).Event, first),
		call2("EventByRecording", (*c).EventByRecording, "front_door", "rec-1"),
		call1("Recent", (*c).Recent, 2),
		call2("Page", (*c).Page, q, ""),
		call1("Count", (*c).Count, q),
		call1("Explain", (*c).Explain, q),
		{"Events", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			for _, err := range c.Events(ctx, doorlog.Query{}) {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		call1("Known", (*c).Known, []doorlog.ID{first}),
		call1("Thumbnail", (*c).Thumbnail, first),
		call1("Summary", (*c).Summary, scope),
		call1("Heatmap", (*c).Heatmap, scope),
		call1("Timeline", (*c).Timeline, scope),
		call1("Quarters", (*c).Quarters, doorlog.Scope{Camera: "garage", Since: time.Now().Add(-time.Hour)}),
		call1("PeakHours", (*c).PeakHours, scope),
		call1("LabelBreakdown", (*c).LabelBreakdown, scope),
		call1("PersonActivity", (*c).PersonActivity, scope),
		call1("Analytics", (*c).Analytics, doorlog.Scope{}),
		call0("Cameras", (*c).Cameras),
		call0("Types", (*c).Types),
		call0("Persons", (*c).Persons),
		call1("Person", (*c).Person, "alice"),
		call0("AutoUnlockNames", (*c).AutoUnlockNames),
		call0("Stats", (*c).Stats),
		call0("Tokens", (*c).Tokens),
	}
}

func writes(t *testing.T) []clientCall {
	type c = client.Client
	at := time.Date(2026, 2, 26, 8, 0, 0, 1, time.UTC)
	e := doorlog.Event{Camera: "front_door", RecordedAt: at, Type: doorlog.Ding, RecordingID: "rec-2", Detections: []doorlog.Detection{{Label: "dog", Confidence: 1}}}
	plain := doorlog.Event{Camera: "garage", RecordedAt: at, Type: doorlog.Motion, Attributes: map[string]string{"plate": "W 1"}}
	other := id(t, otherID)
	changed := doorlog.Event{ID: other, Camera: "garage", Type: doorlog.Motion, Person: "bob", EndedAt: at}
	return []clientCall{
		call0("NewID", func(c *client.Client, _ context.Context) (doorlog.ID, error) { return c.NewID(at) }),
		call1("WriteEvent", (*c).WriteEvent, plain),
		call2("WriteEventWithFrame", (*c).WriteEventWithFrame, plain, frame()),
		{"WriteEventOnce", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			_, _, err := c.WriteEventOnce(ctx, e, frame())
			return err
		}},
		call1("WriteEvents", (*c).WriteEvents, []doorlog.Event{plain, plain}),
		call2("WriteEventsWithFrames", (*c).WriteEventsWithFrames, []doorlog.Event{plain, plain}, [][]byte{nil, frame()}),
		{"WriteEventsOnce", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			_, _, err := c.WriteEventsOnce(ctx, []doorlog.Event{e, e}, [][]byte{frame(), nil})
			return err
		}},
		call2("AddThumbnail", (*c).AddThumbnail, other, frame()),
		done("UpdateEvent", (*c).UpdateEvent, changed),
		call2("UpdateEvents", (*c).UpdateEvents, []doorlog.ID{other}, func(e *doorlog.Event) error {
			e.Reviewed = true
			return nil
		}),
		done("Pin", (*c).Pin, other),
		done("Unpin", (*c).Unpin, other),
		done("MarkAlertSent", (*c).MarkAlertSent, other),
		done("MarkReviewed", func(c *client.Client, ctx context.Context, id doorlog.ID) error { return c.MarkReviewed(ctx, id) }, other),
		done("DeleteEvent", (*c).DeleteEvent, other),
		call1("PutPerson", (*c).PutPerson, doorlog.PersonInput{Name: "mary ann/2", CreatedAt: at}),
		done("SetAutoUnlock", func(c *client.Client, ctx context.Context, name string) error {
			return c.SetAutoUnlock(ctx, name, false)
		}, "mary ann/2"),
		done("DeletePerson", (*c).DeletePerson, "mary ann/2"),
		call1("SyncPersons", (*c).SyncPersons, t.TempDir()),
		call1("SyncPersonFiles", (*c).SyncPersonFiles, []string{"bob_1.jpg", "old/"}),
		call2("RenameCamera", (*c).RenameCamera, "garage", "shed"),
		call2("RenamePerson", (*c).RenamePerson, "bob", "robert"),
		call2("ErasePerson", (*c).ErasePerson, "robert", doorlog.EraseEvents),
		{"AddToken", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			_, _, err := c.AddToken(ctx, "new", client.Grant{Write: true, Cameras: []string{"shed"}})
			return err
		}},
		done("RemoveToken", (*c).RemoveToken, "new"),
	}
}

func feeds() []clientCall {
	type c = client.Client
	first := func(ctx context.Context, c *client.Client, options *doorlog.ChangeOptions) error {
		for _, err := range c.ChangesWith(ctx, doorlog.Cursor{}, options) {
			return err
		}
		return errors.New("there is no change")
	}
	return []clientCall{
		call0("Cursor", (*c).Cursor),
		{"ChangePage", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			_, err := c.ChangePage(ctx, doorlog.Cursor{}, 10, &doorlog.ChangeOptions{Query: &doorlog.Query{Cameras: []string{"front_door"}}})
			return err
		}},
		{"Changes", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			for _, err := range c.Changes(ctx, doorlog.Cursor{}) {
				return err
			}
			return nil
		}},
		{"ChangesWith", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			return first(ctx, c, &doorlog.ChangeOptions{IDsOnly: true})
		}},
		done("AwaitChange", (*c).AwaitChange, doorlog.Cursor{}),
		{"Consumer", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			reader, err := c.Consumer(ctx, "fleet", &doorlog.ConsumerOptions{Hold: 100})
			if err != nil {
				return err
			}
			for change, err := range reader.Changes(ctx, nil) {
				if err != nil {
					return err
				}
				return reader.Ack(ctx, change.Cursor)
			}
			return nil
		}},
		call1("FindConsumer", (*c).FindConsumer, "fleet"),
		call0("Consumers", (*c).Consumers),
		done("RemoveConsumer", (*c).RemoveConsumer, "fleet"),
	}
}

func care() []clientCall {
	type c = client.Client
	policy := doorlog.Policy{MaxEvents: 1, KeepFree: doorlog.FreeSpace{Percent: 0.001}, Rules: []doorlog.Rule{{Match: doorlog.Match{Labels: []string{"dog"}}}}}
	return []clientCall{
		call0("Verify", (*c).Verify),
		call0("Compact", (*c).Compact),
		call1("WouldPrune", (*c).WouldPrune, policy),
		call1("Prune", (*c).Prune, policy),
		call1("WouldForgetMissing", (*c).WouldForgetMissing, &doorlog.ForgetOptions{Folders: true}),
		call1("ForgetMissing", (*c).ForgetMissing, (*doorlog.ForgetOptions)(nil)),
		{"Backup", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			info, err := c.Backup(ctx, io.Discard, &doorlog.BackupOptions{Verify: true, Unrecorded: true})
			if err != nil {
				return err
			}
			return c.RecordBackup(ctx, info)
		}},
		{"RecordBackup", func(ctx context.Context, _ *testing.T, c *client.Client) error {
			_, err := c.Backup(ctx, io.Discard, nil) // it records the backup
			return err
		}},
	}
}
