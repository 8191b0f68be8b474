/**
 * The rows of compute.
 *
 *   server           registers  pk project           sk server id   the API's record: what is wanted and what is so
 *   server-boot      rows       pk server id         sk "boot"      user data and password: large, read once
 *   server-index     rows       pk first 2 digits    sk server id   which project: for admins, over all projects
 *   server-by-host   rows       pk host              sk server id   which project: what a host that lost its disk had
 *   flavor           registers  pk "flavor"          sk flavor id
 *   flavor-name      registers  pk "flavor"          sk name        which id: names are unique
 *   key-pair         registers  pk user              sk name
 *
 * Reservations of room are no rows: each host keeps its own in its local store (`claims.ts`).
 */
import type { Registers, Rows, Tables } from '../table/port.ts';

export interface Flavor {
  readonly id: string;
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly diskGiB: number;
  readonly ephemeralGiB: number;
  readonly swapMiB: number;
  readonly isPublic: boolean;
  readonly description: string | null;
  readonly extraSpecs: Readonly<Record<string, string>>;
}

export interface KeyPair {
  readonly name: string;
  readonly type: 'ssh';
  readonly publicKey: string;
  /** MD5 of the key's blob, as `aa:bb:…`. */
  readonly fingerprint: string;
  readonly createdAtMs: number;
}

/** Nova's vm_state, as far as it occurs here. */
export type VmState = 'building' | 'active' | 'stopped' | 'paused' | 'error';

/** Nova's task_state: what the keeper is about to do. Null: nothing, other requests may come. */
export type TaskState =
  | 'scheduling'
  | 'spawning'
  | 'powering-off'
  | 'powering-on'
  | 'rebooting'
  | 'rebooting_hard'
  | 'pausing'
  | 'unpausing'
  | 'deleting';

export interface Fault {
  readonly code: number;
  readonly message: string;
  readonly createdAtMs: number;
}

export interface Server {
  readonly id: string;
  readonly projectId: string;
  readonly userId: string;
  readonly name: string;
  /** The name as a host name may be; the guest gets it. */
  readonly hostName: string;
  /** Place among the servers of one request, from 0. */
  readonly launchIndex: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly launchedAtMs: number | null;
  readonly image: { readonly id: string; readonly name: string | null };
  /** As it was: a flavor that is deleted later does not change its servers. */
  readonly flavor: Flavor;
  readonly key: { readonly name: string; readonly publicKey: string } | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly diskConfig: 'AUTO' | 'MANUAL';
  readonly accessIPv4: string;
  readonly accessIPv6: string;
  /** Null: no network was wanted. */
  readonly macAddress: string | null;
  /** Zone that was asked for. */
  readonly availabilityZone: string | null;
  /** The one that runs it; null before placement and after a build that failed. */
  readonly host: string | null;
  /** Grows with each host it is given to; the keeper of an older epoch lets go. */
  readonly epoch: number;
  readonly wanted: 'running' | 'stopped' | 'paused' | 'deleted';
  readonly vmState: VmState;
  readonly taskState: TaskState | null;
  readonly fault: Fault | null;
}

export interface ServerBoot {
  /** Base64, as it came. */
  readonly userData: string | null;
  readonly adminPassword: string;
}

export interface ServerRef {
  readonly projectId: string;
}

export interface Records {
  readonly servers: Registers<Server>;
  readonly boots: Rows<ServerBoot>;
  readonly index: Rows<ServerRef>;
  readonly byHost: Rows<ServerRef>;
  readonly flavors: Registers<Flavor>;
  readonly flavorNames: Registers<{ readonly id: string }>;
  readonly keyPairs: Registers<KeyPair>;
}

export const flavorPartition = 'flavor';
export const bootKey = 'boot';
/** 256 partitions: so many creates in a second do not meet on one. */
export const indexPartition = (serverId: string): string => serverId.slice(0, 2);
export const indexPartitions: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, '0'),
);

export const openRecords = (tables: Tables): Records => ({
  servers: tables.registers({ name: 'server' }),
  boots: tables.rows({ name: 'server-boot' }),
  index: tables.rows({ name: 'server-index' }),
  byHost: tables.rows({ name: 'server-by-host' }),
  flavors: tables.registers({ name: 'flavor' }),
  flavorNames: tables.registers({ name: 'flavor-name' }),
  keyPairs: tables.registers({ name: 'key-pair' }),
});
