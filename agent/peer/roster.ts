/**
 * The hosts allowed in, kept in `roster.json` of the data directory. One writer: changes queue up, each is on
 * disk before it is seen in memory, so no host is let in or shut out that a crash could forget.
 * What may be on it and why: `roster-set.ts`.
 */
import { join } from 'node:path';
import { ShoalError } from '../../proto/error.ts';
import type { ClusterId, HostId } from '../../proto/ids.ts';
import { RosterEntries, type RosterEntry } from '../../proto/message/peer.ts';
import { nextStamp, type Stamp } from '../../proto/stamp.ts';
import { readFileIfExists, writeFileAtomic } from '../base/atomic-file.ts';
import { serial } from '../base/serial.ts';
import type { Runtime } from '../runtime/ports.ts';
import { checker } from './check.ts';
import type { HostKey } from './host-key.ts';
import { rosterEntriesMax, stampAheadMsMax } from './limits.ts';
import {
  entryId,
  type Folded,
  foldRoster,
  type RosterMember,
  rosterDigest,
  rosterEntryBytes,
  verifyEntry,
} from './roster-set.ts';

export type { RosterMember } from './roster-set.ts';

export interface Roster {
  readonly clusterId: ClusterId;
  has(hostId: HostId): boolean;
  list(): readonly RosterMember[];
  /** All that a host needs to come to the same roster. */
  entries(): readonly RosterEntry[];
  /** Equal on two hosts when their rosters are. */
  digest(): string;
  /** Signed by this host. A no-op when it is in already. Throws FORBIDDEN when this host is not on the roster. */
  add(hostId: HostId, name: string): Promise<void>;
  /** A no-op when it is not in. Its connections are closed and what it signs from now on does not count. */
  remove(hostId: HostId): Promise<void>;
  /** Entries from a peer: checked, verified, united with ours. Resolves with those that were new. Throws BAD_REQUEST. */
  merge(entries: unknown): Promise<readonly RosterEntry[]>;
  /** After each change, with the entries that are new. Returns its own cancellation. */
  onChange(listener: (fresh: readonly RosterEntry[]) => void): () => void;
}

const checkEntries = checker('roster', RosterEntries);
const waitersMax = 1_000;

export const openRoster = async (
  world: { readonly runtime: Pick<Runtime, 'clock' | 'log'>; readonly key: HostKey },
  settings: { readonly directory: string; readonly clusterId: ClusterId; readonly founder: HostId },
): Promise<Roster> => {
  const { clock, log } = world.runtime;
  const { clusterId, founder } = settings;
  const path = join(settings.directory, 'roster.json');
  const changes = serial('roster', waitersMax);
  const listeners = new Set<(fresh: readonly RosterEntry[]) => void>();

  const load = async (): Promise<Folded> => {
    const stored = await readFileIfExists(path);
    if (!stored) return foldRoster(founder, []);
    try {
      const entries = checkEntries(JSON.parse(Buffer.from(stored).toString()));
      return foldRoster(
        founder,
        entries.filter((entry) => verifyEntry(clusterId, entry)),
      );
    } catch (cause) {
      throw new ShoalError(
        'DAMAGED',
        `Cannot read roster ${JSON.stringify(path)}: copy it from another host`,
        {
          cause,
        },
      );
    }
  };

  let folded = await load();
  let digest = rosterDigest(folded);

  /** Inside `changes`. */
  const unite = async (more: readonly RosterEntry[]): Promise<readonly RosterEntry[]> => {
    const next = foldRoster(founder, [...folded.counted.values(), ...more]);
    if (next.counted.size > rosterEntriesMax)
      throw new ShoalError(
        'BUSY',
        `Cannot keep ${next.counted.size} roster entries: ${rosterEntriesMax} at most`,
      );
    const fresh = [...next.counted].filter(([id]) => !folded.counted.has(id)).map(([, entry]) => entry);
    const nextDigest = rosterDigest(next);
    if (nextDigest === digest) return [];
    await writeFileAtomic(path, JSON.stringify([...next.counted.values()]));
    const before = folded;
    folded = next;
    digest = nextDigest;
    for (const member of next.members.values())
      if (!before.members.has(member.hostId))
        log.info('host on the roster', { host: member.hostId, name: member.name, by: member.addedBy });
    for (const member of before.members.values())
      if (!next.members.has(member.hostId))
        log.warn('host off the roster', { host: member.hostId, name: member.name });
    for (const listener of listeners) listener(fresh);
    return fresh;
  };

  const signEntry = (entry: Omit<RosterEntry, 'signature' | 'stamp'>): RosterEntry => {
    const seen = [...folded.counted.values()].map((other) => other.stamp as Stamp);
    const unsigned = { ...entry, stamp: nextStamp(world.key.hostId, clock.wallMs(), ...seen) };
    const signature = world.key.sign(rosterEntryBytes(clusterId, unsigned));
    return { ...unsigned, signature: Buffer.from(signature).toString('base64url') };
  };

  const change = async (hostId: HostId, name: string, state: RosterEntry['state']): Promise<void> =>
    changes.run(async () => {
      if (folded.members.has(hostId) === (state === 'in')) return;
      const isGenesis = folded.counted.size === 0 && hostId === founder && founder === world.key.hostId;
      if (!folded.members.has(world.key.hostId) && !isGenesis)
        throw new ShoalError('FORBIDDEN', 'Cannot change the roster: this host is not on it itself');
      const keeps =
        state === 'in'
          ? []
          : [...folded.counted].filter(([, entry]) => entry.stamp.host === hostId).map(([id]) => id);
      await unite([signEntry({ hostId, name, state, keeps })]);
    });

  return {
    clusterId,
    has: (hostId) => folded.members.has(hostId),
    list: () => [...folded.members.values()],
    entries: () => [...folded.counted.values()],
    digest: () => digest,
    add: (hostId, name) => change(hostId, name, 'in'),
    remove: (hostId) => change(hostId, folded.members.get(hostId)?.name ?? 'unknown', 'removed'),
    async merge(value) {
      const latestMs = clock.wallMs() + stampAheadMsMax;
      const news = checkEntries(value).filter((entry) => !folded.counted.has(entryId(entry)));
      const good = news.filter((entry) => entry.stamp.wallMs <= latestMs && verifyEntry(clusterId, entry));
      if (good.length < news.length)
        log.warn('roster entries refused: bad signature or a time far ahead', {
          count: news.length - good.length,
        });
      return good.length === 0 ? [] : changes.run(() => unite(good));
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
