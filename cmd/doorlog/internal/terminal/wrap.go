package terminal

import (
	"slices"
	"strings"

	"github.com/rivo/uniseg"
)

// Reflow breaks paragraphs into lines of at most so many columns. Between paragraphs there is
// an empty line. A table keeps its lines if they fit.
func Reflow(text string, columns int) string {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, p := range paragraphs {
		paragraphs[i] = strings.Join(reflowParagraph(p, columns), "\n")
	}
	return strings.Join(paragraphs, "\n\n")
}

// reflowParagraph returns the lines of a paragraph. All are indented as its first line was.
func reflowParagraph(p string, columns int) (lines []string) {
	content := strings.TrimLeft(p, " ")
	if isTable(content) {
		for line := range strings.SplitSeq(p, "\n") {
			lines = append(lines, wrapLine(line, columns)...)
		}
		return lines
	}
	indent := min(len(p)-len(content), columns/2)
	room := columns - indent
	for _, line := range wrap(strings.Join(strings.Fields(content), " "), room, room) {
		lines = append(lines, strings.Repeat(" ", indent)+line)
	}
	return lines
}

// isTable reports whether a paragraph has columns with several spaces between them.
func isTable(p string) bool {
	return slices.ContainsFunc(strings.Split(p, "\n"), func(line string) bool {
		return strings.Contains(strings.Trim(line, " "), "  ")
	})
}

// wrapLine breaks a line into lines of at most so many columns, between words if it can. The
// lines after the first are indented by two more.
func wrapLine(line string, columns int) []string {
	if uniseg.StringWidth(line) <= columns {
		return []string{line}
	}
	content := strings.TrimLeft(line, " ")
	first := min(len(line)-len(content), columns/2)
	rest := min(first+2, columns/2)
	lines := wrap(content, columns-first, columns-rest)
	lines[0] = strings.Repeat(" ", first) + lines[0]
	for i := range lines[1:] {
		lines[i+1] = strings.Repeat(" ", rest) + lines[i+1]
	}
	return lines
}

// wrap breaks a text at spaces into lines. The first has at most first columns, and the others
// at most others. A word that is too long is broken. There is at least one line.
func wrap(text string, first, others int) []string {
	lines := []string{}
	line, used, room := "", 0, first
	end := func() {
		lines = append(lines, line)
		line, used, room = "", 0, others
	}
	for i, word := range strings.Split(text, " ") {
		width := uniseg.StringWidth(word)
		if i > 0 {
			if used > 0 && used+1+width > room {
				end()
			} else {
				line, used = line+" ", used+1
			}
		}
		for used+width > room {
			head, tail := cutAt(word, max(room-used, 1))
			if head == "" && used > 0 { // the first character is wide: it fits into the next line
				end()
				continue
			}
			if head == "" {
				head, tail, _, _ = uniseg.FirstGraphemeClusterInString(word, -1)
			}
			line += head
			if word, width = tail, uniseg.StringWidth(tail); word == "" {
				break
			}
			end()
		}
		line, used = line+word, used+width
	}
	end()
	return lines
}

// cutAt returns the beginning of a text that fits into so many columns, and the rest. What
// people see as one character stays together.
func cutAt(text string, columns int) (head, tail string) {
	tail = text
	for state := -1; tail != ""; {
		cluster, rest, width, next := uniseg.FirstGraphemeClusterInString(tail, state)
		if columns -= width; columns < 0 {
			break
		}
		head, tail, state = head+cluster, rest, next
	}
	return head, tail
}
