// Package app puts the parts of Forecare together: it opens the engines that
// the configuration names, wires the roles that this process runs, and stops
// them in an order that loses nothing. It is the only package that sees all
// others, and it never touches signals, so that tests can embed it.
package app
