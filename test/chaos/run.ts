/** One run: a cluster of real agents, users, faults, healing, verdict. All that it makes it takes away again. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { takePorts } from '../ports.ts';
import { prng } from '../sim/prng.ts';
import { checkHistory, timelineOf, type Violation } from './check.ts';
import { openHistory } from './history.ts';
import { type NemesisSettings, type Plan, startNemesis } from './nemesis.ts';
import { namespacesMissing, openLoopback, openNamespaces } from './network.ts';
import { openTown } from './town.ts';
import { startWork, type WorkSettings } from './work.ts';

export interface ChaosOptions {
  readonly hosts: number;
  readonly seconds: number;
  /** By kind: so many are to succeed before the faults end, also when that takes longer. */
  readonly least?: Readonly<Record<string, number>>;
  readonly seed: number;
  readonly plan: Plan;
  readonly work: WorkSettings;
  readonly nemesis: Omit<NemesisSettings, 'plan'>;
  /** Leave the data where they are even when all went well. */
  readonly keep?: boolean;
  /** Ends the run early: no verdict, but everything is taken away. Throws its reason. */
  readonly signal?: AbortSignal;
  readonly say?: (line: string) => void;
}

export interface Report {
  readonly seed: number;
  readonly directory: string;
  readonly operations: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<string, number>;
  readonly objects: number;
  /** From the last fault's end to green and full replication. */
  readonly healedMs: number | undefined;
  readonly violations: readonly Violation[];
  readonly timelines: readonly (readonly string[])[];
}

const GiB = 1_024 ** 3;
/** Chunks leave 1 GiB free (agent/chunk/limits.ts); this is what is theirs beyond it. */
const diskBytes = GiB + 700 * 1_024 ** 2;
const capacityBytes = 20 * GiB;
const healedMsMax = 240_000;
const timelinesMax = 5;
/** Ten a host; hosts that replace others take new ones. */
const loopbackPorts = 190;

export const runChaos = async (options: ChaosOptions): Promise<Report> => {
  const { seed, say = () => {} } = options;
  const missing = await namespacesMissing();
  if (missing) say(`No links are cut: ${missing}`);
  await using cleanup = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), `shoal-chaos-${seed}-`));
  await mkdir(directory, { recursive: true });
  let isClean = false;
  cleanup.defer(async () => {
    if (isClean && !options.keep) await rm(directory, { recursive: true, force: true });
  });
  const network = missing ? openLoopback(await takePorts(loopbackPorts)) : await openNamespaces();
  cleanup.defer(() => network.close());
  const history = openHistory(join(directory, 'history.jsonl'));
  cleanup.defer(() => history.close());
  const violations: Violation[] = [];
  const violate = (about: string, what: string): void =>
    void violations.push({ about, what, atMs: history.nowMs() });

  const town = await openTown(
    network,
    { directory, hosts: options.hosts, capacityBytes, diskBytes: missing ? undefined : diskBytes },
    (host, how) => {
      history.fault(`${host.name} ENDED BY ITSELF: ${how}`);
      violate(host.name, `its agent ended by itself (${how}), see ${host.logFile}`);
      // As its init system would.
      setTimeout(() => host.start(), 1_000);
    },
  );
  cleanup.defer(() => town.close());
  if (network.slowing) say(`Slow links are made by ${network.slowing}`);
  say(`${options.hosts} hosts are up in ${directory}, seed ${seed}`);
  history.begin();

  const chance = prng(seed);
  const work = await startWork({ town, history, chance: chance.fork() }, options.work);
  const nemesis = startNemesis(
    { town, network, history, chance: chance.fork() },
    { ...options.nemesis, plan: options.plan },
  );
  let healedMs: number | undefined;
  try {
    const tick = setInterval(() => {
      const last = history.faults.at(-1)?.what ?? 'no fault yet';
      const so = `${Math.round(history.nowMs() / 1_000)} s: ${history.entries.length} operations, ${last}`;
      town.trouble().then(
        (trouble) => say(`${so}; ${trouble ?? 'all is green'}`),
        () => say(so),
      );
    }, 30_000);
    try {
      const wait = { ...(options.signal && { signal: options.signal }) };
      await sleep(options.seconds * 1_000, undefined, wait);
      const lacks = ([kind, count]: [string, number]): boolean =>
        history.entries.filter((entry) => entry.kind === kind && entry.outcome === 'ok').length < count;
      while (Object.entries(options.least ?? {}).some(lacks)) await sleep(1_000, undefined, wait);
    } finally {
      clearInterval(tick);
    }
  } finally {
    await nemesis.stop().catch((thrown: unknown) => violate('nemesis', String(thrown)));
    history.fault('healed: no more faults');
    await work.stop();
  }
  try {
    healedMs = await town.untilHealthy(healedMsMax);
    history.fault(`green after ${Math.round(healedMs / 1_000)} s`);
  } catch (thrown) {
    violate('health', String(thrown));
  }
  say('Reading everything through every host');
  await work.readAll();
  const names = await work.namesFound();
  for (const what of work.damage) violate('content', what);
  for (const what of work.unanswered) violate('answer', `none in the end to ${what}`);
  violations.push(...checkHistory(history.entries, names));
  if (options.work.objects && work.objectsMade < options.work.objects.count)
    violate('work', `only ${work.objectsMade} of ${options.work.objects.count} objects were made`);

  const operations = new Map<string, number>();
  for (const { kind, outcome } of history.entries)
    operations.set(`${kind} ${outcome}`, (operations.get(`${kind} ${outcome}`) ?? 0) + 1);
  isClean = violations.length === 0;
  return {
    ...{
      seed,
      directory,
      operations,
      faults: nemesis.counts,
      objects: work.objectsMade,
      healedMs,
      violations,
    },
    timelines: violations
      .slice(0, timelinesMax)
      .map(({ about }) => timelineOf(about, history.entries, history.faults)),
  };
};
