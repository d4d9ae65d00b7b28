-- +goose Up
CREATE TABLE users (
    email     TEXT PRIMARY KEY,
    tenant    TEXT NOT NULL,
    role      TEXT NOT NULL,
    created   BIGINT NOT NULL,
    signed_in BIGINT NOT NULL DEFAULT 0,
    disabled  BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX users_tenant ON users (tenant, email);

CREATE TABLE sign_in_links (
    hash    TEXT PRIMARY KEY,
    email   TEXT NOT NULL REFERENCES users (email),
    expires BIGINT NOT NULL,
    used    BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX sign_in_links_email ON sign_in_links (email);

CREATE TABLE api_tokens (
    id        TEXT PRIMARY KEY,
    hash      TEXT NOT NULL UNIQUE,
    tenant    TEXT NOT NULL,
    name      TEXT NOT NULL,
    role      TEXT NOT NULL,
    created   BIGINT NOT NULL,
    creator   TEXT NOT NULL,
    last_used BIGINT NOT NULL DEFAULT 0,
    revoked   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX api_tokens_tenant ON api_tokens (tenant, created);

CREATE TABLE sessions (
    hash    TEXT PRIMARY KEY,
    email   TEXT REFERENCES users (email),
    token   TEXT REFERENCES api_tokens (id),
    created BIGINT NOT NULL,
    seen    BIGINT NOT NULL
);
CREATE INDEX sessions_email ON sessions (email);
CREATE INDEX sessions_token ON sessions (token);
CREATE INDEX sessions_seen ON sessions (seen);

-- +goose Down
DROP TABLE sessions;
DROP TABLE api_tokens;
DROP TABLE sign_in_links;
DROP TABLE users;
