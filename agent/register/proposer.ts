/**
 * The proposer half of CASPaxos (arXiv:1802.07000): one attempt, under one ballot, to change one register.
 *
 *              promises of a quorum in each set            acceptances of a quorum in each set
 *   prepare ----------------------------------> accept ---------------------------------------> chosen / refused
 *      |   (skipped with a promise from the        |
 *      |    last change: one round trip)           |
 *      +-------- conflict, missed, unknown --------+
 *
 * Phase 1 asks for promises and learns what the acceptors hold. The value with the highest ballot among the
 * answers is the current one: any value that was chosen before is held by someone in a quorum, and promises keep
 * lower ballots from being chosen later. Phase 2 sends what `next` makes of it.
 *
 * Three points that are easy to get wrong:
 *  - `next` may see a value that is not chosen (yet). What it concludes (a refusal, "nothing to change") must not be
 *    shown before that value *is* chosen, so phase 2 then runs with the value as it was found.
 *  - That phase 2 may be spared where phase 1 shows the value chosen already (`decideRead`), but not after an earlier
 *    attempt of the same change came to phase 2: only a chosen higher ballot lays its leftovers to rest. Nor where an owner is to get
 *    what a quorum without it has (`everywhere`).
 *  - An attempt that ends in phase 2 without `chosen` may have happened all the same. Its `base` goes into `earlier`
 *    of the next attempt, which then knows (`lineage.ts`).
 *
 * Late and doubled replies are harmless: votes are sets, replies to other ballots or phases are dropped.
 */
import type { HostId } from '../../proto/ids.ts';
import { type Ballot, maxBallot, sameBallot } from './ballot.ts';
import { type ChangeId, extendLineage, fateOf, type Lineage } from './lineage.ts';
import type { Accepted, Reply, Request, Value } from './message.ts';
import { hasQuorum, ownersOf, type QuorumSet } from './quorum.ts';
import { decideRead, newestOf } from './read.ts';

/** Promises for `ballot` that came along with the last change. Good for one attempt; two must not share it. */
export interface Promised {
  readonly ballot: Ballot;
  readonly by: readonly HostId[];
  /** What these hosts hold. Perhaps no longer the newest: only phase 2 can tell. */
  readonly accepted: Accepted;
}

export interface Attempt {
  readonly sets: readonly QuorumSet[];
  /** Issued for this attempt alone, or that of `promised`. */
  readonly ballot: Ballot;
  /** The same for all attempts of one change. */
  readonly id: ChangeId;
  /** Of an earlier change by the same hand, which nobody will ask for any more. */
  readonly replaces?: ChangeId | null;
  /** Pure. Gets the current value, gives the new one; giving back the same object changes nothing. May throw. */
  readonly next: (current: Value) => Value;
  /** Bases of the earlier attempts of this change that came to phase 2. */
  readonly earlier?: readonly Lineage[];
  /** Skip phase 1, if its hosts hold a quorum in each set of today. */
  readonly promised?: Promised | null;
  /** Owners that lack what is chosen get it: phase 2 runs also where nothing changes. */
  readonly everywhere?: boolean;
  /** Ask for the promise of this ballot along with phase 2. */
  readonly nextBallot?: Ballot | null;
}

export type Step =
  | { readonly kind: 'wait' }
  | { readonly kind: 'send'; readonly to: readonly HostId[]; readonly request: Request }
  /** The register holds `accepted` (null: it was never written). `promised`: for the next change. */
  | {
      readonly kind: 'chosen';
      readonly accepted: Accepted | null;
      readonly promised: Promised | null;
    }
  /** `next` threw this on a value that is chosen; nothing was changed. */
  | { readonly kind: 'refused'; readonly thrown: unknown }
  /** Others hold the register under a higher ballot. `base`: see `Attempt.earlier`; null: nothing was sent. */
  | { readonly kind: 'conflict'; readonly ballot: Ballot; readonly base: Lineage | null }
  /** Too few owners are left to answer. */
  | { readonly kind: 'missed'; readonly base: Lineage | null }
  /** An earlier attempt may or may not have been applied, too long ago to tell. */
  | { readonly kind: 'unknown' };

export interface Proposer {
  /** Once, first. */
  start(): Step;
  handleReply(from: HostId, reply: Reply): Step;
  /** No reply to this kind of request will come from this host. */
  handleFailure(from: HostId, kind: Request['kind']): Step;
}

const wait: Step = { kind: 'wait' };
const ballotOf = (accepted: Accepted | null): Ballot | null => accepted?.ballot ?? null;

