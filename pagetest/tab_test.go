package pagetest_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/doorlog/doorlog/pagetest"
)

// patience is how long a condition is waited for, and pace how often it is looked at.
const (
	patience = 20 * time.Second
	pace     = 15 * time.Millisecond
)

// maxShift is how much the layout may shift by itself in all (web.dev calls 0.1 good).
const maxShift = 0.02

// A tab is one that a test looks at.
type tab struct {
	*pagetest.Tab
	t       testing.TB
	home    *home
	allowed []*regexp.Regexp
	shifts  bool // are allowed
}

// open opens a tab at an address of the page, such as "?view=day", and waits until the page has begun. At the
// end of the test it is looked at for problems.
func (h *home) open(t testing.TB, v pagetest.View, address string) *tab {
	t.Helper()
	inner, err := browser.NewTab(v)
	if err != nil {
		t.Fatal(err)
	}
	p := &tab{Tab: inner, t: t, home: h}
	t.Cleanup(func() {
		if t.Failed() {
			p.shot()
		} else {
			p.noProblems()
		}
		p.Close()
	})
	p.visit(address)
	return p
}

// in goes to another address of the page for a test of its own, and looks for problems at the end of that. One tab
// for many tests is faster than one for each.
func (p *tab) in(t *testing.T, name, address string, test func(p *tab)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		q := &tab{Tab: p.Tab, t: t, home: p.home}
		q.Forget()
		q.visit(address)
		q.ready()
		test(q)
		q.noProblems()
	})
}

// visit goes to another address of the page, as if it were typed.
func (p *tab) visit(address string) {
	p.t.Helper()
	if err := p.Open(p.home.URL + address); err != nil {
		p.t.Fatalf("open %s: %v", address, err)
	}
	p.wait(`document.querySelector('main')`)
}

// ready waits until a view has what it asked the server for, and has come to rest. The stream of changes goes on.
func (p *tab) ready() {
	p.t.Helper()
	p.waitFor("h1, dialog")
	p.until(func() (bool, string) {
		waits := p.AtRest()
		return waits == "", waits
	}, "all requests are answered")
	p.wait(pagetest.Settled)
}

// allow lets problems pass that match a regular expression.
func (p *tab) allow(expression string) { p.allowed = append(p.allowed, regexp.MustCompile(expression)) }

// allowShift lets the layout shift.
func (p *tab) allowShift() { p.shifts = true }

// noProblems fails if the page complained, asked another host for something, or moved by itself.
func (p *tab) noProblems() {
	p.t.Helper()
	for _, problem := range p.Problems() {
		if !slices.ContainsFunc(p.allowed, func(re *regexp.Regexp) bool { return re.MatchString(problem) }) {
			p.t.Errorf("the page has a problem: %s", problem)
		}
	}
	for _, address := range p.Requests() {
		if own := regexp.MustCompile(`^(data|blob|about):`).MatchString(address) || strings.HasPrefix(address, p.home.URL); !own {
			p.t.Errorf("the page asked for %s", address)
		}
	}
	var shift struct {
		Sum  float64
		List []string
	}
	p.eval(`({ Sum: layoutShift, List: layoutShifts })`, &shift)
	if shift.Sum >= maxShift && !p.shifts {
		p.t.Errorf("the layout shifted by %.3f:\n%s", shift.Sum, strings.Join(shift.List, "\n"))
	}
	if p.t.Failed() {
		p.shot()
	}
}

// shot keeps a picture of a failure.
func (p *tab) shot() {
	png, err := p.Shot()
	if err != nil {
		p.t.Logf("no picture: %s", firstLine(err))
		return
	}
	dir := filepath.Join(os.TempDir(), "doorlog-pagetest-failures")
	if kept := flag.Lookup("test.artifacts"); kept != nil && kept.Value.String() == "true" {
		dir = p.t.ArtifactDir()
	}
	file := filepath.Join(dir, regexp.MustCompile(`\W+`).ReplaceAllString(p.t.Name(), "-")+".png")
	if os.MkdirAll(dir, 0o700) == nil && os.WriteFile(file, png, 0o600) == nil {
		p.t.Logf("what the page looked like: %s", file)
	}
}

// eval runs JavaScript and puts what it returns into out.
func (p *tab) eval(script string, out any) {
	p.t.Helper()
	if err := p.Eval(script, out); err != nil {
		p.t.Fatalf("%s: %v", script, err)
	}
}

