import { expect, test } from 'vitest';
import { compareStore, storeComplaint } from '../../activities/store/store-fit.ts';

const ids = { store: 'store-1', folder: 'folder-1' };
const database = { ...ids, folderPath: '/data/one', folderHost: 'alpha', revision: 7, name: 'thoughtloop' };
const unused = { ...database, store: null, folder: null, folderPath: null, folderHost: null, revision: 0 };
const file = { ...ids, revision: 7 };

test('a database and a folder that nobody used are new, one whose first use was cut off is too', () => {
  expect(compareStore(unused, null)).toEqual({ kind: 'new' });
  expect(compareStore(unused, { ...file, revision: 0 })).toEqual({ kind: 'new' });
});

test('a database may be newer than its folder has seen, never older', () => {
  expect(compareStore(database, { ...file, revision: 3 })).toEqual({ kind: 'fits' });
  expect(compareStore(database, file)).toEqual({ kind: 'fits' });
  expect(compareStore(database, { ...file, revision: 8 })).toEqual({ kind: 'behind', revision: 7, seen: 8 });
});

test('an unused database beside a used folder, another database, another folder and no folder are told apart', () => {
  expect(compareStore(unused, file)).toEqual({ kind: 'other-database', home: null });
  const home = { path: '/data/one', host: 'alpha' };
  expect(compareStore(database, { ...file, store: 'store-2' })).toEqual({ kind: 'other-database', home });
  expect(compareStore(database, { ...file, folder: 'folder-2' })).toEqual({
    kind: 'other-folder',
    hasFile: true,
    ...home,
  });
  expect(compareStore(database, null)).toEqual({ kind: 'other-folder', hasFile: false, ...home });
  expect(compareStore(database, 'unreadable')).toEqual({ kind: 'unreadable' });
});

test('a complaint names database, folder, machine and the command that helps', () => {
  const complaint = storeComplaint(compareStore(database, null), 'thoughtloop', '/data/two');
  expect(complaint?.type).toBe('StoreMismatch');
  const text = `${complaint?.expected} ${complaint?.found} ${complaint?.remedy}`;
  for (const part of ['thoughtloop', '/data/one on alpha', '/data/two', '--data', '--adopt']) {
    expect(text).toContain(part);
  }
  expect(storeComplaint({ kind: 'behind', revision: 7, seen: 8 }, 'thoughtloop', '/data/one')).toMatchObject({
    type: 'StoreBehind',
    expected: expect.stringContaining('revision 8') as string,
    found: expect.stringContaining('revision 7') as string,
  });
});
