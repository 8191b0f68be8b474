/** Since when each host has been alive or dead without a break, as this host saw it. Suspicion breaks neither. */
import type { HostId } from '../../proto/ids.ts';
import type { MemberState, Members } from '../membership/port.ts';
import type { Clock } from '../runtime/ports.ts';

export interface Presence {
  readonly aliveForMs: number;
  readonly deadForMs: number;
}

type Phase = 'alive' | 'dead' | 'other';
const phaseOf = (state: MemberState | undefined): Phase | undefined => {
  if (state === 'suspect') return undefined;
  if (state === 'alive') return 'alive';
  return state === 'dead' || state === 'left' ? 'dead' : 'other';
};

export const presence = (members: Members, clock: Clock) => {
  const phases = new Map<HostId, { readonly phase: Phase; readonly sinceMs: number }>();
  const note = (host: HostId, state: MemberState): void => {
    const phase = phaseOf(state);
    if (phase && phases.get(host)?.phase !== phase) phases.set(host, { phase, sinceMs: clock.monotonicMs() });
  };
  for (const { hostId, state } of members.list()) note(hostId, state);
  const stop = members.onChange(({ hostId, state }) => note(hostId, state));

  return {
    of(host: HostId): Presence {
      const held = phases.get(host);
      // At least 1 ms: "just now" is not "not at all".
      const forMs = held ? Math.max(1, clock.monotonicMs() - held.sinceMs) : 0;
      return {
        aliveForMs: held?.phase === 'alive' ? forMs : 0,
        deadForMs: held?.phase === 'dead' ? forMs : 0,
      };
    },
    stop,
  };
};
