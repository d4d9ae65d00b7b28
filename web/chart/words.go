package chart

import (
	"fmt"
	"time"
)

// Words are the labels of a picture in one language. Noticeable and Began have
// one %s, the value and the date.
type Words struct {
	Noticeable, Began, Peers, Own string
	Months                        [12]string
}

// English returns the labels in English.
func English() Words {
	return Words{
		Noticeable: "noticeable from %s", Began: "began about %s", Peers: "peers, 10 to 90 %", Own: "this device",
		Months: [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	}
}

func (c *Chart) words() Words {
	if c.Words.Own == "" {
		return English()
	}
	return c.Words
}

// day returns a date without its year, such as "2 Jan".
func (w Words) day(t time.Time) string {
	return fmt.Sprintf("%d %s", t.Day(), w.Months[t.Month()-1])
}

// month returns a month with its year, such as "Jan 2026".
func (w Words) month(t time.Time) string {
	return fmt.Sprintf("%s %d", w.Months[t.Month()-1], t.Year())
}
