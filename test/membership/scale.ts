/** Membership at size, in virtual time: how fast news is everywhere, what it costs, who is called dead by mistake. */
import type { Vitals } from '../../agent/membership/port.ts';
import type { SwimSettings } from '../../agent/membership/settings.ts';
import { vitalsPublisher } from '../../agent/membership/vitals-publisher.ts';
import type { HostId } from '../../proto/ids.ts';
import { packVitals, type SwimMessage } from '../../proto/message/membership.ts';
import { encodeFrame, frameKind } from '../../proto/message/peer-frame.ts';
import { minuteMs, secondMs } from '../../proto/units.ts';
import { hostId } from './fake-network.ts';
import { hostNamed, seeded, swimWorld } from './swim-world.ts';

type World = ReturnType<typeof swimWorld>;

export interface ScaleOptions {
  readonly members: number;
  readonly seed: number;
  /** Share of messages that are lost. */
  readonly loss: number;
  /** Share of the hosts that die at the moment of the news, unknown to all. */
  readonly dead: number;
}

/** Part of the living who know, as in Serf's published simulator. */
const nearlyAll = 0.9999;
const patienceMs = 2 * minuteMs;

const quietWorld = ({ members, seed }: Pick<ScaleOptions, 'members' | 'seed'>): World => {
  const world = swimWorld({ hosts: members, seed });
  world.startTogether();
  return world;
};

/** Until nearly all living hosts hold this state of `host`: ms since `sinceMs`. */
const untilKnown = (world: World, host: HostId, state: string, sinceMs: number): number => {
  const others = world.hosts.filter((other) => other !== host && world.isUp(other)).length;
  const needed = Math.ceil(others * nearlyAll);
  const knowing = new Set<HostId>();
  let read = 0;
  for (const endMs = world.nowMs + patienceMs; world.nowMs < endMs; world.run(20))
    for (; read < world.events.length; read++) {
      const { at, atMs, event } = world.events[read] as World['events'][number];
      if (event.fact.host !== host || at === host || !world.isUp(at)) continue;
      if (event.fact.state === state) knowing.add(at);
      if (knowing.size >= needed) return atMs - sinceMs;
    }
  return Number.POSITIVE_INFINITY;
};

const weather = (world: World, { loss, dead }: ScaleOptions, spared: HostId): void => {
  world.events.length = 0;
  world.lose(loss);
  const victims = world.hosts
    .filter((host) => host !== spared)
    .slice(0, Math.floor(dead * world.hosts.length));
  for (const host of victims) world.kill(host);
};

export interface SpreadTimes {
  readonly joinMs: number;
  readonly leaveMs: number;
  /** A killed host: until someone suspects it, until someone calls it dead, and from then until nearly all do. */
  readonly suspectedMs: number;
  readonly deadMs: number;
  readonly crashMs: number;
}

export const measureSpread = (options: ScaleOptions): SpreadTimes => {
  const last = hostNamed(options.members - 1);
  const joining = quietWorld(options);
  const newcomer = hostNamed(options.members);
  weather(joining, options, last);
  const joinedMs = joining.nowMs;
  joining.start(newcomer, [last]);
  const joinMs = untilKnown(joining, newcomer, 'alive', joinedMs);

  const parting = quietWorld(options);
  weather(parting, options, last);
  const leftMs = parting.nowMs;
  parting.leave(last);
  const leaveMs = untilKnown(parting, last, 'left', leftMs);

  const dying = quietWorld(options);
  weather(dying, options, last);
  const killedMs = dying.nowMs;
  dying.kill(last);
  const knownMs = untilKnown(dying, last, 'dead', killedMs);
  const firstMs = (state: string): number =>
    (dying.events.find(({ event }) => event.fact.host === last && event.fact.state === state)?.atMs ??
      Number.POSITIVE_INFINITY) - killedMs;
  const deadMs = firstMs('dead');
  return { joinMs, leaveMs, suspectedMs: firstMs('suspect'), deadMs, crashMs: knownMs - deadMs };
};

/** Length of the frame, 12 bytes of yamux, 18 of noise; TCP and IP add some 40 a packet. */
const frameOverheadBytes = 4 + 12 + 18;
const frameBytes = (bytes: Uint8Array): number => bytes.length + frameOverheadBytes;