// patient is eval for what takes long.
func (p *tab) patient(limit time.Duration, script string, out any) {
	p.t.Helper()
	if err := p.RunFor(limit, pagetest.Evaluate(script, out)); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits until a JavaScript expression is true. found, if given, is one that says what there is instead.
func (p *tab) wait(script string, found ...string) {
	p.t.Helper()
	p.until(func() (bool, string) {
		var answer struct {
			OK    bool
			Found string
		}
		say := "''"
		if len(found) > 0 {
			say = found[0]
		}
		err := p.Eval(`(() => { const OK = !!(`+script+`); return { OK, Found: OK ? '' : String(`+say+`) }; })()`, &answer)
		if err != nil { // it may be on its way to another page
			return false, firstLine(err)
		}
		return answer.OK, answer.Found
	}, script)
}

// until waits for a condition that says what there is instead.
func (p *tab) until(done func() (bool, string), what string) {
	p.t.Helper()
	found := ""
	for deadline := time.Now().Add(patience); ; time.Sleep(pace) {
		var ok bool
		if ok, found = done(); ok {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("not within %v: %s\nthere is: %s", patience, what, found)
		}
	}
}

func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string is always JSON
	}
	return string(out)
}

// matcher is JavaScript that says whether a string has a text, or, of /…/, matches a regular expression.
func matcher(subject, text string) string {
	if inner, ok := expression(text); ok {
		return `new RegExp(` + quoted(inner) + `).test(` + subject + `)`
	}
	return subject + `.includes(` + quoted(text) + `)`
}

func expression(text string) (string, bool) {
	if len(text) > 2 && text[0] == '/' && text[len(text)-1] == '/' {
		return text[1 : len(text)-1], true
	}
	return "", false
}

// said is the text of an element, with spaces as they are seen.
const said = `((e) => (e.innerText ?? e.textContent).replace(/\s+/g, ' '))`

// waitText waits until an element of a selector has a text in it.
func (p *tab) waitText(selector, text string) {
	p.t.Helper()
	all := `[...document.querySelectorAll(` + quoted(selector) + `)].map(` + said + `)`
	p.wait(all+`.some((s) => `+matcher("s", text)+`)`, all+`.map((s) => JSON.stringify(s.slice(0, 200))).slice(0, 20).join(' ') || 'no such element'`)
}

// waitCount waits until a selector has so many elements.
func (p *tab) waitCount(selector string, n int) {
	p.t.Helper()
	p.wait(fmt.Sprintf(`document.querySelectorAll(%s).length === %d`, quoted(selector), n), `document.querySelectorAll(`+quoted(selector)+`).length`)
}

// waitFor waits until a selector has an element, and waitGone until it has none.
func (p *tab) waitFor(selector string) {
	p.t.Helper()
	p.wait(`document.querySelector(` + quoted(selector) + `)`)
}

func (p *tab) waitGone(selector string) {
	p.t.Helper()
	p.waitCount(selector, 0)
}

// text returns the text of the first element of a selector; empty if there is none.
func (p *tab) text(selector string) (text string) {
	p.t.Helper()
	p.eval(`(e => e ? `+said+`(e) : '')(document.querySelector(`+quoted(selector)+`))`, &text)
	return strings.TrimSpace(text)
}

func (p *tab) count(selector string) (n int) {
	p.t.Helper()
	p.eval(`document.querySelectorAll(`+quoted(selector)+`).length`, &n)
	return n
}

// click clicks the element that a role and an accessible name are of. The name is the whole name, or a /regular
// expression/. Of several elements it is the first.
func (p *tab) click(role, name string) {
	p.t.Helper()
	at := p.find(role, name)
	p.must(chromedp.MouseClickXY(at.X, at.Y))
}

// tap is click with a finger.
func (p *tab) tap(role, name string) {
	p.t.Helper()
	at := p.find(role, name)
	p.must(
		input.DispatchTouchEvent(input.TouchStart, []*input.TouchPoint{{X: at.X, Y: at.Y}}),
		input.DispatchTouchEvent(input.TouchEnd, []*input.TouchPoint{}),
	)
}

