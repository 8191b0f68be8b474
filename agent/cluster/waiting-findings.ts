/**
 * What stands still without an error anywhere: each finding says for how long, for whom it waits and what to do. docs/operate/hosts.md
 * says more of each.
 */
import type { HostId } from '../../proto/ids.ts';
import { dayMs, hourMs, minuteMs } from '../../proto/units.ts';
import type { LayoutDescription } from '../ring/layout-report.ts';
import { type HostStates, known, type Waits } from './host-state.ts';
import { waitMsMin } from './limits.ts';

export const spanText = (ms: number): string => {
  const [unit, name] =
    ms >= 2 * dayMs ? [dayMs, 'days'] : ms >= 2 * hourMs ? [hourMs, 'hours'] : [minuteMs, 'minutes'];
  return `${Math.floor(ms / unit)} ${name}`;
};

const list = (names: Iterable<string>): string => [...new Set(names)].sort().join(', ');
const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Members of the newest layout that have not come to its end; undefined: it is settled, or nobody is known to be late. */
export const lateIn = (
  { newest, members, progress }: LayoutDescription,
  nameOf: (host: HostId) => string,
) => {
  const at = new Map(progress.map((one) => [one.hostId, one]));
  // Who copies is told before who only has to say that it heard of all.
  for (const step of ['sync', 'syncAck'] as const) {
    const late = members.filter(({ hostId }) => (at.get(hostId)?.[step] ?? newest) < newest);
    if (late.length > 0) return list(late.map(({ hostId }) => nameOf(hostId)));
  }
  return undefined;
};

/** All hosts say much the same of one absent owner: it is told once. */
const overdueFindings = (states: HostStates, nameOf: (host: HostId) => string): string[] => {
  const overdue = known(states).flatMap(({ waits }) => waits?.overdue ?? []);
  if (overdue.length === 0) return [];
  const forText = spanText(Math.max(...overdue.map(({ forMs }) => forMs)));
  const absent = list(overdue.flatMap((one) => one.absent).map((host) => nameOf(host as HostId)));
  const why = absent
    ? `they wait for ${absent}. Start it, or remove it if it is gone for good`
    : overdue.some(({ isUnsettled }) => isUnsettled)
      ? 'they wait until the layout has settled'
      : 'they wait for a clock that is behind, or an owner that does not answer; see the log of the agents';
  return [`Deleted rows are kept ${forText} longer than they should be: ${why}`];
};

const hostFindings = (name: string, { owed, repair }: Waits): string[] => [
  ...(owed.users > 0 && owed.forMs > waitMsMin
    ? [
        `${name} cannot give back the chunks of ${plural(owed.users, 'upload')} for ${spanText(owed.forMs)}: ` +
          'a quorum of the rows in question is missing, or an upload in parts is neither completed nor aborted',
      ]
    : []),
  ...(repair.stuckMs > waitMsMin
    ? [
        `${name} could copy none of its chunks for ${spanText(repair.stuckMs)}: ` +
          (repair.alone > 0
            ? `of ${repair.alone} no host that answers has a good copy. Start the hosts that are down`
            : 'the others have them and do not answer, or its disks are full'),
      ]
    : []),
];

export const waitingFindings = (states: HostStates, nameOf: (host: HostId) => string): string[] => [
  ...overdueFindings(states, nameOf),
  ...[...states].flatMap(([host, state]) => (state?.waits ? hostFindings(nameOf(host), state.waits) : [])),
];
