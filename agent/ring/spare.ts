/** Can the layouts that are live go on without a host? Pure: what an operator asks before it is taken off the roster. */
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import { acceptorsOf } from './layout.ts';
import { quorumOf } from './owner-index.ts';
import type { OwnerSet } from './port.ts';

/** Why not; undefined: they can. `isLeft`: is it on the roster then? */
export const needOf = (
  host: HostId,
  isLeft: (host: HostId) => boolean,
  newest: Layout,
  sets: Iterable<OwnerSet>,
): string | undefined => {
  const isShort = (hosts: readonly HostId[], needed: number): boolean =>
    hosts.includes(host) && hosts.filter((one) => one !== host && isLeft(one)).length < needed;
  const voters = acceptorsOf(newest);
  const needed = quorumOf(voters.length);
  if (isShort(voters, needed))
    return `layout ${newest.version} has ${voters.length} voters, and ${needed} have to agree on the next one`;
  for (const { layoutVersion, owners, quorum } of sets)
    if (isShort(owners, quorum))
      return `of ${owners.length} owners of some rows in layout ${layoutVersion} too few would be left to read them`;
  return undefined;
};
