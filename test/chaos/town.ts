/** The cluster under test: made of one host, grown by invites, hosts replaced for good; and how it says it is. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Layout } from '../../proto/rest/cluster/layout.ts';
import type { Health } from '../../proto/rest/cluster/upkeep.ts';
import { type CloudUser, openUser } from './client.ts';
import { type ChaosHost, makeHost } from './host.ts';
import type { TestNetwork } from './network.ts';

export interface Town {
  /** Those that belong to the cluster, whether they run or not. */
  readonly hosts: readonly ChaosHost[];
  readonly user: CloudUser;
  /** Invites and starts a new one. */
  grow(): Promise<ChaosHost>;
  /** Killed and never seen again; the operator takes it off the roster. */
  lose(host: ChaosHost): Promise<void>;
  /** Taken off the roster while it runs and users call it; killed a moment later. False: it may not go now. */
  expel(host: ChaosHost): Promise<boolean>;
  /** All hosts know the same layout, and it has settled. */
  isSettled(): Promise<boolean>;
  /** Its share goes to the others, or comes back; resolves when the wish is known, not when anything has moved. */
  drain(host: ChaosHost, isDrained: boolean): Promise<void>;
  /** Why it is not all green and fully replicated, as every host sees it; undefined when it is. */
  trouble(): Promise<string | undefined>;
  /** Resolves with the ms that it took; throws with the trouble that is left. */
  untilHealthy(withinMs: number): Promise<number>;
  close(): Promise<void>;
}

export interface TownSettings {
  readonly directory: string;
  readonly hosts: number;
  readonly capacityBytes: number;
  /** Host 2 gets a disk of its own of this size. */
  readonly diskBytes: number | undefined;
}

const readyMsMax = 90_000;
const askMsMax = 5_000;
const attemptsMax = 10;
/** Of a host that was removed: long enough to meet its users, shorter than the 5 s within which all others must drop it. */
const lastBreathMs = 2_000;

