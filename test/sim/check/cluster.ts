/** What a cluster at rest must look like; each check gives what is not so yet, in words. */
import { afterPrefix, rowKeyHeadBytes, rowsPrefix } from '../../../agent/table/keys.ts';
import { markOfBytes, noMark, presence, presenceOfBytes } from '../../../agent/table/row.ts';
import { oldestTombstone } from '../../../agent/table/tombstones.ts';
import { rootOf, xor } from '../../../agent/table/tree.ts';
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import type { Disk } from '../disk.ts';
import type { Node } from '../node.ts';
import type { ClusterHost } from '../program/cluster-host.ts';
import { idOf, keptOn, sharesOf } from './kept.ts';

export const rowKind = rowsPrefix(0)[0] ?? 0;
type Nodes = readonly Node<ClusterHost>[];

/** Everyone is up, on one layout with all in it, and has nothing left to do. */
export const unrest = (nodes: Nodes, newest: number): string[] =>
  nodes.flatMap(({ id, program, paused }) => {
    const { ring, tables, chunks } = program?.calls ?? {};
    if (paused || !ring || !tables || !chunks) return [`${id} is not open`];
    const { settled, newest: own, oldest, members } = ring.describe();
    const table = tables.status();
    const chunk = chunks.status();
    const wrong: string[] = [];
    if (!settled || own !== newest) wrong.push(`layouts ${oldest} to ${own} of ${newest}`);
    if (members.length !== nodes.length || nodes.some((node) => !members.some((m) => m.hostId === node.id)))
      wrong.push(`a layout with ${members.length} members, not ${nodes.length}`);
    if (!table.whole) wrong.push('lost rows');
    if (table.rowsToHeal > 0 || table.hostsToCompare > 0) wrong.push('rows to heal');
    if (chunk.queued > 0) wrong.push(`${chunk.queued} chunks in queues`);
    return wrong.length > 0 ? [`${id} has ${wrong.join(', ')}`] : [];
  });

/** Every owner that the layout names holds what it should: the same rows as the others, and each used chunk. */
export const misplaced = (
  nodes: Nodes,
  used: ReadonlySet<ChunkId>,
  holds: (disk: Disk, id: ChunkId) => boolean,
): string[] => {
  const wrong: string[] = [];
  const byId = new Map<HostId, Node<ClusterHost>>(nodes.map((node) => [node.id, node]));
  const ring = nodes[0]?.program?.calls?.ring;
  if (!ring) return ['nobody is there'];
  for (let partition = 0; partition < ring.partitionCount; partition++) {
    const roots = ring.owners(partition).map((host) => {
      const store = byId.get(host)?.program?.calls?.tableStore;
      return store ? Buffer.from(rootOf(store, partition)).toString('hex') : `nothing of ${host}`;
    });
    if (new Set(roots).size > 1) wrong.push(`partition ${partition} differs: ${roots.join(' ')}`);
  }
  for (const id of used)
    for (const [host, names] of sharesOf(ring, id)) {
      const owner = byId.get(host);
      if (!owner || !names.every((name) => holds(owner.disk, name)))
        wrong.push(`${host} lacks its share of ${id.slice(0, 6)}`);
    }
  return wrong;
};

/** Deleted rows that are older than that by their stamps go when all owners are there. */
export const unburied = (nodes: Nodes, beforeMs: number): string[] =>
  nodes.flatMap(({ id, program }) => {
    const { tableStore, ring } = program?.calls ?? {};
    if (!tableStore || !ring) return [`${id} is not open`];
    const owned = Array.from({ length: ring.partitionCount }, (_, partition) => partition).filter(
      (partition) => ring.owners(partition).includes(id),
    );
    const kept = owned.filter((partition) => oldestTombstone(tableStore, partition, beforeMs) !== undefined);
    return kept.length > 0 ? [`${id} keeps tombstones in ${kept.join(' ')}`] : [];
  });

/** References of such users that still stand with an owner. */
export const leaked = (nodes: Nodes, isDead: (user: string) => boolean): string[] =>
  nodes.flatMap(({ id, program }) => {
    const { tableStore: store, ring } = program?.calls ?? {};
    if (!store || !ring) return [`${id} is not open`];
    const rows = [...store.range({ from: Uint8Array.of(rowKind), to: Uint8Array.of(rowKind + 1) })];
    const held = rows.flatMap(({ key, value }) => {
      const row = Buffer.from(key);
      const user = row.subarray(rowKeyHeadBytes).toString();
      const isLive = presenceOfBytes(value) === presence.live && isDead(user);
      return isLive && ring.owners(row.readUInt16BE(1)).includes(id) ? [user] : [];
    });
    return held.length > 0 ? [`${id} keeps references of ${held.join(' ')}`] : [];
  });

/** The trees by which owners compare are those of the rows that they hold. */
export const untrueTrees = (nodes: Nodes): string[] =>
  nodes.flatMap(({ id, program }) => {
    const { ring, tableStore } = program?.calls ?? {};
    if (!ring || !tableStore) return [];
    return Array.from({ length: ring.partitionCount }, (_, partition) => partition).flatMap((partition) => {
      const from = rowsPrefix(partition);
      const to = afterPrefix(from);
      let root = noMark;
      for (const { value } of tableStore.range({ from, ...(to && { to }) }))
        root = xor(root, markOfBytes(value));
      return Buffer.compare(root, rootOf(tableStore, partition)) === 0
        ? []
        : [`${id} has another tree than rows in partition ${partition}`];
    });
  });

export const uncollected = (nodes: Nodes, garbage: readonly ChunkId[]): string[] =>
  nodes.flatMap(({ id, disk }) => {
    const held = keptOn(disk).filter((name) => garbage.includes(idOf(name)));
    return held.length > 0 ? [`${id} keeps ${held.map((chunk) => chunk.slice(0, 6)).join(' ')}`] : [];
  });
