/**
 * Reading and changing a register over the network: the loop around `proposer.ts` that sends, waits, and tries
 * again after a conflict. What it needs from the shell is one function, `ask`.
 *
 * A change is applied at most once, however many attempts it takes. Where it can't be known whether it was applied
 * the error says so (QUORUM_MISSED); CONTENDED is thrown only when it surely was not.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Chance, Clock, Timers } from '../runtime/ports.ts';
import type { Ballot, BallotSource } from './ballot.ts';
import {
  backoffBaseMs,
  backoffCapMs,
  backoffCapMsMin,
  backoffCapRounds,
  changeAttemptsMax,
} from './limits.ts';
import { type ChangeId, type Lineage, newChangeId } from './lineage.ts';
import type { Accepted, Reply, Request } from './message.ts';
import { type Attempt, type Promised, proposer, type Step } from './proposer.ts';
import { hasQuorum, ownersOf, type QuorumSet } from './quorum.ts';
import { decideRead, type ReadDecision } from './read.ts';

export interface RegisterWorld {
  /**
   * The reply of this owner's acceptor for the register in question, the own host's included. It must settle within
   * a bound of its own; any rejection counts as "no reply". All owners get one request object in a phase.
   */
  ask(to: HostId, request: Request): Promise<Reply>;
  /** One a process, for all registers. */
  readonly ballots: BallotSource;
  readonly timers: Pick<Timers, 'sleep'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly chance: Pick<Chance, 'random'>;
}

/** A change that other hosts may run as well. It is applied at most once all the same. */
export interface SharedChange {
  readonly id: ChangeId;
  /** As in `Attempt.replaces`. */
  readonly replaces: ChangeId | null;
  /** May others have begun with it? Then: the lineage that it is built upon, there and here. */
  readonly base: Lineage | null;
}

export interface RegisterAccess {
  /** For messages, e.g. `layout 7` or `row "a" of table "server"`. */
  readonly name: string;
  /** Asked again for each attempt: the layout may have moved on. */
  sets(): readonly QuorumSet[];
  /** Ends the waiting. A change may then still happen. */
  readonly signal?: AbortSignal;
}

export interface ChangeOptions extends RegisterAccess {
  /** As in `Attempt.next`; called at most once an attempt. */
  readonly next: Attempt['next'];
  /** From the last change through this process: this one then takes one round trip, if nobody came in between. */
  readonly promised?: Promised | null;
  /** Ask for such a promise for the change after this one: for registers that this host changes often. */
  readonly keepPromise?: boolean;
  /** Its first ballot is above that one, as an owner is known to have promised it. */
  readonly above?: Ballot | null;
  /** As in `Attempt.everywhere`. */
  readonly everywhere?: boolean;
  /** Default: a change that only this call makes. */
  readonly shared?: SharedChange;
}

export interface Changed {
  /** What stands afterwards; others may have built on it already. null: the register was never written. */
  readonly accepted: Accepted | null;
  readonly promised: Promised | null;
}

/** Two changes under one ballot would be two values under one ballot: a promise is used up by its first attempt. */
const spent = new WeakSet<Promised>();

/** Throws what `next` throws, CONTENDED (nothing was changed), QUORUM_MISSED (may have happened), the signal's reason. */
export const changeRegister = async (world: RegisterWorld, options: ChangeOptions): Promise<Changed> => {
  const { name, next, everywhere = false, signal } = options;
  const random = (): number => world.chance.random();
  const { id, replaces, base } = options.shared ?? { id: newChangeId(random), replaces: null, base: null };
  const earlier: Lineage[] = base ? [base] : [];
  let promised = options.promised ?? null;
  let above = options.above ?? null;
  for (let tries = 0; tries < changeAttemptsMax; tries++) {
    const sets = options.sets();
    if (promised && (spent.has(promised) || !hasQuorum(sets, new Set(promised.by)))) promised = null;
    if (promised) spent.add(promised);
    const ballot = promised?.ballot ?? world.ballots.next(above);
    const nextBallot = options.keepPromise ? world.ballots.next(ballot) : null;
    const startMs = world.clock.monotonicMs();
    const { step, cause } = await run(
      world,
      { sets, ballot, id, replaces, next, everywhere, earlier, promised, nextBallot },
      signal,
    );
    if (step.kind === 'chosen') return step;
    if (step.kind === 'refused') throw step.thrown;
    if (step.kind === 'unknown') throw missed(name, 'it changed too often since the first attempt');
    if (step.kind === 'missed') throw missed(name, 'too few of its owners answered', cause);
    promised = null;
    above = step.ballot;
    if (step.base) earlier.push(step.base);
    const roundMs = world.clock.monotonicMs() - startMs;
    const baseMs = Math.max(backoffBaseMs, roundMs);
    const capMs = Math.min(backoffCapMs, Math.max(backoffCapMsMin, backoffCapRounds * roundMs));
    await world.timers.sleep(backoffMs(tries, { baseMs, capMs, random }), signal);
  }
  if (earlier.length > 0) throw missed(name, `all ${changeAttemptsMax} attempts met others`);
  throw new ShoalError('CONTENDED', `Cannot change ${name}: all ${changeAttemptsMax} attempts met others`);
};

