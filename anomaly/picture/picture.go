// Package picture draws what was found: the device's own line, the band in
// which its peers are, the value from which an owner notices, when it began,
// and the forecast as a fan to the crossing. Messages carry it as PNG; where
// size matters less than sharpness it is SVG.
//
// gonum/plot does not shape Arabic, so pictures in languages that run from
// right to left hold figures and no words; the text around them says the rest.
package picture

import (
	"fmt"
	"image/color"
	"io"
	"time"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/forecare/forecare/anomaly"
	"github.com/forecare/forecare/devices"
)

// Options say how to draw. Format is "png" or "svg". Width and Height are in
// pixels, at twice the density of a plain screen. Title stands above the
// picture, Unit at the axis. Lang is the language of Title and Labels, a BCP 47
// tag; empty means English. Zone is the time axis's; nil means UTC.
type Options struct {
	Format        string
	Width, Height int
	Title, Unit   string
	Lang          string
	Labels        Labels
	Zone          *time.Location
}

// Labels stand in the picture beside what they name. Crosses stands before the
// date at which the owner would notice. Months are the twelve short names of
// months; without them dates are figures. What is empty is in English for
// English, and left out otherwise.
type Labels struct {
	Own, Peers, Noticeable, Began, Crosses string
	Months                                 []string
}

// The colors are those of the pages, on white: a mail is read anywhere.
var (
	ink      = color.NRGBA{0x1c, 0x22, 0x26, 0xff}
	quiet    = color.NRGBA{0x59, 0x63, 0x6b, 0xff}
	grid     = color.NRGBA{0xe6, 0xe7, 0xe2, 0xff}
	bandFill = color.NRGBA{0xd9, 0xe2, 0xe4, 0xff}
	bandEdge = color.NRGBA{0xc3, 0xd0, 0xd3, 0xff}
	accent   = color.NRGBA{0x0b, 0x6a, 0x6a, 0xff}
	warm     = color.NRGBA{0xb8, 0x74, 0x10, 0xff}
	warmText = color.NRGBA{0x8a, 0x51, 0x00, 0xff}
	warmFill = color.NRGBA{0xfd, 0xf0, 0xd9, 0xff}
)

// density is how many pixels there are per point of the layout: letters keep
// their size when a mail program shows a 1200 px picture 600 px wide.
const density = 144.0

// Draw writes the picture of f. The same arguments give the same bytes. A
// finding without evidence is devices.Invalid.
func Draw(w io.Writer, f anomaly.Finding, o Options) error {
	if len(f.Evidence.Time) < 2 {
		return devices.Errorf(devices.Invalid, "finding %s has no evidence to draw", f.ID)
	}
	if o.Width < 100 || o.Height < 100 || o.Width > 4000 || o.Height > 4000 {
		return devices.Errorf(devices.Invalid, "a picture of %d by %d pixels cannot be drawn", o.Width, o.Height)
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	p, err := compose(&f, o)
	if err != nil {
		return fmt.Errorf("drawing finding %s: %w", f.ID, err)
	}
	lang := languageOf(o)
	width, height := vg.Length(float64(o.Width)/density)*vg.Inch, vg.Length(float64(o.Height)/density)*vg.Inch
	var out io.WriterTo
	var canvas vg.CanvasSizer
	switch o.Format {
	case "png":
		c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(int(density)))}
		out, canvas = c, c
	case "svg":
		c := vgsvg.New(width, height)
		out, canvas = c, c
	default:
		return devices.Errorf(devices.Invalid, "a picture can be png or svg, not %q", o.Format)
	}
	c := draw.New(canvas)
	c.FillPolygon(color.White, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
	heading(c, lang.title, o.Unit)
	p.Draw(draw.Crop(c, 8, -14, 6, -30))
	_, err = out.WriteTo(w)
	return err
}
