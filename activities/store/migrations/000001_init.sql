-- Up Migration

-- Corpora: documents imported once, shared by runs.
create table corpora (
  corpus integer generated always as identity primary key,
  name text not null unique,
  created_at timestamptz not null default now()
);

-- One imported file. Its documents are visible once its state is 'imported'.
create table corpus_sources (
  source integer generated always as identity primary key,
  corpus integer not null references corpora,
  split text not null,
  file text not null,
  digest text not null,
  bytes bigint not null,
  state text not null check (state in ('importing', 'imported')),
  -- Where an interrupted import goes on: uncompressed bytes and lines that are durable, and the next ordinal.
  done_bytes bigint not null default 0,
  done_lines bigint not null default 0,
  documents bigint not null default 0,
  bad_lines bigint not null default 0,
  imported_at timestamptz,
  unique (corpus, split, digest)
);

create table documents (
  corpus integer not null references corpora,
  split text not null,
  ordinal integer not null,
  source integer not null references corpus_sources,
  -- Raw text before the document that is read but never given a thought.
  context text,
  text text not null,
  -- Where the file itself says how the text is cut: end offsets in UTF-16 code units, one thought a chunk ('' = none).
  given_ends integer[],
  given_thoughts text[],
  primary key (corpus, split, ordinal)
);

-- The cuts of a document under one segmentation (key = digest of its settings): end offsets in UTF-16 code units.
create table cuts (
  corpus integer not null,
  split text not null,
  segmentation text not null,
  ordinal integer not null,
  ends integer[] not null,
  primary key (corpus, split, segmentation, ordinal),
  foreign key (corpus, split, ordinal) references documents
);

create table runs (
  run text primary key,
  recipe jsonb not null,
  recipe_digest text not null,
  status text not null,
  phase text not null,
  arm text not null,
  iteration integer not null,
  cause jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz
);

create table events (
  event bigint generated always as identity primary key,
  run text not null references runs,
  at timestamptz not null default now(),
  kind text not null,
  message text not null
);
create index events_by_run on events (run, event);

create table iterations (
  run text not null references runs,
  arm text not null,
  iteration integer not null,
  e_step_summary jsonb,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  primary key (run, arm, iteration)
);

create table checkpoints (
  key text primary key,
  run text not null references runs,
  arm text not null,
  iteration integer not null,
  trial integer not null,
  digest text not null,
  folder text not null,
  steps bigint not null,
  tokens bigint not null,
  loss double precision not null,
  seconds double precision not null,
  created_at timestamptz not null default now()
);
create index checkpoints_by_place on checkpoints (run, arm, iteration, trial);

create table training_sets (
  run text not null references runs,
  arm text not null,
  iteration integer not null,
  folder text not null,
  digest text not null,
  documents bigint not null,
  chunks bigint not null,
  tokens bigint not null,
  raw_tokens bigint not null,
  created_at timestamptz not null default now(),
  primary key (run, arm, iteration)
);

create table e_steps (
  e_step integer generated always as identity primary key,
  run text not null references runs,
  arm text not null,
  iteration integer not null,
  corpus integer not null references corpora,
  split text not null,
  segmentation text not null,
  checkpoint text not null,
  samples integer not null,
  documents integer not null,
  chunks bigint not null,
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  summary jsonb,
  unique (run, arm, iteration)
);

-- A range of documents sampled by one activity. The lease is a fence: writes of a holder that lost it are refused.
create table shards (
  e_step integer not null references e_steps on delete cascade,
  shard integer not null,
  first_document integer not null,
  -- Exclusive.
  last_document integer not null,
  chunks integer not null,
  lease bigint not null default 0,
  holder text,
  claimed_at timestamptz,
  finished_at timestamptz,
  counts jsonb,
  primary key (e_step, shard)
);

-- One row a chunk: exactly one of `selected` and `rejection` is set. One partition an E-step, i.e. a run, arm and iteration.
create table chunk_results (
  e_step integer not null,
  document integer not null,
  chunk smallint not null,
  selected smallint,
  rejection text,
  -- Times the chunk was sampled.
  rounds smallint not null,
  -- Earlier chunks shown as prefix.
  prefix_chunks smallint not null,
  ess real,
  -- elbo_1 … elbo_K, nats.
  elbo double precision[],
  scored_tokens integer not null,
  server text,
  primary key (e_step, document, chunk),
  check ((selected is null) <> (rejection is null))
) partition by list (e_step);

create table thoughts (
  e_step integer not null,
  document integer not null,
  chunk smallint not null,
  candidate smallint not null,
  -- The sampled ids, EOL left out.
  token_ids integer[] not null,
  text text not null,
  -- Nats: sum over the thought's ids and its EOL.
  log_q double precision not null,
  -- Nats: sum over thought, EOL and chunk.
  log_p double precision,
  finish text not null,
  selected boolean not null,
  primary key (e_step, document, chunk, candidate)
) partition by list (e_step);

create table jobs (
  key text primary key,
  run text not null references runs,
  cluster text not null,
  kind text not null check (kind in ('base', 'training', 'server')),
  folder text not null,
  handle jsonb,
  state text not null,
  reason text,
  created_at timestamptz not null default now(),
  submitted_at timestamptz,
  ended_at timestamptz
);
create index jobs_by_run on jobs (run);

create table servers (
  fleet text not null,
  slot integer not null,
  generation integer not null,
  run text not null references runs,
  model text not null,
  url text,
  state text not null check (state in ('starting', 'ready', 'gone')),
  failed_starts integer not null default 0,
  updated_at timestamptz not null default now(),
  primary key (fleet, slot)
);

-- One benchmark or likelihood measured on one checkpoint; the key is the workflow's id.
create table evaluations (
  evaluation text primary key,
  run text references runs,
  arm text not null,
  iteration integer not null,
  trial integer not null,
  benchmark text not null,
  checkpoint text not null,
  settings jsonb not null,
  metrics jsonb,
  created_at timestamptz not null default now(),
  finished_at timestamptz
);
create index evaluations_by_place on evaluations (run, arm, iteration, trial);

create table completions (
  evaluation text not null references evaluations on delete cascade,
  problem integer not null,
  sample smallint not null,
  prompt_tokens integer not null,
  token_ids integer[] not null,
  text text not null,
  finish text not null,
  -- What the grader read out of the text, and its word: 'right', 'wrong', 'ungraded'.
  answer text,
  verdict text,
  primary key (evaluation, problem, sample)
);

create table likelihoods (
  evaluation text not null references evaluations on delete cascade,
  document integer not null,
  tokens integer not null,
  -- Nats, sums over the document's chunks.
  nll double precision not null,
  -- elbo_1 … elbo_K; null for models without thoughts.
  elbo double precision[],
  sampled_tokens integer not null default 0,
  primary key (evaluation, document)
);

-- Down Migration

drop table likelihoods, completions, evaluations, servers, jobs, thoughts, chunk_results, shards, e_steps, training_sets,
  checkpoints, iterations, events, runs, cuts, documents, corpus_sources, corpora;
