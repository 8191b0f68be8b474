/**
 * Sums of a group in time that does not depend on its rows: each owner keeps them with a digest of all its rows.
 * Equal digests of a quorum, equal rows, and the sums are those of every write that was acknowledged before.
 *
 * Where the digests differ, a write is under way or an owner has missed some. Ask once more, then let an owner
 * compare the partition with the others by Merkle tree, which costs in proportion to the difference. After that
 * each of them holds all that any of them held when it began, so even if new writes made them differ again the sums
 * of one of them count everything that was acknowledged before. Only where an owner has missed so much that this
 * takes longer than `tallyPatienceMs` is the answer what that owner knows so far: a sum that is late is worse.
 */
import type { HostId } from '../../proto/ids.ts';
import type { AnswerOf } from '../../proto/message/table.ts';
import { compareBytes } from '../base/bytes.ts';
import type { Timers } from '../runtime/ports.ts';
import { groupOf, type Place } from './keys.ts';
import { tallyPatienceMs } from './limits.ts';
import type { PagesWorld } from './pages.ts';
import type { Tally } from './port.ts';
import type { View } from './view.ts';

type Sums = AnswerOf<'tally'>;
type TallyWorld = PagesWorld & { readonly self: HostId; readonly timers: Pick<Timers, 'after'> };

export const tallyGroup = async (world: TallyWorld, view: View, place: Place): Promise<Tally> => {
  let answers = await askSums(world, view, place);
  if (!agree(answers)) answers = await askSums(world, view, place);
  if (!agree(answers)) {
    const hosts = [...answers.keys()];
    const leader = hosts.includes(world.self) ? world.self : (hosts[0] as HostId);
    const others = hosts.filter((host) => host !== leader);
    const reconciled = world.outbox.ask<'reconcile'>(leader, view.layout, {
      ...{ do: 'reconcile', partition: place.partition, with: others },
    });
    await withPatience(world, reconciled);
    const sums = await world.outbox.ask<'tally'>(leader, view.layout, { do: 'tally', ...groupOf(place) });
    return { rows: sums.rows, weight: sums.weight };
  }
  const [{ rows, weight } = { rows: 0, weight: 0 }] = answers.values();
  return { rows, weight };
};

/** What all rows of the group are. Undefined where the owners do not agree now. */
export const digestGroup = async (
  world: PagesWorld,
  view: View,
  place: Place,
): Promise<string | undefined> => {
  const answers = await askSums(world, view, place);
  const [first] = answers.values();
  return first && agree(answers) ? Buffer.from(first.digest).toString('hex') : undefined;
};

const askSums = (world: PagesWorld, view: View, place: Place): Promise<ReadonlyMap<HostId, Sums>> =>
  world.poller.poll({
    ...{ action: () => `count table "${place.table}"`, sets: view.sets, order: 'nearest' },
    ask: (host, counts) =>
      world.outbox.ask<'tally'>(host, view.layout, { do: 'tally', ...groupOf(place) }, counts),
  });

const withPatience = (world: Pick<TallyWorld, 'timers'>, work: Promise<unknown>): Promise<void> =>
  new Promise((resolve, reject) => {
    const cancel = world.timers.after(tallyPatienceMs, resolve);
    work.then(() => resolve(), reject).finally(cancel);
  });

const agree = (answers: ReadonlyMap<HostId, Sums>): boolean => {
  const [first, ...rest] = answers.values();
  return first !== undefined && rest.every(({ digest }) => compareBytes(digest, first.digest) === 0);
};
