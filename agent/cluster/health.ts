/**
 * Is everything fully replicated? Each host knows what it still has to fetch or mend; the host that is asked adds
 * up what all reachable hosts say. What could not be asked is a finding, never silence.
 */

import type { HostId } from '../../proto/ids.ts';
import type { Health } from '../../proto/rest/cluster/upkeep.ts';
import { MiB } from '../../proto/units.ts';
import type { Members } from '../membership/port.ts';
import type { LayoutDescription } from '../ring/layout-report.ts';
import { acceptorsMax } from '../ring/limits.ts';
import { clockFindings } from './clock-findings.ts';
import { askStates, type HostStates, known, movingOf, type StateOf } from './host-state.ts';
import { waitMsMin } from './limits.ts';
import { lateIn, spanText, waitingFindings } from './waiting-findings.ts';

type Name = (hostId: HostId) => string;

/** What the host that is asked knows by itself. */
export interface Facts {
  /** Since the newest layout was agreed, while it settles. */
  readonly settlesForMs: number;
  /** Hosts that the live layouts need though their time on the roster is over. */
  readonly overstaying: readonly { readonly hostId: HostId; readonly why: string }[];
}

const plural = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const moveText = (moving: ReturnType<typeof movingOf>): string =>
  moving
    ? `about ${plural(moving.rowsLeft, 'row')} and ${Math.ceil(moving.bytesLeft / MiB)} MiB have yet to move`
    : 'data moves to its new owners';

/** Of the layout, for how long it settles and for whom it waits, where that is long. */
const settlingText = (layout: LayoutDescription, { settlesForMs }: Facts, nameOf: Name): string => {
  const late = settlesForMs > waitMsMin ? lateIn(layout, nameOf) : undefined;
  return late === undefined
    ? ''
    : `; it settles for ${spanText(settlesForMs)} and waits for ${late}: start what is down, or remove it by force`;
};

/** Worst first: red is what has lost its quorum, then what is missing, then what is on its way. */
const findingsOf = (
  members: Members,
  layout: LayoutDescription,
  states: HostStates,
  facts: Facts,
): string[] => {
  const findings: string[] = [];
  const nameOf: Name = (hostId) => members.get(hostId)?.name ?? hostId;
  for (const member of members.list()) {
    if (member.state !== 'alive') findings.push(`Host ${member.name} is ${member.state}`);
    else if (states.get(member.hostId) === undefined)
      findings.push(`Host ${member.name} did not say how it is`);
  }
  if (layout.paused) findings.push(`The layout is paused by ${layout.paused.by}: no host joins or leaves it`);
  if (!layout.settled)
    findings.push(
      `Layout ${layout.newest} settles: ${moveText(movingOf(states))}${settlingText(layout, facts, nameOf)}`,
    );
  for (const { hostId, why } of facts.overstaying)
    findings.push(
      `The time of ${nameOf(hostId)} on the roster has run out, and it stays for now: ${why}. If it never leaves, ` +
        'give it up with "shoal host remove --force"',
    );
  for (const code of new Set(known(states).flatMap(({ codesCrowded = [] }) => codesCrowded)))
    findings.push(
      `There are too few hosts for ${code}: some hold several fragments of a stripe, and fewer hosts may go`,
    );
  findings.push(...clockFindings(states, nameOf), ...waitingFindings(states, nameOf));
  for (const [hostId, state] of states) {
    if (!state) continue;
    const name = nameOf(hostId);
    for (const text of state.directoriesRetired)
      findings.push(`A data directory of ${name} takes no more writes: ${text}`);
    if (state.chunksDamaged > 0) findings.push(`${plural(state.chunksDamaged, 'damaged chunk')} on ${name}`);
    if (state.chunksQueued > 0) findings.push(`${plural(state.chunksQueued, 'chunk')} to copy on ${name}`);
    if (state.rowsToHeal > 0) findings.push(`${plural(state.rowsToHeal, 'row')} to heal on ${name}`);
    if (state.hostsToCompare > 0)
      findings.push(`${name} has yet to compare its rows with ${plural(state.hostsToCompare, 'host')}`);
    if (!state.isWhole) findings.push(`${name} copies the rows that its disk has lost`);
    if (!state.isVoter) findings.push(`${name} recalls the votes on layouts that its disk has lost`);
    if (state.stampsRefused > 0)
      findings.push(
        `${name} refused ${plural(state.stampsRefused, 'write')} from its future: set the clocks of all hosts`,
      );
    if (state.layoutNewest !== layout.newest)
      findings.push(`${name} knows layout ${state.layoutNewest}, here it is ${layout.newest}`);
  }
  return findings;
};

/**
 * Owners of a partition are `replicas` different members: with that many minus a quorum gone, some row is stuck. So it
 * is with owners that lost their disks: each needs as many others as would be left.
 */
const mayHaveLostQuorum = (members: Members, layout: LayoutDescription, states: HostStates): boolean => {
  const gone = layout.members.filter(
    ({ hostId }) => !members.isReachable(hostId) || states.get(hostId)?.isWhole === false,
  ).length;
  const quorum = Math.floor(layout.replicas / 2) + 1;
  return gone > layout.replicas - quorum;
};

/** Of the voters on layouts so many may be gone or without their votes that the others can tell them (agent/ring/rebirth.ts). */
const lostVoters = (members: Members, layout: LayoutDescription, states: HostStates): string[] => {
  const voters = Math.min(layout.members.length, acceptorsMax);
  const reborn = layout.members.filter(({ hostId }) => states.get(hostId)?.isVoter === false).length;
  const gone = layout.members.filter(({ hostId }) => !members.isReachable(hostId)).length;
  return reborn > 0 && reborn + gone > Math.floor(voters / 2)
    ? [
        `The votes of ${plural(reborn, 'host')} are lost with the disk, ${gone} are gone: too few of ${voters} voters on ` +
          'layouts are left to recall them. Bring back those that are gone, or give lost hosts up with "shoal host remove --force"',
      ]
    : [];
};

export const healthOf = async (
  parts: StateOf,
  members: Members,
  layout: LayoutDescription,
  facts: Facts = { settlesForMs: 0, overstaying: [] },
): Promise<Health> => {
  const states = await askStates(parts, members);
  const findings = [...lostVoters(members, layout, states), ...findingsOf(members, layout, states, facts)];
  const all = members.list();
  const count = (state: string): number => all.filter((member) => member.state === state).length;
  return {
    status: mayHaveLostQuorum(members, layout, states) ? 'red' : findings.length > 0 ? 'yellow' : 'green',
    findings,
    hosts: { alive: count('alive'), suspect: count('suspect'), dead: count('dead'), total: all.length },
    layout: { newest: layout.newest, settled: layout.settled, paused: layout.paused !== null },
    repair: {
      queued: known(states).reduce((sum, state) => sum + state.chunksQueued + state.rowsToHeal, 0),
      damaged: known(states).reduce((sum, state) => sum + state.chunksDamaged, 0),
    },
  };
};
