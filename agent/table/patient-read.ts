/**
 * Reading a register with patience. A change is done when a quorum has it; the last owner gets it a moment later. A
 * read in that moment may first hear two owners that differ, and `readRegister` would settle them by a write, which
 * also takes the next change's promise from the host that runs the changes. So wait a little for the owners that
 * have not answered, and ask once more, before it comes to that.
 */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Accepted, Reply } from '../register/message.ts';
import { ownersOf, type QuorumSet } from '../register/quorum.ts';
import { decideRead } from '../register/read.ts';
import type { Timers } from '../runtime/ports.ts';
import { splitPatienceMs } from './limits.ts';
import type { Poller } from './poll.ts';

export type PatientRead =
  | { readonly kind: 'chosen'; readonly accepted: Accepted | null }
  | { readonly kind: 'open' };

/** `open`: the owners do not agree, or too few of them answered. Never throws. */
export const patientRead = async (
  world: { readonly timers: Pick<Timers, 'after' | 'sleep'>; readonly poller: Poller },
  sets: readonly QuorumSet[],
  ask: (host: HostId) => Promise<Reply>,
): Promise<PatientRead> => {
  const nearest = await readNearest(world, sets, ask);
  if (nearest.kind === 'chosen') return nearest;
  const first = await readOnce(world, sets, ask);
  if (first !== 'split') return first;
  const again = await readOnce(world, sets, ask);
  return again === 'split' ? { kind: 'open' } : again;
};

/** Most registers rest: the nearest quorum agrees, and the other owners need not be asked. */
const readNearest = async (
  { poller }: { readonly poller: Poller },
  sets: readonly QuorumSet[],
  ask: (host: HostId) => Promise<Reply>,
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
    const decision = decideRead(sets, answers);
    if (decision.kind === 'chosen') return decision;
  } catch {
    // All owners are asked next, and who reads then hears why it does not work.
  }
  return { kind: 'open' };
};

const readOnce = (
  { timers }: { readonly timers: Pick<Timers, 'after'> },
  sets: readonly QuorumSet[],
  ask: (host: HostId) => Promise<Reply>,
): Promise<PatientRead | 'split'> =>
  new Promise((resolve) => {
    const owners = ownersOf(sets);
    const answers = new Map<HostId, Accepted | null>();
    let left = owners.length;
    let cancel: (() => void) | undefined;
    const end = (result: PatientRead | 'split'): void => {
      cancel?.();
      resolve(result);
    };
    const look = (): void => {
      const decision = decideRead(sets, answers);
      if (decision.kind === 'chosen') end(decision);
      else if (left === 0) end(decision.kind === 'split' ? 'split' : { kind: 'open' });
      else if (decision.kind === 'split') cancel ??= timers.after(splitPatienceMs, () => end('split'));
    };
    if (owners.length === 0) end({ kind: 'open' });
    for (const owner of owners)
      ask(owner)
        .then(
          (reply) => void (reply.kind === 'state' && answers.set(owner, reply.accepted)),
          () => {},
        )
        .finally(() => {
          left--;
          look();
        });
  });
