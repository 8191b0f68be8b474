/**
 * The roster as a set of signed entries, pure. A host is on it when a chain of entries leads to the founder:
 *
 *   founder ──signs itself in──> founder ──signs in──> host B ──signs in──> host C
 *
 * The set only grows, and `foldRoster` reads it in stamp order: an entry counts when its signer is in at that
 * moment. It is a function of the set alone, so hosts that have seen the same entries agree, whatever the order
 * they came in. Entries that do not count are dropped; they could never count again.
 *
 * A removed host could still sign entries with an old stamp. So a removal names the entries by that host that
 * its signer knew (`keeps`); any other by it stops to count, whatever its stamp says. The price: a host that was
 * let in by the removed one and of whom the remover had not heard must be invited again.
 *
 * Rejected: last-writer-wins per host alone (the chain behind a newer entry gets lost), a vote per change (an
 * operator with one live host could add none).
 */
import { createHash } from 'node:crypto';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import type { RosterEntry } from '../../proto/message/peer.ts';
import { verifySignature } from './host-key.ts';

export interface RosterMember {
  readonly hostId: HostId;
  readonly name: string;
  readonly addedAtMs: number;
  readonly addedBy: HostId;
}

export interface Folded {
  readonly members: ReadonlyMap<HostId, RosterMember>;
  /** By id, in stamp order. */
  readonly counted: ReadonlyMap<string, RosterEntry>;
}

/** What is signed. The cluster is part of it: an entry of one cluster means nothing in another. */
export const rosterEntryBytes = (clusterId: ClusterId, entry: Omit<RosterEntry, 'signature'>): Uint8Array =>
  Buffer.from(
    `shoal roster entry\n${JSON.stringify([
      clusterId,
      entry.hostId,
      entry.name,
      entry.state,
      entry.stamp.wallMs,
      entry.stamp.count,
      entry.stamp.host,
      entry.keeps,
    ])}`,
  );

export const entryId = (entry: RosterEntry): string =>
  createHash('sha256').update(entry.signature).digest().subarray(0, 16).toString('base64url');

export const verifyEntry = (clusterId: ClusterId, entry: RosterEntry): boolean =>
  verifySignature(
    entry.stamp.host as HostId,
    rosterEntryBytes(clusterId, entry),
    Buffer.from(entry.signature, 'base64url'),
  );

/** Stamp order; of two at the same instant the removal comes later and so wins. */
const compareEntries = (a: RosterEntry, b: RosterEntry): number =>
  a.stamp.wallMs - b.stamp.wallMs ||
  a.stamp.count - b.stamp.count ||
  Number(a.state === 'removed') - Number(b.state === 'removed') ||
  (a.signature < b.signature ? -1 : a.signature > b.signature ? 1 : 0);

/** All entries have a good signature already. */
export const foldRoster = (founder: HostId, entries: Iterable<RosterEntry>): Folded => {
  const sorted = [...entries].sort(compareEntries).map((entry) => ({ id: entryId(entry), entry }));
  const disowned = new Set<string>();
  // Each round disowns at least one more entry, so there are at most as many rounds as entries.
  for (;;) {
    const members = new Map<HostId, RosterMember>();
    const counted = new Map<string, RosterEntry>();
    let again = false;
    for (const { id, entry } of sorted) {
      const hostId = entry.hostId as HostId;
      const signer = entry.stamp.host as HostId;
      const isGenesis = hostId === founder && signer === founder && counted.size === 0;
      if (disowned.has(id) || counted.has(id) || !(isGenesis || members.has(signer))) continue;
      counted.set(id, entry);
      if (entry.state === 'in') {
        members.set(hostId, {
          hostId,
          name: entry.name,
          addedAtMs: entry.stamp.wallMs,
          addedBy: signer,
        });
        continue;
      }
      members.delete(hostId);
      const keeps = new Set([...entry.keeps, id]);
      for (const [otherId, other] of counted)
        if (other.stamp.host === hostId && !keeps.has(otherId)) {
          disowned.add(otherId);
          again = true;
        }
      if (again) break;
    }
    if (!again) return { members, counted };
  }
};

/** Equal digests: the same roster. Short, for it travels with every hello. */
export const rosterDigest = (folded: Folded): string =>
  createHash('sha256')
    .update([...folded.counted.keys()].sort().join())
    .digest('base64url')
    .slice(0, 22);
