package devices

// DeviceFilter chooses devices of a tenant. Model is a model's id, Text is
// looked for in id, model, site, owner and firmware, in letters of any case;
// empty means all. Limit 0 means no limit.
type DeviceFilter struct {
	Tenant string
	Model  string
	Text   string
	Limit  int
	Offset int
}
