-- +goose Up
CREATE TABLE devices (
    tenant    TEXT NOT NULL,
    device    TEXT NOT NULL,
    model     TEXT NOT NULL,
    firmware  TEXT NOT NULL,
    site      TEXT NOT NULL,
    site_name TEXT NOT NULL,
    lat       DOUBLE PRECISION NOT NULL,
    lon       DOUBLE PRECISION NOT NULL,
    zone      TEXT NOT NULL,
    owner     TEXT NOT NULL,
    gateway   TEXT NOT NULL,
    disabled  BOOLEAN NOT NULL,
    search    TEXT NOT NULL, -- what a search looks in, in small letters
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL,
    PRIMARY KEY (tenant, device)
);
CREATE INDEX devices_owner ON devices (tenant, owner);

-- A device may name a model, an owner or a gateway that comes later, so none
-- of these is a foreign key.
CREATE TABLE models (
    tenant  TEXT NOT NULL,
    id      TEXT NOT NULL,
    body    TEXT NOT NULL, -- JSON, as devices.Model writes it
    updated BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE credentials (
    tenant  TEXT NOT NULL,
    device  TEXT NOT NULL,
    hash    TEXT NOT NULL,
    created BIGINT NOT NULL,
    PRIMARY KEY (tenant, device, hash),
    FOREIGN KEY (tenant, device) REFERENCES devices (tenant, device) ON DELETE CASCADE
);

CREATE TABLE contacts (
    tenant  TEXT NOT NULL,
    id      TEXT NOT NULL,
    name    TEXT NOT NULL,
    locale  TEXT NOT NULL,
    zone    TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE addresses (
    tenant     TEXT NOT NULL,
    contact    TEXT NOT NULL,
    channel    TEXT NOT NULL,
    value      TEXT NOT NULL,
    preference BIGINT NOT NULL,
    consent    BIGINT NOT NULL,
    withdrawn  BIGINT NOT NULL,
    PRIMARY KEY (tenant, contact, channel, value),
    FOREIGN KEY (tenant, contact) REFERENCES contacts (tenant, id) ON DELETE CASCADE
);

-- One row, counted up with every change of what the registry holds in memory,
-- so that a process sees what another one changed.
CREATE TABLE registry (
    id       BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);
INSERT INTO registry (id, revision) VALUES (1, 1);
