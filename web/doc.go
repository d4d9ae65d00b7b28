// Package web is how people and programs meet Forecare: the pages for makers,
// agents and planners, the REST API under /api/v1 with its OpenAPI document,
// sign-in, and live updates by server-sent events. Pages and API ask the same
// functions, every route names the permission it needs, and whatever a request
// may see is bounded by the tenant of its Identity.
//
// Pages are rendered whole on the server and can be read without JavaScript.
// No page loads anything from another host, and the content security policy
// allows neither inline scripts nor inline styles.
package web
