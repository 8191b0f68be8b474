import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { partClaims, uploadClaims } from '../../agent/object/claim.ts';
import { placeOf } from '../../agent/object/context.ts';
import { judgePart } from '../../agent/object/judge-part.ts';
import { judgeUpload } from '../../agent/object/judge-upload.ts';
import { partsOf } from '../../agent/object/long-parts.ts';
import type { Place } from '../../agent/object/object-turn.ts';
import {
  chunkUser,
  holderOf,
  multipartKey,
  type ObjectRow,
  openRecords,
  type Records,
} from '../../agent/object/records.ts';
import { walkRows } from '../../agent/table/walk-rows.ts';
import { codes } from '../../proto/policy.ts';
import { KiB } from '../../proto/units.ts';
import { startCluster } from '../chunk/cluster.ts';
import { pieces } from '../conform/content.ts';
import { cluster as tableCluster } from '../table/cluster.ts';
import { until } from '../until.ts';
import { type Agent, facts, joinedParts, openAgent, putPart, uploadOf } from './mortal.ts';

const { signal } = new AbortController();
const project = 'p1';

/** Real tables of three hosts, and chunks of which host 0 is killed. */
const open = async (t: ExecutionContext) => {
  const tables = await tableCluster(t);
  const records = tables.hosts.map((host) => openRecords(host.tables)) as [Records, Records, Records];
  const chunks = await startCluster(3, {
    settings: { claimAgeMs: 300, orphansEveryMs: 300, orphansPerSecond: 1e4 },
  });
  t.teardown(() => chunks[Symbol.asyncDispose]());
  return { records, chunks };
};
type World = Awaited<ReturnType<typeof open>>;

const everyRow = async function* (records: Records, ids: readonly string[]): AsyncGenerator<ObjectRow, void> {
  for (const id of ids) {
    for (const table of [records.objects, records.versions])
      for await (const { row } of walkRows(table, id, { limit: 1000 })) yield row;
    // Whoever comes next puts what was decided.
    for await (const { row: decided } of walkRows(records.guards, id, { limit: 1000 }))
      if (!decided.isDone && decided.row) yield decided.row;
  }
};

/** Users that rows name. */
const named = async (records: Records, ids: readonly string[]): Promise<Set<string>> => {
  const users = new Set<string>();
  for await (const row of everyRow(records, ids)) {
    const parts = row.heldBy ? undefined : partsOf(row);
    for (const upload of parts?.map((part) => part.upload) ?? [holderOf(row)]) users.add(chunkUser(upload));
  }
  for (const id of ids)
    for await (const { row: made } of walkRows(records.multiparts, id, { limit: 1000 }))
      for await (const { row: part } of walkRows(records.parts, made.upload, { limit: 1000 }))
        if (await records.multiparts.get(id, multipartKey(made.name, made.upload)))
          users.add(chunkUser(part.upload));
  return users;
};

interface Kind {
  readonly container: Parameters<Agent['containers']['create']>[2];
  /** Before the agent that is killed begins. */
  prepare?(agent: Agent, place: Place): Promise<unknown>;
  work(agent: Agent, place: Place, before: unknown): Promise<unknown>;
}

const someBytes = () => randomBytes(40 * KiB);
const put = (agent: Agent, place: Place, more: object = {}) =>
  agent.objects.put(place, { source: pieces(someBytes()), facts, signal, ...more });
const source = (place: Place): Place => ({ ...place, name: 'source' });

