/** Short names for hosts, ballots and values in register tests. */
import type { Ballot } from '../../agent/register/ballot.ts';
import type { Accepted, Value } from '../../agent/register/message.ts';
import type { QuorumSet } from '../../agent/register/quorum.ts';
import type { HostId } from '../../proto/ids.ts';

export const host = (name: string): HostId => name as HostId;
export const ballot = (round: number, name: string): Ballot => ({ round, host: host(name), run: 1 });
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Value): string | null =>
  value === null ? null : new TextDecoder().decode(value);
export const accepted = (at: Ballot, value: string | null, lineage: readonly number[] = []): Accepted => ({
  ballot: at,
  value: value === null ? null : bytes(value),
  lineage,
});
/** A majority of single-letter hosts: `majority('abc')`. */
export const majority = (names: string): QuorumSet => ({
  owners: [...names].map(host),
  quorum: Math.floor(names.length / 2) + 1,
});
