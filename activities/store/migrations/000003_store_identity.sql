-- Up Migration

-- Which data folder the database belongs to; one row.
create table store_identity (
  one boolean primary key default true check (one),
  -- Null until the database is first used with a data folder; both are also in the folder's store.json.
  store uuid,
  folder uuid,
  -- Where the folder was last seen, for people.
  folder_path text,
  folder_host text,
  -- Rises with every durable milestone; the folder keeps the highest one it has seen.
  revision bigint not null default 0,
  check ((store is null) = (folder is null))
);
insert into store_identity default values;

-- Down Migration

drop table store_identity;