// press clicks the first element of a selector, for what has no role.
func (p *tab) press(selector string) {
	p.t.Helper()
	var at place
	p.until(func() (bool, string) {
		err := p.Eval(`(`+whereIs+`).call(document.querySelector(`+quoted(selector)+`))`, &at)
		if err != nil {
			return false, firstLine(err)
		}
		return at.OK, at.Why
	}, selector+" can be clicked")
	p.must(chromedp.MouseClickXY(at.X, at.Y))
}

// drag moves the mouse with its button down, from one place to another.
func (p *tab) drag(fromX, fromY, toX, toY float64) {
	p.t.Helper()
	const steps = 8
	actions := []chromedp.Action{
		chromedp.MouseEvent(input.MouseMoved, fromX, fromY),
		chromedp.MouseEvent(input.MousePressed, fromX, fromY, chromedp.ButtonLeft, chromedp.ClickCount(1)),
	}
	for i := 1.0; i <= steps; i++ {
		actions = append(actions, chromedp.MouseEvent(input.MouseMoved, fromX+(toX-fromX)*i/steps, fromY+(toY-fromY)*i/steps, chromedp.ButtonLeft))
	}
	p.must(append(actions, chromedp.MouseEvent(input.MouseReleased, toX, toY, chromedp.ButtonLeft, chromedp.ClickCount(1)))...)
}

// touch is what fingers do: x and y of each.
func (p *tab) touch(kind input.TouchType, at ...float64) {
	p.t.Helper()
	points := []*input.TouchPoint{}
	for i := 0; i+1 < len(at); i += 2 {
		points = append(points, &input.TouchPoint{X: at[i], Y: at[i+1], ID: float64(i + 1)})
	}
	p.must(input.DispatchTouchEvent(kind, points))
}

// swipe moves a finger.
func (p *tab) swipe(fromX, fromY, toX, toY float64) {
	p.t.Helper()
	p.touch(input.TouchStart, fromX, fromY)
	const steps = 5
	for i := 1.0; i <= steps; i++ {
		p.touch(input.TouchMove, fromX+(toX-fromX)*i/steps, fromY+(toY-fromY)*i/steps)
	}
	p.touch(input.TouchEnd)
}

// has reports whether there is an element of a role and an accessible name now.
func (p *tab) has(role, name string) bool {
	p.t.Helper()
	nodes, _, err := p.named(role, name)
	return err == nil && len(nodes) > 0
}

// waitRole waits until there is an element of a role and an accessible name.
func (p *tab) waitRole(role, name string) {
	p.t.Helper()
	p.until(func() (bool, string) {
		nodes, others, err := p.named(role, name)
		if err != nil {
			return false, firstLine(err)
		}
		return len(nodes) > 0, others
	}, role+" "+name)
}

// fill replaces what a field has.
func (p *tab) fill(role, name, text string) {
	p.t.Helper()
	p.click(role, name)
	p.eval(`document.activeElement.select?.()`, nil)
	p.typeText(text)
}

// typeText types into what has the focus.
func (p *tab) typeText(text string) {
	p.t.Helper()
	p.must(chromedp.KeyEvent(text))
}

var keys = map[string]string{
	"Enter": kb.Enter, "Escape": kb.Escape, "Tab": kb.Tab, "Backspace": kb.Backspace, "Delete": kb.Delete, "Space": " ",
	"ArrowLeft": kb.ArrowLeft, "ArrowRight": kb.ArrowRight, "ArrowUp": kb.ArrowUp, "ArrowDown": kb.ArrowDown,
	"Home": kb.Home, "End": kb.End, "PageUp": kb.PageUp, "PageDown": kb.PageDown,
}

// key presses a key for what has the focus: a name of those above or a character, with Shift+, Control+ or Alt+
// before it.
func (p *tab) key(name string) {
	p.t.Helper()
	parts := strings.Split(name, "+")
	var modifiers input.Modifier
	for _, m := range parts[:len(parts)-1] {
		modifiers |= map[string]input.Modifier{"Shift": input.ModifierShift, "Control": input.ModifierCtrl, "Alt": input.ModifierAlt}[m]
	}
	code, ok := keys[parts[len(parts)-1]]
	if !ok {
		code = parts[len(parts)-1]
	}
	p.must(chromedp.KeyEvent(code, chromedp.KeyModifiers(modifiers)))
}

