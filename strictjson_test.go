package doorlog_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/doorlog/doorlog"
)

func TestJSONThatWouldBeChangedIsRefused(t *testing.T) {
	for text, problem := range map[string]string{
		`{"camera_id":"lone \ud83d half"}`:                                 `camera_id: has \ud83d, which is half of a character`,
		`{"camera_id":"\ude00"}`:                                           `camera_id: has \ude00`,
		`{"camera_id":"\ud83d\u0041"}`:                                     `camera_id: has \ud83d`,
		`{"camera_id":"\ud83d\ud83d\ude00"}`:                               `camera_id: has \ud83d`,
		`{"camera_id":"\\\ud83d"}`:                                         `camera_id: has \ud83d`,
		`{"camera_id":"\ud83d`:                                             "",
		`{"attributes":{"a":"x","b":"\ud83d"}}`:                            `attributes.b: has \ud83d`,
		`{"attributes":{"\ud83d":"x"}}`:                                    `attributes: has \ud83d`,
		`{"detections":[{"label":"a","confidence":1},{"label":"\uD83D"}]}`: `detections[1].label: has \ud83d`,
		`{"camera_id":"first","camera_id":"second"}`:                       "camera_id: is given twice",
		`{"camera_id":"a","camera\u005fid":"a"}`:                           "camera_id: is given twice",
		`{"person_name":null,"person_name":null}`:                          "person_name: is given twice",
		`{"attributes":{"a":"1","a":"2"}}`:                                 "attributes.a: is given twice",
		`{"detections":[{"label":"a","label":"b","confidence":1}]}`:        "detections[0].label: is given twice",
		`{"detections":[],"detections":[]}`:                                "detections: is given twice",
		`{"Camera_ID":"x"}`:                                                "Camera_ID: is not a field",
		`{"detections":[{"Label":"a","confidence":1}]}`:                    "detections[0].Label: is not a field",
		`{"attributes":{"a":null}}`:                                        "attributes.a: is not text",
		`{"attributes":{"a":1}}`:                                           "attributes.a: is not text",
		`{"` + strings.Repeat("x", 1000) + `":1}`:                          "…: is not a field",
		`{"detections":[{"label":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}]}`: "nested too deeply",
	} {
		var e doorlog.Event
		err := json.Unmarshal([]byte(text), &e)
		if problem == "" { // no JSON
			if err == nil {
				t.Errorf("%s: no error", text)
			}
			continue
		}
		wantError(t, err, doorlog.ErrInvalid, problem)
	}
	var p doorlog.Person
	wantError(t, json.Unmarshal([]byte(`{"name":"a","name":"b"}`), &p), doorlog.ErrInvalid, "name: is given twice")
	wantError(t, json.Unmarshal([]byte(`{"NAME":"a"}`), &p), doorlog.ErrInvalid, "NAME: is not a field")
	wantError(t, json.Unmarshal([]byte(`{"display_name":"\udc00"}`), &p), doorlog.ErrInvalid, "display_name: has")
	var d doorlog.Detection
	wantError(t, json.Unmarshal([]byte(`{"label":"\udc00","confidence":1}`), &d), doorlog.ErrInvalid, "label: has")
}

