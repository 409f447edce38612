-- Up Migration

create schema stowage;

-- The parent of a dataset's rows. Its existence is the permission to load: who loads locks it FOR KEY SHARE, who
-- deletes removes it first.
create table stowage.datasets (
  id uuid primary key,
  tenant text not null,
  -- By which size the file was cut: every run that splits it again must cut it the same, or chunks would overlap.
  chunk_bytes integer not null,
  chunks_total integer not null,
  prepared_at timestamptz not null default now(),
  finished_at timestamptz,
  profile jsonb
);

-- The ledger: one row a loaded chunk, written in the transaction that loads it. It is what makes loading exactly-once.
create table stowage.chunks (
  dataset_id uuid not null references stowage.datasets on delete cascade,
  number integer not null,
  rows integer not null,
  rejected integer not null,
  profile jsonb,
  loaded_at timestamptz not null default now(),
  primary key (dataset_id, number)
);

create table stowage.rejects (
  dataset_id uuid not null,
  row_no bigint not null,
  line bigint not null,
  reason text not null,
  detail text not null,
  raw text not null,
  primary key (dataset_id, row_no)
);

-- One table of rows a dataset, made when its file is split and dropped when it is deleted.
create schema dataset_rows;

-- Down Migration

drop schema dataset_rows cascade;
drop schema stowage cascade;
