package doorlog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
)

// marshalled are the exported types that are written as JSON.
var marshalled = []any{
	doorlog.Event{},
	doorlog.Detection{},
	doorlog.Box{},
	doorlog.EventType(""), doorlog.DoorAction(0), doorlog.Method(""),
	doorlog.Person{},
	doorlog.PersonInput{},
	doorlog.PersonSync{},
	doorlog.Query{},
	doorlog.Hours{},
	doorlog.Page{},
	doorlog.List[string]{},
	doorlog.Plan{},
	doorlog.PlanList{},
	doorlog.Scope{},
	doorlog.Summary{},
	doorlog.Analytics{},
	doorlog.Heatmap{},
	doorlog.DayCount{},
	doorlog.QuarterCount{},
	doorlog.HourCount{},
	doorlog.LabelCount{},
	doorlog.PersonCount{},
	doorlog.CameraInfo{},
	doorlog.TypeInfo{},
	doorlog.DayVisit{},
	doorlog.Policy{},
	doorlog.Rule{},
	doorlog.Match{},
	doorlog.FreeSpace{},
	doorlog.Removed{},
	doorlog.RemovedBy{},
	doorlog.Pruned{},
	doorlog.Erasure(0),
	doorlog.Erased{},
	doorlog.Renamed{},
	doorlog.Compacted{},
	doorlog.BackupInfo{},
	doorlog.Stats{},
	doorlog.Finding{},
	doorlog.Invariant(0), doorlog.Remedy(0),
	doorlog.Verification{},
	doorlog.Folder{},
	doorlog.FolderState(""),
	doorlog.Forgotten{},
	doorlog.ForgetOptions{},
	doorlog.Repaired{},
	doorlog.Salvaged{},
	doorlog.FieldError{},
	doorlog.Progress{},
	doorlog.ChangeOp(0),
	doorlog.Cursor{},
	doorlog.Change{},
	doorlog.ChangePage{},
	doorlog.ConsumerInfo{},
}

// unmarshalled are those that are not: they hold an open store, or functions.
var unmarshalled = []any{
	doorlog.Store{},
	doorlog.Snapshot{},
	doorlog.Options{},
	doorlog.BackupOptions{},
	doorlog.RestoreOptions{},
	doorlog.ChangeOptions{},
	doorlog.ConsumerOptions{},
	doorlog.Consumer{},
}

func TestEveryExportedTypeIsKnownToTheTestOfJSON(t *testing.T) {
	known := map[string]bool{"ID": true} // another module's
	for _, v := range append(append([]any{}, marshalled...), unmarshalled...) {
		name, _, _ := strings.Cut(reflect.TypeOf(v).Name(), "[") // of a List
		known[name] = true
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), entry.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() && !known[spec.Name.Name] {
				t.Errorf("%s: %s is neither marshalled nor unmarshalled", entry.Name(), spec.Name.Name)
			}
			_, inside := n.(*ast.FuncDecl)
			return !inside
		})
	}
}

// allSet returns a value all of whose exported fields are set, lists with one element.
func allSet(t testing.TB, of reflect.Type) reflect.Value {
	t.Helper()
	v := reflect.New(of).Elem()
	switch v.Interface().(type) {
	case doorlog.ID:
		return reflect.ValueOf(doorlog.ID{1, 2, 3})
	case time.Time:
		return reflect.ValueOf(breakfast)
	case doorlog.ChangeOp:
		return reflect.ValueOf(doorlog.EventUpdated)
	case doorlog.Cursor:
		c, err := doorlog.ParseCursor("01KJB11A2000001VAJWYQVB6B7.01KJB11A2000001VAJWYQVB6B8.12.0123abcd")
		if err != nil {
			t.Fatal(err)
		}
		return reflect.ValueOf(c)
	case doorlog.DoorAction:
		return reflect.ValueOf(doorlog.Locked)
	case doorlog.Erasure:
		return reflect.ValueOf(doorlog.EraseEvents)
	case doorlog.Remedy:
		return reflect.ValueOf(doorlog.RemedySalvage)
	case *time.Location:
		return reflect.ValueOf(berlin(t))
	}
	switch of.Kind() {
	case reflect.Struct:
		for i := range of.NumField() {
			if f := of.Field(i); f.IsExported() && f.Type.Kind() != reflect.Func {
				v.Field(i).Set(allSet(t, f.Type))
			}
		}
	case reflect.Pointer:
		v.Set(reflect.New(of.Elem()))
		v.Elem().Set(allSet(t, of.Elem()))
	case reflect.Uint64:
		v.SetUint(3)
	case reflect.Slice:
		v.Set(reflect.Append(v, allSet(t, of.Elem())))
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).Set(allSet(t, of.Elem()))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(of))
		v.SetMapIndex(allSet(t, of.Key()), allSet(t, of.Elem()))
	case reflect.String:
		v.SetString("some_text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Interface:
		v.Set(reflect.ValueOf(doorlog.ErrCorrupt))
	default:
		v.SetInt(3)
	}
	return v
}

