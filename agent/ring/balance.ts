/**
 * The weights of a new layout version. Weighted rendezvous alone leaves a host with as much more or less than its
 * share as chance has it (1 / sqrt(100) with a hundred partitions each), and where zones differ in size with far
 * more. So whoever proposes a version corrects the weights, and they travel in it:
 *
 *   weights as they were --> assign --> who is beyond the bounds? --> correct only those --> assign --> ...
 *
 * Weights that are not corrected stay what they were, and then nothing moves between their hosts: one more host costs
 * what it wins and a little to press those back that chance has put beyond the bounds. Nobody checks the result: any
 * weights are safe, bad ones are only unfair.
 *
 * Rejected: caps and stable matching (the edition before this one): the caps of all hosts shift with each change, and
 * zones of weights 1:2:3:4 moved 6.3 times the newcomer's share. An owner table that is carried on from version to
 * version moves as little, but whoever has missed a version cannot compute it.
 */
import type { HostId } from '../../proto/ids.ts';
import type { LayoutMember } from '../../proto/message/layout.ts';
import { type Assignment, assign, loadsOf } from './assign.ts';
import { fairShares } from './fair-share.ts';
import { balanceRoundsMax } from './limits.ts';
import { parsePlace, spreadCaps } from './zone.ts';

export type Draft = Omit<LayoutMember, 'weight'>;

/** The promise: no host has more than this times its share. Whoever does is pressed to just below, so little moves. */
const overMax = 1.1;
const overGoal = 1.08;
/** Less is no danger, only a waste of room. */
const underMin = 0.8;
const underGoal = 0.84;
/** All that goes to a newcomer moves anyway, so it may as well be its share ... */
const freshMax = 0.05;
/** ... and after this many rounds, twice as far off: partitions are whole, some shares cannot be met. */
const freshRounds = 8;
/** Partitions by which a share may always be missed. */
const slack = 2;
/** A weight changes by at most this factor a round: how much a host wins follows its weight, but not in proportion. */
const stepMax = 2;

export interface Balanced {
  readonly members: readonly LayoutMember[];
  readonly assignment: Assignment;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const perByte = (members: readonly LayoutMember[]): number | undefined => {
  const bytes = sum(members.map(({ capacityBytes }) => capacityBytes));
  return bytes > 0 ? sum(members.map(({ weight }) => weight)) / bytes : undefined;
};

/** A host keeps its weight, in proportion where its capacity changed; a new one begins with what its zone has a byte. */
const firstWeights = (drafts: readonly Draft[], before: readonly LayoutMember[]): number[] => {
  const zoneOf = ({ zone }: Draft): string => parsePlace(zone).zone;
  const held = new Map(before.map((member) => [member.hostId, member]));
  const zones = new Map<string, number | undefined>();
  const general = perByte(before) ?? 1;
  return drafts.map((draft) => {
    const was = held.get(draft.hostId);
    if (was && was.capacityBytes > 0) return (was.weight * draft.capacityBytes) / was.capacityBytes;
    const zone = zoneOf(draft);
    if (!zones.has(zone)) zones.set(zone, perByte(before.filter((member) => zoneOf(member) === zone)));
    return draft.capacityBytes * (zones.get(zone) ?? general);
  });
};

/** What a host's load should become, where it is beyond the bounds. */
const goalOf = (load: number, share: number, isFresh: boolean, round: number): number | undefined => {
  if (load > Math.max(Math.ceil(share - 1e-6), overMax * share)) return overGoal * share;
  if (load < Math.min(share - slack, underMin * share)) return underGoal * share;
  const off = Math.max(slack, freshMax * share) * (round < freshRounds ? 1 : 2);
  return isFresh && Math.abs(load - share) > off ? share : undefined;
};

export interface BalanceOptions {
  readonly partitionBits: number;
  /** The members of the version before; without them all begin anew. */
  readonly before?: readonly LayoutMember[];
  /** Their assignment, for speed. */
  readonly previous?: Assignment | undefined;
}

/** `members` in the order of their ids, with the weights under which nobody has too much. */
export const balance = (
  members: readonly Draft[],
  replicas: number,
  { partitionBits, before = [], previous }: BalanceOptions,
): Balanced => {
  const sorted = members.toSorted((a, b) => (a.hostId < b.hostId ? -1 : 1));
  const stores = sorted.filter(({ capacityBytes }) => capacityBytes > 0);
  const places = stores.map(({ zone }) => parsePlace(zone));
  const copies = Math.min(replicas, stores.length);
  const shares = fairShares(
    stores.map(({ capacityBytes }, at) => ({ place: places[at] ?? parsePlace(''), weight: capacityBytes })),
    copies,
    2 ** partitionBits,
    spreadCaps(places, copies),
  );
  const capacityBefore = new Map(before.map(({ hostId, capacityBytes }) => [hostId, capacityBytes]));
  const isFresh = stores.map(({ hostId, capacityBytes }) => capacityBefore.get(hostId) !== capacityBytes);
  const weights = firstWeights(stores, before);

  let assignment = previous;
  for (let round = 0; ; round++) {
    const weighed = stores.map(({ hostId, zone }, at) => ({
      hostId: hostId as HostId,
      zone,
      weight: weights[at] ?? 0,
    }));
    assignment = assign(weighed, replicas, partitionBits, assignment);
    let corrected = 0;
    loadsOf(assignment).forEach((load, at) => {
      const goal = goalOf(load, shares[at] ?? 0, isFresh[at] ?? false, round);
      if (goal === undefined) return;
      corrected++;
      weights[at] = (weights[at] ?? 0) * Math.min(stepMax, Math.max(1 / stepMax, goal / Math.max(1, load)));
    });
    if (corrected > 0 && round < balanceRoundsMax) continue;
    const weightOf = new Map(weighed.map(({ hostId, weight }) => [hostId as string, weight]));
    return {
      members: sorted.map((member) => ({ ...member, weight: weightOf.get(member.hostId) ?? 0 })),
      assignment,
    };
  }
};
