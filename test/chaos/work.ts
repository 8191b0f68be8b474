/** What users do all the while: objects of mixed sizes, lists, registers that many write, names that many want. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '../sim/prng.ts';
import type { Answered } from './client.ts';
import { contentOf, versionOf } from './content.ts';
import type { Entry, History, Outcome } from './history.ts';
import type { ChaosHost } from './host.ts';
import type { Town } from './town.ts';

export interface WorkSettings {
  readonly workers: number;
  /** Mean pause of a worker between two calls. */
  readonly pauseMs: number;
  /** No more bytes are written after so many: disks of test machines are small. */
  readonly bytesMax: number;
  /** Objects to be made in all, spread over the time; undefined: as it comes. */
  readonly objects?: { readonly count: number; readonly withinMs: number };
  /** Nothing is changed or deleted: a set that only grows, so that whatever is missing was lost. */
  readonly isGrowing?: boolean;
}

export interface Work {
  /** Bytes that were read and belong to no version. */
  readonly damage: readonly string[];
  /** What was asked in the end and got no answer, however often. */
  readonly unanswered: readonly string[];
  readonly objectsMade: number;
  stop(): Promise<void>;
  /** Every object and register through every host. Adds to the history. */
  readAll(): Promise<void>;
  /** Per name what each host shows. */
  namesFound(): Promise<Map<string, { via: string; ids: string[] }[]>>;
}

const containers = ['c0', 'c1', 'c2', 'c3'];
const registers = ['r0', 'r1', 'r2', 'r3'];
const valueHeader = 'x-container-meta-value';
const KiB = 1_024;
/** Most fit their row (16 KiB), some take a chunk, few several. */
const sizes = [
  [0.5, 0, 16 * KiB],
  [0.37, 16 * KiB, 256 * KiB],
  [0.11, 256 * KiB, 1_500 * KiB],
  [0.02, 4_200 * KiB, 9_000 * KiB],
] as const;
/** Of a set that grows fast. */
const smallSizes = [
  [0.7, 0, 16 * KiB],
  [0.28, 16 * KiB, 256 * KiB],
  [0.02, 256 * KiB, 1_500 * KiB],
] as const;
const readersMax = 8;
const lastAttemptsMax = 5;
/** A host that took no call is not called again for so long, as any client would do. */
const refusedMsMin = 1_000;

const sizeOf = (chance: Prng, isSmall: boolean): number => {
  let left = chance.random();
  for (const [share, from, to] of isSmall ? smallSizes : sizes) {
    if (left < share) return Math.floor(chance.between(from, to));
    left -= share;
  }
  return 0;
};

/** Refusals leave nothing behind; what ended in between may have happened. */
const outcomeOf = ({ status, isRefused }: Answered): Outcome =>
  isRefused
    ? 'failed'
    : status >= 200 && status < 300
      ? 'ok'
      : status === 0 || status >= 500 || status === 408
        ? 'unknown'
        : 'failed';
const wordOf = ({ status, error }: Answered): string => (status === 0 ? error : String(status));

