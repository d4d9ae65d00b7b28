-- +goose Up
CREATE TABLE checkpoints (
    name     TEXT NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL
);

CREATE TABLE checkpoint_parts (
    name TEXT NOT NULL,
    part TEXT NOT NULL,
    hash BYTEA NOT NULL, -- SHA-256 of data, so that only what changed is written
    data BYTEA NOT NULL,
    PRIMARY KEY (name, part),
    FOREIGN KEY (name) REFERENCES checkpoints (name) ON DELETE CASCADE
);
