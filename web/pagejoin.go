package web

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The modules of the page are sent as two files, and its style sheets as one: a word that is in many of them is
// compressed once then, which is a fifth of the page, and there are few round trips. The sources stay one file a component;
// joining them needs no tool but this, which is why it takes few forms of import and export:
//
//	import { a, b as c } from './x.js';   import d from './x.js';   import('./x.js')
//	export function f   export const v   export class K   export { a } from './x.js';   export default …
//
// Each module becomes a function that is called once, after those that it imports, and returns what it
// exports:
//
//	const $3=(()=>{const {a,b:c}=$1; … return{f,v}})();
//
// So modules must not import each other in a circle, and what they export must not change. Nor may one const export
// several names: the second would be lost, so whoever imports it makes joinScripts panic.

// The joined files. What the first view needs is in the first one, all that is imported later in the second.
const (
	mainScript  = "app/main.js"
	laterScript = "app/later.js"
	allStyles   = "style/all.css"
)

var (
	importForm  = regexp.MustCompile(`(?m)^import\s*([^'"();]*?)\s*(?:\bfrom\s*)?['"](\.[^'"]+)['"];?`)
	laterForm   = regexp.MustCompile(`\bimport\(['"](\.[^'"]+)['"]\)`)
	exportForm  = regexp.MustCompile(`(?m)^export ((?:async )?function\*?|class|const) ([\w$]+)`)
	listForm    = regexp.MustCompile(`(?m)(^|[;}])export\s*\{([^}]*)\}\s*(?:from\s*['"](\.[^'"]+)['"])?;?`)
	defaultForm = regexp.MustCompile(`(?m)(^|[;}])export default\b`)
	unknownForm = regexp.MustCompile(`(?m)(?:^|[;}])[ \t]*(?:import|export)\b[ \t]*[\w${*'"].*$`)
	namedForm   = regexp.MustCompile(`export default (?:async )?(?:function|class)\b\*? ?[\w$]+`) // others in its module could not use the name
	importForms = regexp.MustCompile(`^(?:[\w$]+|\{[^{}]*\}|)$`)
	styleLink   = regexp.MustCompile(`<link rel="stylesheet" href="\{page\}/(style/[^"]+)">\n`)
)

// A joiner joins modules.
type joiner struct {
	files map[string][]byte
	order []string // those that are joined, each after those that it imports
	doing map[string]bool
	first int                 // how many of them are in the first file
	names map[string][]string // what those export that are written
}

// joinScripts replaces the modules among the files by the joined ones. It panics if a module has something that cannot be
// joined: the files are in the program.
func joinScripts(files map[string][]byte) {
	j := joiner{files: files, doing: map[string]bool{}, names: map[string][]string{}}
	j.visit(mainScript)
	j.first = len(j.order)
	for next := 0; next < len(j.order); { // those that it finds are added
		name := j.order[next]
		next++
		for _, found := range laterForm.FindAllSubmatch(files[name], -1) {
			j.visit(path.Join(path.Dir(name), string(found[1])))
		}
	}
	var main, later bytes.Buffer
	var names []string
	for i := range j.first {
		names = append(names, fmt.Sprintf("$%d", i))
	}
	fmt.Fprintf(&later, "import{%s}from'./%s';\n", strings.Join(names, ","), path.Base(mainScript))
	for i, name := range j.order {
		if i < j.first {
			main.WriteString(j.module(name))
		} else {
			later.WriteString(j.module(name))
			names = append(names, fmt.Sprintf("$%d", i))
		}
	}
	fmt.Fprintf(&main, "export{%s};\n", strings.Join(names[:j.first], ","))
	fmt.Fprintf(&later, "export{%s};\n", strings.Join(names[j.first:], ","))
	for name := range files {
		if path.Ext(name) == ".js" {
			delete(files, name)
		}
	}
	files[mainScript], files[laterScript] = main.Bytes(), later.Bytes()
}

// visit adds a module to the order, after those that it imports.
func (j *joiner) visit(name string) {
	if slices.Contains(j.order, name) {
		return
	}
	text, ok := j.files[name]
	if !ok || j.doing[name] {
		panic(fmt.Sprintf("doorlog: the page: %s is not there, or imports itself by way of others", name))
	}
	j.doing[name] = true
	for _, form := range []*regexp.Regexp{importForm, listForm} {
		for _, found := range form.FindAllSubmatch(text, -1) {
			if from := string(found[len(found)-1]); from != "" {
				j.visit(path.Join(path.Dir(name), from))
			}
		}
	}
	j.order = append(j.order, name)
}