func TestWhatIsWrittenAsJSONCanBeRead(t *testing.T) {
	for _, zero := range marshalled {
		of := reflect.TypeOf(zero)
		t.Run(of.Name(), func(t *testing.T) {
			for _, v := range []reflect.Value{reflect.ValueOf(zero), allSet(t, of)} {
				want := v.Interface()
				if e, ok := want.(doorlog.Event); ok && e.ID != (doorlog.ID{}) { // whose ID must be one
					e.ID, e.ThumbnailPath = doorlog.ID{5: 1, 15: 1}, "a/b.jpg"
					want = e
				}
				text, err := json.Marshal(want)
				if err != nil {
					t.Fatal(err)
				}
				back := reflect.New(of)
				if err := json.Unmarshal(text, back.Interface()); err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				got := back.Elem().Interface()
				if st, ok := got.(doorlog.Stats); ok && st.Damage != nil {
					if !errors.Is(st.Damage, doorlog.ErrCorrupt) || !errors.Is(st.Stopped, doorlog.ErrUnknownOutcome) {
						t.Errorf("damage %v, stopped %v", st.Damage, st.Stopped)
					}
					st.Damage, st.Stopped = want.(doorlog.Stats).Damage, want.(doorlog.Stats).Stopped
					got = st
				}
				again := marshal(t, got)
				if same := reflect.DeepEqual(got, want); !same && (!reflect.ValueOf(want).IsZero() || !bytes.Equal(again, text)) {
					t.Errorf("%s:\ngot  %+v\nwant %+v", text, got, want)
				}
				wantSnakeCase(t, text)
			}
		})
	}
}

func wantSnakeCase(t testing.TB, text []byte) {
	t.Helper()
	for _, name := range regexp.MustCompile(`"([^"]*)":`).FindAllSubmatch(text, -1) {
		if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).Match(name[1]) {
			t.Errorf("%s has a field %q", text, name[1])
		}
	}
}

// A result that was never filled in has no null either, where its lists are.
func TestListsOfZeroResultsAreNotNull(t *testing.T) {
	for _, zero := range marshalled {
		var fields map[string]json.RawMessage
		if json.Unmarshal(marshal(t, zero), &fields) != nil {
			continue // it is no object
		}
		of := reflect.TypeOf(zero)
		for field := range of.Fields() {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			kind := field.Type.Kind()
			if text, ok := fields[name]; ok && (kind == reflect.Slice || kind == reflect.Map) && string(text) == "null" {
				t.Errorf("%s.%s is null", of.Name(), field.Name)
			}
		}
	}
}

func TestEmptyListsAreNotNull(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	some := func(v any, err error) any {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	sc := doorlog.Scope{}
	results := map[string]any{
		"recent":   some(s.Recent(ctx, 5)),
		"page":     some(s.Page(ctx, doorlog.Query{}, "")),
		"plan":     some(s.Explain(ctx, doorlog.Query{})),
		"persons":  some(s.Persons(ctx)),
		"unlock":   some(s.AutoUnlockNames(ctx)),
		"cameras":  some(s.Cameras(ctx)),
		"types":    some(s.Types(ctx)),
		"sync":     some(s.SyncPersons(ctx, t.TempDir())),
		"timeline": some(s.Timeline(ctx, sc)),
		"quarters": some(s.Quarters(ctx, doorlog.Scope{Since: now})),
		"labels":   some(s.LabelBreakdown(ctx, sc)),
		"activity": some(s.PersonActivity(ctx, sc)),
		"hours":    some(s.PeakHours(ctx, sc)),
		"heatmap":  some(s.Heatmap(ctx, sc)),
		"pruned":   some(s.WouldPrune(ctx, doorlog.Policy{})),
		"verified": some(s.Verify(ctx)),
	}
	e := s.write(t, motion("garage", 1))[0]
	if _, err := s.PutPerson(ctx, doorlog.PersonInput{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	alice := motion("porch", 1)
	alice.Person = "alice"
	s.write(t, alice)
	results["analytics"] = some(s.Analytics(ctx, sc))
	results["activity of some"] = some(s.PersonActivity(ctx, sc))
	results["stats"] = strings.Contains(string(marshal(t, some(s.Stats(ctx)))), `"held_back":[]`)
	results["erased"] = some(s.ErasePerson(ctx, "alice", doorlog.EraseName))
	results["forgotten"] = some(s.WouldForgetMissing(ctx, nil))
	fresh := filepath.Join(t.TempDir(), "fresh.db")
	s.close(t)
	results["salvaged"] = some(doorlog.Salvage(ctx, s.path, fresh, nil))
	results["repaired"] = some(doorlog.Repair(ctx, s.path, nil))
	s.reopen(t)
	results["event"] = e.Detections == nil && strings.Contains(string(marshal(t, e)), `"detections":[]`)
	for what, v := range results {
		if v == false || strings.Contains(string(marshal(t, v)), "null") {
			t.Errorf("%s: %s", what, marshal(t, v))
		}
	}
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestJSONOfAZoneThatHasNoNameIsRefused(t *testing.T) {
	_, err := json.Marshal(doorlog.Query{Location: time.FixedZone("cellar", 7)})
	wantError(t, err, doorlog.ErrInvalid, "location: ")
	var q doorlog.Query
	wantError(t, json.Unmarshal([]byte(`{"location":"Nowhere/Land"}`), &q), doorlog.ErrInvalid, "location: ")
	var h doorlog.Heatmap
	wantError(t, json.Unmarshal([]byte(`[{"day_of_week":7,"hour":0,"count":1}]`), &h), doorlog.ErrInvalid, "heatmap: ")
	if how, err := doorlog.ParseErasure("events"); how != doorlog.EraseEvents || err != nil {
		t.Errorf("%s, %v", how, err)
	}
	var remedy doorlog.Remedy
	wantError(t, json.Unmarshal([]byte(`"prayer"`), &remedy), doorlog.ErrInvalid, "remedy: ")
	var how doorlog.Erasure
	wantError(t, json.Unmarshal([]byte(`"all"`), &how), doorlog.ErrInvalid, "how: ")
}
