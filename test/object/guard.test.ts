import test from 'ava';
import { openGuard } from '../../agent/object/guard.ts';
import { keptVersions } from '../../agent/object/kept-versions.ts';
import { markerOf } from '../../agent/object/object-versions.ts';
import { type ObjectRow, openRecords, type Records } from '../../agent/object/records.ts';
import { versionKey } from '../../agent/object/versions.ts';
import { newUuid } from '../../proto/ids.ts';
import { hourMs } from '../../proto/units.ts';
import { cluster, until } from '../table/cluster.ts';

const rowOf = (): ObjectRow => {
  const { isMarker: _, versionId: _id, ...row } = markerOf(newUuid(), Date.now());
  return row;
};
/** A host that dies when it has decided. */
const dying = (records: Records): Records => ({
  ...records,
  objects: { ...records.objects, putAt: () => Promise.reject(new Error('killed')) },
});

test('guard: a deletion that another host carries out leaves its marker, and the version that it hides', async (t) => {
  const { hosts } = await cluster(t);
  const [mine, theirs] = hosts.map(({ tables }) => openRecords(tables));
  if (!mine || !theirs) return t.fail();
  const place = { id: newUuid(), name: 'reef.jpg' };
  const row = rowOf();
  await mine.objects.put(place.id, place.name, row);
  const marker = markerOf(newUuid(), Date.now() + 1);
  const deletion = openGuard(dying(mine)).replace(
    place,
    (reading) => reading,
    async () => undefined,
    async ({ before }) => keptVersions(mine, place.name, [before, marker]),
    async () => ({ marker, keeps: true }),
  );
  await t.throwsAsync(deletion, { message: 'killed' });
  t.truthy(await theirs.objects.get(place.id, place.name), 'it was decided, not done');

  const next = rowOf();
  const done = await openGuard(theirs).replace(
    place,
    (reading) => reading,
    async () => next,
    async () => [],
    async () => undefined,
  );
  t.is(done.before, undefined, 'the deletion came first');
  const { entries } = await mine.versions.range(place.id, { limit: 10 });
  t.deepEqual(
    entries.map(({ row: { upload, isMarker } }) => [upload, isMarker ?? false]),
    [
      [marker.upload, true],
      [row.upload, false],
    ],
  );
  t.truthy(await mine.versions.get(place.id, versionKey(place.name, String(marker.versionId))));
  t.is((await mine.objects.get(place.id, place.name))?.upload, next.upload);
});

test('guard: a decision that nobody carried out for hours is stamped anew by who comes next', async (t) => {
  const { hosts } = await cluster(t);
  const [mine, theirs] = hosts.map(({ tables }) => openRecords(tables));
  if (!mine || !theirs) return t.fail();
  const place = { id: newUuid(), name: 'reef.jpg' };
  for (const host of hosts) host.skewMs = -2 * hourMs;
  const row = rowOf();
  const upload = openGuard(dying(mine)).replace(
    place,
    (reading) => reading,
    async () => row,
    async () => [],
    async () => undefined,
  );
  await t.throwsAsync(upload, { message: 'killed' });
  for (const host of hosts) host.skewMs = 0;
  let putMs = 0;
  const watched: Records = {
    ...theirs,
    objects: {
      ...theirs.objects,
      putAt(...words) {
        putMs ||= words[3].wallMs;
        return theirs.objects.putAt(...words);
      },
    },
  };
  const done = await openGuard(watched).replace(
    place,
    (reading) => reading,
    async () => undefined,
    async () => [],
    async () => undefined,
  );
  t.is(done.before?.upload, row.upload);
  t.true(Math.abs(Date.now() - putMs) < hourMs, 'owners may have collected what is older');
  await until(async () => (await mine.guards.get(place.id, place.name))?.isDone === true);
  t.is(await mine.objects.get(place.id, place.name), undefined);
});