// place returns how the module is called that one imports.
func (j *joiner) place(from, name string) string {
	return fmt.Sprintf("$%d", slices.Index(j.order, path.Join(path.Dir(from), name)))
}

// module returns a module as a function that is called once.
func (j *joiner) module(name string) string {
	var exports []string
	export := func(as, own string) {
		j.names[name] = append(j.names[name], as)
		if exports = append(exports, as+":"+own); as == own {
			exports[len(exports)-1] = own
		}
	}
	text := string(j.files[name])
	if wrong := namedForm.FindString(text); wrong != "" {
		j.refuse(name, wrong)
	}
	text = importForm.ReplaceAllStringFunc(text, func(form string) string {
		found := importForm.FindStringSubmatch(form)
		if !importForms.MatchString(found[1]) {
			j.refuse(name, form)
		}
		return j.imported(name, found[1], found[2])
	})
	text = exportForm.ReplaceAllStringFunc(text, func(form string) string {
		own := exportForm.FindStringSubmatch(form)[2]
		export(own, own)
		return strings.TrimPrefix(form, "export ")
	})
	text = listForm.ReplaceAllStringFunc(text, func(form string) string {
		found := listForm.FindStringSubmatch(form)
		for _, item := range items(found[2]) {
			own := item.name
			if found[3] != "" {
				j.wants(name, own, found[3])
				own = j.place(name, found[3]) + "." + own
			}
			export(item.as, own)
		}
		return found[1] + ";"
	})
	text = defaultForm.ReplaceAllStringFunc(text, func(form string) string {
		export("default", "$default")
		return strings.TrimSuffix(form, "export default") + "const $default="
	})
	if wrong := unknownForm.FindString(text); wrong != "" {
		j.refuse(name, wrong)
	}
	text = laterForm.ReplaceAllStringFunc(text, func(form string) string {
		to := j.place(name, laterForm.FindStringSubmatch(form)[1])
		if slices.Index(j.order, name) >= j.first {
			return "Promise.resolve(" + to + ")"
		}
		return "import('./" + path.Base(laterScript) + "').then((m) => m." + to + ")"
	})
	return fmt.Sprintf("const $%d=(()=>{%s\nreturn{%s}})();\n", slices.Index(j.order, name), text, strings.Join(exports, ","))
}

func (j *joiner) refuse(name, form string) {
	panic(fmt.Sprintf("doorlog: the page: %s has %q, which cannot be joined", name, form))
}

// wants panics unless a module that is written exports a name.
func (j *joiner) wants(name, what, from string) {
	if to := path.Join(path.Dir(name), from); !slices.Contains(j.names[to], what) {
		panic(fmt.Sprintf("doorlog: the page: %s wants %s of %s, which does not export it alone", name, what, to))
	}
}

// imported returns what stands for an import from a module: of its default, of a list in braces, or of nothing.
func (j *joiner) imported(name, what, from string) string {
	at := j.place(name, from)
	list, ok := strings.CutPrefix(what, "{")
	if !ok {
		if what == "" {
			return ""
		}
		j.wants(name, "default", from)
		return fmt.Sprintf("const %s=%s.default;", what, at)
	}
	var names []string
	for _, item := range items(strings.TrimSuffix(list, "}")) {
		j.wants(name, item.name, from)
		names = append(names, item.name+":"+item.as)
	}
	return fmt.Sprintf("const{%s}=%s;", strings.Join(names, ","), at)
}

// An item is "a", or "a as b".
type item struct{ name, as string }

func items(list string) (all []item) {
	for text := range strings.SplitSeq(list, ",") {
		if words := strings.Fields(text); len(words) > 0 { // none after the last comma
			all = append(all, item{words[0], words[len(words)-1]})
		}
	}
	return all
}

// joinStyles replaces the style sheets that index.html names by one, in their order.
func joinStyles(files map[string][]byte) {
	var all []byte
	index := string(files["index.html"])
	for _, found := range styleLink.FindAllStringSubmatch(index, -1) {
		all = append(append(all, files[found[1]]...), '\n')
		delete(files, found[1])
	}
	first := true
	files["index.html"] = []byte(styleLink.ReplaceAllStringFunc(index, func(string) string {
		if !first {
			return ""
		}
		first = false
		return `<link rel="stylesheet" href="{page}/` + allStyles + "\">\n"
	}))
	files[allStyles] = all
}