/** As the program sends it: pings are requests, acks their answers, all else are notices. Ids as long as real ones. */
const bytesOf = (message: SwimMessage): number => {
  const facts = message.facts.map((fact, index) => ({ ...fact, host: hostId(index) }));
  const body = { ...message, facts };
  if (message.kind === 'ping')
    return frameBytes(encodeFrame([frameKind.request, message.probe, 'membership', 5_000, body]));
  if (message.kind === 'ack') return frameBytes(encodeFrame([frameKind.answer, message.probe, body]));
  return frameBytes(encodeFrame([frameKind.notify, 'membership', body]));
};

const vitals = (change: Partial<Vitals> = {}): Vitals => ({
  atMs: 1_795_000_000_000,
  storageUsedBytes: 3_123_456_789_012,
  storageFreeBytes: 5_123_456_789_012,
  memoryTotalMiB: 262_144,
  memoryClaimedMiB: 131_072,
  vcpusTotal: 128,
  vcpusClaimed: 64,
  diskTotalGiB: 16_000,
  diskClaimedGiB: 4_000,
  machines: 32,
  load: 12.34,
  hypervisors: ['qemu-kvm', 'lxc'],
  computeRefusal: null,
  ...change,
});

export interface Cost {
  readonly messagesPerSecond: number;
  /** A host, sent: membership alone. What is sent is received by another, so as much comes in. */
  readonly swimBytesPerSecond: number;
  /** Loads that tremble but are no news, and loads that are news each second on every host. */
  readonly quietVitalsBytesPerSecond: number;
  readonly busyVitalsBytesPerSecond: number;
}

/** Each host tells its own load, so a sample of hosts tells all. */
const vitalsSampleMax = 50;
const sampleEvery = 16;

export const measureCost = (options: Pick<ScaleOptions, 'members' | 'seed'>): Cost => {
  let [messages, bytes, counts] = [0, 0, false];
  const world = swimWorld({
    hosts: options.members,
    seed: options.seed,
    sending(_from, message) {
      if (counts && messages++ % sampleEvery === 0) bytes += sampleEvery * bytesOf(message);
    },
  });
  world.startTogether();
  counts = true;
  const seconds = 60;
  const cost = (total: number, hosts: number): number => total / hosts / seconds;

  const vitalsCost = (isBusy: boolean): number => {
    let sent = 0;
    const sample = world.hosts.slice(0, vitalsSampleMax);
    const publishers = sample.map((host) => {
      const publisher = vitalsPublisher({
        clock: { monotonicMs: () => world.nowMs },
        timers: world.timers(host),
        incarnation: () => 1,
        isReachable: (other) => world.isUp(other),
        tell: (_to, record) => {
          sent += frameBytes(encodeFrame([frameKind.notify, 'membership.vitals', packVitals(record)]));
        },
      });
      for (const other of world.hosts) if (other !== host) publisher.meet(other);
      publisher.set(vitals());
      return publisher;
    });
    // The first round tells all of all, once in a host's life.
    world.run(options.members * 100 + secondMs);
    sent = 0;
    for (let second = 0; second < seconds; second++) {
      for (const publisher of publishers)
        publisher.set(vitals(isBusy ? { machines: 32 + (second % 2) } : {}));
      world.run(secondMs);
    }
    for (const publisher of publishers) publisher.stop();
    return cost(sent, sample.length);
  };

  world.run(seconds * secondMs);
  counts = false;
  const [swimMessages, swimBytes] = [messages, bytes];
  return {
    messagesPerSecond: cost(swimMessages, options.members),
    swimBytesPerSecond: cost(swimBytes, options.members),
    quietVitalsBytesPerSecond: vitalsCost(false),
    busyVitalsBytesPerSecond: vitalsCost(true),
  };
};

const deathsOf = (world: World, counts: (host: HostId) => boolean): number =>
  world.events.filter(({ event }) => event.fact.state === 'dead' && counts(event.fact.host)).length;

export interface Pauses {
  readonly asleepMs: number;
  readonly awakeMs: number;
  /** Share of the hosts. */
  readonly sick: number;
  readonly forMs: number;
}

