package config

import _ "embed"

// Example is a configuration file that sets every setting to its default.
//
//go:embed forecare.example.yaml
var Example []byte
