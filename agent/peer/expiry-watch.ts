/** Notices that a host's time on the roster has run out, by this host's clock, which may jump. */
import type { HostId } from '../../proto/ids.ts';
import type { Runtime } from '../runtime/ports.ts';
import { expiryLookMs } from './limits.ts';
import type { RosterMember } from './roster-chain.ts';

export const expiryWatch = (
  { timers }: Pick<Runtime, 'timers'>,
  watched: {
    members(): ReadonlyMap<HostId, RosterMember>;
    isIn(member: RosterMember): boolean;
    isOver(member: RosterMember): boolean;
    /** The time of some is over, or some are out, or in again, that were not when it was last looked. */
    changed(): void;
  },
) => {
  let out = '';
  let cancel: (() => void) | undefined;

  const outNow = (): string =>
    [...watched.members().values()]
      .flatMap((member) => (watched.isOver(member) ? [member.hostId, watched.isIn(member)] : []))
      .join();
  /** A timer alone would follow the monotonic clock, and expiry is wall time: so it looks again and again. */
  const look = (): void => {
    cancel?.();
    cancel = undefined;
    const before = out;
    out = outNow();
    if (out !== before) watched.changed();
    const isAny = [...watched.members().values()].some(({ expiresAtMs }) => expiresAtMs !== null);
    if (isAny) cancel ??= timers.after(expiryLookMs, look);
  };
  look();

  return { look, stop: () => cancel?.() };
};
