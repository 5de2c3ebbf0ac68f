package apitest_test

import (
	"bytes"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A step is a request and the status that it must get.
type step struct {
	status int
	ask
	twice bool // the status is that of the second answer
}

const (
	asJSON  = "application/json"
	asLines = "application/x-ndjson"
	event   = `{"camera_id":"front_door","recorded_at":"2026-02-25T20:15:00Z","event_type":"ding"}`
	another = `{"id":"` + eventID + `","camera_id":"garage","event_type":"motion"}` // what is under this ID is something else
	updated = `{"id":"` + eventID + `","camera_id":"front_door","event_type":"motion","reviewed":true}`
)

func get(path string) ask          { return ask{method: http.MethodGet, path: path} }
func put(path, body string) ask    { return sent(http.MethodPut, path, asJSON, body) }
func post(path, body string) ask   { return sent(http.MethodPost, path, asJSON, body) }
func remove(path string) ask       { return ask{method: http.MethodDelete, path: path} }
func bare(method, path string) ask { return ask{method: method, path: path} }
func of(path string) string        { return "/v1/events/" + eventID + path }
func sent(method, path, mediaType, body string) ask {
	return ask{method: method, path: path, body: body}.with("Content-Type", mediaType)
}

// form returns a multipart request of JSON and frames.
func form(name, json string, frames ...string) ask {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField(name, json) // to a buffer
	for _, frameName := range frames {
		part, _ := w.CreateFormFile(frameName, "frame.jpg")
		_, _ = part.Write(frame())
	}
	_ = w.Close()
	return sent(http.MethodPost, "/v1/events", w.FormDataContentType(), b.String())
}

// good is a request of each operation that is served.
func good(t testing.TB, s *server) map[string]step {
	t.Helper()
	tag, cursor := "*", ""
	if s != nil {
		tag = s.get(t, of("")).header.Get("ETag")
		at, err := s.store.Cursor(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		cursor = at.String()
	}
	all := map[string]step{
		"listEvents":       {status: 200, ask: get("/v1/events?limit=1")},
		"writeEvents":      {status: 201, ask: post("/v1/events", event)},
		"getEvent":         {status: 200, ask: get(of(""))},
		"putEvent":         {status: 201, ask: put("/v1/events/"+newID, `{"camera_id":"front_door","event_type":"ding"}`)},
		"patchEvent":       {status: 200, ask: sent(http.MethodPatch, of(""), "application/merge-patch+json", `{"reviewed":true}`)},
		"deleteEvent":      {status: 204, ask: remove(of(""))},
		"getThumbnail":     {status: 200, ask: get(of("/thumbnail"))},
		"putThumbnail":     {status: 200, ask: sent(http.MethodPut, "/v1/events/"+otherID+"/thumbnail", "image/jpeg", string(frame()))},
		"pinEvent":         {status: 204, ask: bare(http.MethodPut, of("/pin"))},
		"unpinEvent":       {status: 204, ask: remove("/v1/events/" + otherID + "/pin")},
		"markAlertSent":    {status: 204, ask: bare(http.MethodPut, of("/alert"))},
		"markReviewed":     {status: 204, ask: post("/v1/events/review", `{"ids":["`+eventID+`"]}`)},
		"updateEvents":     {status: 200, ask: post("/v1/events/update", fmt.Sprintf(`{"events":[{"event":%s,"etag":%q}]}`, updated, tag))},
		"knownEvents":      {status: 200, ask: post("/v1/events/known", `{"ids":["`+eventID+`","`+newID+`"]}`)},
		"eventByRecording": {status: 200, ask: get("/v1/recording?camera=front_door&recording_id=rec-1")},
		"newID":            {status: 200, ask: get("/v1/new-id?recorded_at=2026-02-25T07:30:00Z")},
	}
	maps.Copy(all, goodOthers(cursor, secret(s)))
	return all
}

// goodOthers is good for what is not about single events.
func goodOthers(cursor, token string) map[string]step {
	rename := func(from string) string { return `{"from":"` + from + `","to":"new"}` }
	return map[string]step{
		"report":         {status: 200, ask: get("/v1/report?format=csv&camera=garage&tz=Europe/Vienna")},
		"count":          {status: 200, ask: get("/v1/count?camera=garage")},
		"explain":        {status: 200, ask: get("/v1/explain?camera=garage&label=person")},
		"summary":        {status: 200, ask: get("/v1/summary")},
		"heatmap":        {status: 200, ask: get("/v1/heatmap?tz=Europe/Vienna")},
		"breakdown":      {status: 200, ask: get("/v1/breakdown?camera=front_door")},
		"timeline":       {status: 200, ask: get("/v1/timeline?since=2026-02-01T00:00:00Z&until=2026-03-01T00:00:00Z")},
		"quarters":       {status: 200, ask: get("/v1/quarters?since=2026-02-25T00:00:00Z&until=2026-02-26T00:00:00Z")},
		"hours":          {status: 200, ask: get("/v1/hours?method=face&reviewed=false")},
		"activity":       {status: 200, ask: get("/v1/activity?attribute=zone=porch")},
		"analytics":      {status: 200, ask: get("/v1/analytics")},
		"listCameras":    {status: 200, ask: get("/v1/cameras")},
		"renameCamera":   {status: 200, ask: post("/v1/cameras/rename", rename("garage"))},
		"listTypes":      {status: 200, ask: get("/v1/types")},
		"listPersons":    {status: 200, ask: get("/v1/persons")},
		"getPerson":      {status: 200, ask: get("/v1/persons/alice")},
		"putPerson":      {status: 200, ask: put("/v1/persons/bob", `{"display_name":"Bob"}`)},
		"deletePerson":   {status: 204, ask: remove("/v1/persons/alice")},
		"setAutoUnlock":  {status: 204, ask: put("/v1/persons/alice/auto-unlock", `{"on":false}`)},
		"renamePerson":   {status: 200, ask: post("/v1/persons/rename", rename("alice"))},
		"syncPersons":    {status: 200, ask: post("/v1/persons/sync", `{"files":["carol_1.jpg","old/"]}`)},
		"autoUnlock":     {status: 200, ask: get("/v1/auto-unlock")},
		"erasePerson":    {status: 200, ask: post("/v1/erase", `{"name":"alice","how":"name"}`)},
		"changes":        {status: 200, ask: get("/v1/changes?limit=3")},
		"cursor":         {status: 200, ask: get("/v1/cursor")},
		"listConsumers":  {status: 200, ask: get("/v1/consumers")},
		"getConsumer":    {status: 200, ask: get("/v1/consumers/mirror")},
		"putConsumer":    {status: 200, ask: put("/v1/consumers/another", `{"from":"`+cursor+`","hold":10}`)},
		"removeConsumer": {status: 204, ask: remove("/v1/consumers/mirror")},
		"ackConsumer":    {status: 204, ask: post("/v1/consumers/mirror/ack", `{"cursor":"`+cursor+`"}`)},
		"info":           {status: 200, ask: get("/v1/info")},
		"verify":         {status: 200, ask: bare(http.MethodPost, "/v1/verify")},
		"compact":        {status: 200, ask: bare(http.MethodPost, "/v1/compact")},
		"prune":          {status: 200, ask: post("/v1/prune", `{"policy":{"max_events":1},"dry_run":false}`)},
		"forgetMissing":  {status: 200, ask: post("/v1/forget-missing", `{"dry_run":false}`)},
		"backup":         {status: 200, ask: get("/v1/backup?verify=true").with("TE", "trailers")},
		"recordBackup":   {status: 204, ask: post("/v1/backup/kept", `{}`)},
		"healthz":        {status: 200, ask: get("/healthz")},
		"readyz":         {status: 200, ask: get("/readyz")},
		"openapi":        {status: 200, ask: get("/v1/openapi.yaml")},
		"server":         {status: 200, ask: get("/v1/server")},
		"login":          {status: 204, ask: post("/v1/login", `{"token":"`+token+`"}`)},
		"logout":         {status: 204, ask: bare(http.MethodPost, "/v1/logout")},
		"listTokens":     {status: 200, ask: get("/v1/tokens")},
		"addToken":       {status: 201, ask: post("/v1/tokens", `{"name":"new","write":true,"cameras":["front_door"]}`)},
		"removeToken":    {status: 204, ask: remove("/v1/tokens/phone")},
	}
}

func secret(s *server) string {
	if s == nil {
		return ""
	}
	return s.tokens["reader"]
}

// want is a step for each ask.
func want(status int, asks ...ask) (list []step) {
	for _, a := range asks {
		list = append(list, step{status: status, ask: a})
	}
	return list
}

// again is a step whose request is made twice, and must get the status the second time.
func again(status int, a ask) []step { return []step{{status: status, ask: a, twice: true}} }

// special are requests that get the other answers of the operations, each on a server of its own.
func special(t testing.TB) []step {
	t.Helper()
	full := good(t, nil)
	var long []ask
	for _, id := range []string{"verify", "compact", "prune", "forgetMissing", "erasePerson", "renameCamera", "renamePerson"} {
		long = append(long, full[id].with("Accept", asLines))
	}
	return slices.Concat(
		want(200, long...),
		specialEvents(),
		want(200,
			get("/v1/count?"+everyFilter), get("/v1/explain?"+everyFilter), get("/v1/changes?"+everyFilter),
			get("/v1/changes?after=now&wait=10ms&ids_only=true"),
			post("/v1/erase", `{"name":"nobody"}`), post("/v1/prune", `{"policy":{}}`), post("/v1/prune", policy),
			post("/v1/forget-missing", `{"folders":true}`),
		),
		want(401, post("/v1/login", `{"token":"doorlog_no"}`)),
		want(404,
			get("/v1/persons/nobody%2Fhere"), remove("/v1/persons/nobody"), put("/v1/persons/nobody/auto-unlock", `{"on":true}`),
			post("/v1/persons/rename", `{"from":"nobody","to":"new"}`), post("/v1/cameras/rename", `{"from":"none","to":"new"}`),
			get("/v1/consumers/none"), remove("/v1/consumers/none"), post("/v1/consumers/none/ack", `{"cursor":""}`), remove("/v1/tokens/none"),
		),
		want(409, post("/v1/tokens", `{"name":"phone","read":true}`)),
		want(410,
			get("/v1/changes?after="+gone), put("/v1/consumers/another", `{"from":"`+gone+`"}`),
			post("/v1/consumers/mirror/ack", `{"cursor":"`+gone+`"}`),
		),
	)
}

// gone is a cursor of another store.
const gone = eventID + "." + otherID + ".5.01234567"

func specialEvents() []step {
	const unknown = "/v1/events/" + newID
	match := func(a ask, tag string) ask { return a.with("If-Match", tag) }
	patch := func(path, body string) ask { return sent(http.MethodPatch, path, asJSON, body) }
	update := func(event string) ask {
		return post("/v1/events/update", `{"events":[{"event":`+event+`,"etag":"\"x\""}]}`)
	}
	picture := func(method, path, mediaType string) ask { return sent(method, path, mediaType, string(frame())) }
	fields := "camera_id=garage&event_type=ding&recorded_at=2026-02-25T20:15:00Z&pinned=true&face_confidence=0.5&recording_id=r"
	return slices.Concat(
		want(200,
			get("/v1/events?"+everyFilter+"&oldest_first=true&offset=0&limit=1000"),
			post("/v1/events", "["+event+","+event+"]"),
			sent(http.MethodPost, "/v1/events?once=true", asLines, event+"\n\n{\n{\"camera_id\":\"garage\"}\n"+event),
			form("events", "["+event+","+event+"]", "frame.1"),
			match(put(of(""), updated), "*"), patch(of(""), `{"person_name":null}`),
		),
		again(200, put(unknown, event)),
		again(200, post("/v1/events?once=true", `{"camera_id":"garage","recorded_at":1772000000,"event_type":"ding","recording_id":"r"}`)),
		want(201,
			form("event", event, "frame"), picture(http.MethodPost, "/v1/events?once=true&"+fields, "image/jpeg"),
			picture(http.MethodPost, "/v1/events?camera_id=garage&event_type=ding&id="+newID, "application/octet-stream"),
		),
		want(206, get(of("/thumbnail")).with("Range", "bytes=0-9")),
		want(400, post("/v1/events", `{"camera_id":""}`)),
		want(404,
			get(unknown), match(put(unknown, event), "*"), patch(unknown, `{}`), remove(unknown), get("/v1/events/"+otherID+"/thumbnail"),
			picture(http.MethodPut, unknown+"/thumbnail", "image/jpeg"), bare(http.MethodPut, unknown+"/pin"), remove(unknown+"/pin"),
			bare(http.MethodPut, unknown+"/alert"), post("/v1/events/review", `{"ids":["`+newID+`"]}`), post("/v1/events/review", `{"ids":["`+newID+`"],"reviewed":false}`),
			update(strings.Replace(updated, eventID, newID, 1)), get("/v1/recording?camera=front_door&recording_id=none"),
		),
		want(409, post("/v1/events", another), put(of(""), another), picture(http.MethodPut, of("/thumbnail"), "application/octet-stream")),
		want(412, match(put(of(""), updated), `"x"`), match(patch(of(""), `{}`), `"x"`), match(remove(of("")), `"x"`), update(updated)),
		want(416, get(of("/thumbnail")).with("Range", "bytes=999999-")),
	)
}

// everyFilter has each parameter that selects events.
const everyFilter = "camera=front_door&camera=garage&type=motion&door=unlocked&door=none&method=face&person=alice&label=person&min_confidence=0.5" +
	"&stranger=false&unlock_granted=true&alert_sent=false&has_thumbnail=true&pinned=false&reviewed=false&attribute=zone%3Dporch&recording_id=rec-1" +
	"&since=2026-02-25T07:30:00.000000000Z&until=2026-03-01T00:00:00Z&hours=22-20&weekday=3&weekday=0&tz=CET-1CEST,M3.5.0,M10.5.0/3"

// policy has each field of a policy.
const policy = `{"dry_run":true,"policy":{"rules":[{"name":"bell","match":{"cameras":["front_door"],"types":["ding"],"persons":["alice"],"labels":["person"],
	"methods":["face"],"attributes":{"zone":["porch"]},"stranger":false,"unlock_granted":true},"max_age_ns":1}],"max_age_ns":1000000000,"max_events":10,
	"max_bytes":1000000,"keep_free":{"bytes":1,"percent":0.001},"thumbnail_age_ns":1000000000,"trust_clock":true,"orphans":true}}`
