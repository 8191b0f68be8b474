import test from 'ava';
import { aheadMsMax, recentChangesMax } from '../../agent/object/limits.ts';
import { openReadAhead } from '../../agent/object/read-ahead.ts';
import type { ObjectRow } from '../../agent/object/records.ts';
import type { RowForPut, Rows } from '../../agent/table/port.ts';
import { newUuid } from '../../proto/ids.ts';

const open = () => {
  const id = newUuid();
  let [nowMs, reads] = [0, 0];
  let failsOnce = false;
  const getForPut = async (): Promise<RowForPut<ObjectRow>> => {
    reads += 1;
    const fails = failsOnce;
    failsOnce = false;
    if (fails) throw new Error('no quorum');
    return {
      row: undefined,
      put: async () => {},
      stamp: () => ({ wallMs: 1, count: reads, host: '' as never }),
    };
  };
  const ahead = openReadAhead({
    records: { objects: { getForPut } as unknown as Rows<ObjectRow> },
    containers: { lastIncarnation: (_project, container) => (container === 'c' ? id : undefined) },
    clock: { monotonicMs: () => nowMs },
  });
  return {
    ...ahead,
    place: { id, name: 'o' },
    path: { project: 'p', container: 'c', object: 'o' },
    /** The number of the reading. */
    async taken(...args: Parameters<typeof ahead.held>): Promise<number> {
      return (await ahead.held(...args)).stamp().count;
    },
    pass(ms: number): void {
      nowMs += ms;
    },
    failOnce(): void {
      failsOnce = true;
    },
  };
};

test('read ahead: what was read is taken, where nothing else happened', async (t) => {
  const { begin, taken, place, path, changed } = open();
  const ahead = begin(path);
  changed({ ...place, name: 'another' });
  t.is(await taken(place, ahead), 1);
  t.is(await taken(place, undefined), 2);
  t.is(begin({ ...path, container: 'unknown' }), undefined);
});

test('read ahead: it is read anew after a change of that object, elsewhere, late or where it failed', async (t) => {
  const { begin, taken, place, path, changed, pass, failOnce } = open();
  const before = begin(path);
  changed(place);
  t.is(await taken(place, before), 2);
  t.is(await taken({ ...place, id: newUuid() }, begin(path)), 4);
  t.is(await taken({ ...place, name: 'another' }, begin(path)), 6);
  const slow = begin(path);
  pass(aheadMsMax + 1);
  t.is(await taken(place, slow), 8);
  failOnce();
  t.is(await taken(place, begin(path)), 10);
  t.is(await taken(place, begin(path)), 11, 'and is taken again after that');
});

test('read ahead: of a change that was forgotten it is not said that there was none', async (t) => {
  const { begin, taken, place, path, changed } = open();
  const ahead = begin(path);
  changed(place);
  for (let at = 0; at < recentChangesMax; at++) changed({ ...place, name: `other-${at}` });
  t.is(await taken(place, ahead), 2);
  t.is(await taken(place, begin(path)), 3);
});
