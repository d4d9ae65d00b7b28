package chart

import (
	"fmt"
	"strings"
	"time"
)

// Words are the labels of a picture in one language. Noticeable and Began have
// one %s, the value and the date. Describe, DescribePeers and DescribeLimit are
// for people who hear the picture; they follow each other and have the metric
// and its value, the peers' lowest and highest value, and the limit. The axes of a picture always run from left to
// right; RightToLeft is about the order of the letters and figures of a label.
type Words struct {
	Noticeable, Began, Peers, Own          string
	Describe, DescribePeers, DescribeLimit string
	Months                                 [12]string
	RightToLeft                            bool
}

// English returns the labels in English.
func English() Words {
	return Words{
		Noticeable: "noticeable from %s", Began: "began about %s", Peers: "peers, 10 to 90 %", Own: "this device",
		Describe: "%s of this device, last %s", DescribePeers: "; its peers lie between %s and %s", DescribeLimit: "; noticeable from %s",
		Months: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	}
}

func (c *Chart) words() Words {
	w := c.Words
	if w.Own == "" {
		w = English()
	}
	w.Noticeable, w.Began = w.directed(w.Noticeable), w.directed(w.Began)
	return w
}

// Unicode's marks around a piece of text with a direction of its own.
const (
	rightToLeft = "\u2067"
	eitherWay   = "\u2068"
	endOfPiece  = "\u2069"
)

// directed keeps a label in its own direction inside of the picture, whose is
// left to right, and what is put into it later in its own again.
func (w Words) directed(label string) string {
	if !w.RightToLeft {
		return label
	}
	return rightToLeft + strings.ReplaceAll(label, "%s", eitherWay+"%s"+endOfPiece) + endOfPiece
}

// day returns a date without its year, such as "2 Jan".
func (w Words) day(t time.Time) string {
	return w.directed(fmt.Sprintf("%d %s", t.Day(), w.Months[t.Month()-1]))
}

// month returns a month with its year, such as "Jan 2026".
func (w Words) month(t time.Time) string {
	return w.directed(fmt.Sprintf("%s %d", w.Months[t.Month()-1], t.Year()))
}
