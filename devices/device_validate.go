package devices

// Validate returns nil or an Invalid error that names everything that is wrong
// and how to mend it. It does not ask whether model, owner and gateway exist:
// they may come later.
func (d *Device) Validate() error {
	return d.faults().err("device " + quoteShort(d.Device))
}

func (d *Device) faults() faults {
	var f faults
	f.id("tenant", d.Tenant)
	f.id("id", d.Device)
	f.id("model", d.Model)
	f.phrase("firmware", d.Firmware, 64)
	f.optionalID("site", d.Site.ID)
	f.phrase("site_name", d.Site.Name, 200)
	f.within("lat", d.Site.Lat, -90, 90)
	f.within("lon", d.Site.Lon, -180, 180)
	f.zone("zone", d.Site.Zone)
	f.optionalID("owner", d.Owner)
	f.optionalID("gateway", d.Gateway)
	if d.Gateway != "" && d.Gateway == d.Device {
		f.add("gateway is the device itself; leave it empty, a device always speaks for itself")
	}
	return f
}
