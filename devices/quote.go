package devices

import "strconv"

// quoteShort quotes input for a message. It is cut, because a message must not
// grow with what somebody sends us.
func quoteShort(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + " (cut)"
	}
	return strconv.QuoteToASCII(s)
}
