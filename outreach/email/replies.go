package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"path"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/forecare/forecare/outreach"
)

// rule says what a reply of the SMTP server means. At is the step it belongs
// to, "" for any; Code a pattern for the reply's three digits, Detail one for
// its enhanced status code (RFC 3463), "" for any, also for none.
type rule struct {
	at     step
	code   string
	detail string
	class  outreach.SendClass
	words  string
}

// rules are read from the top. The same number can mean the sender, the
// recipient or the message, depending on what it answers.
var rules = []rule{
	{"", "4*", "", outreach.Transient, "the mail server asks to try again later"},

	{connecting, "5*", "", outreach.BadConfig, "the mail server does not talk to us"},
	{greeting, "5*", "", outreach.BadConfig, "the mail server does not talk to us"},
	{encrypting, "5*", "", outreach.BadConfig, "the mail server does not encrypt"},
	{signingIn, "5*", "", outreach.BadConfig, "the mail server does not accept user name and password"},

	{namingSender, "5*", "5.1.*", outreach.BadConfig, "the mail server does not accept our sender's address"},
	{"", "5*", "5.1.[78]", outreach.BadConfig, "the mail server does not accept our sender's address"},
	{"", "5*", "5.1.*", outreach.BadAddress, "there is no mailbox at this address"},
	{"", "5*", "5.2.1", outreach.BadAddress, "the mailbox is closed"},
	{"", "5*", "5.2.2", outreach.Transient, "the mailbox is full"},
	{"", "5*", "5.2.3", outreach.BadContent, "the message is too large for the mailbox"},
	{"", "5*", "5.2.*", outreach.BadAddress, "the mailbox takes no mail"},
	{"", "5*", "5.3.4", outreach.BadContent, "the message is too large"},
	{"", "5*", "5.3.*", outreach.BadConfig, "the mail server takes no mail from us"},
	{"", "5*", "5.4.[14]", outreach.BadAddress, "nothing leads to the address's domain"},
	{"", "5*", "5.4.31*", outreach.BadAddress, "the address's domain does not exist"},
	{"", "5*", "5.4.*", outreach.Transient, "the mail server found no way to the address"},
	{"", "5*", "5.5.*", outreach.BadConfig, "the mail server does not understand us"},
	{"", "5*", "5.6.*", outreach.BadContent, "the mail server cannot take the message's form"},
	{"", "5*", "5.7.*", outreach.BadConfig, "the mail server's policy is against it"},

	// Replies without a telling enhanced code.
	{"", "53[0458]", "", outreach.BadConfig, "the mail server wants us to sign in"},
	{"", "50?", "", outreach.BadConfig, "the mail server does not understand us"},
	{"", "555", "", outreach.BadConfig, "the mail server does not understand us"},
	{namingSender, "5*", "", outreach.BadConfig, "the mail server does not accept our sender's address"},
	{namingReader, "552", "", outreach.Transient, "the mailbox is full"},
	{namingReader, "55[0136]", "", outreach.BadAddress, "there is no mailbox at this address"},
	{namingReader, "521", "", outreach.BadAddress, "the address's domain takes no mail"},
	// Of a refusal without a reason nothing follows for the address or the channel.
	{"", "5*", "", outreach.BadContent, "the mail server refuses the message without saying why"},
}

// judge says what an error means that came up at the step. It returns an
// *outreach.SendError with words of our own: a server's often repeat the
// recipient's address or the subject.
func judge(at step, err error) error {
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return judgeReply(at, reply)
	}
	if at == concluding {
		return &outreach.SendError{Class: outreach.UnknownOutcome, Err: errors.New("the mail server had the whole message but did not answer")}
	}
	class, words := judgeFault(err)
	if _, network := errors.AsType[net.Error](err); at == signingIn && !network && !errors.Is(err, io.EOF) {
		class, words = outreach.BadConfig, "the mail server and we could not agree on the password"
	}
	return &outreach.SendError{Class: class, Err: fmt.Errorf("%s: %s", at, words)}
}

var enhanced = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})(?:[ \n]|$)`)

func judgeReply(at step, reply *textproto.Error) error {
	code, detail := strconv.Itoa(reply.Code), ""
	if found := enhanced.FindStringSubmatch(strings.TrimSpace(reply.Msg)); found != nil && found[1][0] == code[0] {
		detail = found[1]
	}
	for _, r := range rules {
		if (r.at == "" || r.at == at) && fits(r.code, code) && (r.detail == "" || fits(r.detail, detail)) {
			return &outreach.SendError{Class: r.class, Err: fmt.Errorf("%s: SMTP %s: %s", at, strings.TrimSpace(code+" "+detail), r.words)}
		}
	}
	// A positive reply where another was due: the conversation is out of step.
	class := outreach.Transient
	if at == concluding {
		class = outreach.UnknownOutcome
	}
	return &outreach.SendError{Class: class, Err: fmt.Errorf("%s: SMTP %s: not what was asked", at, code)}
}

func fits(pattern, s string) bool {
	ok, _ := path.Match(pattern, s)
	return ok
}

func judgeFault(err error) (outreach.SendClass, string) {
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	dns, lookup := errors.AsType[*net.DNSError](err)
	timeout, network := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return outreach.Transient, "given up"
	case notTLS:
		return outreach.BadConfig, "the mail server does not speak TLS on this port"
	case badCertificate(err):
		return outreach.BadConfig, "the mail server's certificate is not valid for its name"
	case lookup && dns.IsNotFound:
		return outreach.BadConfig, "the mail server's name is unknown"
	case lookup:
		return outreach.Transient, "the mail server's name could not be looked up"
	case network && timeout.Timeout():
		return outreach.Transient, "the mail server did not answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return outreach.Transient, "the mail server refused the connection"
	default:
		return outreach.Transient, "the connection to the mail server broke"
	}
}

func badCertificate(err error) bool {
	_, verification := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	return verification || authority || host
}
