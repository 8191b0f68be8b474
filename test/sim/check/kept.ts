/** What the disks of a cluster keep of a chunk: whole copies, or the fragments of its stripe. */
import { chunkIdOf } from '../../../agent/chunk/chunk-name.ts';
import { openFragment } from '../../../agent/chunk/stripe/fragment.ts';
import { codeOf, fragmentName, parseFragmentName } from '../../../agent/chunk/stripe/name.ts';
import { stripeRing } from '../../../agent/chunk/stripe/place.ts';
import type { Ring } from '../../../agent/ring/port.ts';
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import { chunkFile, chunksOn, fragmentFile, fragmentsOn } from '../data-directory.ts';
import type { Disk } from '../disk.ts';

const isFragment = (name: ChunkId): boolean => name.includes('.');
export const fileOf = (name: ChunkId): string => (isFragment(name) ? fragmentFile(name) : chunkFile(name));

export const hasGood = (disk: Disk, name: ChunkId): boolean => {
  const bytes = disk.durable(fileOf(name));
  if (!bytes) return false;
  return isFragment(name) ? openFragment(name, bytes) !== undefined : chunkIdOf(bytes) === name;
};

/** Damaged or not: damage shows when the copy is read or scrubbed. */
export const hasAny = (disk: Disk, name: ChunkId): boolean => disk.durable(fileOf(name)) !== undefined;

/** Copies and fragments with a file on this disk. */
export const keptOn = (disk: Disk): ChunkId[] => {
  const names = disk.names();
  return [...chunksOn(names), ...fragmentsOn(names)];
};

/** The chunk or stripe that a file is of. */
export const idOf = (name: ChunkId): ChunkId => (isFragment(name) ? parseFragmentName(name).stripe : name);

/** What each host should hold of it. */
export const sharesOf = (ring: Ring, id: ChunkId): [HostId, ChunkId[]][] => {
  if (!codeOf(id)) return ring.owners(ring.partitionOf(id)).map((host) => [host, [id]]);
  const wide = stripeRing(ring);
  return wide
    .owners(wide.partitionOf(id))
    .map((host) => [host, wide.dueOf(id, host).map((index) => fragmentName(id, index))]);
};

/**
 * Do so many owners as make it durable have their shares, whole and on disk? Only where one layout is all there is. One that
 * was taken off the roster may have been among them, and nobody looks there any more.
 */
export const isDurable = (ring: Ring, id: ChunkId, diskOf: (host: HostId) => Disk | undefined): boolean => {
  const owned = codeOf(id) ? stripeRing(ring) : ring;
  const [set] = owned.ownerSets(owned.partitionOf(id));
  if (!set) return false;
  const shares = new Map(sharesOf(ring, id));
  const holders = set.owners.filter((host) => {
    const disk = diskOf(host);
    return !disk || shares.get(host)?.every((name) => hasGood(disk, name));
  });
  return holders.length >= set.quorum;
};

/** Could it be read from these disks alone? */
export const isReadable = (disks: readonly Disk[], id: ChunkId): boolean => {
  const code = codeOf(id)?.code;
  if (!code) return disks.some((disk) => hasGood(disk, id));
  const indexes = Array.from({ length: code.data + code.parity }, (_, index) => index);
  return (
    indexes.filter((index) => disks.some((disk) => hasGood(disk, fragmentName(id, index)))).length >=
    code.data
  );
};
