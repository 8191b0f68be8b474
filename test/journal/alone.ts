/** What a journal needs of the peer layer when there is no other host. */
import type { Rpc } from '../../agent/peer/port.ts';
import type { Roster } from '../../agent/peer/roster.ts';
import { ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';

export const deafRpc = (self: HostId): Rpc => ({
  self,
  request: async (to) => {
    throw new ShoalError('UNREACHABLE', `Cannot reach ${to}: this host is alone`);
  },
  notify: () => {},
  handle: () => {},
});

export const emptyRoster: Roster = {
  clusterId: '' as ClusterId,
  has: () => false,
  list: () => [],
  position: () => ({ version: 0, digest: null }),
  onChange: () => () => {},
};
