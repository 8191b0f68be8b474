/** The version after `previous` without one of its hosts: a function of both, so that whoever is told of it can check it. */
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import type { Assignment } from './assign.ts';
import { balance } from './balance.ts';
import { nextLayout, type Proposal, replicasFor } from './layout.ts';

export const forcedLayout = (
  previous: Layout,
  removeHost: HostId,
  proposal: Proposal,
  /** Of `previous`, for speed. */
  assignment?: Assignment,
): Layout => {
  const rest = previous.members.filter((member) => member.hostId !== removeHost);
  const { members } = balance(rest, replicasFor(rest, previous.replicasWanted), {
    partitionBits: previous.partitionBits,
    before: previous.members,
    ...(assignment ? { previous: assignment } : {}),
  });
  const reason = `forced out: ${removeHost}`;
  return nextLayout(previous, { members, reason, forced: [removeHost], ...proposal });
};
