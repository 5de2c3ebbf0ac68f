package wire_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/internal/wire"
)

// awkward are texts that a URL, a list or an attribute could take for something else.
var awkward = []string{
	"", "front door", "a=b", "100%", "%3D", "%25", "=", "%", "a&b;c", "+", "#?/", "ë", "e\u0308", "日本", "a\x00b", "\xff\xfe", "null", " x ", "\r\n", "true", "[]",
}

func awkwardTexts[T ~string](rng *rand.Rand) (texts []T) {
	for range max(0, rng.IntN(6)-2) {
		texts = append(texts, T(awkward[rng.IntN(len(awkward))]))
	}
	return texts
}

func maybe[T any](rng *rand.Rand, value T) (v T) {
	if rng.IntN(2) == 0 {
		return value
	}
	return v
}

func someBool(rng *rand.Rand) *bool { return []*bool{nil, new(true), new(false)}[rng.IntN(3)] }

func someTime(rng *rand.Rand) time.Time {
	return maybe(rng, time.Unix(rng.Int64N(250_000_000_000)-60_000_000_000, rng.Int64N(1e9)).UTC())
}

func someAttributes(rng *rand.Rand) map[string][]string {
	if rng.IntN(2) == 0 {
		return nil
	}
	asked := make(map[string][]string)
	for range 1 + rng.IntN(3) {
		asked[awkward[rng.IntN(len(awkward))]] = awkwardTexts[string](rng)
	}
	return asked
}

func someZone(t *testing.T, rng *rand.Rand) *time.Location {
	t.Helper()
	name := []string{"", "UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"}[rng.IntN(5)]
	if name == "" {
		return nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func awkwardQuery(t *testing.T, rng *rand.Rand) doorlog.Query {
	t.Helper()
	q := doorlog.Query{
		Cameras: awkwardTexts[string](rng), Types: awkwardTexts[doorlog.EventType](rng), Methods: awkwardTexts[doorlog.Method](rng),
		Persons: awkwardTexts[string](rng), Stranger: someBool(rng), Labels: awkwardTexts[string](rng),
		MinConfidence: maybe(rng, []float64{1, 0.1, -3, 1e-300, math.MaxFloat64, math.Inf(1), 1.0 / 3}[rng.IntN(7)]),
		UnlockGranted: someBool(rng), AlertSent: someBool(rng), HasThumbnail: someBool(rng), Pinned: someBool(rng), Reviewed: someBool(rng),
		Attributes: someAttributes(rng), RecordingID: awkward[rng.IntN(len(awkward))], Since: someTime(rng), Until: someTime(rng),
		Hours:    maybe(rng, &doorlog.Hours{From: rng.IntN(60) - 20, Until: rng.IntN(60) - 20}),
		Location: someZone(t, rng), OldestFirst: rng.IntN(2) == 0,
		Limit: maybe(rng, int(rng.Int64())-math.MaxInt/2), Offset: maybe(rng, rng.IntN(100)-50),
	}
	for range max(0, rng.IntN(5)-2) {
		q.Weekdays = append(q.Weekdays, time.Weekday(rng.IntN(20)-5))
	}
	for range max(0, rng.IntN(5)-2) {
		q.Doors = append(q.Doors, doorlog.DoorAction(rng.IntN(7)))
	}
	return q
}

// reparsed returns the values as the other side of a URL sees them.
func reparsed(t *testing.T, values url.Values) url.Values {
	t.Helper()
	got, err := wire.ParseParams(values.Encode())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Also what a store refuses goes through as it is, so that the store can say what it says of it.
func TestEveryQueryGoesThroughAURL(t *testing.T) {
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	for range 5000 {
		q := awkwardQuery(t, rng)
		values, err := wire.QueryValues(q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		got, err := wire.ParseQuery(reparsed(t, values))
		if err != nil || !reflect.DeepEqual(got, q) {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", values.Encode(), got, err, q)
		}
		sc := doorlog.Scope{
			Since: q.Since, Until: q.Until, Camera: awkward[rng.IntN(len(awkward))], Methods: q.Methods, Reviewed: q.Reviewed,
			Attributes: q.Attributes, Location: q.Location,
		}
		if values, err = wire.ScopeValues(sc); err != nil {
			t.Fatalf("%+v: %v", sc, err)
		}
		if got, err := wire.ParseScope(reparsed(t, values)); err != nil || !reflect.DeepEqual(got, sc) {
			t.Fatalf("%s\n got %+v, %v\nwant %+v", values.Encode(), got, err, sc)
		}
	}
}

// A field that is added to Query or Scope must be added to what is sent, too.
func TestEveryFieldOfAQueryIsSent(t *testing.T) {
	for _, v := range []any{&doorlog.Query{}, &doorlog.Scope{}} {
		fields := reflect.ValueOf(v).Elem()
		for i := range fields.NumField() {
			fields.SetZero()
			name := fields.Type().Field(i).Name
			setSomething(t, fields.Field(i))
			var values url.Values
			var err error
			if q, ok := v.(*doorlog.Query); ok {
				values, err = wire.QueryValues(*q)
			} else {
				values, err = wire.ScopeValues(*v.(*doorlog.Scope))
			}
			if err != nil || len(values) != 1 {
				t.Errorf("%T.%s is sent as %q, %v", v, name, values.Encode(), err)
			}
		}
	}
}

func setSomething(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1, 0)))
		return
	case *time.Location:
		v.Set(reflect.ValueOf(time.UTC))
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string][]string{"a": {"b"}}))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(1)
	case reflect.Float64:
		v.SetFloat(1)
	default:
		t.Fatalf("what is a %s?", v.Type())
	}
}

