package formats

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// mustUnderstand refuses a pack with a field that its sender wants nobody to
// ignore. [FM-5.5]
func mustUnderstand(label string) *Refusal {
	if !strings.HasSuffix(label, "_") {
		return nil
	}
	return refusef(Unsupported, "The field %s must be understood, says its underscore, but is not known here.", quote(label))
}

// misfitting says what is wrong with a field. A base field spoils the pack, since
// it holds for what follows; another only its record.
func (r *senmlRecord) misfitting(l senmlLabel, at int, name string) *Refusal {
	fault := refusef(BadPayload, "The field %s of record %d comes twice or is not of its type, which is %s.", name, at+1, l.wanted())
	if (l == senmlValue || l == senmlSum || l == senmlBaseValue || l == senmlBaseSum) && !l.base() {
		fault.Reason = NotANumber
	}
	if l.base() {
		return fault
	}
	if r.fault == nil {
		r.fault = fault
	}
	return nil
}

func (l senmlLabel) wanted() string {
	switch l {
	case senmlBaseName, senmlBaseUnit, senmlName, senmlUnit, senmlString:
		return "text"
	case senmlBool:
		return "true or false"
	case senmlData:
		return "bytes, in JSON as base64url"
	}
	return "a finite number"
}

// readSenMLJSON reads a pack in JSON. [FM-5.2]
func readSenMLJSON(b []byte, l Limits) ([]senmlRecord, *Refusal) {
	root, refusal := parseJSON(b, l)
	if refusal != nil {
		return nil, refusal
	}
	if root.kind() != jsonArray {
		return nil, refusef(BadPayload, "A SenML pack is a list of records, but this is %s.", quote(root.raw()))
	}
	var out []senmlRecord
	for e := range root.inside() {
		if e.kind() != jsonObject {
			return nil, refusef(BadPayload, "Record %d of the pack is %s where an object belongs.", len(out)+1, quote(e.raw()))
		}
		var r senmlRecord
		for m := range e.inside() {
			name := m.name()
			label, known := senmlLabelOf(name)
			if !known {
				if refusal := mustUnderstand(name); refusal != nil {
					return nil, refusal
				}
				continue
			}
			if !r.set(label, jsonItem(m, label)) {
				if refusal := r.misfitting(label, len(out), name); refusal != nil {
					return nil, refusal
				}
			}
		}
		if out = append(out, r); len(out) > l.Values {
			return nil, refusef(TooLarge, "The pack holds more than %d records.", l.Values)
		}
	}
	return out, nil
}

// jsonItem is a JSON value as the CBOR item that means the same.
func jsonItem(v jsonValue, l senmlLabel) cborItem {
	switch v.kind() {
	case jsonNumber:
		if f, ok := v.number(); ok {
			return cborItem{kind: cborNumber, number: f, decimal: string(v.raw())}
		}
	case jsonTrue, jsonFalse:
		return cborItem{kind: cborBool, yes: v.kind() == jsonTrue}
	case jsonString:
		if l != senmlData {
			return cborItem{kind: cborText, text: v.text()}
		}
		if b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(v.text(), "=")); err == nil {
			return cborItem{kind: cborBytes, bytes: b}
		}
	}
	return cborItem{}
}

// readSenMLCBOR reads a pack in CBOR, whose labels are numbers or texts. [FM-5.2]
func readSenMLCBOR(b []byte, l Limits) ([]senmlRecord, *Refusal) {
	r := &cborReader{b: b, limits: l}
	var out []senmlRecord
	major, n, _, ok := r.head()
	if ok && major == cborTag && n == 55799 { // says only: this is CBOR
		major, n, _, ok = r.head()
	}
	if ok && major != cborArray {
		r.refusal = refusef(BadPayload, "A SenML pack is a list of records, but this CBOR is none.")
	}
	for i := uint64(0); r.refusal == nil && i < n; i++ {
		if n == indefinite && r.at < len(r.b) && r.b[r.at] == 0xff {
			r.at++
			break
		}
		if len(out) == l.Values {
			return nil, refusef(TooLarge, "The pack holds more than %d records.", l.Values)
		}
		var record senmlRecord
		if r.record(&record, len(out)) {
			out = append(out, record)
		}
	}
	if r.refusal == nil && r.at < len(b) {
		r.broken("there is something behind the end.")
	}
	return out, r.refusal
}

func (r *cborReader) record(into *senmlRecord, at int) bool {
	major, n, _, ok := r.head()
	if !ok {
		return false
	}
	if major != cborMap {
		return r.broken("record %d of the pack is no map.", at+1)
	}
	for i := uint64(0); i < n; i++ {
		key, ok := r.item(2)
		if !ok {
			return false
		}
		if key.kind == cborBreak {
			return n == indefinite || r.broken("there is an end where none belongs.")
		}
		value, ok := r.item(2)
		if !ok {
			return false
		}
		if value.kind == cborBreak {
			return r.broken("there is an end where none belongs.")
		}
		var label senmlLabel
		var known bool
		name := key.text
		switch {
		case key.kind == cborText:
			label, known = senmlLabelOf(name)
		case key.kind == cborNumber && key.number >= -6 && key.number <= 8 && key.number == float64(int(key.number)):
			label, known = senmlLabel(key.number), true
			name = fmt.Sprint(int(label))
		case key.kind != cborNumber:
			return r.broken("a label is neither a number nor a text.")
		}
		if !known {
			if r.refusal = mustUnderstand(name); r.refusal != nil {
				return false
			}
			continue
		}
		if !into.set(label, value) {
			if r.refusal = into.misfitting(label, at, name); r.refusal != nil {
				return false
			}
		}
	}
	return true
}