// focused says what has the focus: its role or element, and its name.
func (p *tab) focused() (what string) {
	p.t.Helper()
	p.eval(`((e) => (e.getAttribute('role') || e.localName) + ' ' + (e.getAttribute('aria-label') || e.innerText || e.name || '').trim())(document.activeElement)`, &what)
	return what
}

func (p *tab) must(actions ...chromedp.Action) {
	p.t.Helper()
	if err := p.Run(actions...); err != nil {
		p.t.Fatal(err)
	}
}

// A place is where an element can be clicked.
type place struct {
	OK   bool
	X, Y float64
	Why  string // it cannot
}

// whereIs is called on an element and returns a place: one that is in view, that nothing covers, and that has
// stayed where it is for two frames.
const whereIs = `async function () {
  const label = this?.labels?.[0];
  const rect = (e) => e.getClientRects()[0] || e.getBoundingClientRect();
  const small = (r) => r.width < 3 || r.height < 3;
  if (!this || !this.isConnected) return { OK: false, Why: 'there is no such element' };
  if (this.disabled) return { OK: false, Why: 'it is disabled' };
  const e = label && small(rect(this)) ? label : this;
  const middle = (r) => [r.x + r.width / 2, r.y + r.height / 2];
  const hits = (x, y) => {
    const hit = document.elementFromPoint(x, y);
    return hit && (hit === e || e.contains(hit) || (label && label.contains(hit)) || hit.shadowRoot?.contains(e));
  };
  let [x, y] = middle(rect(e));
  if (!hits(x, y)) e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
  const before = middle(rect(e));
  await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); setTimeout(done, 200); });
  [x, y] = middle(rect(e));
  if (small(rect(e))) return { OK: false, Why: 'it has no size' };
  if (before[0] !== x || before[1] !== y) return { OK: false, Why: 'it moves' };
  if (!hits(x, y)) return { OK: false, Why: 'it is covered by ' + (document.elementFromPoint(x, y)?.outerHTML || 'nothing: out of view').slice(0, 200) };
  return { OK: true, X: x, Y: y, Why: '' };
}`

// find returns where the element of a role and a name can be clicked.
func (p *tab) find(role, name string) (at place) {
	p.t.Helper()
	p.until(func() (bool, string) {
		nodes, others, err := p.named(role, name)
		if err != nil {
			return false, firstLine(err)
		}
		why := "others of this role: " + others
		for _, node := range nodes {
			if at, err = p.placeOf(node); err != nil {
				return false, firstLine(err)
			}
			if at.OK {
				return true, ""
			}
			why = at.Why
		}
		return false, why
	}, fmt.Sprintf("%s %q can be clicked", role, name))
	return at
}

func (p *tab) placeOf(node cdp.BackendNodeID) (at place, err error) {
	err = p.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		object, err := dom.ResolveNode().WithBackendNodeID(node).Do(ctx)
		if err != nil {
			return err
		}
		answer, thrown, err := runtime.CallFunctionOn(whereIs).WithObjectID(object.ObjectID).WithReturnByValue(true).WithAwaitPromise(true).Do(ctx)
		if err == nil && thrown != nil {
			err = thrown
		}
		if err != nil {
			return err
		}
		return json.Unmarshal(answer.Value, &at)
	}))
	return at, err
}

// named returns the elements of a role and an accessible name as a screen reader finds them, and the names of
// the others of this role.
func (p *tab) named(role, name string) (nodes []cdp.BackendNodeID, others string, err error) {
	matches := func(s string) bool { return s == name }
	if inner, ok := expression(name); ok {
		matches = regexp.MustCompile(inner).MatchString
	}
	err = p.Run(chromedp.ActionFunc(func(ctx context.Context) error {
		root, err := dom.GetDocument().WithDepth(0).Do(ctx)
		if err != nil {
			return err
		}
		all, err := accessibility.QueryAXTree().WithBackendNodeID(root.BackendNodeID).WithRole(role).Do(ctx)
		if err != nil {
			return err
		}
		for _, n := range all {
			var own string
			if n.Name != nil {
				_ = json.Unmarshal(n.Name.Value, &own) // what is no string has no name
			}
			own = strings.Join(strings.Fields(own), " ")
			if n.Ignored {
				continue
			}
			if matches(own) {
				nodes = append(nodes, n.BackendDOMNodeID)
			} else {
				others += quoted(own) + " "
			}
		}
		return nil
	}))
	return nodes, others, err
}
