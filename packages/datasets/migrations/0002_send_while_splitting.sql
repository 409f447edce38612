-- Up Migration

-- null while the file is still being split: chunks are loaded before their number is known.
alter table stowage.datasets alter chunks_total drop not null;

-- Down Migration

alter table stowage.datasets alter chunks_total set not null;
