package formats

// flatten calls f for every value in v that holds no others, in the order of
// the text, with the way to it from where way ends. The way is valid during
// the call only. Empty lists and objects hold nothing. [FM-4.1]
func flatten(v jsonValue, way path, f func(way path, v jsonValue) bool) bool {
	switch v.kind() {
	case jsonObject:
		for m := range v.inside() {
			if !flatten(m, append(way, step{key: m.name()}), f) {
				return false
			}
		}
	case jsonArray:
		i := 0
		for e := range v.inside() {
			if !flatten(e, append(way, step{kind: stepIndex, index: i}), f) {
				return false
			}
			i++
		}
	case jsonAbsent:
	default:
		return f(way, v)
	}
	return true
}
