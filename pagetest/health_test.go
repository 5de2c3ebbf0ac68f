package pagetest_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
)

// thumbnails returns the paths of all thumbnails.
func (h *home) thumbnails() []string {
	h.t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(h.Path), "thumbnails", "*", "*", "*", "*.jpg"))
	if err != nil || len(found) == 0 {
		h.t.Fatal(found, err)
	}
	return found
}

func TestHealthSaysWhatIsWrongAndWhatHelps(t *testing.T) {
	everyView(t, func(t *testing.T, v pagetest.View) {
		t.Parallel()
		h := newHome(t)
		p := h.open(t, v, "?view=health")
		p.waitText(".sentence", "1 thing needs attention")
		p.waitText(`.health li[data-state="warn"]`, "There is no backup")
		p.waitText(".health li", "All 4 cameras report")
		p.waitText(".about", "Time zone of the server")
		p.axe()
	})
}

func TestTheStoreIsVerifiedAndCompactedFromThePage(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	if _, err := h.Store.Prune(context.Background(), doorlog.Policy{MaxEvents: 20}); err != nil {
		t.Fatal(err)
	}
	p := h.open(t, desktop, "?view=health")
	p.allowShift() // what came of it is said below the button
	p.click("button", "Verify")
	p.waitText(".said", "20 events and 20 pictures are sound.")
	p.click("button", "Compact")
	p.waitText("dialog h2", "Compact")
	p.press("dialog .primary")
	p.waitText(".said", "/before, .* now/")

	if err := os.Remove(h.thumbnails()[0]); err != nil {
		t.Fatal(err)
	}
	p.click("button", "Verify")
	p.waitText(".said", "/^1 thing is wrong.*Restore the pictures from a backup/")
}

func TestADamagedStoreIsSaidWhateverIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	file, err := os.OpenFile(h.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	const page = 4096
	for at := int64(4 * page); at < 40*page; at += page { // all that is not the beginning
		if _, err := file.WriteAt(make([]byte, page), at); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Store.Verify(context.Background()); err != nil {
		t.Log(err)
	}
	p := h.open(t, phone, "?view=feed")
	p.allow(`5\d\d of .*`)
	p.waitText(`.health li[data-state="bad"] h2`, "The file is damaged")
	p.waitText(".health .command", "doorlog verify")
	p.axe()
}

func TestABackupCountsWhenThePersonSaysThatItHasArrived(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=health")
	p.allowShift()
	p.waitRole("link", "Download a backup")
	p.eval(`document.querySelector('a[download]').addEventListener('click', (e) => e.preventDefault())`, nil) // where would it go?
	p.click("link", "Download a backup")
	p.click("button", "It has arrived")
	p.waitText(".sentence", "All is well")
	p.waitText(".health h2", "/Last backup: .*minute/")
	st, err := h.Store.Stats(context.Background())
	if err != nil || time.Since(st.LastBackup) > time.Minute {
		t.Errorf("%v %v", st.LastBackup, err)
	}
}

func TestRetentionThatIsHeldBackIsSaid(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	newest := h.newest(doorlog.Query{})
	frame := filepath.Join(filepath.Dir(h.Path), "thumbnails", newest.ThumbnailPath)
	bytes, err := os.ReadFile(frame)
	if err != nil {
		t.Fatal(err)
	}
	for range 40 { // more than a prune takes for leftovers
		id, err := h.Store.NewID(newest.RecordedAt)
		if err != nil {
			t.Fatal(err)
		}
		stray := filepath.Join(filepath.Dir(frame), id.String()+".jpg")
		if err := os.WriteFile(stray, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-48 * time.Hour)
		if err := os.Chtimes(stray, old, old); err != nil {
			t.Fatal(err)
		}
	}
	gone, err := h.Store.Prune(context.Background(), doorlog.Policy{MaxEvents: 100})
	if err != nil || len(gone.HeldBack) == 0 {
		t.Fatalf("%+v %v", gone, err)
	}
	p := h.open(t, phone, "?view=health")
	p.waitText(`.health li[data-state="warn"]`, "There are pictures without events")
	p.waitText(".sentence", "2 things need attention")
	p.axe()
}

func TestAReaderThatStandsStillIsRemoved(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	var before atomic.Int64
	h := newHome(t, func(o *homeOptions) {
		o.store.Now = func() time.Time { return time.Now().Add(-time.Duration(before.Load())) }
	})
	before.Store(int64(3 * 24 * time.Hour)) // when it read last
	if _, err := h.Store.Consumer(ctx, "mirror", nil); err != nil {
		t.Fatal(err)
	}
	before.Store(0)
	p := h.open(t, desktop, "?view=health")
	p.waitText(`.health li[data-state="warn"] h2`, "mirror stands still")
	p.waitText(".health li", "It last read 3 days ago")
	p.allowShift()
	p.click("button", "Remove")
	p.waitText("dialog h2", "Remove mirror?")
	p.press("dialog .danger")
	p.wait(`![...document.querySelectorAll('.health h2')].some((h) => h.textContent.includes('mirror'))`)
	if all, err := h.Store.Consumers(ctx); err != nil || len(all) > 0 {
		t.Errorf("%v %v", all, err)
	}
}

// What the figures of a store mean is looked at with figures that take days to come by.
func TestWhatTheFiguresMean(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.open(t, desktop, "?view=health")
	p.waitFor(".health li")
	// The server joins the modules, so that one of them alone cannot be imported.
	sources := `const judge = (() => {` + source(t, "texts") + source(t, "time") + `
		const grant = () => ({ read: true, write: true, admin: true });
		{` + source(t, "views/judge") + `; return judge; }
		})();`
	for name, test := range map[string]struct{ change, want string }{
		"nothing":        {``, ""},
		"damage":         {`f.info.damage = 'page 7'`, "bad: The file is damaged"},
		"stopped":        {`f.info.stopped = 'disk'`, "bad: Nothing is stored any more"},
		"moved":          {`f.info.moved = true; f.info.stopped = 'moved'`, "bad: The file was moved or replaced"},
		"never read":     {`f.info.verified = null`, "info: The file was not read whole yet"},
		"read long ago":  {`f.info.verified = ago(40)`, "warn: The store is sound"},
		"no backup":      {`f.info.last_backup = null`, "warn: There is no backup"},
		"old backup":     {`f.info.last_backup = ago(9)`, "warn: Last backup: last week"},
		"free":           {`f.info.free_pages = 5000`, "info: Compacting gives back 20.5 MB"},
		"clock of prune": {`f.info.held_back = ['the clock says 2035-01-01, ahead']`, "warn: Less is deleted than it should be"},
		"late reader":    {`f.info.consumers = [{ name: 'm', behind: 12, hold: 99, acked: ago(3) }]`, "warn: m stands still"},
		"gone reader":    {`f.info.consumers = [{ name: 'm', behind: 12, hold: 9, acked: ago(3), gone: true }]`, "bad: m has missed changes"},
		"quick reader":   {`f.info.consumers = [{ name: 'm', behind: 12, hold: 99, acked: ago(0) }]`, ""},
		"snapshot":       {`f.info.oldest_snapshot = ago(0.1)`, "warn: A program reads for long"},
		"clock":          {`f.ahead = -300000`, "warn: The clocks differ"},
		"future":         {`f.future = 3`, "warn: 3 events are in the future"},
		"camera":         {`f.cameras[0].last_event = ago(3)`, "warn: Front door is silent"},
		"rare camera":    {`f.cameras[0] = { camera_id: 'x', events: 2, first_event: ago(9), last_event: ago(3) }`, ""},
		"old camera":     {`f.cameras[0].last_event = ago(90); f.cameras[0].first_event = ago(100)`, "info: Front door is silent"},
	} {
		script := `(() => {
			` + sources + `
			const at = Date.now();
			const ago = (days) => new Date(at - days * 864e5).toISOString();
			const f = { at, ahead: 0, future: 0, server: { now: ago(0) }, cameras: [{ camera_id: 'front_door', events: 500, first_event: ago(30), last_event: ago(0) }],
				info: { events: 500, damage: null, stopped: null, moved: false, verified: ago(1), last_backup: ago(1), file_bytes: 4e7, page_bytes: 4096, pages: 10000, free_pages: 10,
					growth_per_day: 1e5, held_back: [], consumers: [], oldest_snapshot: null } };
			` + test.change + `;
			return judge(f).filter((i) => i.state !== 'good').map((i) => i.state + ': ' + i.title).join(', ');
		})()`
		var got string
		if p.eval(script, &got); got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
	}
}

// source returns what a module does, without its imports and exports.
func source(t *testing.T, module string) string {
	t.Helper()
	text, err := os.ReadFile("../web/page/app/" + module + ".js")
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^(import .*|export )`).ReplaceAllString(string(text), "")
}
