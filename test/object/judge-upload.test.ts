import test from 'ava';
import { claimPart, claimUpload } from '../../agent/object/claim.ts';
import { findStanding } from '../../agent/object/find-standing.ts';
import { judgePart } from '../../agent/object/judge-part.ts';
import { judgeUpload } from '../../agent/object/judge-upload.ts';
import { keptVersions } from '../../agent/object/kept-versions.ts';
import { markerOf } from '../../agent/object/object-versions.ts';
import {
  type ContainerRow,
  chunkUser,
  multipartKey,
  type ObjectRow,
  openRecords,
  partKey,
  type Records,
} from '../../agent/object/records.ts';
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

/** A judge of what was claimed in a container that is there, and `lost`, stamped twenty minutes ago by an agent that ended then. */
const openHome = async (t: Parameters<typeof cluster>[0], home: Partial<ContainerRow> = {}) => {
  const { all, records } = await open(t);
  const path = { project: 'p', container: 'c', id: place.id, name: place.name };
  const row = {
    id: place.id,
    closing: null,
    isUnposted: true as const,
    metadata: {},
    readList: '',
    writeList: '',
  };
  await records[0].containers.change('p', 'c', () => ({ ...row, createdAtMs: 1, changedAtMs: 1, ...home }));
  const lost = rowOf();
  for (const host of all.hosts) host.skewMs = -20 * minuteMs;
  const stamp = (await records[0].objects.getForPut(place.id, place.name)).stamp();
  for (const host of all.hosts) host.skewMs = 0;
  const judge = (versionId?: string) =>
    judgeUpload(records[1])(claimUpload(path, versionId), chunkUser(lost.upload), endedMs);
  return { records, lost, stamp, judge };
};

test('judge: the version that a late row brings along does not come either', async (t) => {
  const { records, lost, stamp, judge } = await openHome(t, { versions: 'enabled' });
  const current = asVersion(rowOf());
  const write = (row: ReturnType<typeof asVersion>) => keptVersions(records[0], place.name, [row]);
  await records[0].objects.put(place.id, place.name, current);
  const version = asVersion(lost);
  t.false(await judge(version.versionId));
  await records[0].objects.putAt(place.id, place.name, version, stamp, write(version));
  t.is(await findStanding(records[2], place.id, place.name, (row) => row.upload === lost.upload), undefined);
  t.is((await records[2].objects.get(place.id, place.name))?.upload, current.upload, 'what stands, stays');
});

test('judge: a decision that an agent was about to make is made no more', async (t) => {
  const { records, lost, stamp, judge } = await openHome(t, { isGuarded: true });
  const last = (await records[0].guards.get(place.id, place.name))?.token;
  t.false(await judge());
  const mine = { token: newUuid(), stamp, row: lost };
  const now = await records[0].guards.change(place.id, place.name, (old) =>
    old?.token === last ? mine : old,
  );
  t.not(now?.token, mine.token);
});

test('judge: what stands in a container that is gone stands for nobody', async (t) => {
  const { records, lost, judge } = await openHome(t);
  await records[0].objects.put(place.id, place.name, lost);
  t.true(await judge());
  await records[0].containers.change('p', 'c', () => undefined);
  t.false(await judge());
  t.is(await records[2].objects.get(place.id, place.name), undefined);
});

test('judge: a part is told of once nobody is making an object of it', async (t) => {
  const { records, lost } = await openHome(t);
  const home = { project: 'p', container: 'c', id: place.id, name: place.name };
  const upload = newUuid();
  const key = multipartKey(place.name, upload);
  const made = { upload, name: place.name, facts: lost, startedAtMs: 1, initiator: null };
  const part = { number: 1, upload: lost.upload };
  const bytes = { content: { kind: 'chunks', chunks: [] }, bytes: 1, md5: '', atMs: 1 } as const;
  const judge = (atMs: number | null = endedMs) =>
    judgePart(records[1])(claimPart(home, upload, part), chunkUser(lost.upload), atMs);
  await records[0].multiparts.change(place.id, key, () => ({ ...made, isClosing: true }));
  t.is(await judge(), undefined);
  await records[0].objects.put(place.id, place.name, {
    ...{ ...rowOf(), upload },
    parts: [{ ...part, bytes: 1, chunks: 1 }],
  });
  t.true(await judge(), 'the object has it');
  await records[0].objects.delete(place.id, place.name);
  await records[0].multiparts.change(place.id, key, () => ({ ...made, isClosing: true, isAborted: true }));
  t.is(await judge(null), undefined, 'it is only looked');
  t.false(await judge());
  await records[0].multiparts.change(place.id, key, () => made);
  await records[0].parts.put(upload, partKey(1, lost.upload), { ...part, ...bytes });
  t.true(await judge());
  await records[0].containers.change('p', 'c', () => undefined);
  t.false(await judge(), 'with its container');
  t.is(await records[2].parts.get(upload, partKey(1, lost.upload)), undefined);
});
