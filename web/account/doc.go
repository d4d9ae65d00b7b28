// Package account knows who may use Forecare's pages and API. There are no
// passwords: a person signs in with a one-time link and then holds a session
// cookie, a program holds an API token. Every secret is 32 random bytes and is
// kept as its SHA-256 only, so the database opens no door. A user and a token
// belong to one tenant; the Identity that a request gets says which.
package account