const plain = () => ({});
const kinds: Readonly<Record<string, Kind>> = {
  'a plain PUT': { container: plain, work: put },
  'a PUT with a condition': {
    container: plain,
    work: (agent, place) => put(agent, place, { check: () => {} }),
  },
  'a PUT into a guarded container': { container: () => ({ isGuarded: true }), work: put },
  'a PUT where versions are kept': { container: () => ({ versions: 'enabled' }), work: put },
  'a PUT with a condition where versions are kept': {
    container: () => ({ versions: 'enabled' }),
    work: (agent, place) => put(agent, place, { check: () => {} }),
  },
  'a PUT over a version': {
    container: () => ({ versions: 'enabled' }),
    prepare: put,
    work: (agent, place) => put(agent, place),
  },
  'a PUT where versions are suspended': { container: () => ({ versions: 'suspended' }), work: put },
  'a PUT over another': { container: plain, prepare: put, work: (agent, place) => put(agent, place) },
  'a deletion': {
    container: plain,
    prepare: put,
    work: (agent, place) => agent.objects.delete(place),
  },
  'a copy': {
    container: plain,
    prepare: (agent, place) => put(agent, source(place)),
    work: (agent, place) => agent.objects.copy(source(place), place, (row) => row),
  },
  'a copy where versions are kept': {
    container: () => ({ versions: 'enabled' }),
    prepare: (agent, place) => put(agent, source(place)),
    work: (agent, place) => agent.objects.copy(source(place), place, (row) => row),
  },
  'a part': {
    container: plain,
    prepare: uploadOf,
    work: (agent, place, made) => putPart(agent, place, (made as { upload: string }).upload, 1, someBytes()),
  },
  'a copy as a part': {
    container: plain,
    async prepare(agent, place) {
      const row = await put(agent, source(place));
      return { row, upload: (await uploadOf(agent, place)).upload };
    },
    work(agent, place, before) {
      const { row, upload } = before as { row: ObjectRow; upload: string };
      return agent.multiparts.share(place, upload, 1, row, async () => true);
    },
  },
  'a completion': {
    container: plain,
    async prepare(agent, place) {
      const { upload } = await uploadOf(agent, place);
      for (const number of [1, 2]) await putPart(agent, place, upload, number, someBytes());
      return upload;
    },
    work: (agent, place, upload) => agent.multiparts.complete(place, upload as string, joinedParts),
  },
  'a move to another policy': {
    container: plain,
    prepare: put,
    work: (agent, place, row) =>
      agent.objects.move(place, row as ObjectRow, { code: codes[0], storageClass: undefined }, signal),
  },
};

/** Kills it at its first call, its second and so on, until it comes to its end. */
const killEverywhere = async ({ records, chunks }: World, title: string, kind: Kind): Promise<string[]> => {
  const { content } = chunks.host(0).chunks;
  const living = openAgent(records[1], chunks.host(1).chunks.content);
  const ids: string[] = [];
  for (let callsMax = 1; ; callsMax++) {
    const container = `${title} ${callsMax}`;
    await living.containers.create(project, container, kind.container);
    const row = await living.containers.get(project, container);
    const place = placeOf({ project, container, object: 'o' }, row);
    ids.push(row.id);
    const before = await kind.prepare?.(living, place);
    const agent = openAgent(records[0], content, { callsMax });
    const end = await Promise.race([kind.work(agent, place, before).then(() => 'done'), agent.died]);
    if (end === 'done') return ids;
  }
};

for (const [title, kind] of Object.entries(kinds))
  test(`killed: ${title}, at whichever call, leaves what its row names and nothing else`, async (t) => {
    const world = await open(t);
    const ids = await killEverywhere(world, title, kind);
    t.log(`killed at ${ids.length - 1} calls`);
    const [, , records] = world.records;
    const host = world.chunks.host(0);
    await host.restart();
    for (const { chunks } of world.chunks.hosts) {
      chunks.content.judgeBy(uploadClaims, judgeUpload(records));
      chunks.content.judgeBy(partClaims, judgePart(records));
    }
    const used = () => world.chunks.tables.users();
    const owed = await named(records, ids);
    await until('nothing else is used', async () => (await used()).every((user) => owed.has(user)), 20_000);
    t.deepEqual(await used(), [...owed].toSorted(), 'nothing is lost');
    t.deepEqual([...(await named(records, ids))].toSorted(), [...owed].toSorted(), 'no row went');
  });
