package outreach

// Calendar says who works when.
type Calendar struct {
	Technicians []Technician `json:"technicians" yaml:"technicians"`
}

// Technician is someone (or, for remote remedies, the platform) who can be booked.
type Technician struct {
	ID string `json:"id" yaml:"id"`
}

// TakenError is the cause of a devices.Conflict from Desk.Book: the next best slots.
type TakenError struct {
	Slots []Slot
}

// Error says so.
func (e *TakenError) Error() string { return "the slot is taken" }
