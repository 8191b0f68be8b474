/** Planted bugs of a host in the ring. */
import { instead } from '../instead.ts';
import { type RingParts, soundParts } from '../scenario/ring.ts';

/** It says that it has copied its share before it has. */
const hastySyncer: RingParts = {
  ...soundParts,
  syncer: (syncer) => ({
    ...syncer,
    async sync(version, signal) {
      void syncer.sync(version, signal).catch(() => {});
    },
  }),
};

/** Owners take messages from hosts that work on an older layout. */
const staleLayoutTaken: RingParts = {
  ...soundParts,
  tokenRing: (ring) => instead(ring, { checkVersion() {} }),
};

/** While a layout settles, writes and reads make do with a quorum of the newest version. */
const noJointQuorum: RingParts = {
  ...soundParts,
  tokenRing: (ring) => instead(ring, { ownerSets: (partition) => ring.ownerSets(partition).slice(-1) }),
};

export const ringBugs = {
  'a host that says it holds its share of a layout before it does': hastySyncer,
  'owners that serve hosts on an older layout': staleLayoutTaken,
  'writes and reads that skip the joint quorum': noJointQuorum,
} satisfies Record<string, RingParts>;
