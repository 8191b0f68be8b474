/**
 * Reading a register with patience. A change is done when a quorum has it; the last owner gets it a moment later. A
 * read in that moment may first hear two owners that differ, and to settle them takes a write. So wait a little for
 * the owners that have not answered, and ask once more, before it comes to that.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Accepted, Reply } from '../register/message.ts';
import { ownersOf, type QuorumSet } from '../register/quorum.ts';
import { decideRead, type ReadDecision } from '../register/read.ts';
import type { Timers } from '../runtime/ports.ts';
import { splitPatienceMs } from './limits.ts';
import type { Poller } from './poll.ts';

export type PatientRead =
  | { readonly kind: 'chosen'; readonly accepted: Accepted | null }
  /** The owners do not agree; `newest` may come to nothing and must not be shown. */
  | { readonly kind: 'split'; readonly newest: Accepted }
  | { readonly kind: 'missed' };

interface PatientWorld {
  readonly timers: Pick<Timers, 'after'>;
  readonly poller: Poller;
}
type Ask = (host: HostId) => Promise<Reply>;

/** `missed`: too few answered. Never throws. */
export const patientRead = async (
  world: PatientWorld,
  sets: readonly QuorumSet[],
  ask: Ask,
): Promise<PatientRead> => {
  const nearest = await glance(world, sets, ask);
  if (nearest.kind === 'chosen') return nearest;
  const first = await readOnce(world, sets, ask);
  return first.kind === 'split' ? readOnce(world, sets, ask) : first;
};

/** Most registers rest: the nearest quorum agrees, and the other owners need not be asked. */
export const glance = async (
  { poller }: Pick<PatientWorld, 'poller'>,
  sets: readonly QuorumSet[],
  ask: Ask,
): Promise<PatientRead> => {
  try {
    const answers = await poller.poll({
      ...{ action: () => 'read a register', sets, order: 'nearest' },
      async ask(host) {
        const reply = await ask(host);
        if (reply.kind === 'state') return reply.accepted;
        throw new ShoalError('INTERNAL', `Host ${host} answered a read with "${reply.kind}"`);
      },
    });
    return known(decideRead(sets, answers));
  } catch {
    // Whoever reads on asks all owners, and then hears why it does not work.
    return { kind: 'missed' };
  }
};

const known = (decision: ReadDecision): PatientRead =>
  decision.kind === 'wait' ? { kind: 'missed' } : decision;

const readOnce = (
  { timers }: Pick<PatientWorld, 'timers'>,
  sets: readonly QuorumSet[],
  ask: Ask,
): Promise<PatientRead> =>
  new Promise((resolve) => {
    const missed = (): void => resolve({ kind: 'missed' });
    const owners = ownersOf(sets);
    const answers = new Map<HostId, Accepted | null>();
    let left = owners.length;
    let cancel: (() => void) | undefined;
    const end = (): void => {
      cancel?.();
      resolve(known(decideRead(sets, answers)));
    };
    const look = (): void => {
      const { kind } = decideRead(sets, answers);
      if (kind === 'chosen' || left === 0) end();
      else if (kind === 'split') cancel ??= timers.after(splitPatienceMs, end);
    };
    if (owners.length === 0) end();
    for (const owner of owners)
      ask(owner)
        .then(
          (reply) => void (reply.kind === 'state' && answers.set(owner, reply.accepted)),
          () => {},
        )
        .finally(() => {
          left--;
          look();
        })
        // Answers that nobody foresaw: whoever reads on hears what is wrong with them.
        .catch(missed);
  });
