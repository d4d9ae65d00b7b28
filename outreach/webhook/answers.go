package webhook

import (
	"errors"

	"github.com/forecare/forecare/outreach"
	"github.com/forecare/forecare/outreach/egress"
)

// answer is what a range of HTTP statuses means for a message.
type answer struct {
	from, to int
	class    outreach.SendClass
	words    string
}

// answers is read from the top. A receiver's mistake is never BadConfig: that
// would hold up every other receiver. A redirect is a dead address: following
// it would send signed messages wherever an attacker points, and it does not
// mend itself. Other refusals (401, 404) often do, with a deployment.
var answers = []answer{
	{300, 399, outreach.BadAddress, "the endpoint has moved, and redirects are never followed; register its new URL"},
	{400, 400, outreach.BadContent, "the endpoint cannot read the message"},
	{401, 403, outreach.Transient, "the endpoint does not accept the signature; it may have the wrong secret"},
	{404, 405, outreach.Transient, "there is no endpoint at this URL"},
	{408, 408, outreach.Transient, "the endpoint was too slow for itself"},
	{410, 410, outreach.BadAddress, "the endpoint wants no more messages"},
	{413, 413, outreach.BadContent, "the message is too large for the endpoint"},
	{415, 415, outreach.BadContent, "the endpoint does not take JSON"},
	{422, 422, outreach.BadContent, "the endpoint cannot read the message"},
	{425, 425, outreach.Transient, "the endpoint asks to try again"},
	{429, 429, outreach.Transient, "the endpoint asks for a slower pace"},
	{500, 599, outreach.Transient, "the endpoint has a fault"},
}

func answerTo(status int) answer {
	for _, a := range answers {
		if a.from <= status && status <= a.to {
			return a
		}
	}
	return answer{class: outreach.Transient, words: "the endpoint does not take the message"}
}

func classOf(err error) outreach.SendClass {
	e, ok := errors.AsType[*egress.Error](err)
	switch {
	case ok && e.Stage == egress.Refused:
		return outreach.BadAddress
	case ok && e.Stage == egress.Unreached:
		return outreach.Transient
	default:
		return outreach.UnknownOutcome
	}
}