/** Linearizable; writes only where the owners do not agree. Throws QUORUM_MISSED, CONTENDED, the signal's reason. */
export const readRegister = async (
  world: RegisterWorld,
  access: RegisterAccess,
): Promise<Accepted | null> => {
  const sets = access.sets();
  const owners = ownersOf(sets);
  const answers = new Map<HostId, Accepted | null>();
  let left = owners.length;
  let cause: unknown;
  const decision = await waitFor<ReadDecision>(access.signal, (end, attempt) => {
    const look = (): void => {
      const decided = decideRead(sets, answers);
      if (left === 0 || decided.kind !== 'wait') end(decided);
    };
    const heard = (note: () => void): void =>
      attempt(() => {
        note();
        left--;
        look();
      });
    look();
    const request = { kind: 'read' } as const;
    for (const owner of owners)
      world.ask(owner, request).then(
        (reply) =>
          heard(() => {
            if (reply.kind === 'state') answers.set(owner, reply.accepted);
          }),
        (thrown) => {
          cause = thrown;
          heard(() => {});
        },
      );
  });
  if (decision.kind === 'wait') throw missed(access.name, 'too few of its owners answered', cause);
  if (decision.kind === 'chosen') return decision.accepted;
  const { accepted } = await changeRegister(world, { ...access, next: (current) => current });
  return accepted;
};

type LastStep = Exclude<Step, { readonly kind: 'wait' | 'send' }>;

/** One attempt from its first message to its end, with the last reason why an owner did not answer. */
const run = async (
  world: RegisterWorld,
  attempt: Attempt,
  signal?: AbortSignal,
): Promise<{ readonly step: LastStep; readonly cause: unknown }> => {
  const core = proposer(attempt);
  let cause: unknown;
  const step = await waitFor<LastStep>(signal, (end, attempt) => {
    const follow = (decide: () => Step): void =>
      attempt(() => {
        const step = decide();
        if (step.kind === 'wait') return;
        if (step.kind !== 'send') {
          end(step);
          return;
        }
        const { request, to: hosts } = step;
        for (const to of hosts)
          world.ask(to, request).then(
            (reply) => follow(() => core.handleReply(to, reply)),
            (thrown) => {
              cause = thrown;
              follow(() => core.handleFailure(to, request.kind));
            },
          );
      });
    follow(() => core.start());
  });
  return { step, cause };
};

/**
 * A promise that the signal can end. What is under way goes on: an `accept` may still reach the third owner. Answers are
 * looked at in `attempt`: one that nobody foresaw ends this call with what was thrown, not the process.
 */
const waitFor = <T>(
  signal: AbortSignal | undefined,
  work: (end: (result: T) => void, attempt: (step: () => void) => void) => void,
): Promise<T> => {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const abort = (): void => reject(signal?.reason);
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (thrown) {
      reject(thrown);
    }
  };
  if (signal?.aborted) abort();
  else attempt(() => work(resolve, attempt));
  signal?.addEventListener('abort', abort, { once: true });
  return promise.finally(() => signal?.removeEventListener('abort', abort));
};

const missed = (name: string, why: string, cause?: unknown): ShoalError =>
  new ShoalError('QUORUM_MISSED', `Cannot settle ${name}: ${why}`, cause === undefined ? {} : { cause });
