package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Load returns the defaults with the file at path over them (none if path is
// "") and then the environment. An unknown key is an error that names its
// line, an unknown FORECARE_ variable one that names it.
func Load(path string, environ []string) (Config, error) {
	c := Default()
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("reading the configuration: %w", err)
		}
		if err := Parse(b, &c); err != nil {
			return c, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := applyEnv(&c, environ); err != nil {
		return c, err
	}
	return c, nil
}

// Parse reads YAML over what c holds.
func Parse(b []byte, c *Config) error {
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

const envPrefix = "FORECARE_"

func applyEnv(c *Config, environ []string) error {
	settings := map[string]reflect.Value{}
	collect("", reflect.ValueOf(c).Elem(), settings)
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		key, ours := strings.CutPrefix(name, envPrefix)
		if !ours {
			continue
		}
		field, known := settings[strings.ToLower(key)]
		if !known {
			return fmt.Errorf("environment variable %s sets nothing; see forecare check-config for the names", name)
		}
		if err := set(field, value); err != nil {
			return fmt.Errorf("environment variable %s: %w", name, err)
		}
	}
	return nil
}

// collect maps yaml names, joined by "_", to the fields they set.
func collect(prefix string, v reflect.Value, into map[string]reflect.Value) {
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		field := v.Field(i)
		_, text := field.Addr().Interface().(encoding.TextUnmarshaler)
		if field.Kind() == reflect.Struct && !text {
			collect(prefix+name+"_", field, into)
			continue
		}
		into[prefix+name] = field
	}
}

func set(field reflect.Value, value string) error {
	if u, ok := field.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(value))
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(value)
	case reflect.Int:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("%q is no number", value)
		}
		field.SetInt(int64(n))
	case reflect.Slice:
		out := reflect.MakeSlice(field.Type(), 0, 4)
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part == "" {
				continue
			}
			item := reflect.New(field.Type().Elem()).Elem()
			if err := set(item, part); err != nil {
				return err
			}
			out = reflect.Append(out, item)
		}
		field.Set(out)
	default:
		return fmt.Errorf("cannot be set from the environment")
	}
	return nil
}

// Secret returns the first line of a file, "" for no file name.
func Secret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("reading a secret: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	line = strings.TrimSpace(line)
	if line == "" {
		return "", fmt.Errorf("the secret file %s is empty", file)
	}
	return line, nil
}
