package web

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// joined returns the first file of a page of two modules, and what joining them panics with.
func joined(main, x string) (text, problem string) {
	defer func() {
		if p := recover(); p != nil {
			problem = fmt.Sprint(p)
		}
	}()
	files := map[string][]byte{mainScript: []byte(main), "app/x.js": []byte(x)}
	joinScripts(files)
	return string(files[mainScript]), ""
}

// A module that joining would change is refused. It would be found in a browser alone, and late.
func TestModulesThatCannotBeJoinedAreRefused(t *testing.T) {
	for _, one := range []struct{ main, x, problem string }{
		{"import { a, b } from './x.js';", "export const a = 1, b = 2;", "app/main.js wants b of app/x.js"},
		{"import { nope } from './x.js';", "export const a = 1;", "wants nope"},
		{"export { nope } from './x.js';", "export const a = 1;", "wants nope"},
		{"import x from './x.js';", "export const a = 1;", "wants default"},
		{"import * as x from './x.js';", "export const a = 1;", "import * as x"},
		{"import x, { a } from './x.js';", "export const a = 1;\nexport default 1;", "import x, { a }"},
		{"import './x.js'; import { a } from './x.js';", "export const a = 1;", " import { a }"},
		{"import './x.js';", "export let a = 1;", "export let a"},
		{"import './x.js';", "export * from './main.js';", "export *"},
		{"import './x.js';", "export default function f() { return f; }", "export default function f"},
		{"import './x.js';", "import './main.js';", "imports itself"},
		{"import './y.js';", "", "app/y.js is not there"},
	} {
		if _, problem := joined(one.main, one.x); !strings.Contains(problem, one.problem) {
			t.Errorf("%s with %s: %q, want %q", one.main, one.x, problem, one.problem)
		}
	}
}

func TestModulesAreJoined(t *testing.T) {
	for _, one := range []struct{ main, x, want string }{
		{"import { a, b as c, } from './x.js';", "const b = 2;\nexport const a = 1;\nexport { b };", "const{a:a,b:c}=$0;"},
		{"import { f as g } from './x.js';", "export async function f() {}", "return{f}"},
		{"import x from './x.js';", "export default function () {}", "return{default:$default}"},
		{"import {} from './x.js';", "export class K {}", "return{K}"},
		{"export { a as b } from './x.js';", "export const a = 1;", "return{b:$0.a}"},
	} {
		text, problem := joined(one.main, one.x)
		if problem != "" || !strings.Contains(text, one.want) {
			t.Errorf("%s with %s: %s%s, want %s", one.main, one.x, text, problem, one.want)
		}
		if modules := regexp.MustCompile(`const \$\d=\(`).FindAllString(text, -1); !slices.Equal(modules, []string{"const $0=(", "const $1=("}) {
			t.Errorf("%s with %s: %q", one.main, one.x, modules)
		}
	}
}
