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

export interface Contention {
  /** By caller. */
  readonly made: readonly number[];
  /** CONTENDED: nothing was done. */
  readonly refused: number;
  readonly waitsMs: readonly number[];
}

/** So many callers change one register, again and again until `isOver`. */
export const contendHere = async (
  host: Pick<GroundHost, 'counters'>,
  callers: number,
  isOver: () => boolean,
): Promise<Contention> => {
  const made = Array.from({ length: callers }, () => 0);
  const waitsMs: number[] = [];
  let refused = 0;
  const call = async (caller: number): Promise<void> => {
    while (!isOver()) {
      const startMs = performance.now();
      try {
        await increment(host, contended);
        made[caller] = (made[caller] ?? 0) + 1;
      } catch (thrown) {
        if (!hasCode(thrown, 'CONTENDED')) throw thrown;
        refused++;
      }
      waitsMs.push(performance.now() - startMs);
    }
  };
  await Promise.all(made.map((_, caller) => call(caller)));
  return { made, refused, waitsMs };
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

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** Six callers here and five on each other host; changes a second, none of them lost or made twice. */
const contend = async ({ here, contend: startOthers }: Ground, seconds: number) => {
  const startMs = performance.now();
  const stopOthers = await startOthers(5);
  const own = await contendHere(here, 6, () => performance.now() - startMs > seconds * 1_000);
  const all = [own, ...(await stopOthers())];
  const tookMs = performance.now() - startMs;
  const made = all.flatMap((one) => one.made);
  const stands = (await here.counters.get(contended.partitionKey, contended.sortKey))?.count;
  if (stands !== sum(made)) throw new Error(`${sum(made)} changes were acknowledged, ${stands} stand`);
  const waitsMs = all.flatMap((one) => one.waitsMs).sort((a, b) => a - b);
  const waited = (share: number): number => waitsMs[Math.floor(share * (waitsMs.length - 1))] ?? 0;
  return {
    perSecond: (sum(made) * 1_000) / tookMs,
    refused: sum(all.map((one) => one.refused)),
    slowest: Math.min(...made) / (sum(made) / made.length),
    ...{ p50Ms: waited(0.5), p99Ms: waited(0.99), longestMs: waited(1) },
  };
};

export const benchRegister = async ({ seconds }: BenchOptions): Promise<void> => {
  await using ground = await startGround(3);
  const { here, others } = ground;
  const value = randomBytes(valueBytes);
  const rows: (string | number)[][] = [];
  const fairness: Awaited<ReturnType<typeof contend>>[] = [];
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
    const race = await contend(ground, seconds);
    add('one register, 16 callers on 3 hosts', lanes, race.perSecond, one);
    fairness.push(race);
  }
  printTable(['registers on 3 hosts', 'in flight', 'per second', 'limit', 'of limit'], rows);
  for (const { slowest, refused, p50Ms, p99Ms, longestMs } of fairness)
    printTable(
      ['16 callers on 3 hosts', 'slowest / mean', 'refused', 'wait p50 ms', 'p99 ms', 'longest ms'],
      [['one register', round(slowest), refused, round(p50Ms), round(p99Ms), round(longestMs)]],
    );
  console.log('limit: the bare replicated write, one at a time for one register; of a read: an echo');
};
