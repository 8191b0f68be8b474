/**
 * Who runs the changes of a register: the first owner that seems to be there. Only a habit that keeps proposers from
 * outbidding each other: any host may run a change, so this host's opinion may be wrong or differ from others'.
 */
import type { HostId } from '../../proto/ids.ts';
import type { Members } from '../membership/port.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Place } from './keys.ts';
import { avoidMs } from './limits.ts';
import type { ViewRing } from './view.ts';

export interface Leaders {
  /** undefined: no owner is known. */
  of(place: Pick<Place, 'partition'>): HostId | undefined;
  /** It did not answer: for a while the next one runs the changes, also before membership has noticed. */
  avoid(host: HostId): void;
}

export const leaders = (world: {
  readonly self: HostId;
  readonly ring: Pick<ViewRing, 'ownerSets'>;
  readonly members: Pick<Members, 'isReachable'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}): Leaders => {
  const avoidedUntilMs = new Map<HostId, number>();
  const isThere = (host: HostId): boolean =>
    host === world.self ||
    (world.members.isReachable(host) && (avoidedUntilMs.get(host) ?? 0) <= world.clock.monotonicMs());
  return {
    of: ({ partition }) => world.ring.ownerSets(partition).at(-1)?.owners.find(isThere),
    avoid: (host) => void avoidedUntilMs.set(host, world.clock.monotonicMs() + avoidMs),
  };
};