export const proposer = (attempt: Attempt): Proposer => {
  const { sets, ballot, id } = attempt;
  const earlier = attempt.earlier ?? [];
  const nextBallot = attempt.nextBallot ?? null;
  const owners = new Set(ownersOf(sets));
  const promises = new Map<HostId, Accepted | null>();
  const acks = new Map<HostId, Ballot | null>();
  /** Hosts that will not vote for this ballot in this phase. */
  const lost = new Set<HostId>();
  let phase: 'prepare' | 'accept' | 'done' = 'prepare';
  let higher: Ballot | null = null;
  let base: Lineage | null = null;
  let proposal: Accepted | undefined;
  let refusal: { readonly thrown: unknown } | undefined;

  const end = (step: Step): Step => {
    phase = 'done';
    return step;
  };

  const chosen = (accepted: Accepted | null, promised: Promised | null): Step =>
    end(refusal ? { kind: 'refused', ...refusal } : { kind: 'chosen', accepted, promised });

  /** Phase 2, or its end where nothing needs to be said. `settled`: the current value is known to be chosen. */
  const propose = (current: Accepted | null, settled: boolean): Step => {
    const lineage = current?.lineage ?? [];
    const fate = fateOf(id, earlier, lineage);
    if (fate === 'unknown') return end({ kind: 'unknown' });
    const found = current?.value ?? null;
    let value = found;
    if (fate !== 'applied') {
      try {
        value = attempt.next(found);
      } catch (thrown) {
        refusal = { thrown };
      }
    }
    const changes = value !== found;
    const isSpared = settled && earlier.length === 0 && !(attempt.everywhere && current);
    if (!changes && isSpared) return chosen(current, null);
    phase = 'accept';
    lost.clear();
    // Repeating the value as found sends nothing of this change's own, so it leaves nothing to be judged later.
    if (changes) base = lineage;
    proposal = { ballot, value, lineage: changes ? extendLineage(lineage, id, attempt.replaces) : lineage };
    return {
      kind: 'send',
      to: [...owners],
      request: { kind: 'accept', accepted: proposal, next: nextBallot },
    };
  };

  const handlePromise = (from: HostId, accepted: Accepted | null): Step => {
    promises.set(from, accepted);
    if (!hasQuorum(sets, promises)) return wait;
    let newest: Accepted | null = null;
    for (const held of promises.values()) newest = newestOf(newest, held);
    // A quorum may well agree on an older value: then that one was chosen, and of the newest nothing is known.
    const read = decideRead(sets, promises);
    const settled = read.kind === 'chosen' && sameBallot(ballotOf(read.accepted), ballotOf(newest));
    return propose(newest, settled);
  };

  const handleAck = (from: HostId, promised: Ballot | null): Step => {
    acks.set(from, promised);
    if (!proposal || !hasQuorum(sets, acks)) return wait;
    const by = [...acks].flatMap(([host, ballot]) => (sameBallot(ballot, nextBallot) ? [host] : []));
    const usable = nextBallot && hasQuorum(sets, new Set(by));
    return chosen(proposal, usable ? { ballot: nextBallot, by, accepted: proposal } : null);
  };

  const lose = (from: HostId): Step => {
    lost.add(from);
    const votes = phase === 'prepare' ? promises : acks;
    const possible = { has: (host: HostId) => votes.has(host) || !lost.has(host) };
    if (hasQuorum(sets, possible)) return wait;
    return end(higher ? { kind: 'conflict', ballot: higher, base } : { kind: 'missed', base });
  };

  return {
    start() {
      if (!hasQuorum(sets, owners)) return end({ kind: 'missed', base });
      const { promised } = attempt;
      if (promised && sameBallot(promised.ballot, ballot) && hasQuorum(sets, new Set(promised.by)))
        return propose(promised.accepted, false);
      return { kind: 'send', to: [...owners], request: { kind: 'prepare', ballot } };
    },
    handleReply(from, reply) {
      if (phase === 'done' || !owners.has(from) || reply.kind === 'state') return wait;
      if (!sameBallot(reply.ballot, ballot)) return wait;
      if (reply.kind === 'promise') return phase === 'prepare' ? handlePromise(from, reply.accepted) : wait;
      if (reply.kind === 'accepted') return phase === 'accept' ? handleAck(from, reply.next) : wait;
      // Promises only rise: a host that refused this ballot refuses it for good, in either phase.
      higher = maxBallot(higher, reply.promised);
      return lose(from);
    },
    // A `prepare` that times out after its phase says nothing about the `accept` that is under way.
    handleFailure: (from, kind) => (kind === phase && owners.has(from) ? lose(from) : wait),
  };
};
