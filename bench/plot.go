package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/dustin/go-humanize"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	_ "gonum.org/v1/plot/vg/vgsvg" // plots are SVG files
)

func barFile(question string, events int) string { return fmt.Sprintf("%s-%d.svg", question, events) }
func growthFile(question string) string          { return question + "-growth.svg" }

// plot draws a bar chart of each question at each size, and how each question
// grows with the number of events. All scales are logarithmic: the engines are
// orders of magnitude apart.
func (r *report) plot(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // results are for everybody
		return err
	}
	for _, q := range r.Questions {
		for _, events := range r.Events {
			if err := r.bars(q, events, filepath.Join(dir, barFile(q.Name, events))); err != nil {
				return err
			}
		}
		if len(r.Events) > 1 {
			if err := r.growth(q, filepath.Join(dir, growthFile(q.Name))); err != nil {
				return err
			}
		}
	}
	return nil
}

// logTicks marks the powers of ten on an axis of logarithms.
type logTicks struct{ label func(float64) string }

func (t logTicks) Ticks(low, high float64) (ticks []plot.Tick) {
	for x := math.Ceil(low); x <= math.Floor(high); x++ {
		ticks = append(ticks, plot.Tick{Value: x, Label: t.label(math.Pow(10, x))})
	}
	return ticks
}

func tickLabel(u unit) func(float64) string {
	return func(v float64) string {
		switch u {
		case inSeconds:
			for _, s := range []struct {
				name string
				of   float64
			}{{"s", 1}, {"ms", 1e-3}, {"µs", 1e-6}} {
				if v > s.of*0.99 { // 10^-3 is not quite a thousandth
					return fmt.Sprintf("%.0f %s", v/s.of, s.name)
				}
			}
			return fmt.Sprintf("%.0f ns", v*1e9)
		case perSecond:
			return humanize.Comma(int64(math.Round(v))) + "/s"
		}
		return humanize.SI(math.Round(v), "B")
	}
}

// The colours of doorlog, the floor, and all others.
var barColours = [...]color.Color{
	color.RGBA{R: 0xd9, G: 0x5f, B: 0x02, A: 0xff},
	color.RGBA{R: 0xbb, G: 0xbb, B: 0xbb, A: 0xff},
	color.RGBA{R: 0x4c, G: 0x78, B: 0xa8, A: 0xff},
}

func (r *report) bars(q *question, events int, file string) error {
	var names []string
	var values []float64
	var kinds []int
	for _, s := range slices.Backward(r.Engines) { // the first is drawn at the top
		res := r.result(events, s.Name, q.Name)
		if res == nil || res.Median <= 0 {
			continue
		}
		kind := 2
		if s.Name == baseline {
			kind = 0
		} else if s.Floor {
			kind = 1
		}
		label := engineLabel(s) + "  " + format(q.Unit, res.Median)
		names, values, kinds = append(names, label), append(values, math.Log10(res.Median)), append(kinds, kind)
	}
	if len(values) == 0 {
		return nil
	}
	p := plot.New()
	p.Title.Text = fmt.Sprintf("%s, %s events", capital(q.About), humanize.Comma(int64(events)))
	base := math.Floor(slices.Min(values) - 0.1)
	for kind, colour := range barColours {
		lengths := make(plotter.Values, len(values))
		for i, v := range values {
			if kinds[i] == kind {
				lengths[i] = v - base
			}
		}
		chart, err := plotter.NewBarChart(lengths, vg.Points(16))
		if err != nil {
			return err
		}
		chart.Horizontal, chart.Color, chart.LineStyle.Width = true, colour, 0
		p.Add(chart)
	}
	p.NominalY(names...)
	label := tickLabel(q.Unit)
	p.X.Tick.Marker = logTicks{func(v float64) string { return label(v * math.Pow(10, base)) }}
	p.X.Min, p.X.Max = 0, math.Ceil(slices.Max(values))-base
	p.X.Label.Text = "logarithmic; " + better(q.Unit)
	return p.Save(18*vg.Centimeter, vg.Length(2.5+0.8*float64(len(values)))*vg.Centimeter, file)
}

func better(u unit) string {
	if u == perSecond {
		return "more is better"
	}
	return "less is better"
}

func (r *report) growth(q *question, file string) error {
	p := plot.New()
	p.Title.Text = capital(q.About) + ", by the number of events"
	p.X.Tick.Marker = logTicks{func(v float64) string { return humanize.Comma(int64(math.Round(v))) }}
	p.Y.Tick.Marker = logTicks{tickLabel(q.Unit)}
	p.X.Label.Text, p.Y.Label.Text = "events", better(q.Unit)
	p.Legend.Top, p.Legend.Left = true, true
	low, high, drawn := math.Inf(1), math.Inf(-1), false
	for i, s := range r.Engines {
		var points plotter.XYs
		for _, events := range r.Events {
			if res := r.result(events, s.Name, q.Name); res != nil && res.Median > 0 {
				y := math.Log10(res.Median)
				points = append(points, plotter.XY{X: math.Log10(float64(events)), Y: y})
				low, high = min(low, y), max(high, y)
			}
		}
		if points == nil {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, line.Dashes = plotutil.Color(i), plotutil.Dashes(i/7)
		dots.Color, dots.Shape = plotutil.Color(i), plotutil.Shape(i)
		if s.Name == baseline {
			line.Width = vg.Points(2.5)
		}
		p.Add(line, dots)
		p.Legend.Add(s.Name, line, dots)
		drawn = true
	}
	if !drawn {
		return nil
	}
	p.Y.Min, p.Y.Max = math.Floor(low), math.Ceil(high+0.1)
	p.X.Max += 1.2 // room for the legend at the side of the lines' ends
	p.Legend.Left = false
	return p.Save(18*vg.Centimeter, 12*vg.Centimeter, file)
}
