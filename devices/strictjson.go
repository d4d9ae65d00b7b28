package devices

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
)

// parseStrict decodes JSON written by hand into v, a pointer to a struct or a
// slice. Unlike encoding/json it takes no key twice, none that v does not have
// and none in other letters, and nothing behind the value. Its errors are
// Invalid and say where.
func parseStrict(b []byte, v any) error {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	d := json.NewDecoder(bytes.NewReader(b))
	if err := checkKeys(d, reflect.TypeOf(v).Elem(), ""); err != nil {
		return explain(b, d.InputOffset(), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Errorf(Invalid, "line %d: there is something behind the end of the JSON; keep one value in a file", lineOf(b, d.InputOffset()))
	}
	if err := json.Unmarshal(b, v); err != nil {
		return explain(b, 0, err)
	}
	return nil
}

// explain turns an error of encoding/json into one for the author of b.
func explain(b []byte, offset int64, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Errorf(Invalid, "line %d: %s is a %s and cannot be used as %s", lineOf(b, e.Offset), e.Field, e.Value, typeInWords(e.Type))
	}
	if e, ok := errors.AsType[*time.ParseError](err); ok {
		return Errorf(Invalid, `%s is no time; write it such as "2026-11-22T10:00:00Z"`, quoteShort(e.Value))
	}
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = max(offset, e.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return Errorf(Invalid, "the JSON ends too early; a closing bracket or brace is missing")
	}
	return Errorf(Invalid, "line %d: this is not JSON (%v)", lineOf(b, offset), err)
}

func lineOf(b []byte, offset int64) int {
	return 1 + bytes.Count(b[:min(int(offset), len(b))], []byte{'\n'})
}

func typeInWords(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time]():
		return `a time such as "2026-11-22T10:00:00Z"`
	case reflect.TypeFor[duration]():
		return `a duration such as "10m"`
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list in [ ]"
	case reflect.Struct, reflect.Map:
		return "an object in { }"
	}
	return "a number"
}

// checkKeys reads one value from d and checks the keys of the objects in it
// against the type that it will be decoded into.
func checkKeys(d *json.Decoder, t reflect.Type, at string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return checkObject(d, t, at)
	case json.Delim('['):
		// Refusing here what does not fit also bounds the depth of the recursion.
		if t.Kind() != reflect.Slice {
			return Errorf(Invalid, "%s is a list; it must be %s", place(at), typeInWords(t))
		}
		for i := 0; d.More(); i++ {
			if err := checkKeys(d, t.Elem(), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

func checkObject(d *json.Decoder, t reflect.Type, at string) error {
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Map || t == reflect.TypeFor[time.Time]() {
		return Errorf(Invalid, "%s is an object; it must be %s", place(at), typeInWords(t))
	}
	var seen []string
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return Errorf(Invalid, "a key in %s is not text", place(at))
		}
		path := strings.TrimPrefix(at+"."+key, ".")
		if slices.Contains(seen, key) {
			return Errorf(Invalid, "the key %s is there twice; leave one out", quoteShort(path))
		}
		seen = append(seen, key)
		known := keysOf(t)
		value, ok := known[key]
		if t.Kind() == reflect.Map {
			value = t.Elem()
		} else if !ok {
			return Errorf(Invalid, "unknown key %s; %s may hold %s", quoteShort(path), place(at), names(known))
		}
		if err := checkKeys(d, value, path); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func place(at string) string {
	if at == "" {
		return "the file"
	}
	return at
}

func names(keys map[string]reflect.Type) string {
	var out []string
	for k := range keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// keysOf returns the JSON keys of a struct whose fields all have a json tag,
// none for another type.
func keysOf(t reflect.Type) map[string]reflect.Type {
	if t.Kind() != reflect.Struct {
		return nil
	}
	out := make(map[string]reflect.Type)
	for f := range t.Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if key != "" && key != "-" {
			out[key] = f.Type
		}
	}
	return out
}
