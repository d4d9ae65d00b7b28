-- +goose Up
CREATE TABLE cases (
    tenant       TEXT NOT NULL,
    id           TEXT NOT NULL,
    device       TEXT NOT NULL,
    model        TEXT NOT NULL,
    owner        TEXT NOT NULL,
    state        TEXT NOT NULL,
    remedy       TEXT NOT NULL,
    attempt      BIGINT NOT NULL,
    urgency      DOUBLE PRECISION NOT NULL,
    attention    TEXT NOT NULL,
    window_from  BIGINT NOT NULL,
    window_until BIGINT NOT NULL,
    appointment  TEXT NOT NULL, -- JSON, as outreach.Appointment writes it, or ''
    bothering    BIGINT NOT NULL,
    opened       BIGINT NOT NULL,
    updated      BIGINT NOT NULL,
    finished     BIGINT NOT NULL,
    next         BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    search       TEXT NOT NULL, -- what a search looks in, in small letters
    PRIMARY KEY (tenant, id)
);
-- A device has at most one open case, whoever writes at the same time.
CREATE UNIQUE INDEX cases_open ON cases (tenant, device) WHERE state NOT IN ('verified', 'dismissed', 'withdrawn');
CREATE INDEX cases_urgency ON cases (tenant, urgency, opened);
CREATE INDEX cases_next ON cases (next) WHERE next > 0;

-- Append-only: a case is the projection of its events.
CREATE TABLE case_events (
    tenant  TEXT NOT NULL,
    case_id TEXT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    kind    TEXT NOT NULL,
    actor   TEXT NOT NULL,
    data    TEXT NOT NULL, -- JSON or ''
    PRIMARY KEY (tenant, case_id, seq),
    FOREIGN KEY (tenant, case_id) REFERENCES cases (tenant, id)
);

CREATE TABLE findings (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    device   TEXT NOT NULL,
    revision BIGINT NOT NULL,
    status   TEXT NOT NULL,
    at       BIGINT NOT NULL, -- event time
    case_id  TEXT NOT NULL,   -- '' if it was never a case
    place    BIGINT NOT NULL, -- in the case, from 0
    body     TEXT NOT NULL,   -- JSON, as anomaly.Finding writes it
    PRIMARY KEY (tenant, id)
);
CREATE INDEX findings_case ON findings (tenant, case_id, place);
CREATE INDEX findings_device ON findings (tenant, device, at);
CREATE INDEX findings_at ON findings (tenant, at);

-- The outbox, and what became of it.
CREATE TABLE messages (
    tenant      TEXT NOT NULL,
    id          TEXT NOT NULL PRIMARY KEY,
    case_id     TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    step        BIGINT NOT NULL,
    recipient   TEXT NOT NULL,
    channel     TEXT NOT NULL,
    address     TEXT NOT NULL,
    lang        TEXT NOT NULL,
    content     TEXT NOT NULL, -- JSON, as outreach.Content writes it
    state       TEXT NOT NULL,
    detail      TEXT NOT NULL,
    attempts    BIGINT NOT NULL,
    created     BIGINT NOT NULL,
    due         BIGINT NOT NULL,
    tried       BIGINT NOT NULL,
    sent        BIGINT NOT NULL,
    provider    TEXT NOT NULL,
    decision    TEXT NOT NULL, -- JSON, as outreach.Decision writes it
    lease_owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    UNIQUE (tenant, case_id, purpose, step, recipient),
    FOREIGN KEY (tenant, case_id) REFERENCES cases (tenant, id)
);
CREATE INDEX messages_due ON messages (channel, due) WHERE state = 'pending';
CREATE INDEX messages_lease ON messages (lease_until) WHERE state = 'sending';
CREATE INDEX messages_recipient ON messages (tenant, recipient, created);

-- Addresses that a provider has called dead. The address itself is not here.
CREATE TABLE dead_addresses (
    tenant      TEXT NOT NULL,
    contact     TEXT NOT NULL,
    channel     TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at          BIGINT NOT NULL,
    PRIMARY KEY (tenant, contact, fingerprint)
);

-- One row for each contact that cases write to. A transaction that decides
-- about a contact writes it first, so that decisions about one person, whose
-- budget all cases share, come one after the other.
CREATE TABLE case_contacts (
    tenant  TEXT NOT NULL,
    contact TEXT NOT NULL,
    turn    BIGINT NOT NULL,
    PRIMARY KEY (tenant, contact)
);

CREATE TABLE bookings (
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL, -- case and turn: c-abc/3
    case_id    TEXT NOT NULL,
    technician TEXT NOT NULL,
    place      BIGINT NOT NULL,
    slot       TEXT NOT NULL,
    starts     BIGINT NOT NULL,
    ends       BIGINT NOT NULL,
    zone       TEXT NOT NULL,
    booked     BIGINT NOT NULL,
    active     BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, case_id) REFERENCES cases (tenant, id)
);
CREATE UNIQUE INDEX bookings_case ON bookings (tenant, case_id) WHERE active;
CREATE INDEX bookings_ends ON bookings (tenant, ends) WHERE active;

-- The quarters of an hour (counted from 1970) that active bookings hold: of
-- two that overlap in the same place only one can be stored, even if they begin
-- at different times, as visits in different zones do.
CREATE TABLE booking_cells (
    tenant     TEXT NOT NULL,
    technician TEXT NOT NULL,
    cell       BIGINT NOT NULL,
    place      BIGINT NOT NULL,
    booking    TEXT NOT NULL,
    PRIMARY KEY (tenant, technician, cell, place),
    FOREIGN KEY (tenant, booking) REFERENCES bookings (tenant, id)
);
CREATE INDEX booking_cells_booking ON booking_cells (tenant, booking);

CREATE TABLE commands (
    tenant   TEXT NOT NULL,
    id       TEXT NOT NULL,
    case_id  TEXT NOT NULL,
    device   TEXT NOT NULL,
    name     TEXT NOT NULL,
    args     TEXT NOT NULL, -- JSON or ''
    issued   BIGINT NOT NULL,
    expires  BIGINT NOT NULL,
    sent     BIGINT NOT NULL,
    answered BIGINT NOT NULL, -- 0 while there is no answer
    ok       BOOLEAN NOT NULL,
    error    TEXT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, case_id) REFERENCES cases (tenant, id)
);
CREATE INDEX commands_case ON commands (tenant, case_id, issued);
CREATE INDEX commands_open ON commands (sent) WHERE answered = 0;

-- +goose Down
DROP TABLE commands;
DROP TABLE booking_cells;
DROP TABLE bookings;
DROP TABLE case_contacts;
DROP TABLE dead_addresses;
DROP TABLE messages;
DROP TABLE findings;
DROP TABLE case_events;
DROP TABLE cases;