/** Death certificates for hosts that live: each host that believes one counts. */
export const measureFalseDeaths = (
  options: Pick<ScaleOptions, 'members' | 'seed'>,
  pauses: Pauses,
  lifeguard: boolean,
): { readonly healthy: number; readonly sick: number } => {
  const settings: Partial<SwimSettings> = { lifeguard };
  const world = swimWorld({ hosts: options.members, seed: options.seed, settings });
  world.startTogether();
  const random = seeded(options.seed + 1);
  const cycleMs = pauses.asleepMs + pauses.awakeMs;
  const sleepers = world.hosts
    .slice(0, Math.floor(pauses.sick * options.members))
    .map((host) => ({ host, atMs: world.nowMs + random() * cycleMs }));
  for (const endMs = world.nowMs + pauses.forMs; world.nowMs < endMs; world.run(50))
    for (const sleeper of sleepers)
      if (world.nowMs >= sleeper.atMs) {
        world.pause(sleeper.host, pauses.asleepMs);
        sleeper.atMs = world.nowMs + cycleMs;
      }
  const sick = new Set(sleepers.map(({ host }) => host));
  return {
    healthy: deathsOf(world, (host) => !sick.has(host)),
    sick: deathsOf(world, (host) => sick.has(host)),
  };
};

const isConverged = (world: World, hosts: readonly HostId[]): boolean =>
  new Set(hosts.map((host) => world.core(host).digest)).size === 1;

const untilConverged = (world: World, hosts: readonly HostId[]): number => {
  const startMs = world.nowMs;
  for (; world.nowMs < startMs + 5 * minuteMs; world.run(100))
    if (isConverged(world, hosts)) return world.nowMs - startMs;
  return Number.POSITIVE_INFINITY;
};

/** `newcomers` at once, each of whom knows one host: until nearly all hosts know nearly all of them. */
export const measureStorm = (options: ScaleOptions, newcomers: number): number => {
  const world = quietWorld(options);
  world.lose(options.loss);
  const fresh = Array.from({ length: newcomers }, (_, index) => hostNamed(options.members + index));
  const startMs = world.nowMs;
  for (const [index, host] of fresh.entries()) world.start(host, [hostNamed(index % options.members)]);
  const wanted = new Set(fresh);
  const needed = nearlyAll * newcomers * (options.members + newcomers - 1);
  const known = new Set<string>();
  let read = 0;
  for (; world.nowMs < startMs + patienceMs; world.run(20))
    for (; read < world.events.length; read++) {
      const { at, atMs, event } = world.events[read] as World['events'][number];
      const { host, state } = event.fact;
      if (state === 'alive' && at !== host && wanted.has(host)) known.add(`${at} ${host}`);
      if (known.size >= needed) return atMs - startMs;
    }
  return Number.POSITIVE_INFINITY;
};

/**
 * Every host once, one after another: it goes (with a word or killed), is away for 1 s and comes back, knowing whom
 * it knew. Deaths: of hosts that were away for less than any suspicion takes.
 */
export const measureRollingRestart = (
  options: ScaleOptions,
  graceful: boolean,
): { readonly settledMs: number; readonly falseDeaths: number } => {
  const world = quietWorld(options);
  world.lose(options.loss);
  const gapMs = 200;
  const away: { readonly host: HostId; readonly backMs: number }[] = [];
  const comeBack = (): void => {
    for (; away[0] && away[0].backMs <= world.nowMs; away.shift()) world.start(away[0].host, world.hosts);
  };
  for (const host of world.hosts) {
    if (graceful) world.leave(host);
    world.run(gapMs / 2);
    world.kill(host);
    away.push({ host, backMs: world.nowMs + secondMs });
    world.run(gapMs / 2);
    comeBack();
  }
  while (away.length > 0) {
    world.run(gapMs);
    comeBack();
  }
  return { settledMs: untilConverged(world, world.hosts), falseDeaths: deathsOf(world, () => true) };
};

/**
 * A twentieth of the hosts hear only half of the others, who hear them, for five minutes: how often one held another
 * dead, and how many do in the end.
 */
export const measureOneWayCuts = (
  options: ScaleOptions,
): { readonly ever: number; readonly last: number } => {
  const world = quietWorld(options);
  world.lose(options.loss);
  const deaf = new Set(world.hosts.filter((_, index) => index % 20 === 0));
  const place = new Map(world.hosts.map((host, index) => [host, index]));
  world.cut((from, to) => deaf.has(to) && ((place.get(from) ?? 0) + (place.get(to) ?? 0)) % 2 === 1);
  world.run(5 * minuteMs);
  const held = world.hosts.flatMap((host) => world.seen(host));
  return { ever: deathsOf(world, () => true), last: held.filter((state) => state === 'dead').length };
};
