package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"github.com/forecare/forecare/internal/config"
)

func TestExampleIsTheDefault(t *testing.T) {
	got := config.Config{}
	if err := config.Parse(config.Example, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}
	if err := got.Check(); err != nil {
		t.Errorf("the defaults do not pass their own check: %v", err)
	}
}

func TestLoadLayers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "forecare.yaml")
	write(t, file, "data: /from/file\nweb:\n  listen: 127.0.0.1:1\ncare:\n  offer_every: 10d\n")
	c, err := config.Load(file, []string{
		"HOME=/root", "FORECARE_WEB_LISTEN=127.0.0.1:2", "FORECARE_ROLES=web, writer",
		"FORECARE_LOG_LIMIT=2GiB", "FORECARE_EMAIL_PORT=2525", "FORECARE_LOG_LEVEL=debug",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Data = "/from/file"
	want.Web.Listen = "127.0.0.1:2"
	want.Roles = []config.Role{config.Web, config.Writer}
	want.LogLimit = 2 << 30
	want.Email.Port = 2525
	want.LogLevel = -4
	want.Care.OfferEvery = config.Duration(240 * time.Hour)
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	if c.Has(config.Anomaly) || !c.Has(config.Writer) {
		t.Error("roles are not those that were asked for")
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		yaml string
		env  string
		want string
	}{
		"unknown key":       {yaml: "data: x\nwebb:\n  listen: y\n", want: "line 2"},
		"unknown variable":  {env: "FORECARE_WEB_LISTN=x", want: "FORECARE_WEB_LISTN"},
		"bad size":          {yaml: "log_limit: 10 gigs\n", want: "10GiB"},
		"bad duration":      {yaml: "care:\n  offer_every: -3d\n", want: "30d"},
		"bad time":          {yaml: "care:\n  quiet_from: 9pm\n", want: "21:00"},
		"bad day":           {env: "FORECARE_CARE_WORK_DAYS=montag", want: "montag"},
		"bad variable":      {env: "FORECARE_EMAIL_PORT=smtp", want: "FORECARE_EMAIL_PORT"},
		"not YAML":          {yaml: "{{", want: "yaml"},
		"overflowing size":  {yaml: "log_limit: 99999999999999TiB\n", want: "no size"},
		"a list for a word": {yaml: "data: [a, b]\n", want: "line 1"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "c.yaml")
			write(t, file, tc.yaml)
			_, err := config.Load(file, []string{tc.env})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error that contains %q", err, tc.want)
			}
		})
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), nil); err == nil {
		t.Error("a missing file was accepted")
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"role":               {func(c *config.Config) { c.Roles = []config.Role{"cook"} }, "no role"},
		"apart on sqlite":    {func(c *config.Config) { c.Roles = []config.Role{"web"}; c.Log = "nats://a:1" }, "need postgres"},
		"apart on embedded":  {func(c *config.Config) { c.Roles = []config.Role{"anomaly"}; c.State = "postgres://x/y" }, "need nats"},
		"apart, readings":    {func(c *config.Config) { c.Roles = []config.Role{"writer"} }, "need influx"},
		"unknown engine":     {func(c *config.Config) { c.State = "mysql://x" }, "mysql:"},
		"unknown broker":     {func(c *config.Config) { c.MQTT = "amqp://rabbit:5672" }, "mqtts:"},
		"broker, no host":    {func(c *config.Config) { c.MQTT = "mqtt://" }, "mqtt://host:port"},
		"broker, password":   {func(c *config.Config) { c.MQTT = "mqtt://me:canary@host" }, "mqtt_password_file"},
		"broker, no user":    {func(c *config.Config) { c.MQTT = "mqtt://host"; c.MQTTSecret = "f" }, "needs a user"},
		"broker, CA, no TLS": {func(c *config.Config) { c.MQTT = "mqtt://host"; c.MQTTCA = "f" }, "mqtts://"},
		"broker, misspelt":   {func(c *config.Config) { c.MQTT = "mqtt://host?groop=a" }, "groop"},
		"broker, path":       {func(c *config.Config) { c.MQTT = "mqtt://host/fleet" }, "/fleet"},
		"broker, group":      {func(c *config.Config) { c.MQTT = "mqtt://host?group=a/b" }, "group"},
		"broker, tenant":     {func(c *config.Config) { c.MQTT = "mqtt://host?tenants=a,%23" }, "tenants"},
		"password, embedded": {func(c *config.Config) { c.MQTTSecret = "f" }, "mqtt_password_file"},
		"no address":         {func(c *config.Config) { c.Web.Listen = "8080" }, "host:port"},
		"durability":         {func(c *config.Config) { c.Durability = "hope" }, "fsync"},
		"influx, no token":   {func(c *config.Config) { c.Readings = "influx://h:8086/o/b" }, "readings_token_file"},
		"no working hours":   {func(c *config.Config) { c.Care.WorkUntil = c.Care.WorkFrom }, "nobody would ever work"},
		"nobody":             {func(c *config.Config) { c.Care.Technicians = nil }, "technicians"},
		"no brand":           {func(c *config.Config) { c.Care.Brand = " " }, "who writes"},
		"mail without from":  {func(c *config.Config) { c.Email.Host = "h" }, "email.from"},
		"mail, TLS":          {func(c *config.Config) { c.Email.Host = "h"; c.Email.TLS = "ssl" }, "email.tls"},
		"push subject":       {func(c *config.Config) { c.WebPush.Subject = "me" }, "mailto:"},
		"public URL":         {func(c *config.Config) { c.Web.PublicURL = "care.example.com" }, "public_url"},
		"log keeps too much": {func(c *config.Config) { c.LogKeep = c.LogLimit }, "log_keep"},
		"tiny log":           {func(c *config.Config) { c.LogLimit = 1; c.LogKeep = 0 }, "64MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			c := config.Default()
			tc.change(&c)
			if err := c.Check(); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want an error that contains %q", err, tc.want)
			}
		})
	}
}

