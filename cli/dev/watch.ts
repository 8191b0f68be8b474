/** How a rehearsal is doing, asked of whichever of its hosts answers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../proto/error.ts';
import { clusterRoutes, type Health, type Host } from '../../proto/rest/cluster.ts';
import { type Client, connect } from '../client.ts';
import { pidOf } from './agent-process.ts';
import type { Rehearsal } from './rehearsal.ts';

const pollMs = 250;
const healthyMaxMs = 120_000;

export interface HostStatus {
  readonly name: string;
  readonly hostId: string | null;
  readonly pid: number | null;
  readonly apiUrl: string;
  readonly s3Url: string | null;
  readonly dataDir: string;
  /** `alive` where the process runs and the cluster agrees; otherwise the cluster's word, or `dead`. */
  readonly state: string;
}

/** A client of the first host whose process runs and answers. */
const anyClient = async (rehearsal: Rehearsal): Promise<Client | undefined> => {
  for (const host of rehearsal.hosts) {
    if (pidOf(host) === null) continue;
    try {
      return await connect({ data: rehearsal.directory, cloud: host.name });
    } catch {
      // The next one may answer.
    }
  }
  return undefined;
};

const hostIdOf = (dataDir: string): string | null => {
  const file = join(dataDir, 'config.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { hostId: string }).hostId : null;
};

export const statusOf = async (rehearsal: Rehearsal): Promise<HostStatus[]> => {
  const client = await anyClient(rehearsal);
  const seen = await client?.call(clusterRoutes.listHosts).catch(() => undefined);
  const byId = new Map<string, Host>(seen?.hosts.map((host) => [host.hostId, host]));
  return rehearsal.hosts.map((host) => {
    const hostId = hostIdOf(host.dataDir);
    const pid = pidOf(host);
    const told = hostId === null ? undefined : byId.get(hostId);
    return {
      name: host.name,
      hostId,
      pid,
      apiUrl: host.apiUrl,
      s3Url: told?.s3Url ?? null,
      dataDir: host.dataDir,
      state: pid === null ? 'dead' : (told?.state ?? 'starting'),
    };
  });
};

export const healthOf = async (rehearsal: Rehearsal): Promise<Health | undefined> => {
  const client = await anyClient(rehearsal);
  return (await client?.call(clusterRoutes.showHealth).catch(() => undefined))?.health;
};

/** Resolves when every host is alive, in the layout, and everything is fully replicated. */
export const waitUntilHealthy = async (rehearsal: Rehearsal): Promise<Health> => {
  const end = Date.now() + healthyMaxMs;
  for (;;) {
    const client = await anyClient(rehearsal);
    const health = (await client?.call(clusterRoutes.showHealth).catch(() => undefined))?.health;
    const layout = (await client?.call(clusterRoutes.showLayout).catch(() => undefined))?.layout;
    if (
      health?.status === 'green' &&
      health.hosts.alive >= rehearsal.hosts.length &&
      (layout?.members.length ?? 0) >= rehearsal.hosts.length
    )
      return health;
    if (Date.now() > end)
      throw new ShoalError(
        'TIMEOUT',
        `Cannot wait longer for the cluster: after ${healthyMaxMs / 1000} s ${health?.findings[0] ?? 'no host answers'}`,
      );
    await sleep(pollMs);
  }
};
