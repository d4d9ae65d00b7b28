package webpush

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/forecare/forecare/outreach"
)

const (
	maxPayload = 3993 // bytes that fit with encryption into the 4096 every push service takes
	maxTitle   = 120  // characters
	maxBody    = 400  // characters: more than any system shows of a notification
)

// notification is what the service worker gets to show. Tag makes a later
// message of a case take the place of an earlier one.
type notification struct {
	Title string `json:"title"`
	Body  string `json:"body"`
	URL   string `json:"url"`
	Tag   string `json:"tag"`
	Lang  string `json:"lang"`
	Dir   string `json:"dir"`
}

func payloadOf(e outreach.Envelope, tag string) ([]byte, error) {
	body := gist(e.Content.Text)
	for limit := maxBody; ; limit /= 2 {
		text, err := encode(notification{
			Title: shorten(e.Content.Subject, maxTitle), Body: shorten(body, limit),
			URL: e.Content.OwnerURL, Tag: tag, Lang: e.Lang, Dir: e.Content.Dir,
		})
		if err != nil {
			return nil, errors.New("the message cannot be written as JSON")
		}
		if len(text) <= maxPayload {
			return text, nil
		}
		if limit == 0 {
			return nil, errors.New("the message's link is too long for a push message")
		}
	}
}

func encode(n notification) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // it is never put into a page, and escapes cost bytes
	err := enc.Encode(n)
	return bytes.TrimSpace(b.Bytes()), err
}

// gist returns a message's text without what a notification has no use for:
// the salutation and the links.
func gist(text string) string {
	var kept []string
	for i, p := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n") {
		p = strings.Join(strings.Fields(p), " ")
		salutation := i == 0 && (strings.HasSuffix(p, ",") || strings.HasSuffix(p, "،"))
		if p != "" && !salutation && !strings.HasPrefix(p, "https://") && !strings.HasPrefix(p, "http://") {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}

const (
	isolate    = '\u2068'
	popIsolate = "\u2069"
)

// shorten returns at most limit characters of s, cut between words and ended
// by an ellipsis, with every direction isolate closed.
func shorten(s string, limit int) string {
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	if limit < 2 {
		return ""
	}
	cut, count := 0, 0
	for i := range s {
		if count == limit-1 {
			cut = i
			break
		}
		count++
	}
	head := s[:cut]
	if space := strings.LastIndexByte(head, ' '); space > 0 && s[cut] != ' ' {
		head = head[:space]
	}
	head = strings.TrimRight(head, " ,;:.،؛")
	for range strings.Count(head, string(isolate)) - strings.Count(head, popIsolate) {
		head += popIsolate
	}
	return head + "…"
}
