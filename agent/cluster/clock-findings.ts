/**
 * Whose clock is wrong? Nobody knows the time, but most hosts have it: the middle of all clocks as they were told
 * within the last second or two. Rows stand a wrong clock (`table/rows.ts`), tokens and people do not.
 */
import type { HostId } from '../../proto/ids.ts';
import type { HostStates } from './host-state.ts';
import { clockDifferenceMsMax } from './limits.ts';

const secondsApart = (a: number, b: number): number => Math.round(Math.abs(a - b) / 1_000);

export const clockFindings = (states: HostStates, nameOf: (host: HostId) => string): string[] => {
  const clocks = [...states]
    .flatMap(([host, state]) => (state ? [{ host, wallMs: state.wallMs }] : []))
    .toSorted((a, b) => a.wallMs - b.wallMs);
  const middle = clocks[Math.floor((clocks.length - 1) / 2)];
  if (!middle) return [];
  return clocks.flatMap(({ host, wallMs }) => {
    const seconds = secondsApart(wallMs, middle.wallMs);
    if (seconds * 1_000 <= clockDifferenceMsMax) return [];
    if (clocks.length === 2)
      return [`The clocks of ${nameOf(middle.host)} and ${nameOf(host)} are ${seconds} s apart: set them`];
    const side = wallMs > middle.wallMs ? 'ahead of' : 'behind';
    return [`The clock of ${nameOf(host)} is ${seconds} s ${side} most others: set it`];
  });
};
