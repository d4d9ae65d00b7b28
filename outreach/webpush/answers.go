package webpush

import "github.com/forecare/forecare/outreach"

// answer is what a range of HTTP statuses means for a message.
type answer struct {
	from, to int
	class    outreach.SendClass
	words    string
}

// answers is read from the top; statuses that it does not list are a passing
// fault of the push service.
var answers = []answer{
	{400, 401, outreach.BadConfig, "the push service does not accept our VAPID signature"},
	{403, 403, outreach.BadConfig, "the subscription was made for another VAPID key pair"},
	{404, 404, outreach.BadAddress, "the subscription no longer exists"},
	{410, 410, outreach.BadAddress, "the subscription has been given up"},
	{413, 413, outreach.BadContent, "the message is too large for the push service"},
	{429, 429, outreach.Transient, "the push service asks for a slower pace"},
	{500, 599, outreach.Transient, "the push service has a fault"},
}

func answerTo(status int) answer {
	for _, a := range answers {
		if a.from <= status && status <= a.to {
			return a
		}
	}
	return answer{class: outreach.Transient, words: "the push service does not take the message now"}
}
