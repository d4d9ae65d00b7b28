package devices

import "bytes"

// ParseContacts reads the JSON of one contact or of a list of them, as written
// by hand, and is as strict as ParseModel. It does not call Validate, since the
// tenant is often the caller's to set.
func ParseContacts(b []byte) ([]Contact, error) {
	if bytes.HasPrefix(bytes.TrimLeft(b, "\xef\xbb\xbf \t\r\n"), []byte{'['}) {
		var list []Contact
		err := parseStrict(b, &list)
		return list, err
	}
	var one Contact
	if err := parseStrict(b, &one); err != nil {
		return nil, err
	}
	return []Contact{one}, nil
}
