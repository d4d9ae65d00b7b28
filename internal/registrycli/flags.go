package registrycli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/forecare/forecare/devices"
)

// errHelp means that help was asked for and printed.
var errHelp = errors.New("help")

// flagSet is a flag.FlagSet whose flags may stand before, between and behind
// the arguments.
type flagSet struct {
	*flag.FlagSet
	synopsis string
}

// newFlags returns a flag set for a command; the synopsis is all of its line
// but "forecare" and the flags.
func newFlags(synopsis string) *flagSet {
	f := &flagSet{FlagSet: flag.NewFlagSet(synopsis, flag.ContinueOnError), synopsis: synopsis}
	f.SetOutput(io.Discard)
	return f
}

// parse reads args and returns those that are no flags.
func (f *flagSet) parse(s *session, args []string) ([]string, error) {
	var rest []string
	for {
		err := f.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(s.out, f.help())
			return nil, errHelp
		}
		if err != nil {
			return nil, f.wrong("%v", err)
		}
		if f.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, f.Arg(0))
		args = f.Args()[1:]
	}
}

func (f *flagSet) help() string {
	var b strings.Builder
	fmt.Fprintf(&b, "forecare %s\n", f.synopsis)
	f.SetOutput(&b)
	f.PrintDefaults()
	f.SetOutput(io.Discard)
	return b.String()
}

// wrong returns an error that says what is wrong with the call and what a right
// one looks like.
func (f *flagSet) wrong(format string, args ...any) error {
	return usagef("%s\n\n%s", fmt.Sprintf(format, args...), strings.TrimRight(f.help(), "\n"))
}

// key reads the one argument of the form tenant/device.
func (f *flagSet) key(rest []string) (devices.Key, error) {
	if len(rest) != 1 {
		return devices.Key{}, f.wrong("name one %s as tenant/id, such as acme/press-7; there are %d arguments", f.noun(), len(rest))
	}
	tenant, id, ok := strings.Cut(rest[0], "/")
	if !ok || !devices.ValidID(tenant) || !devices.ValidID(id) {
		return devices.Key{}, f.wrong("%q does not name a %s; write tenant/id, such as acme/press-7, each of letters, digits, colons, dots, underscores or hyphens", rest[0], f.noun())
	}
	return devices.Key{Tenant: tenant, Device: id}, nil
}

func (f *flagSet) noun() string {
	noun, _, _ := strings.Cut(f.synopsis, " ")
	return noun
}

// tenantFlag adds --tenant.
func (f *flagSet) tenantFlag() *string {
	return f.String("tenant", "", "the `tenant` it is for")
}

// tenant checks what --tenant says.
func (f *flagSet) tenant(tenant string) error {
	if tenant == "" {
		return f.wrong("--tenant is missing: say whose %ss these are, such as --tenant acme", f.noun())
	}
	if !devices.ValidID(tenant) {
		return f.wrong("--tenant %q is no identifier; use letters, digits, colons, dots, underscores or hyphens", tenant)
	}
	return nil
}

// none refuses arguments of a command that takes flags only.
func (f *flagSet) none(rest []string) error {
	if len(rest) > 0 {
		return f.wrong("%q is not expected here", rest[0])
	}
	return nil
}

func (f *flagSet) jsonFlag() *bool {
	return f.Bool("json", false, "print JSON for programs")
}
