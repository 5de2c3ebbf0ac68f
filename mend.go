package doorlog

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// confidenceSlack is how far rounding may have moved a confidence out of 0 to 1.
const confidenceSlack = 1e-3

// MendDetections changes the detections of e so that they can be stored. For each change it
// returns a *[FieldError] that names the field, such as detections[3].confidence, and says what
// was done. It returns nil if nothing had to be changed. It does not modify the slice and the
// boxes that e had before.
//
//   - A confidence that is outside of 0 to 1 by at most a thousandth becomes 0 or 1.
//   - A box whose corners are in the wrong order gets them in the right order.
//   - A box with a side that is not a finite number is removed; its detection stays.
//   - A detection with any other confidence, or with a label that cannot be stored, is
//     removed.
//   - If there are more than [MaxDetections], those with the highest confidence are kept.
//
// With Options.MendDetections the store does this with every event that is written.
func (e *Event) MendDetections() []error {
	return e.mendDetections(func(i int) int { return i })
}

// mendDetections is MendDetections. place converts an index of a detection to the one that the
// caller knows, for error texts.
func (e *Event) mendDetections(place func(i int) int) (changes []error) {
	var kept []Detection
	for i, d := range e.Detections {
		keep := d.mend(func(field, problem string) {
			changes = append(changes, inside(detectionPlace(place(i)), invalid(field, "%s", problem)))
		})
		if keep {
			kept = append(kept, d)
		}
	}
	if len(kept) > MaxDetections {
		changes = append(changes, tooLarge("detections", "has %d entries, more than %d: the surest are kept", len(kept), MaxDetections))
		kept = surest(kept, MaxDetections)
	}
	if len(changes) > 0 {
		e.Detections = kept
	}
	return changes
}

// surest returns the n detections with the highest confidence, in their original order.
func surest(detections []Detection, n int) []Detection {
	order := make([]int, len(detections))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(detections[b].Confidence, detections[a].Confidence) })
	order = order[:n]
	slices.Sort(order)
	kept := make([]Detection, n)
	for i, at := range order {
		kept[i] = detections[at]
	}
	return kept
}

const leftOut = ": the detection is left out"

// mend mends a detection and reports each change. keep is false if it cannot be mended.
func (d *Detection) mend(report func(field, problem string)) (keep bool) {
	if err := validName("label", normalName(d.Label)); err != nil {
		f := err.(*FieldError) //nolint:errorlint,forcetypeassert // validName returns only these
		report(f.Field, f.Problem+leftOut)
		return false
	}
	if c := d.Confidence; !(c >= 0 && c <= 1) {
		problem := fmt.Sprintf("%v is not in 0..1", c)
		if !(c >= -confidenceSlack && c <= 1+confidenceSlack) {
			report("confidence", problem+leftOut)
			return false
		}
		d.Confidence = min(max(c, 0), 1)
		report("confidence", fmt.Sprintf("%s: %v is taken", problem, d.Confidence))
	}
	if d.Box != nil {
		d.mendBox(report)
	}
	return true
}

func (d *Detection) mendBox(report func(field, problem string)) {
	b := *d.Box
	for i, v := range b.sides() {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			report(sideNames[i], fmt.Sprintf("%v is not a number of pixels: the box is left out", v))
			d.Box = nil
			return
		}
	}
	if b.X2 < b.X1 {
		report("bbox_x2", fmt.Sprintf("%v is left of bbox_x1 %v: they are exchanged", b.X2, b.X1))
		b.X1, b.X2 = b.X2, b.X1
	}
	if b.Y2 < b.Y1 {
		report("bbox_y2", fmt.Sprintf("%v is above bbox_y1 %v: they are exchanged", b.Y2, b.Y1))
		b.Y1, b.Y2 = b.Y2, b.Y1
	}
	d.Box = &b // a copy: the old box belongs to the caller
}
