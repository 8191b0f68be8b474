/** Clients of the tables: rows and registers, read one by one and as ranges. */

import { tallyPatienceMs } from '../../../agent/table/limits.ts';
import type { Page, TableRange } from '../../../agent/table/port.ts';
import type { HostId } from '../../../proto/ids.ts';
import type { Operation } from '../check/linearizability.ts';
import type { Prng } from '../prng.ts';
import type { ClusterCalls } from '../program/cluster-host.ts';
import type { World } from '../world.ts';
import { codeOf, type Histories, historyOf, Mismatch, record } from './history.ts';

type Kind = 'row' | 'register';

export interface Records {
  /** By `row GROUP KEY` and `register GROUP KEY`. */
  readonly histories: Histories;
  readonly groups: readonly string[];
  readonly keys: readonly string[];
  readonly all: readonly (readonly [group: string, key: string, kind: Kind])[];
  /** One operation of the client `by` through a host. Never rejects. */
  act(calls: ClusterCalls, host: HostId, random: Prng, by: string): Promise<unknown>;
  read(calls: ClusterCalls, kind: Kind, group: string, key: string, where: string): Promise<unknown>;
}

const name = (kind: Kind, group: string, key: string): string => `${kind} ${group} ${key}`;

export const records = (
  world: World,
  shape: {
    readonly groups: number;
    readonly keys: number;
    /** Rows that bring others along. Default 1. */
    readonly pairs?: number;
    readonly readShare: number;
    readonly rowShare: number;
  },
): Records => {
  const groups = Array.from({ length: shape.groups }, (_, index) => `g${index}`);
  const keys = Array.from({ length: shape.keys }, (_, index) => `k${index}`);
  const histories: Histories = new Map();
  let number = 0;
  /** What a client may take for the value: of its own last change, whatever became of it. */
  const guesses = new Map<string, string | null>();
  /** Of the rows that are brought along, none of which ever goes. */
  const added = { begun: 0, acknowledged: 0 };

  const read: Records['read'] = (calls, kind, group, key, where) =>
    record(
      world,
      historyOf(histories, name(kind, group, key)),
      { kind: 'read', value: null },
      `${where} ${name(kind, group, key)}`,
      async () => {
        const table = kind === 'row' ? calls.rows : calls.registers;
        return { kind: 'read', value: (await table.get(group, key)) ?? null };
      },
    );

  const write = (calls: ClusterCalls, group: string, key: string, value: string | null, where: string) =>
    record(
      world,
      historyOf(histories, name('row', group, key)),
      { kind: 'write', value },
      `${where} ${name('row', group, key)}`,
      async () => {
        if (value === null) await calls.rows.delete(group, key);
        else if (world.random.chance(0.5)) await calls.rows.put(group, key, value);
        else await (await calls.rows.getForPut(group, key)).put(value);
        return { kind: 'write', value };
      },
    );

  const change = (
    calls: ClusterCalls,
    group: string,
    key: string,
    wanted: Operation['action'] & { readonly kind: 'write' | 'cas' },
    where: string,
  ) =>
    record(
      world,
      historyOf(histories, name('register', group, key)),
      wanted,
      `${where} ${name('register', group, key)}`,
      async () => {
        let rounds = 0;
        let seen: string | null = null;
        await calls.registers.change(group, key, (current) => {
          rounds++;
          seen = current ?? null;
          if (wanted.kind === 'cas' && seen !== wanted.expected) throw new Mismatch(seen);
          return wanted.value ?? undefined;
        });
        // What stood already was left alone: the change read it.
        if (seen === wanted.value) return { kind: 'read', value: seen };
        // A change knows what it was built upon, which is far more than a blind write says.
        return rounds === 1 ? { kind: 'cas', expected: seen, value: wanted.value } : wanted;
      },
    );

  /** An answer that took its patience may lack what an owner has missed. */
  const count = async (calls: ClusterCalls, where: string): Promise<true | undefined> => {
    const { acknowledged } = added;
    const callMs = world.nowMs();
    try {
      const { rows } = await calls.companions.tally('pairs');
      const isLate = world.nowMs() - callMs > 0.9 * tallyPatienceMs;
      if ((rows < acknowledged && !isLate) || rows > added.begun)
        world.fail(
          new Error(`${where} counts ${rows} rows, ${acknowledged} were there and ${added.begun} begun`),
        );
      world.tell(where, 'tally', rows);
      return true;
    } catch (thrown) {
      world.tell(where, 'tally', codeOf(world, thrown));
      return undefined;
    }
  };

  /** A row that brings another one along, whose name is its value: wherever the first is seen, the other is. */
  const pair = (calls: ClusterCalls, key: string, value: string, isRead: boolean, where: string) =>
    record(
      world,
      historyOf(histories, key),
      isRead ? { kind: 'read', value: null } : { kind: 'write', value },
      `${where} ${key}`,
      async () => {
        const nameOf = (row: string): string => `${key}\0${row}`;
        if (!isRead) {
          const stamp = (await calls.rows.getForPut('pairs', key)).stamp();
          const companion = calls.companions.companion(nameOf(value), value);
          added.begun++;
          await calls.rows.putAt('pairs', key, value, stamp, [companion]);
          added.acknowledged++;
          return { kind: 'write', value };
        }
        const seen = (await calls.rows.get('pairs', key)) ?? null;
        const readMs = world.nowMs();
        const brought = seen === null ? null : await calls.companions.get('pairs', nameOf(seen));
        if (brought !== seen)
          world.fail(new Error(`${where} saw ${seen} at ${readMs} without what it brings along`));
        return { kind: 'read', value: seen };
      },
    );

  /** Each key that the page vouches for counts as read. */
  const range = async (
    calls: ClusterCalls,
    kind: Kind,
    group: string,
    wish: TableRange,
    where: string,
  ): Promise<true | undefined> => {
    const callMs = world.nowMs();
    let page: Page<string>;
    try {
      page = await (kind === 'row' ? calls.rows : calls.registers).range(group, wish);
    } catch (thrown) {
      world.tell(where, 'range', kind, group, codeOf(world, thrown));
      return undefined;
    }
    const found = new Map(page.entries.map(({ sortKey, row }) => [sortKey, row]));
    const last = page.entries.at(-1)?.sortKey;
    const { after } = wish;
    const isWanted = (key: string): boolean =>
      after === undefined || (wish.reverse ? key < after : key > after);
    const isCovered = (key: string): boolean =>
      !page.more || (last !== undefined && (wish.reverse ? key >= last : key <= last));
    for (const key of keys)
      if (isWanted(key) && isCovered(key))
        historyOf(histories, name(kind, group, key)).add({
          ...{ callMs, returnMs: world.nowMs(), by: `${where} range ${group} ${key}` },
          action: { kind: 'read', value: found.get(key) ?? null },
        });
    for (const key of found.keys())
      if (!keys.includes(key) || !isWanted(key))
        world.fail(new Error(`range of ${kind} ${group} has the key ${key}`));
    const shown = page.entries.map(({ sortKey }) => sortKey);
    const ordered = [...found.keys()].sort((a, b) => (a < b === !wish.reverse ? -1 : 1));
    if (shown.length > wish.limit || shown.join() !== ordered.join())
      world.fail(
        new Error(`${where} got the keys ${shown.join(' ')} of a range, at most ${wish.limit} in order`),
      );
    world.tell(where, 'range', kind, group, JSON.stringify([...found]), `since ${callMs.toFixed(1)}`);
    return true;
  };

  return {
    histories,
    groups,
    keys,
    all: groups.flatMap((group) =>
      keys.flatMap((key) => (['row', 'register'] as const).map((kind) => [group, key, kind] as const)),
    ),
    read,
    act(calls, host, random, by) {
      const [group, key, where] = [random.pick(groups), random.pick(keys), `${by}@${host.slice(-2)}`];
      const kind: Kind = random.chance(shape.rowShare) ? 'row' : 'register';
      const value = random.chance(0.15) ? null : `${by}.${++number}`;
      if (kind === 'row' && random.chance(0.25)) {
        const { pairs = 1 } = shape;
        // Of ranges that move a sum is not promised.
        if (pairs === 1 && random.chance(0.15)) return count(calls, where);
        const name = pairs > 1 ? `pair${random.int(pairs)}` : 'pair';
        return pair(calls, name, `${by}.${++number}`, random.chance(0.6), where);
      }
      if (random.chance(shape.readShare)) {
        const after = random.chance(0.3) ? { after: random.pick(keys) } : {};
        const wish = { limit: random.chance(0.5) ? 2 : 100, reverse: random.chance(0.3), ...after };
        return random.chance(0.3)
          ? range(calls, kind, group, wish, where)
          : read(calls, kind, group, key, where);
      }
      if (kind === 'row') return write(calls, group, key, value, where);
      const changeTo = (wanted: string | null) => {
        const guess = guesses.get(`${group} ${key}`) ?? null;
        guesses.set(`${group} ${key}`, wanted);
        const action = random.chance(0.5)
          ? { kind: 'write' as const, value: wanted }
          : { kind: 'cas' as const, expected: random.chance(0.7) ? guess : null, value: wanted };
        return change(calls, group, key, action, where);
      };
      // Callers of one host that ask at once are served together.
      if (!random.chance(0.2)) return changeTo(value);
      return Promise.all([value, `${by}.${++number}`, `${by}.${++number}`].map(changeTo)).then(
        (done) => done.find((action) => action === undefined) ?? done[0],
      );
    },
  };
};