export const startWork = async (
  world: { readonly town: Town; readonly history: History; readonly chance: Prng },
  settings: WorkSettings,
): Promise<Work> => {
  const { town, history, chance } = world;
  const { user } = town;
  /** With how many versions of each were sent. */
  const objects = new Map<string, number>();
  const names: string[] = [];
  const damage: string[] = [];
  const unanswered: string[] = [];
  const refusedMs = new Map<ChaosHost, number>();
  let bytesWritten = 0;
  let made = 0;
  let stopped = false;

  const record = async (
    by: string,
    via: ChaosHost,
    call: () => Promise<Answered>,
    entry: (answer: Answered, outcome: Outcome) => { readonly kind: Entry['kind'] },
  ): Promise<Answered> => {
    const callMs = history.nowMs();
    const answer = await call();
    const outcome = outcomeOf(answer);
    if (answer.isRefused) refusedMs.set(via, history.nowMs());
    const common = { by, via: via.name, callMs, returnMs: history.nowMs(), outcome, status: wordOf(answer) };
    history.add({ ...common, ...entry(answer, outcome) } as Entry);
    return answer;
  };

  const put = (by: string, via: ChaosHost, name: string, version: string, bytes: number) =>
    record(
      by,
      via,
      () => user.object(via, 'PUT', name, { body: contentOf(version, bytes) }),
      () => ({ kind: 'put', name, version, bytes }),
    );
  const remove = (by: string, via: ChaosHost, name: string) =>
    record(
      by,
      via,
      () => user.object(via, 'DELETE', name),
      // There was nothing to delete: that is an answer about the object, told like a read.
      ({ status }) =>
        status === 404 ? { kind: 'get', name, version: null, outcome: 'ok' } : { kind: 'delete', name },
    );
  const get = (by: string, via: ChaosHost, name: string) =>
    record(
      by,
      via,
      () => user.object(via, 'GET', name),
      ({ status, body }, outcome) => {
        if (status === 404) return { kind: 'get', name, version: null, outcome: 'ok' };
        const version = outcome === 'ok' ? versionOf(body) : null;
        if (version === undefined)
          damage.push(`${by} via ${via.name} read ${body.length} bytes of ${name} that nobody wrote`);
        return {
          kind: 'get',
          name,
          version: version ?? 'damaged',
          outcome: outcome === 'ok' ? 'ok' : 'unknown',
        };
      },
    );
  const list = (by: string, via: ChaosHost, container: string) =>
    record(
      by,
      via,
      () => user.object(via, 'GET', `${container}?format=plain&limit=10000`),
      ({ body }) => ({ kind: 'list', container, names: body.toString().split('\n').filter(Boolean) }),
    );
  const set = (by: string, via: ChaosHost, register: string, value: string) =>
    record(
      by,
      via,
      () => user.object(via, 'POST', register, { headers: { [valueHeader]: value } }),
      () => ({ kind: 'set', register, value }),
    );
  const look = (by: string, via: ChaosHost, register: string) =>
    record(
      by,
      via,
      () => user.object(via, 'HEAD', register),
      ({ headers }, outcome) => ({
        kind: 'look',
        register,
        value: headers.get(valueHeader),
        outcome: outcome === 'ok' ? 'ok' : 'unknown',
      }),
    );
  const claim = (by: string, via: ChaosHost, name: string) =>
    record(
      by,
      via,
      () =>
        user.call(via, 'POST', '/identity/v3/projects', {
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ project: { name } }),
        }),
      ({ body }, outcome) => ({
        kind: 'claim',
        name,
        id: outcome === 'ok' ? (JSON.parse(body.toString()) as { project: { id: string } }).project.id : null,
      }),
    );

  /** Mostly one that runs; now and then whoever comes up, as a client's address list would have it. */
  const anyHost = (draw: Prng): ChaosHost => {
    const nowMs = history.nowMs();
    const up = town.hosts.filter(
      (host) => host.isUp && !host.isPaused && nowMs - (refusedMs.get(host) ?? -refusedMsMin) >= refusedMsMin,
    );
    return draw.pick(up.length > 0 && !draw.chance(0.05) ? up : town.hosts);
  };

  const isDue = (): boolean => {
    const { objects: wanted } = settings;
    return (
      wanted !== undefined && made < wanted.count && made < (wanted.count * history.nowMs()) / wanted.withinMs
    );
  };
  const mayWrite = (): boolean => bytesWritten < settings.bytesMax;

  const write = async (by: string, draw: Prng, fresh: boolean): Promise<void> => {
    const known = [...objects.keys()];
    const isNew = fresh || known.length === 0 || draw.chance(0.5);
    const name = isNew
      ? `${draw.pick(containers)}/${by}-${made++}`
      : draw.pick(draw.chance(0.3) ? known.slice(-4) : known);
    const version = (objects.get(name) ?? 0) + 1;
    objects.set(name, version);
    const bytes = sizeOf(draw, settings.isGrowing === true);
    bytesWritten += bytes;
    await put(by, anyHost(draw), name, `${name}#${version}`.replaceAll('/', '.'), bytes);
  };

  const claimByThree = async (by: string, draw: Prng): Promise<void> => {
    const wanted = `name-${names.length}`;
    names.push(wanted);
    await Promise.all([1, 2, 3].map((rival) => claim(`${by}.${rival}`, anyHost(draw), wanted)));
  };

  /** Adds, and looks at what was added. */
  const grow = async (by: string, draw: Prng): Promise<void> => {
    const kind = draw.random();
    const name = objects.size > 0 ? draw.pick([...objects.keys()]) : undefined;
    if (kind < 0.6 && mayWrite()) return write(by, draw, true);
    if (kind < 0.85 && name) return void (await get(by, anyHost(draw), name));
    if (kind < 0.93) return void (await list(by, anyHost(draw), draw.pick(containers)));
    return claimByThree(by, draw);
  };

  const step = async (by: string, draw: Prng): Promise<void> => {
    if (settings.isGrowing) return grow(by, draw);
    if (isDue()) return write(by, draw, true);
    const kind = draw.random();
    const known = [...objects.keys()];
    const [name] = known.length > 0 ? [draw.pick(known)] : [];
    if (kind < 0.3 && mayWrite() && settings.objects === undefined) return write(by, draw, false);
    if (kind < 0.36 && name) return void (await remove(by, anyHost(draw), name));
    if (kind < 0.66 && name) return void (await get(by, anyHost(draw), name));
    if (kind < 0.69) return void (await list(by, anyHost(draw), draw.pick(containers)));
    if (kind < 0.82)
      return void (await set(by, anyHost(draw), draw.pick(registers), `${by}.${history.entries.length}`));
    if (kind < 0.97) return void (await look(by, anyHost(draw), draw.pick(registers)));
    return claimByThree(by, draw);
  };

  const [first] = town.hosts;
  if (!first) throw new Error('a town has a host');
  for (const name of [...containers, ...registers]) {
    const answer = await user.object(first, 'PUT', name);
    if (answer.status !== 201) throw new Error(`Cannot make container ${name}: ${wordOf(answer)}`);
  }
  const work = async (worker: number): Promise<void> => {
    const draw = chance.fork();
    while (!stopped) {
      await step(`w${worker}`, draw);
      await sleep(draw.exponential(settings.pauseMs));
    }
  };
  const running = Array.from({ length: settings.workers }, (_, worker) => work(worker));

  /** In the end everything answers; some more tries for what a busy machine let run out of time. */
  const surely = async (what: string, call: () => Promise<Answered>): Promise<Answered | undefined> => {
    let word = '';
    for (let attempt = 0; attempt < lastAttemptsMax; attempt++) {
      const answer = await call();
      if (answer.status === 404 || (answer.status >= 200 && answer.status < 300)) return answer;
      word = wordOf(answer);
      await sleep(500);
    }
    unanswered.push(`${what}: ${word}`);
    return undefined;
  };
  const eachOf = async <T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> => {
    const queue = [...items];
    const reader = async (): Promise<void> => {
      for (let item = queue.pop(); item !== undefined; item = queue.pop()) await act(item);
    };
    await Promise.all(Array.from({ length: readersMax }, reader));
  };

  const everywhere = <T>(items: readonly T[]): { readonly item: T; readonly host: ChaosHost }[] =>
    items.flatMap((item) => town.hosts.map((host) => ({ item, host })));

  return {
    damage,
    unanswered,
    get objectsMade() {
      return made;
    },
    async stop() {
      stopped = true;
      await Promise.all(running);
    },
    async readAll() {
      await eachOf(everywhere([...objects.keys()]), async ({ item, host }) => {
        await surely(`${item} via ${host.name}`, () => get('end', host, item));
      });
      await eachOf(everywhere(registers), async ({ item, host }) => {
        await surely(`${item} via ${host.name}`, () => look('end', host, item));
      });
      await eachOf(everywhere(containers), async ({ item, host }) => {
        await surely(`list of ${item} via ${host.name}`, () => list('end', host, item));
      });
    },
    async namesFound() {
      const found = new Map<string, { via: string; ids: string[] }[]>();
      await eachOf(everywhere(names), async ({ item, host }) => {
        const answer = await surely(`name ${item} via ${host.name}`, () =>
          user.call(host, 'GET', `/identity/v3/projects?name=${item}`),
        );
        if (answer?.status !== 200) return;
        const { projects } = JSON.parse(answer.body.toString()) as { projects: { id: string }[] };
        const shown = found.get(item) ?? [];
        shown.push({ via: host.name, ids: projects.map(({ id }) => id) });
        found.set(item, shown);
      });
      return found;
    },
  };
};
