/** What the disks of a cluster keep of a chunk: whole copies, or the fragments of its stripe. */
import { chunkIdOf } from '../../../agent/chunk/chunk-name.ts';
import { openFragment } from '../../../agent/chunk/stripe/fragment.ts';
import { codeOf, fragmentName, parseFragmentName } from '../../../agent/chunk/stripe/name.ts';
import { stripeRing } from '../../../agent/chunk/stripe/place.ts';
import type { Ring } from '../../../agent/ring/port.ts';
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import { fragmentCount } from '../../../proto/policy.ts';
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

/** What the host should hold of it under one version. */
export const dueIn = (ring: Ring, id: ChunkId, version: number, host: HostId): ChunkId[] => {
  const code = codeOf(id)?.code;
  const wide = code ? stripeRing(ring) : ring;
  const partition = wide.partitionOf(id);
  if (!code) {
    const owners = wide.ownerSets(partition).find(({ layoutVersion }) => layoutVersion === version)?.owners;
    return owners?.includes(host) ? [id] : [];
  }
  const owners =
    wide.wideOwners(partition, fragmentCount(code)).find(({ layoutVersion }) => layoutVersion === version)
      ?.owners ?? [];
  const place = owners.indexOf(host);
  return Array.from({ length: fragmentCount(code) }, (_, index) => index)
    .filter((index) => place >= 0 && index % owners.length === place)
    .map((index) => fragmentName(id, index));
};

/**
 * Would it outlive the loss of a host? The owners that have their shares, whole and on disk, are a majority; of a stripe whatever one of
 * them is lost leaves enough fragments, or there are no more owners. Only where one layout is all there is. One that
 * was taken off the roster may have been among them, and nobody looks there any more. Counted anew, not as the agent does.
 */
export const isDurable = (ring: Ring, id: ChunkId, diskOf: (host: HostId) => Disk | undefined): boolean => {
  const shares = sharesOf(ring, id);
  const holders = shares.filter(([host, names]) => {
    const disk = diskOf(host);
    return !disk || names.every((name) => hasGood(disk, name));
  });
  const code = codeOf(id)?.code;
  if (!code) return holders.length > shares.length / 2;
  const fragments = holders.reduce((sum, [, { length }]) => sum + length, 0);
  return (
    holders.length === shares.length || holders.every(([, { length }]) => fragments - length >= code.data)
  );
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
