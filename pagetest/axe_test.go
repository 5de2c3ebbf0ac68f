package pagetest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/doorlog/doorlog/pagetest"
)

var axeScript = sync.OnceValues(func() ([]byte, error) {
	return os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
})

// axe fails with what axe-core finds wrong, in words. rules are those that are looked at; none means all.
func (p *tab) axe(rules ...string) {
	p.t.Helper()
	script, err := axeScript()
	if err != nil {
		missing(p.t, "there is no axe-core; in pagetest: npm ci --ignore-scripts")
	}
	p.wait(pagetest.Settled)
	if p.wait(`document.readyState === 'complete'`); p.axeless() {
		p.eval(string(script)+"\nnull", nil)
	}
	only := "undefined"
	if len(rules) > 0 {
		only = quoted(strings.Join(rules, " ")) + ".split(' ')"
	}
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct{ HTML, FailureSummary string }
	}
	p.eval(`axe.run(document, { resultTypes: ['violations'], runOnly: `+only+` }).then((r) => r.violations.map((v) => ({ ID: v.id, Impact: v.impact, Help: v.help,
	  Nodes: v.nodes.slice(0, 5).map((n) => ({ HTML: n.html.slice(0, 300), FailureSummary: n.failureSummary })) })))`, &found)
	for _, v := range found {
		var where strings.Builder
		for _, n := range v.Nodes {
			fmt.Fprintf(&where, "\n  %s\n  %s", n.HTML, strings.ReplaceAll(n.FailureSummary, "\n", "\n    "))
		}
		p.t.Errorf("axe: %s (%s, %s)%s", v.Help, v.ID, v.Impact, where.String())
	}
}

// axeless is whether the page has no axe-core yet.
func (p *tab) axeless() (none bool) {
	p.t.Helper()
	p.eval(`!globalThis.axe`, &none)
	return none
}
