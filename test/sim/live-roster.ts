/**
 * The roster as each host knows it. It outlives the program, whose listeners must not. Who is let in or taken off is heard
 * of by one host after the other, and by who is cut off later still; who was taken off hears of it never, and goes on until
 * the last one has dropped its connections.
 */
import type { HostId } from '../../proto/ids.ts';
import { fakeRoster } from '../membership/fake-network.ts';
import type { Network } from './network.ts';
import type { Host } from './node.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

interface Told {
  onChange(listener: () => void): () => void;
}

export const liveRoster = <Roster extends Told>(host: Host, roster: Roster): Roster => ({
  ...roster,
  onChange: (listener) => roster.onChange(host.guard(listener)),
});

export type RosterView = ReturnType<typeof fakeRoster>;

export interface Rosters {
  has(host: HostId): boolean;
  of(host: HostId): RosterView;
  add(host: HostId): void;
  remove(host: HostId): void;
}

export const rosters = (world: World, network: Network, founder: HostId, random: Prng): Rosters => {
  const right = fakeRoster([founder]);
  const views = new Map<HostId, RosterView>([[founder, fakeRoster([founder])]]);
  const meanMs = random.pick([5, 300, 2000]);
  const later = (work: () => void): void => world.after(random.exponential(meanMs), work);
  return {
    has: right.has,
    of: (host) => views.get(host) ?? right,
    add(host) {
      right.add(host);
      views.set(host, fakeRoster(right.list().map(({ hostId }) => hostId)));
      for (const [other, view] of views) if (other !== host) later(() => right.has(host) && view.add(host));
    },
    remove(host) {
      right.remove(host);
      for (const [other, view] of views) {
        if (other === host) continue;
        later(() => {
          view.remove(host);
          network.cut(host, other);
          network.cut(other, host);
        });
      }
    },
  };
};
