import test from 'ava';
import { judgeUpload } from '../../agent/object/judge-upload.ts';
import { markerOf } from '../../agent/object/object-versions.ts';
import { chunkUser, type ObjectRow, openRecords, type Records } from '../../agent/object/records.ts';
import { asVersion, versionKey } from '../../agent/object/versions.ts';
import { newUuid } from '../../proto/ids.ts';
import { minuteMs } from '../../proto/units.ts';
import { cluster } from '../table/cluster.ts';

const rowOf = (): ObjectRow => {
  const { isMarker: _, versionId: _id, ...row } = markerOf(newUuid(), Date.now());
  return row;
};
const place = { of: 'object', id: newUuid(), name: 'reef.jpg' };
const endedMs = Date.now() - 10 * minuteMs;

const open = async (t: Parameters<typeof cluster>[0]) => {
  const all = await cluster(t);
  const records = all.hosts.map(({ tables }) => openRecords(tables)) as [Records, Records, Records];
  const judge = (row: ObjectRow) => judgeUpload(records[1])(place, chunkUser(row.upload), endedMs);
  return { all, records, judge };
};

test('judge: an upload stands where its object, a version or a decision that nobody carried out names it', async (t) => {
  const { records, judge } = await open(t);
  const [current, version, decided] = [rowOf(), rowOf(), rowOf()];
  await records[0].objects.put(place.id, place.name, current);
  const old = asVersion(version);
  await records[0].versions.put(place.id, versionKey(place.name, old.versionId), old);
  const stamp = (await records[0].objects.getForPut(place.id, place.name)).stamp();
  await records[0].guards.change(place.id, place.name, () => ({ token: newUuid(), stamp, row: decided }));
  for (const row of [current, version, decided]) t.true(await judge(row));
});

test('judge: one that no row names never gets one, and what stands there stays', async (t) => {
  const { all, records, judge } = await open(t);
  const lost = rowOf();
  // Its agent had stamped the row, and was killed when it had sent it to one owner alone, which fell silent.
  for (const host of all.hosts) host.skewMs = -20 * minuteMs;
  const stamp = (await records[0].objects.getForPut(place.id, place.name)).stamp();
  for (const host of all.hosts) host.skewMs = 0;
  t.false(await judge(lost));
  await records[0].objects.putAt(place.id, place.name, lost, stamp);
  t.is(await records[2].objects.get(place.id, place.name), undefined, 'it comes too late');

  const next = rowOf();
  await records[2].objects.put(place.id, place.name, next);
  t.false(await judge(lost));
  t.is((await records[0].objects.get(place.id, place.name))?.upload, next.upload);
  await records[0].objects.delete(place.id, place.name);
  t.is(await records[1].objects.get(place.id, place.name), undefined);
});

test('judge: what stands since before the upload outdoes a row of it that comes late', async (t) => {
  const { all, records, judge } = await open(t);
  const [old, lost] = [rowOf(), rowOf()];
  for (const host of all.hosts) host.skewMs = -30 * minuteMs;
  await records[0].objects.put(place.id, place.name, old);
  for (const host of all.hosts) host.skewMs = -20 * minuteMs;
  const stamp = (await records[0].objects.getForPut(place.id, place.name)).stamp();
  for (const host of all.hosts) host.skewMs = 0;
  t.false(await judge(lost));
  await records[0].objects.putAt(place.id, place.name, lost, stamp);
  t.is((await records[2].objects.get(place.id, place.name))?.upload, old.upload);
});