func TestExternalBroker(t *testing.T) {
	c := config.Default()
	if _, external := c.ExternalBroker(); external {
		t.Error("the embedded broker is taken for an external one")
	}
	c.MQTT = "mqtts://care@emqx:8883?client_id=forecare-1&group=ingest&tenants=acme,globex"
	c.MQTTSecret, c.MQTTCA = "secret", "ca.pem"
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	got, external := c.ExternalBroker()
	want := config.Broker{URL: "mqtts://emqx:8883", Username: "care", ClientID: "forecare-1", Group: "ingest", Tenants: []string{"acme", "globex"}}
	if diff := cmp.Diff(want, got); diff != "" || !external {
		t.Error(diff)
	}
	c.MQTT, c.MQTTSecret, c.MQTTCA = "mqtt://emqx", "", ""
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if got, _ := c.ExternalBroker(); !cmp.Equal(got, config.Broker{URL: "mqtt://emqx"}) {
		t.Errorf("got %+v", got)
	}
}

func TestPasswordsStayOut(t *testing.T) {
	c := config.Default()
	c.State = "postgres://me:canary-7@db/forecare"
	out, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out)+c.State.String()+c.State.LogValue().String(), "canary-7") {
		t.Errorf("a password is printed:\n%s", out)
	}
	back := config.Config{}
	if err := config.Parse(out, &back); err != nil {
		t.Errorf("what is printed cannot be read back: %v", err)
	}
}

func TestSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s")
	write(t, file, "  hush \nmore\n")
	if s, err := config.Secret(file); err != nil || s != "hush" {
		t.Errorf("got %q, %v", s, err)
	}
	write(t, file, "\n")
	if _, err := config.Secret(file); err == nil {
		t.Error("an empty secret was accepted")
	}
	if s, err := config.Secret(""); err != nil || s != "" {
		t.Errorf("no file: got %q, %v", s, err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
