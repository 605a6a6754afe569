-- Up Migration

-- Documents and cuts are written by imports and planners that hold the row they point to, millions at a time. Checked row by
-- row, these keys take as long as the rows themselves; and dropping an import reads every document of every corpus, since
-- nothing else asks for documents by their source.
alter table documents drop constraint documents_corpus_fkey, drop constraint documents_source_fkey;
alter table cuts drop constraint cuts_corpus_split_ordinal_fkey;

-- Down Migration

alter table documents
  add constraint documents_corpus_fkey foreign key (corpus) references corpora,
  add constraint documents_source_fkey foreign key (source) references corpus_sources;
alter table cuts add constraint cuts_corpus_split_ordinal_fkey foreign key (corpus, split, ordinal) references documents;
