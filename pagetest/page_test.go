package pagetest_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/doorlog/doorlog"
	"github.com/doorlog/doorlog/pagetest"
)

// views are the addresses of all views, and their names in German.
var views = []struct{ name, address, german string }{
	{"feed", "", "Ereignisse"},
	{"day", "?view=day", "Tag"},
	{"doors", "?view=doors", "Türbuch"},
	{"charts", "?view=charts", "Statistik"},
	{"people", "?view=people", "Personen"},
	{"health", "?view=health", "Zustand"},
}

// frame says what of the page's frame is wrong; nothing if it is right.
const frame = `(() => {
  const wrong = [];
  const one = (selector) => {
    const n = document.querySelectorAll(selector).length;
    if (n !== 1) wrong.push(n + ' of ' + selector);
  };
  one('main'); one('nav[aria-label]'); one('header.top'); one('h1'); one('[role=status].connection');
  if (!document.title) wrong.push('no title');
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    const wide = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !e.closest('[data-scrolls], .sr-only'));
    wrong.push('it scrolls sideways: ' + root.scrollWidth + ' of ' + root.clientWidth + ': ' + wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(' '));
  }
  // Marks of charts are as wide as there is room: their numbers are in a table, too.
  const touch = matchMedia('(pointer: coarse)').matches;
  for (const e of document.querySelectorAll('button, a[href], input:not([type=hidden]), select, [role=button], [role=switch], summary')) {
    const target = e.labels?.[0] || e;
    const over = getComputedStyle(e, '::after'); // may lie over all of its card
    const card = over.content !== 'none' && over.position === 'absolute' && e.closest('article, tr, li');
    const r = (card || target).getBoundingClientRect();
    if (!touch || !r.width || r.width <= 1 || e.closest('svg, p, .skip, .sr-only, .point')) continue;
    if (r.height < 35.5 || r.width < 35.5) wrong.push('too small for a finger: ' + Math.round(r.width) + '×' + Math.round(r.height) + ' ' + e.outerHTML.slice(0, 150));
  }
  return wrong.slice(0, 4).join('\n');
})()`

func (p *tab) soundFrame() {
	p.t.Helper()
	var wrong string
	if p.eval(frame, &wrong); wrong != "" {
		p.t.Errorf("the frame of the page: %s", wrong)
	}
}

// addresses are views with something open in them.
func (h *home) addresses() map[string]string {
	all := map[string]string{"detail": "?event=" + h.newest(doorlog.Query{}).ID.String()}
	for _, view := range views {
		all[view.name] = view.address
	}
	return all
}

func TestEachViewIsSoundAtEverySize(t *testing.T) {
	h := newHome(t)
	everyView(t, func(t *testing.T, v pagetest.View) {
		p := h.open(t, v, "")
		for name, address := range h.addresses() {
			p.in(t, name, address, func(p *tab) {
				if name != "detail" {
					p.soundFrame()
				}
				p.sound(v)
			})
		}
	})
}

// sound is axe-core. Of what it finds only contrast depends on light and dark.
func (p *tab) sound(v pagetest.View) {
	p.t.Helper()
	if v.Dark {
		p.axe("color-contrast")
	} else {
		p.axe()
	}
}

// english are words that no German text has.
var english = regexp.MustCompile(`\b(the|and|of|ago|no|with|Stranger|Unlocked|Locked|Refused|events|Close|Loading|Mon|Monday|Tuesday|Show|Times|Since|Until)\b`)

func TestEachViewSpeaksGerman(t *testing.T) {
	h := newHome(t)
	v := phone
	v.Language, v.Zone = "de-DE", "Europe/Berlin"
	p := h.open(t, v, "")
	for _, view := range views {
		p.in(t, view.name, view.address, func(p *tab) {
			p.waitText("nav [aria-current=page]", view.german)
			p.soundFrame()
			var language string
			if p.eval(`document.documentElement.lang`, &language); language != "de" {
				p.t.Errorf("the page says that it is in %q", language)
			}
			if text := p.text("body"); english.MatchString(text) {
				p.t.Errorf("%q is English in: %s", english.FindString(text), text)
			}
		})
	}
}

// reach presses Tab until it comes round, and says which of what can be used was not reached, and where the
// focus did not show. Of what arrows move within (tabindex=-1, radios) one is enough.
func (p *tab) reach() {
	p.t.Helper()
	var want int
	p.eval(`(() => {
	  globalThis.reachable = [...document.querySelectorAll('a[href], button:not(:disabled), input:not([type=hidden]):not(:disabled), select, textarea, summary, [tabindex="0"], [role=button]')]
	    .filter((e) => e.tabIndex >= 0 && e.checkVisibility({ visibilityProperty: true }) && !e.closest('[inert]') && !(e.type === 'radio' && !e.checked) && e.getBoundingClientRect().top < innerHeight);
	  globalThis.reached = new Set();
	  globalThis.unseen = new Set();
	  document.activeElement?.blur?.();
	  const modal = document.querySelector('dialog[open]');
	  if (modal) reachable = reachable.filter((e) => modal.contains(e));
	  return reachable.length;
	})()`, &want)
	if want == 0 {
		p.t.Fatal("nothing can be used")
	}
	for range 2*want + 20 {
		p.key("Tab")
		var done bool
		p.eval(`(() => {
		  const e = document.activeElement;
		  reached.add(e);
		  const shows = (one, pseudo) => {
		    const s = one && getComputedStyle(one, pseudo);
		    return s && ((s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== 'none');
		  };
		  if (e !== document.body && !shows(e) && !shows(e, '::after') && !shows(e.parentElement) && !shows(e.closest('label, article, li, tr')) && !shows(e.nextElementSibling)) unseen.add(e);
		  return reachable.every((one) => reached.has(one));
		})()`, &done)
		if done {
			break
		}
	}
	var wrong string
	p.eval(`[...reachable.filter((e) => e.isConnected && !reached.has(e))].map((e) => 'Tab does not reach ' + e.outerHTML.slice(0, 160))
	  .concat([...unseen].map((e) => 'the focus does not show on ' + e.outerHTML.slice(0, 160))).slice(0, 8).join('\n')`, &wrong)
	if wrong != "" {
		p.t.Error(wrong)
	}
}

func TestTheKeyboardReachesEverything(t *testing.T) {
	h := newHome(t)
	for _, v := range []pagetest.View{desktop, phone} {
		p := h.open(t, v, "")
		for name, address := range h.addresses() {
			p.in(t, fmt.Sprintf("%s %d", name, v.Width), address, (*tab).reach)
		}
	}
}

func TestTheSkipLinkLeadsToTheContent(t *testing.T) {
	p := newHome(t).open(t, desktop, "")
	p.ready()
	p.key("Tab")
	if got := p.focused(); got != "a Skip to content" {
		t.Errorf("the first stop is %q", got)
	}
	p.key("Enter")
	p.wait(`document.activeElement.id === 'main'`, `document.activeElement.outerHTML.slice(0, 100)`)
}
