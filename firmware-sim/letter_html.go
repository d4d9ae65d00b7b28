package sim

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// readerHTML turns the HTML of a mail into what a careful mail program shows:
// nothing that runs, loads from elsewhere, or sends; pictures of the mail by
// the given address; links open apart from the page.
func readerHTML(source string, picture func(contentID string) string) ([]byte, error) {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return nil, err
	}
	clean(doc, picture)
	var out bytes.Buffer
	if err := html.Render(&out, doc); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func clean(n *html.Node, picture func(string) string) {
	for c := n.FirstChild; c != nil; {
		next := c.NextSibling
		if c.Type == html.CommentNode || c.Type == html.ElementNode && !harmless(c) {
			n.RemoveChild(c)
		} else {
			clean(c, picture)
		}
		c = next
	}
	if n.Type != html.ElementNode {
		return
	}
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool {
		key := strings.ToLower(a.Key)
		switch {
		case strings.HasPrefix(key, "on"):
			return true
		case key == "href":
			return n.DataAtom != atom.A || !webAddress(a.Val) && !strings.HasPrefix(strings.ToLower(a.Val), "mailto:")
		case key == "src":
			return n.DataAtom != atom.Img
		}
		return slices.Contains([]string{"srcset", "action", "formaction", "background", "ping", "poster", "xlink:href", "target", "rel", "srcdoc", "data"}, key) ||
			a.Namespace != ""
	})
	switch n.DataAtom {
	case atom.A:
		n.Attr = append(n.Attr, html.Attribute{Key: "target", Val: "_blank"}, html.Attribute{Key: "rel", Val: "noopener noreferrer"})
	case atom.Img:
		for i := range n.Attr {
			if n.Attr[i].Key == "src" {
				id, own := strings.CutPrefix(n.Attr[i].Val, "cid:")
				n.Attr[i].Val = ""
				if own {
					if plain, err := url.PathUnescape(id); err == nil {
						id = plain
					}
					n.Attr[i].Val = picture(id)
				}
			}
		}
	}
}

// harmless reports whether an element may stay.
func harmless(n *html.Node) bool {
	if n.Namespace != "" { // svg, math
		return false
	}
	switch n.DataAtom {
	case atom.Script, atom.Noscript, atom.Iframe, atom.Frame, atom.Frameset, atom.Object, atom.Embed, atom.Applet,
		atom.Form, atom.Input, atom.Button, atom.Textarea, atom.Select, atom.Base, atom.Link, atom.Template,
		atom.Audio, atom.Video, atom.Source, atom.Track, atom.Svg, atom.Math:
		return false
	case atom.Meta:
		// Only the character set and the like; a refresh would lead away.
		return !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return strings.EqualFold(a.Key, "http-equiv") })
	}
	return true
}

func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}
