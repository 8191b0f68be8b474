/** What makes a data directory a host of a cluster: done by short commands while no agent runs. */
import { join } from 'node:path';
import { openQemu } from '../compute/hypervisor/qemu.ts';
import { probeQemu } from '../compute/hypervisor/qemu-probe.ts';
import { createCluster, readClusterFile } from '../peer/cluster-file.ts';
import { openHostKey } from '../peer/host-key.ts';
import { joinCluster } from '../peer/join.ts';
import type { Runtime } from '../runtime/ports.ts';
import { writeCredentials } from './credentials.ts';
import {
  type HostConfig,
  type HostOptions,
  hasConfig,
  planConfig,
  portsOf,
  readConfig,
  writeConfig,
} from './host-config.ts';
import { profiles } from './profiles.ts';

export interface ClusterHost {
  readonly hostId: string;
  readonly name: string;
  readonly apiUrl: string;
}

type Listening = Pick<HostConfig, 'address' | 'port'>;

const urlOf = (config: Listening, listener: 'api' | 's3'): string => {
  const host = config.address.includes(':') ? `[${config.address}]` : config.address;
  return `http://${host}:${portsOf(config)[listener]}`;
};
export const apiUrlOf = (config: Listening): string => urlOf(config, 'api');
export const s3UrlOf = (config: Listening): string => urlOf(config, 's3');

const describe = (config: HostConfig): ClusterHost => ({
  hostId: config.hostId,
  name: config.name,
  apiUrl: apiUrlOf(config),
});

/** Throws CONFLICT when the directory belongs to a cluster, BAD_REQUEST on options that make no sense. */
export const initHost = async (
  world: { readonly runtime: Runtime },
  options: HostOptions,
  clusterName: string,
): Promise<{ readonly host: ClusterHost; readonly credentials: string }> => {
  const planned = planConfig(options);
  // An init that was killed half-way has its cluster but no config yet: it is finished, not refused.
  const begun = hasConfig(options.data) ? undefined : await readClusterFile(options.data);
  const { hostId } = begun
    ? await openHostKey(options.data)
    : await createCluster(world, { directory: options.data, name: clusterName, hostName: planned.name });
  const config = { ...planned, hostId };
  const credentials = await writeCredentials(options.data, apiUrlOf(config), config.region);
  await writeConfig(options.data, config);
  return { host: describe(config), credentials };
};

/** Twice with the same token and directory is once. Throws INVITE_REFUSED, UNREACHABLE, CONFLICT, BAD_REQUEST. */
export const joinHost = async (
  world: { readonly runtime: Runtime },
  token: string,
  options: HostOptions,
): Promise<ClusterHost> => {
  const planned = planConfig(options);
  const { hostId } = await joinCluster(world, token, {
    directory: options.data,
    hostName: planned.name,
    mdns: profiles[planned.profile].mdns,
  });
  const config = { ...planned, hostId };
  await writeConfig(options.data, config);
  return describe(config);
};

const machinesDirectory = (directory: string): string => join(directory, 'machines');

/** The graceful half of a rehearsal's end: machines outlive agents, but not the rehearsal that they belong to. */
const haltGraceMs = 0;

/** Ends what a stopped agent left running; their disks stay, and the next agent starts them again. */
export const haltMachines = async (
  world: { readonly runtime: Runtime },
  directory: string,
): Promise<void> => {
  readConfig(directory);
  const programs = await probeQemu('auto');
  if ('refusal' in programs) return;
  const qemu = openQemu({ ...world, programs }, { directory: machinesDirectory(directory) });
  try {
    for (const id of await qemu.list()) await qemu.turn(id, 'stopped', { graceMs: haltGraceMs });
  } finally {
    await qemu.close();
  }
};
