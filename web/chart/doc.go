// Package chart draws what a device did, against its peers, as SVG on the
// server: pages show the whole picture without any script. The colours are CSS
// classes, so it is light or dark as the page is, and lengths along the time
// axis are percentages, so that letters keep their size on every screen. Data
// is the same picture as numbers, for a script that lets a reader point at it.
package chart
