// Package outreach cares: a finding opens or joins a case, the case offers the
// owner a remedy at their convenience through one message that policy allows,
// the remedy is done, and telemetry verifies it. A case and the messages it
// causes are written in one transaction; the Dispatcher then sends each
// message once.
package outreach
