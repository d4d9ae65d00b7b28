package sim

import "github.com/forecare/forecare/devices"

// Cities are the sites of simulated fleets, at most four hours of local time
// apart, so that it is day for some owner whenever a fleet is started.
func Cities() []devices.Site {
	return []devices.Site{
		{ID: "san-francisco", Name: "San Francisco", Lat: 37.77, Lon: -122.42, Zone: "America/Los_Angeles"},
		{ID: "detroit", Name: "Detroit", Lat: 42.33, Lon: -83.05, Zone: "America/Detroit"},
		{ID: "sao-paulo", Name: "São Paulo", Lat: -23.55, Lon: -46.63, Zone: "America/Sao_Paulo"},
		{ID: "london", Name: "London", Lat: 51.51, Lon: -0.13, Zone: "Europe/London"},
		{ID: "berlin", Name: "Berlin", Lat: 52.52, Lon: 13.4, Zone: "Europe/Berlin"},
		{ID: "dubai", Name: "Dubai", Lat: 25.2, Lon: 55.27, Zone: "Asia/Dubai"},
		{ID: "singapore", Name: "Singapore", Lat: 1.35, Lon: 103.82, Zone: "Asia/Singapore"},
		{ID: "auckland", Name: "Auckland", Lat: -36.85, Lon: 174.76, Zone: "Pacific/Auckland"},
	}
}

// person is an invented owner.
type person struct{ name, mail string }

// people are invented owners by language. Their mail addresses are in a domain
// that nobody can own (RFC 2606).
func people(lang string) []person {
	switch lang {
	case "ar":
		return []person{
			{"سلمى منصور", "salma.mansour"},
			{"يوسف ناصر", "yousef.nasser"},
			{"هدى الزين", "huda.alzein"},
			{"كريم عثمان", "karim.othman"},
		}
	case "de":
		return []person{
			{"Henrik Lorenz", "henrik.lorenz"},
			{"Miriam Seidel", "miriam.seidel"},
			{"Paul Ahrens", "paul.ahrens"},
		}
	case "es":
		return []person{
			{"Lucía Ferrer", "lucia.ferrer"},
			{"Mateo Quiroga", "mateo.quiroga"},
			{"Inés Valdés", "ines.valdes"},
			{"Bruno Salas", "bruno.salas"},
		}
	}
	return []person{
		{"Grace Okafor", "grace.okafor"},
		{"Tom Whitaker", "tom.whitaker"},
		{"Priya Raman", "priya.raman"},
		{"Samuel Lindqvist", "samuel.lindqvist"},
		{"Hannah Cole", "hannah.cole"},
		{"Marcus Bell", "marcus.bell"},
		{"Nora Fielding", "nora.fielding"},
		{"Wei Ling Tan", "weiling.tan"},
		{"Aroha Parata", "aroha.parata"},
		{"Ben Achterberg", "ben.achterberg"},
	}
}

// languages returns the languages of the owners at a site.
func languages(site string) []string {
	switch site {
	case "berlin":
		return []string{"de", "en", "ar"}
	case "dubai":
		return []string{"ar", "en"}
	case "detroit":
		return []string{"en", "ar"}
	case "sao-paulo":
		return []string{"es", "en"}
	}
	return []string{"en"}
}