// What is misspelled in a configuration would be a bound less.
func TestJSONOfInputHasNoUnknownFields(t *testing.T) {
	for _, test := range []struct {
		into          any
		text, problem string
	}{
		{new(doorlog.Policy), `{"max_age":86400}`, "max_age: is not a field"},
		{new(doorlog.Policy), `{"Max_Events":5}`, "Max_Events: is not a field"},
		{new(doorlog.Policy), `{"max_events":5,"max_events":0}`, "max_events: is given twice"},
		{new(doorlog.Policy), `{"max_events":"5"}`, "max_events: is of the wrong kind"},
		{new(doorlog.Policy), `{"keep_free":{"percentage":10}}`, "keep_free.percentage: is not a field"},
		{new(doorlog.Policy), `{"rules":[{"match":{}},{"match":{},"max_age":1}]}`, "rules.1.max_age: is not a field"},
		{new(doorlog.Policy), `{"rules":[{"match":{"camera":["a"]}}]}`, "rules.0.match.camera: is not a field"},
		{new(doorlog.Policy), `{"progress":null}`, "progress: is not a field"},
		{new(doorlog.Rule), `{"match":{},"age":1}`, "age: is not a field"},
		{new(doorlog.Match), `{"person":"alice"}`, "person: is not a field"},
		{new(doorlog.Match), `{"persons":["\ud83d"]}`, `persons.0: has \ud83d`},
		{new(doorlog.FreeSpace), `{"byte":1}`, "byte: is not a field"},
		{new(doorlog.Query), `{"camera":["a"]}`, "camera: is not a field"},
		{new(doorlog.Query), `{"location":"UTC","location":"UTC"}`, "location: is given twice"},
		{new(doorlog.Query), `{"hours":{"from":1,"to":2}}`, "hours.to: is not a field"},
		{new(doorlog.Hours), `{"from":1,"to":2}`, "to: is not a field"},
		{new(doorlog.Scope), `{"cameras":["a"]}`, "cameras: is not a field"},
		{new(doorlog.PersonInput), `{"name":"a","autounlock":false}`, "autounlock: is not a field"},
		{new(doorlog.Erased), `{"compacted":{"size":1}}`, "compacted.size: is not a field"},
	} {
		wantError(t, json.Unmarshal([]byte(test.text), test.into), doorlog.ErrInvalid, test.problem)
	}
}

func TestInputIsReadOverWhatIsThere(t *testing.T) {
	rules := []doorlog.Rule{{Name: "old", MaxAge: 5}}
	p := doorlog.Policy{MaxEvents: 7, Rules: rules}
	for _, text := range []string{`null`, `{"max_bytes":5,"rules":null}`, `{"rules":[{"name":"x","match":{}}],"max_bytes":"x"}`} {
		if err := json.Unmarshal([]byte(text), &p); (err != nil) != strings.Contains(text, `"x"`) {
			t.Errorf("%s: %v", text, err)
		}
		if p.MaxEvents != 7 || len(p.Rules) != 1 || p.Rules[0].Name != "old" || p.Rules[0].MaxAge != 5 {
			t.Errorf("%s: %+v", text, p)
		}
	}
	err := json.Unmarshal([]byte(`{"rules":[{"name":"new","match":{}}]}`), &p)
	if err != nil || p.MaxBytes != 5 || len(p.Rules) != 1 || p.Rules[0].Name != "new" || p.Rules[0].MaxAge != 0 || rules[0].Name != "old" {
		t.Errorf("%+v, %v; there were %+v", p, err, rules)
	}
}

func TestJSONThatIsOnlyUnusualIsTaken(t *testing.T) {
	for text, want := range map[string]doorlog.Event{
		`{"camera_id":"\ud83d\ude00 \\ud83d \"x\""}`:              {Camera: `😀 \ud83d "x"`},
		"{\n\t\"camera_id\" :\r\n \"a\" , \"attributes\" : { } }": {Camera: "a", Attributes: map[string]string{}},
		`{"camera\u005fid":"\u00e9"}`:                             {Camera: "é"},
		`{"attributes":{"":"","a":"{\"x\":[","A":"]}\\"}}`:        {Attributes: map[string]string{"": "", "a": `{"x":[`, "A": `]}\`}},
		`{"detections":[ {"label":"]}\"","confidence":0} , {"label":"","confidence":1} ],"camera_id":"b"}`: {
			Camera: "b", Detections: []doorlog.Detection{{Label: `]}"`}, {Confidence: 1}},
		},
	} {
		var e doorlog.Event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		wantEvent(t, e, want)
	}
}

// UnmarshalJSON may be called with anything.
func TestUnmarshalJSONByItselfNeverPanics(t *testing.T) {
	whole, err := json.Marshal(fullEvent())
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		var e doorlog.Event
		if err := e.UnmarshalJSON(whole[:n]); err == nil {
			t.Errorf("%s is taken", whole[:n])
		}
		if err := e.UnmarshalJSON(append(append([]byte{}, whole...), whole[n:]...)); err == nil {
			t.Errorf("what follows an event is taken: %s", whole[n:])
		}
	}
	var e doorlog.Event
	wantError(t, e.UnmarshalJSON([]byte(strings.Repeat("[", 1e6))), doorlog.ErrInvalid, "nested too deeply")
}
