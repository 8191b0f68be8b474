/** What this host answers to the other owners. */
import type { ChunkId, HostId } from '../../proto/ids.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Rpc } from '../peer/port.ts';
import type { Ring } from '../ring/port.ts';
import { type AskedOf, answerOver } from './ask.ts';
import type { Census } from './census.ts';
import type { ChunkFiles } from './chunk-files.ts';
import { repairInFlightMax } from './limits.ts';

export const serveOwner = ({
  rpc,
  ring,
  files,
  census,
  suspect,
  of,
}: {
  readonly rpc: Rpc;
  readonly of: AskedOf;
  readonly ring: Ring;
  readonly files: ChunkFiles;
  readonly census: Census;
  /** Another host believes that these are missing or damaged here. Resolves with how many are. */
  suspect(ids: readonly ChunkId[], from: HostId): Promise<number>;
}): void => {
  const answer = answerOver(rpc, of);
  answer('have', async ({ ids, verified = false }) => ({
    // A damaged copy is set aside and queued by that.
    have: verified
      ? await mapLimit(ids, repairInFlightMax, files.check)
      : await Promise.all(ids.map((id) => files.has(id))),
  }));
  answer('keep', async ({ ids, layout }, from) => {
    ring.checkVersion(from, layout);
    return { kept: await Promise.all(ids.map((id) => files.keep(id))) };
  });
  answer('check', async ({ ids }, from) => ({ queued: await suspect(ids, from) }));
  answer('differ', async ({ digests, fresh }) => {
    const digestOf = await census.digests(fresh);
    const different = digests.filter(([partition, digest]) => digestOf(partition) !== digest);
    return { partitions: different.map(([partition]) => partition) };
  });
  answer('list', ({ partitions, after }) => census.page(new Set(partitions), after ?? undefined));
};