func TestParametersThatCannotBeReadAreNamed(t *testing.T) {
	for raw, field := range map[string]string{
		"colour=red":                      "colour",
		"Camera=front":                    "Camera",
		"=x":                              "",
		"stranger=yes":                    "stranger",
		"pinned=":                         "pinned",
		"pinned":                          "pinned",
		"pinned=true&pinned=true":         "pinned",
		"limit=ten":                       "limit",
		"limit=":                          "limit",
		"limit=1e3":                       "limit",
		"limit=99999999999999999999":      "limit",
		"offset=1&offset=2":               "offset",
		"min_confidence=high":             "min_confidence",
		"since=yesterday":                 "since",
		"since=":                          "since",
		"until=2026-02-25T07:30:00":       "until", // whose clock?
		"hours=22":                        "hours",
		"hours=22-":                       "hours",
		"hours=-":                         "hours",
		"hours=":                          "hours",
		"hours=22-6-7":                    "hours",
		"weekday=Monday":                  "weekday",
		"tz=Local":                        "tz",
		"tz=":                             "tz",
		"tz=/etc/localtime":               "tz",
		"tz=../../etc/localtime":          "tz",
		"door=ajar":                       "door",
		"recording_id=":                   "recording_id",
		"attribute=a%254=b":               "attribute",
		"cursor=a&cursor=b":               "cursor",
		"camera=front&oldest_first=1":     "oldest_first",
		"wait=30s":                        "wait",
		"since=2026-02-25T07:30:00%2b00x": "since",
	} {
		_, err := wire.ParseQuery(parse(t, raw), "cursor")
		f, ok := errors.AsType[*doorlog.FieldError](err)
		if !ok || f.Field != field || !errors.Is(err, doorlog.ErrInvalid) {
			t.Errorf("%s: %v, want one of %s", raw, err, field)
		}
	}
	for raw, field := range map[string]string{"camera=a&camera=b": "camera", "camera=": "camera", "label=x": "label", "limit=1": "limit"} {
		_, err := wire.ParseScope(parse(t, raw))
		if f, ok := errors.AsType[*doorlog.FieldError](err); !ok || f.Field != field {
			t.Errorf("scope %s: %v", raw, err)
		}
	}
	for _, raw := range []string{"a;b=c", "camera=%zz", "%=1"} {
		if _, err := wire.ParseParams(raw); !errors.Is(err, wire.ErrRequest) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if err := wire.CheckParams(parse(t, "verify=true"), "verify"); err != nil {
		t.Error(err)
	}
	for _, raw := range []string{"verify=true&verify=true", "Verify=true"} {
		if err := wire.CheckParams(parse(t, raw), "verify"); !errors.Is(err, doorlog.ErrInvalid) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func parse(t *testing.T, raw string) url.Values {
	t.Helper()
	values, err := wire.ParseParams(raw)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestAParameterOfTheCallerIsAllowed(t *testing.T) {
	q, err := wire.ParseQuery(parse(t, "camera=front&camera=back&cursor=abc"), "cursor", "other")
	if err != nil || len(q.Cameras) != 2 {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestAZoneIsSentByItsName(t *testing.T) {
	for _, loc := range []*time.Location{time.FixedZone("CET", 3600), time.FixedZone("", -5*3600)} {
		values, err := wire.QueryValues(doorlog.Query{Location: loc})
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.ParseQuery(reparsed(t, values))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(0, 0)
		if want := at.In(loc).Format("15:04 -0700"); at.In(got.Location).Format("15:04 -0700") != want {
			t.Errorf("%s: it is %s there, want %s", values.Encode(), at.In(got.Location), want)
		}
	}
	_, err := wire.ScopeValues(doorlog.Scope{Location: time.FixedZone("far", 100_000)})
	if !errors.Is(err, doorlog.ErrInvalid) || !strings.Contains(err.Error(), "tz: far is 100000 s from UTC") {
		t.Error(err)
	}
}

// A time that RFC 3339 cannot write is sent as the nearest one: no event is between the two.
func TestTimesBeyondTheCalendarAreSent(t *testing.T) {
	values, err := wire.QueryValues(doorlog.Query{Since: time.Unix(-1<<40, 0), Until: time.Unix(1<<40, 0)})
	if err != nil || values.Get("since") != "0000-01-01T00:00:00Z" || values.Get("until") != "9999-12-31T23:59:59.999999999Z" {
		t.Errorf("%v, %v", values, err)
	}
	if _, err := wire.ParseQuery(values); err != nil {
		t.Error(err)
	}
}

// What can be read is written in one form, which means the same.
func FuzzParseQuery(f *testing.F) {
	for _, raw := range []string{
		"", "camera=front&type=motion&door=opened&hours=22-6&weekday=0", "attribute=a%253Db=c&tz=Europe/Berlin", "since=1700000000&until=2026-02-25T07:30:00%2B01:00",
		"tz=CET-1CEST,M3.5.0,M10.5.0/3&limit=5&offset=-1", "min_confidence=NaN", "hours=-1--2",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := wire.ParseParams(raw)
		if err != nil {
			return
		}
		if sc, err := wire.ParseScope(values); err == nil {
			if _, err := wire.ScopeValues(sc); err != nil {
				t.Fatalf("%+v: %v", sc, err)
			}
		}
		q, err := wire.ParseQuery(values)
		if err != nil {
			if _, ok := errors.AsType[*doorlog.FieldError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		written, err := wire.QueryValues(q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		again, err := wire.ParseQuery(reparsed(t, written))
		if err != nil {
			t.Fatalf("%s: %v", written.Encode(), err)
		}
		if math.IsNaN(q.MinConfidence) && math.IsNaN(again.MinConfidence) {
			q.MinConfidence, again.MinConfidence = 0, 0
		}
		if q.Location, again.Location = nil, nil; !reflect.DeepEqual(again, q) {
			t.Fatalf("%s\n got %+v\nwant %+v", written.Encode(), again, q)
		}
	})
}
