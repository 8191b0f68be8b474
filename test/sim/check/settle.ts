/**
 * What a change of the layout rests on, watched at all hosts at once: each step of a host needs steps of others, and must not
 * be taken before they have been. What a host says counts for nothing here, only what it has done.
 *
 *   knows (and refuses older ones) --> copying --> copied --> reads from it alone --> drops what came before
 */
import type { OwnRing } from '../../../agent/ring/open-ring.ts';
import type { Syncer } from '../../../agent/ring/port.ts';
import type { HostId } from '../../../proto/ids.ts';

export interface SettleWatch {
  /** Each time that the live versions of the host change, and when it starts. */
  look(ring: OwnRing): void;
  /** The syncer of that host, watched. */
  syncer(ring: OwnRing, syncer: Syncer): Syncer;
}

/** The newest version of each host that has come so far. */
type Reached = Map<HostId, number>;
const raise = (reached: Reached, host: HostId, version: number): void =>
  void reached.set(host, Math.max(version, reached.get(host) ?? 0));

/**
 * Called when a copy begins; what it gives is called when the copy has ended, and tells what should be there by then and is not.
 */
export type CopyWatch = (ring: OwnRing, syncer: string, version: number) => () => string | undefined;

/** @param fail is told what is wrong: where it shows the agent would log it and limp on */
export const settleWatch = (
  fail: (bug: Error) => void,
  copying: CopyWatch = () => () => undefined,
): SettleWatch => {
  const members = new Map<number, readonly HostId[]>();
  const known: Reached = new Map();
  const reading: Reached = new Map();
  /** Those of the present life of their disk. */
  const knownNow: Reached = new Map();
  const readingNow: Reached = new Map();
  const syncers = new Map<HostId, Map<string, number>>();

  const broken = (what: string): void => fail(new Error(what));
  const copied = (host: HostId): number => Math.min(...(syncers.get(host)?.values() ?? [0]));
  /** Of the version's members, those for whom that is not so. */
  const lacking = (version: number, has: (host: HostId) => boolean): string =>
    (members.get(version) ?? [])
      .filter((host) => !has(host))
      .map((host) => host.slice(-2))
      .join(', ');

  const checkCopy = (ring: OwnRing, version: number): void => {
    for (let partition = 0; partition < ring.partitionCount; partition++) {
      const sets = ring.ownerSets(partition);
      if (!sets.some((set) => set.layoutVersion === version && set.owners.includes(ring.self))) continue;
      for (const { layoutVersion, owners } of sets) {
        const fenced = owners.filter((host) => (known.get(host) ?? 0) >= version);
        if (layoutVersion < version && fenced.length < Math.floor(owners.length / 2) + 1)
          broken(
            `${ring.self} copies partition ${partition} for version ${version}, and of the owners of ${layoutVersion} only ` +
              `${fenced.length} of ${owners.length} refuse who does not know it`,
          );
      }
    }
  };

  return {
    look(ring) {
      const { self, newest, oldest } = ring;
      if (newest === 0) {
        knownNow.delete(self);
        readingNow.delete(self);
        return;
      }
      members.set(
        newest,
        ring.describe().members.map(({ hostId }) => hostId),
      );
      const forgotten = knownNow.get(self) ?? 0;
      if (newest < forgotten) broken(`${self} knows version ${newest}, and knew ${forgotten} before`);
      raise(known, self, newest);
      raise(knownNow, self, newest);
      const read = ring.ownerSets(0).find(({ complete }) => complete)?.layoutVersion;
      if (read !== undefined) {
        const late = read > 1 ? lacking(read, (host) => copied(host) >= read) : '';
        if (late) broken(`${self} reads from version ${read} alone, and ${late} had not copied it`);
        const before = readingNow.get(self) ?? 0;
        if (read < before) broken(`${self} reads from version ${read} alone, and did from ${before} before`);
        raise(reading, self, read);
        raise(readingNow, self, read);
      }
      const behind = oldest > 1 ? lacking(oldest, (host) => (reading.get(host) ?? 0) >= oldest) : '';
      if (behind)
        broken(`${self} dropped what came before version ${oldest}, and ${behind} did not read from it yet`);
    },
    syncer(ring, syncer) {
      const own = syncers.get(ring.self) ?? new Map<string, number>();
      syncers.set(ring.self, own);
      own.set(syncer.name, own.get(syncer.name) ?? 0);
      return {
        ...syncer,
        async sync(version, signal) {
          checkCopy(ring, version);
          const lackingNow = copying(ring, syncer.name, version);
          await syncer.sync(version, signal);
          const wrong = lackingNow();
          if (wrong)
            broken(`${ring.self} says that it has its share of version ${version}, and lacks ${wrong}`);
          own.set(syncer.name, Math.max(version, own.get(syncer.name) ?? 0));
        },
      };
    },
  };
};
