/**
 * How a host that lost its disk gets its votes on layouts back. It cannot know what it promised or took; but whatever
 * of that matters, others know:
 *
 *   adopts v ── prepare at n - quorum + 1 other acceptors of v + 1, each notes the new life (agent/register/lives.ts)
 *      ^          ├─ one of them took something: take that, vote on v + 1, bring v + 1 about ──┐
 *      |          └─ none did: v + 1 was not decided while this host had its disk, so it never  |
 *      |             voted on v + 2 or later: it votes on everything from now on               |
 *      └──────────────────────── learns v + 1 ─────────────────────────────────────────────────┘
 *
 * What it takes it takes under the ballot of its own prepare, for which it asked everyone who could object: as the
 * proposer of that ballot. To take it under the old one would add a vote to a ballot that may have been overtaken.
 *
 * With too few others left that know their votes (more than the quorum minus one lost their disks at once, or are gone)
 * it asks for ever, and says so: an operator removes the lost hosts by force.
 */
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import { backoffMs } from '../base/backoff.ts';
import { type Ballot, compareBallots, maxBallot } from '../register/ballot.ts';
import { countLives, type Lives, recallNeeded } from '../register/lives.ts';
import type { Accepted } from '../register/message.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { acceptorsOf, decodeLayout } from './layout.ts';
import type { layoutChain } from './layout-chain.ts';
import type { LayoutStore } from './layout-store.ts';
import { retryBaseMs, retryCapMs } from './limits.ts';
import { quorumOf } from './owner-index.ts';

export interface RebirthWorld {
  readonly runtime: Pick<Runtime, 'clock' | 'chance'>;
  readonly log: Log;
  readonly self: HostId;
  readonly store: LayoutStore;
  readonly chain: ReturnType<typeof layoutChain>;
  newest(): Layout | undefined;
  votesFrom(): number;
  /** This host knows all its votes on this version and those after it, in this life. On disk when it resolves. */
  recalled(version: number, life: number): Promise<void>;
  /** A version was agreed. */
  agreed(layout: Layout): Promise<void>;
}

/**
 * A number that no earlier life of this host can have: each was reborn at this version or before, and what it was noted
 * as at this version is lower. One try each 10 s at most, so 2^20 last for months.
 */
const lifeOf = (version: number, tries: number): number => version * 2 ** 20 + Math.min(tries, 2 ** 20 - 1);

export const rebirth = (world: RebirthWorld) => {
  const { self, store, chain, log, runtime } = world;
  const stop = new AbortController();
  let isBusy = false;
  let failures = 0;
  let notBeforeMs = 0;
  /** Higher than any that was noted for this host; the vote on each version counts them anew. */
  let life = 0;
  let lifeVersion = 0;
  let above: Ballot | null = null;

  /** What the others hold; null: nothing. Throws QUORUM_MISSED: nothing is known then. */
  const recall = async (previous: Layout): Promise<Accepted | null> => {
    const version = previous.version + 1;
    if (version !== lifeVersion) [life, lifeVersion] = [0, version];
    life++;
    const ballot = chain.ballots.next(above);
    const acceptors = acceptorsOf(previous);
    const need = recallNeeded(acceptors, quorumOf(acceptors.length));
    const counts = countLives();
    const told: Lives[] = [];
    let [heard, highest]: [number, Accepted | null] = [0, null];
    let [noted, cause]: [number, unknown] = [0, undefined];
    const hear = async (to: HostId): Promise<void> => {
      const { reply, lives = {} } = await chain.ask(to, previous, { kind: 'prepare', ballot }, life);
      noted = Math.max(noted, lives[self] ?? 0);
      if (reply.kind === 'conflict') above = maxBallot(above, reply.promised);
      if (reply.kind !== 'promise' || !counts(to, lives)) return;
      heard++;
      told.push(lives);
      const { accepted } = reply;
      if (accepted && (!highest || compareBallots(accepted.ballot, highest.ballot) > 0)) highest = accepted;
    };
    const others = acceptors.filter((host) => host !== self);
    await Promise.all(
      others.map((to) =>
        hear(to).catch((thrown) => {
          cause = thrown;
        }),
      ),
    );
    // Another life of this host had this number: nobody could tell the two apart.
    const isTaken = noted >= life;
    life = Math.max(life, noted);
    if (isTaken || heard < need)
      throw new ShoalError(
        'QUORUM_MISSED',
        `Cannot recall the votes on layout ${version}: this host lost its disk, and ${heard} of the other voters ` +
          `told what they know, it takes ${need} of ${others.length}`,
        { cause },
      );
    const lives: Record<string, number> = { [self]: life };
    for (const each of told)
      for (const [host, known] of Object.entries(each))
        if (host !== self) lives[host] = Math.max(known, lives[host] ?? 0);
    const found = highest as Accepted | null;
    const { held } = await store.vote(version, (state) => {
      if (world.newest()?.version !== previous.version)
        throw new ShoalError('STALE_LAYOUT', `Cannot recall the votes on layout ${version}: it is decided`);
      // It recalled them before, and voted since.
      if (state?.lives?.[self]) return { state, held: state.accepted ?? found };
      const accepted = found && { ...found, ballot };
      return { state: { promised: ballot, accepted, lives }, held: accepted };
    });
    return held;
  };

  const run = async (previous: Layout): Promise<void> => {
    isBusy = true;
    try {
      const held = await recall(previous);
      if (held?.value) await world.agreed(await chain.agree(previous, decodeLayout(held.value), stop.signal));
      else await world.recalled(previous.version + 1, lifeOf(previous.version + 1, life));
      log.info('votes recalled', { version: previous.version + 1 });
      failures = 0;
    } catch (error) {
      if (stop.signal.aborted) return;
      const random = (): number => runtime.chance.random();
      const waitMs = backoffMs(failures++, { baseMs: retryBaseMs, capMs: retryCapMs, random });
      notBeforeMs = runtime.clock.monotonicMs() + waitMs;
      log.warn('votes not recalled', { error: asShoalError(error).message });
    } finally {
      isBusy = false;
    }
  };

  return {
    look(): void {
      const newest = world.newest();
      if (!newest || world.votesFrom() <= newest.version + 1 || isBusy || stop.signal.aborted) return;
      if (runtime.clock.monotonicMs() >= notBeforeMs) void run(newest);
    },
    stop: (): void => stop.abort(),
  };
};
