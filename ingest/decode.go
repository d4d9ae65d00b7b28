package ingest

import "unicode/utf8"

// decode reads the readings of a payload into in, which must be open. A
// rejection is of the whole message. [TP-3.1]
func decode(payload []byte, format payloadFormat, in *intake) *Rejection {
	if format == formatLines {
		return decodeLines(payload, in)
	}
	if !utf8.Valid(payload) {
		return rejectf(BadPayload, "The JSON is not valid UTF-8.")
	}
	return decodeJSON(payload, in)
}

// formatOf tells the format by the first byte that is no white space.
func formatOf(payload []byte) payloadFormat {
	for _, c := range payload {
		switch c {
		case ' ', '\t', '\r', '\n':
		case '{', '[':
			return formatJSON
		default:
			return formatLines
		}
	}
	return formatLines
}
