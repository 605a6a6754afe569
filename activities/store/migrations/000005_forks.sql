-- Up Migration

-- A fork begins after a finished iteration of another run's EM loop and shares with it all up to there.
alter table runs
  add column forked_from text references runs,
  add column forked_iteration integer,
  add constraint runs_fork_is_whole check ((forked_from is null) = (forked_iteration is null)),
  add constraint runs_fork_iteration check (forked_iteration >= 0);

-- Whose iterations of the EM loop a run has: its own from `first` on, and of each run before it those from `first` to
-- `last`. The range is empty where a fork was forked from before its own beginning.
create function lineage(of_run text) returns table (owner text, first integer, last integer)
language sql stable as $$
  with recursive line as (
    select run, forked_from, coalesce(forked_iteration + 1, 0) as first, 2147483647 as last
      from runs where run = of_run
    union all
    select source.run, source.forked_from, coalesce(source.forked_iteration + 1, 0), least(line.last, line.first - 1)
      from line join runs source on source.run = line.forked_from
  )
  select run, first, last from line
$$;

-- Down Migration

drop function lineage(text);

alter table runs drop column forked_iteration, drop column forked_from;
