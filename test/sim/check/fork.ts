/** At no time may two hosts hold different layouts of one version. */
import type { OwnRing } from '../../../agent/ring/open-ring.ts';
import type { HostId } from '../../../proto/ids.ts';

export interface ForkWatch {
  /** Does the host show another layout than one that was shown before? */
  look(host: HostId, ring: OwnRing): void;
  readonly newest: number;
}

export const forkWatch = (fail: (bug: Error) => void): ForkWatch => {
  const layouts = new Map<number, string>();
  return {
    get newest() {
      return Math.max(0, ...layouts.keys());
    },
    look(host, ring) {
      const { newest, members, replicas } = ring.describe();
      if (newest === 0) return;
      const shown = JSON.stringify([replicas, members.map((member) => member.hostId)]);
      const known = layouts.get(newest) ?? shown;
      layouts.set(newest, known);
      if (known !== shown) fail(new Error(`fork: version ${newest} is ${known} and, at ${host}, ${shown}`));
    },
  };
};
