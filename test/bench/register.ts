/**
 * Registers on three hosts with TLS between them and an fsync on each: changes through the one-round path, apart
 * and contended. Beside a bare replicated write: the same bytes sent to the same owners over the same connections
 * and written into the same store, done when two of the three have it, with nothing of a protocol around it.
 *
 * A change is a read of a quorum and then one such write, so it cannot be more than about half of that.
 */
import { randomBytes } from 'node:crypto';
import { hasCode } from '../../proto/error.ts';
import { type Ground, type GroundHost, startGround, writeBare } from './ground.ts';
import type { BenchOptions } from './main.ts';
import { rate, share } from './rate.ts';
import { printTable, round } from './table.ts';

export const contended = { partitionKey: 'contended', sortKey: 'one' };
const inFlight = 16;
/** A counter with its ids and ballots. */
const valueBytes = 128;

export const increment = (
  { counters }: Pick<GroundHost, 'counters'>,
  { partitionKey, sortKey }: { readonly partitionKey: string; readonly sortKey: string },
) => counters.change(partitionKey, sortKey, (current) => ({ count: (current?.count ?? 0) + 1 }));

/** Tells whether it was changed: who loses a race too often hears CONTENDED, and nothing was done. */
export const tryIncrement = async (host: Pick<GroundHost, 'counters'>): Promise<boolean> => {
  try {
    await increment(host, contended);
    return true;
  } catch (thrown) {
    if (hasCode(thrown, 'CONTENDED')) return false;
    throw thrown;
  }
};

/** Settles when a quorum of three has written it. */
export const bareWrite = async (
  { here, others }: Pick<Ground, 'here' | 'others'>,
  value: Uint8Array,
): Promise<void> => {
  const row = { key: randomBytes(24), value };
  const writes = [
    writeBare(here.bare, row),
    ...others.map((host) => here.rpc.request(host, 'bench.write', row)),
  ];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let done = 0;
  for (const write of writes) write.then(() => void (++done === 2 && resolve()), reject);
  await promise;
};

/** A partition key whose registers the given host runs. */
const keyRunBy = ({ ring }: GroundHost, host: string): string => {
  for (let index = 0; ; index++) {
    const key = `run-${index}`;
    if (ring.ownerSets(ring.partitionOf(`bench-counter\0${key}`)).at(-1)?.owners[0] === host) return key;
  }
};

/** Six callers here and five on each other host; changes a second, none of them lost or made twice. */
const contend = async ({ here, contend: startOthers }: Ground, seconds: number): Promise<number> => {
  const startMs = performance.now();
  const stopOthers = await startOthers(5);
  let [made, refused] = [0, 0];
  await rate(seconds, 6, async () => {
    if (await tryIncrement(here)) made++;
    else refused++;
  });
  const theirs = await stopOthers();
  const perSecond = ((made + theirs.made) * 1_000) / (performance.now() - startMs);
  const stands = (await here.counters.get(contended.partitionKey, contended.sortKey))?.count;
  if (stands !== made + theirs.made)
    throw new Error(`${made} + ${theirs.made} changes were acknowledged, ${stands} stand`);
  if (refused + theirs.refused > 0)
    console.log(`${refused + theirs.refused} of the contending changes were refused (CONTENDED)`);
  return perSecond;
};

export const benchRegister = async ({ seconds }: BenchOptions): Promise<void> => {
  await using ground = await startGround(3);
  const { here, others } = ground;
  const value = randomBytes(valueBytes);
  const rows: (string | number)[][] = [];
  const add = (what: string, lanes: number, perSecond: number, limit: number): void =>
    void rows.push([what, lanes, round(perSecond), round(limit), share(perSecond, limit)]);
  const own = keyRunBy(here, here.peer.self);
  const theirs = keyRunBy(here, others[0] ?? '');
  for (const lanes of [1, inFlight]) {
    const limit = await rate(seconds, lanes, () => bareWrite(ground, value));
    const change = (partitionKey: string) =>
      rate(seconds, lanes, (index) => increment(here, { partitionKey, sortKey: `r${index % lanes}` }));
    add('change, this host runs it', lanes, await change(own), limit);
    add('change, another host runs it', lanes, await change(theirs), limit);
    add(
      'read',
      lanes,
      await rate(seconds, lanes, (index) => here.counters.get(own, `r${index % lanes}`)),
      await rate(seconds, lanes, () => here.rpc.request(others[0] ?? here.peer.self, 'bench.echo', value)),
    );
    if (lanes === 1) continue;
    const alone = await rate(seconds, lanes, () => increment(here, { ...contended, partitionKey: own }));
    const one = await rate(seconds, 1, () => bareWrite(ground, value));
    add('one register, 16 callers here', lanes, alone, one);
    add('one register, 16 callers on 3 hosts', lanes, await contend(ground, seconds), one);
  }
  printTable(['registers on 3 hosts', 'in flight', 'per second', 'limit', 'of limit'], rows);
  console.log('limit: the bare replicated write, one at a time for one register; of a read: an echo');
};
