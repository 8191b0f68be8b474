/** A planted bug of a host in the ring: it says that it has copied its share before it has. */
import type { LayoutHostOptions } from '../program/layout-host.ts';

export const hastySyncer = (syncer: LayoutHostOptions['syncer']): LayoutHostOptions['syncer'] => ({
  ...syncer,
  async sync(version, signal) {
    void syncer.sync(version, signal).catch(() => {});
  },
});
