/** Do all that live agree on who is there, and are they right? */
import type { HostId } from '../../../proto/ids.ts';

export interface View {
  readonly self: HostId;
  /** Does `self` hold this host to be alive? Undefined: it does not know it. */
  believes(host: HostId): boolean | undefined;
}

/** One line for each wrong belief; empty: converged. `isUp` is the truth. */
export const wrongBeliefs = (
  hosts: readonly HostId[],
  isUp: (host: HostId) => boolean,
  views: readonly View[],
): string[] =>
  views.flatMap((view) =>
    hosts.flatMap((host) => {
      const belief = view.believes(host);
      if (belief === isUp(host)) return [];
      const held = belief === undefined ? 'unknown' : belief ? 'alive' : 'dead';
      return [`${view.self} holds ${host} to be ${held}, it is ${isUp(host) ? 'up' : 'down'}`];
    }),
  );