export const openTown = async (
  network: TestNetwork,
  settings: TownSettings,
  ended: (host: ChaosHost, how: string) => void,
): Promise<Town> => {
  const hosts: ChaosHost[] = [];
  const gone: ChaosHost[] = [];
  let nextIndex = 1;
  let user: CloudUser;

  const make = async (): Promise<ChaosHost> => {
    const index = nextIndex++;
    const place = await network.addHost(index);
    const hasDisk = index === 2 && settings.diskBytes !== undefined;
    return makeHost(
      {
        ...{ index, place, directory: settings.directory, capacityBytes: settings.capacityBytes },
        ...(hasDisk && settings.diskBytes !== undefined ? { diskBytes: settings.diskBytes } : {}),
      },
      ended,
    );
  };

  const untilReady = async (host: ChaosHost): Promise<void> => {
    const end = performance.now() + readyMsMax;
    for (;;) {
      const ready = await fetch(`${host.apiUrl}/cluster/v1/ping`, { signal: AbortSignal.timeout(askMsMax) })
        .then((answer) => answer.json() as Promise<{ ready: boolean }>)
        .then(
          (answer) => answer.ready,
          () => false,
        );
      if (ready) return;
      if (performance.now() > end) throw new Error(`${host.name} is not ready after ${readyMsMax / 1_000} s`);
      await sleep(100);
    }
  };

  /** Asks one host after the other until one does it. */
  const anyone = async (
    what: string,
    method: string,
    path: string,
    wanted: readonly number[],
    body?: object,
    not?: ChaosHost,
  ) => {
    let last = '';
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      for (const host of hosts.filter((one) => one !== not && one.isUp && !one.isPaused)) {
        const answer = await user.call(host, method, path, {
          ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
        });
        if (wanted.includes(answer.status)) return answer;
        last = `${host.name}: ${answer.status} ${answer.error || answer.body.toString().slice(0, 200)}`;
      }
      await sleep(1_000);
    }
    throw new Error(`Cannot ${what}: ${last}`);
  };

  const grow = async (): Promise<ChaosHost> => {
    const host = await make();
    const invite = async (): Promise<string> => {
      const answer = await anyone('invite', 'POST', '/cluster/v1/invites', [201], { expiresInSeconds: 300 });
      return (JSON.parse(answer.body.toString()) as { invite: { token: string } }).invite.token;
    };
    let last: unknown;
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      try {
        await host.join(await invite());
        host.start();
        hosts.push(host);
        return host;
      } catch (thrown) {
        last = thrown;
        await sleep(1_000);
      }
    }
    throw new Error(`Cannot join ${host.name}: ${String(last)}`);
  };

  const troubleAt = async (host: ChaosHost): Promise<string | undefined> => {
    if (!host.isUp || host.isPaused) return `${host.name} does not run`;
    const [told, laid] = await Promise.all(
      ['/cluster/v1/health', '/cluster/v1/layout'].map((path) =>
        user.call(host, 'GET', path, { timeoutMs: askMsMax }),
      ),
    );
    if (told?.status !== 200 || laid?.status !== 200)
      return `${host.name} does not say how it is: ${told?.status} ${told?.error}`;
    const { health } = JSON.parse(told.body.toString()) as { health: Health };
    const { layout } = JSON.parse(laid.body.toString()) as { layout: Layout };
    if (health.status !== 'green') return `${host.name} is ${health.status}: ${health.findings.join('; ')}`;
    if (health.hosts.alive !== hosts.length) return `${host.name} sees ${health.hosts.alive} hosts alive`;
    if (layout.members.length !== hosts.length || !layout.settled)
      return `${host.name} has a layout of ${layout.members.length} hosts${layout.settled ? '' : ', not settled'}`;
    if (layout.replicas !== Math.min(3, hosts.length)) return `${host.name} has ${layout.replicas} replicas`;
    return undefined;
  };
  const layoutAt = async (host: ChaosHost): Promise<Layout | undefined> => {
    const answer = await user.call(host, 'GET', '/cluster/v1/layout', { timeoutMs: askMsMax });
    return answer.status === 200
      ? (JSON.parse(answer.body.toString()) as { layout: Layout }).layout
      : undefined;
  };
  const isSettled = async (): Promise<boolean> => {
    const layouts = await Promise.all(hosts.map(layoutAt));
    return layouts.every((each) => each?.settled && each.newest === layouts[0]?.newest);
  };
  const remove = async (host: ChaosHost): Promise<void> =>
    void (await anyone(
      `remove ${host.name}`,
      'DELETE',
      `/cluster/v1/hosts/${host.hostId}`,
      [204],
      undefined,
      host,
    ));
  /** False: the live layouts need it now. */
  const mayRemove = async (host: ChaosHost): Promise<boolean> => {
    const path = `/cluster/v1/hosts/${host.hostId}`;
    const answer = await anyone(`remove ${host.name}`, 'DELETE', path, [204, 409], undefined, host);
    return answer.status === 204;
  };
  /** Nobody calls it any more. */
  const forget = (host: ChaosHost): void => {
    hosts.splice(hosts.indexOf(host), 1);
    gone.push(host);
  };
  const trouble = async (): Promise<string | undefined> => {
    const all = await Promise.all(hosts.map(troubleAt));
    return all.find((one) => one !== undefined);
  };
  const untilHealthy = async (withinMs: number): Promise<number> => {
    const start = performance.now();
    for (;;) {
      const left = await trouble();
      if (left === undefined) return performance.now() - start;
      if (performance.now() - start > withinMs)
        throw new Error(`after ${Math.round(withinMs / 1_000)} s still not healthy: ${left}`);
      await sleep(500);
    }
  };

  const close = async (): Promise<void> => {
    await Promise.all([...hosts, ...gone].map((host) => host.close()));
  };
  try {
    const first = await make();
    await first.init();
    hosts.push(first);
    user = openUser(join(first.dataDir, 'clouds.yaml'));
    first.start();
    await untilReady(first);
    while (hosts.length < settings.hosts) await untilReady(await grow());
    await untilHealthy(readyMsMax);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return {
    hosts,
    user,
    grow,
    async lose(host) {
      await host.kill();
      forget(host);
      await remove(host);
      await network.removeHost(host.index);
    },
    async expel(host) {
      if (!(await mayRemove(host))) return false;
      await sleep(lastBreathMs);
      forget(host);
      await host.kill();
      await network.removeHost(host.index);
      return true;
    },
    isSettled,
    async drain(host, drained) {
      await anyone(`drain ${host.name}`, 'PATCH', `/cluster/v1/hosts/${host.hostId}`, [204], { drained });
    },
    trouble,
    untilHealthy,
    close,
  };
};
