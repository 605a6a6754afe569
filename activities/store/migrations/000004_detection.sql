-- Up Migration

-- Attempts of activities that worker processes hold: what a process leaves behind when it is killed. The task token names
-- the attempt to Temporal; an attempt that follows has another one.
create table attempts (
  workflow text not null,
  activity text not null,
  attempt integer not null,
  token bytea not null,
  -- The process: machine, namespace of process ids, id, and start (boot and clock ticks).
  machine text not null,
  pid_namespace text not null,
  pid integer not null,
  process_start text not null,
  began_at timestamptz not null default now(),
  primary key (workflow, activity)
);
create index attempts_by_machine on attempts (machine);

-- When something of it last became durable: by this a run shows that it goes on.
alter table shards add column written_at timestamptz;
alter table completions add column written_at timestamptz not null default now();
alter table likelihoods add column written_at timestamptz not null default now();

-- Down Migration

alter table likelihoods drop column written_at;
alter table completions drop column written_at;
alter table shards drop column written_at;
drop table attempts;
