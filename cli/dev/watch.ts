/** How a rehearsal is doing, asked of whichever of its hosts answers. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ShoalError } from '../../proto/error.ts';
import type { Host } from '../../proto/rest/cluster/host.ts';
import type { Health } from '../../proto/rest/cluster/upkeep.ts';
import { clusterRoutes } from '../../proto/rest/cluster.ts';
import { type Client, connect } from '../client.ts';
import { pidOf } from './agent-process.ts';
import type { Rehearsal } from './rehearsal.ts';

const pollMs = 250;
const healthyMaxMs = 300_000;

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

let known: Client | undefined;

/**
 * Asks the host that answered last, else the first whose process runs and answers; undefined when none does. One
 * login serves many questions: a rehearsal is looked at every second, and each login is an event in its journal.
 */
const ask = async <Answer>(
  rehearsal: Rehearsal,
  question: (client: Client) => Promise<Answer>,
): Promise<Answer | undefined> => {
  try {
    if (known) return await question(known);
  } catch {
    known = undefined;
  }
  for (const host of rehearsal.hosts) {
    if (pidOf(host) === null) continue;
    try {
      const client = await connect({ data: rehearsal.directory, cloud: host.name });
      const answer = await question(client);
      known = client;
      return answer;
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
  const seen = await ask(rehearsal, (client) => client.call(clusterRoutes.listHosts));
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

export const healthOf = async (rehearsal: Rehearsal): Promise<Health | undefined> =>
  (await ask(rehearsal, (client) => client.call(clusterRoutes.showHealth)))?.health;

/** Resolves when every host is alive, in the layout, and everything is fully replicated. */
export const waitUntilHealthy = async (rehearsal: Rehearsal): Promise<void> => {
  const wanted = rehearsal.hosts.length;
  const end = Date.now() + healthyMaxMs;
  for (;;) {
    const found = await ask(rehearsal, async (client) => ({
      ...(await client.call(clusterRoutes.showHealth)),
      ...(await client.call(clusterRoutes.showLayout)),
    }));
    if (
      found?.health.status === 'green' &&
      found.health.hosts.alive >= wanted &&
      found.layout.members.length >= wanted
    )
      return;
    if (Date.now() > end)
      throw new ShoalError(
        'TIMEOUT',
        `Cannot wait longer for the cluster: after ${healthyMaxMs / 1000} s ${found ? (found.health.findings[0] ?? 'a host is missing from the layout') : 'no host answers'}`,
      );
    await sleep(pollMs);
  }
};
