/** What this host has to give away, and what of it is given: for claims and for the vitals that others place by. */
import { statfsSync } from 'node:fs';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { GiB, MiB } from '../../proto/units.ts';
import type { Vitals } from '../membership/port.ts';
import type { Claims, Room } from './claims.ts';

export interface RoomSettings {
  /** Virtual CPUs per real one: most machines idle. Default 4. */
  readonly vcpuRatio?: number;
  /** Machine memory per real memory, after the reserve. Above 1 the host may swap. Default 1. */
  readonly memoryRatio?: number;
  /** Memory for the agent and the system. Default 1024. */
  readonly reservedMemoryMiB?: number;
  /** Disk promised per real disk: layers grow only as they are written. Default 1. */
  readonly diskRatio?: number;
}

export const measureRoom = (directory: string, settings: RoomSettings): Room => {
  const { bsize, blocks } = statfsSync(directory);
  const memoryMiB = Math.max(0, totalmem() / MiB - (settings.reservedMemoryMiB ?? 1024));
  return {
    vcpus: Math.floor(availableParallelism() * (settings.vcpuRatio ?? 4)),
    memoryMiB: Math.floor(memoryMiB * (settings.memoryRatio ?? 1)),
    diskGiB: Math.floor(((bsize * blocks) / GiB) * (settings.diskRatio ?? 1)),
  };
};

export type ComputeVitals = Omit<Vitals, 'atMs' | 'storageUsedBytes' | 'storageFreeBytes'>;

/** A host that cannot run machines has no room either. */
export const vitalsOf = (
  claims: Claims,
  capacity: Room,
  host: { readonly name: string } | { readonly refusal: string },
): ComputeVitals => {
  const claimed = claims.total();
  const isAble = 'name' in host;
  return {
    vcpusTotal: isAble ? capacity.vcpus : 0,
    vcpusClaimed: claimed.vcpus,
    memoryTotalMiB: isAble ? capacity.memoryMiB : 0,
    memoryClaimedMiB: claimed.memoryMiB,
    diskTotalGiB: isAble ? capacity.diskGiB : 0,
    diskClaimedGiB: claimed.diskGiB,
    machines: claims.list().length,
    load: loadavg()[0] ?? 0,
    hypervisors: isAble ? [host.name] : [],
    computeRefusal: isAble ? null : host.refusal,
  };
};
