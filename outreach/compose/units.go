package compose

import (
	"strconv"
	"strings"
)

// unit is how people name what a device measures in.
type unit string

const (
	degree  unit = "degree"
	percent unit = "percent"
	second  unit = "second"
	bar     unit = "bar"
	ppm     unit = "ppm"
)

// units knows the ways to write those that have a name of their own in
// conversation. Others are shown as they are.
var units = map[string]unit{
	"°c": degree, "degc": degree, "c": degree, "cel": degree, "celsius": degree,
	"k": degree, "kelvin": degree, "°f": degree, "degf": degree, "f": degree, "fahrenheit": degree,
	"%": percent, "percent": percent, "pct": percent, "%rh": percent, "% rh": percent,
	"s": second, "sec": second, "second": second, "seconds": second,
	"bar": bar,
	"ppm": ppm,
}

// symbols are prettier ways to write some of the others.
var symbols = map[string]string{
	"ug/m3": "µg/m³", "µg/m3": "µg/m³", "m3": "m³", "m3/h": "m³/h", "m/s2": "m/s²", "w/m2": "W/m²", "kwh": "kWh", "ohm": "Ω", "dbm": "dBm",
}

func namedUnit(text string) unit { return units[strings.ToLower(strings.TrimSpace(text))] }

func symbol(text string) string {
	text = words(text, 12)
	if s, ok := symbols[strings.ToLower(text)]; ok {
		return s
	}
	return text
}

// figure writes a rounded amount, with a comma for thousands from five digits
// up.
func figure(v float64) string {
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if v < 1 { // what rounding to a power of ten left behind
		s = strings.TrimRight(strconv.FormatFloat(v, 'f', 6, 64), "0")
	} else if v < 100 {
		s = strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	whole, rest, point := strings.Cut(s, ".")
	if len(whole) > 4 {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "," + whole[i:]
		}
	}
	if point && rest != "" {
		return whole + "." + rest
	}
	return whole
}
