/**
 * A host of the virtual world: a program that can be started, crashed and paused, a clock that runs a little fast
 * or slow, and a disk that outlives each life of the program.
 *
 * Everything that a program set going dies with its life: timers, messages to it, disk writes under way. While the
 * host is paused (SIGSTOP, a stalled hypervisor) all that waits for it is kept and comes at once when it goes on.
 */
import type { HostId } from '../../proto/ids.ts';
import { type Disk, disk } from './disk.ts';
import type { Network } from './network.ts';
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

/** What a program finds around it. */
export interface Host {
  readonly id: HostId;
  readonly world: World;
  readonly random: Prng;
  readonly disk: Disk;
  /** Monotonic by the host's own clock, which drifts. */
  nowMs(): number;
  /** What the host takes for the time of day, whole milliseconds; jumps. */
  wallMs(): number;
  /** By the host's own clock. Returns the cancellation. */
  after(delayMs: number, work: () => void): () => void;
  send(to: HostId, message: unknown): void;
  /** It runs the next version of the program, whose messages others may not know (skew.ts). */
  readonly isNewer: boolean;
  /** What it tells of content is not so. */
  readonly isLying: boolean;
  /** Wraps a call from outside: dropped when this life is over, kept while the host is paused. */
  guard<Args extends readonly unknown[]>(work: (...args: Args) => void): (...args: Args) => void;
}

export interface Program {
  handleMessage(from: HostId, message: unknown): void;
}

export interface Node<P extends Program> {
  readonly id: HostId;
  readonly disk: Disk;
  /** Undefined while it is down. */
  readonly program: P | undefined;
  readonly paused: boolean;
  start(): void;
  crash(): void;
  pause(): void;
  resume(): void;
  /** An operator, or a broken time server, sets the clock: so far from the right time. */
  setClock(wrongByMs: number): void;
  /** Of the program's version, as it is upgraded before others, or set back. */
  isNewer: boolean;
  /** It is in a stranger's hands, or its memory is bad. */
  isLying: boolean;
}

/** Some day, the right time at the start of a run; two hosts that disagree on time disagree by their own doing. */
export const epochMs = Date.UTC(2026, 0, 1);

export interface NodeOptions {
  /** Host seconds a true second, e.g. 1.01. */
  readonly clockRate?: number;
  readonly syncMs?: { readonly min: number; readonly max: number };
}

export const node = <P extends Program>(
  parts: { readonly world: World; readonly network: Network },
  id: HostId,
  boot: (host: Host) => P,
  options: NodeOptions = {},
): Node<P> => {
  const { world, network } = parts;
  const random = world.random.fork();
  const rate = options.clockRate ?? 1;
  // A time server corrects what is shown, not what the host waits by.
  const wallRate = 1 + (rate - 1) / 5;
  const files = disk(world, random.fork(), options.syncMs ?? { min: 0.5, max: 5 });
  let life = 0;
  let program: P | undefined;
  let paused = false;
  let backlog: (() => void)[] = [];
  let wrongByMs = 0;
  let isNewer = false;
  let isLying = false;

  const guardOf =
    (at: number): Host['guard'] =>
    (work) =>
    (...args) => {
      if (at !== life) return;
      if (paused) backlog.push(() => at === life && work(...args));
      else work(...args);
    };

  const hostOf = (at: number): Host => {
    const guard = guardOf(at);
    return {
      id,
      world,
      random,
      disk: {
        ...files,
        get full() {
          return files.full;
        },
        // What is shared between lives, the roster say, may still call the program of an old one.
        write: (name, bytes) => {
          if (at === life) files.write(name, bytes);
        },
        rename: (from, to) => {
          if (at === life) files.rename(from, to);
        },
        sync: (done) => files.sync(guard(done)),
      },
      nowMs: () => world.nowMs() * rate,
      get isNewer() {
        return isNewer;
      },
      get isLying() {
        return isLying;
      },
      wallMs: () => Math.floor(epochMs + world.nowMs() * wallRate + wrongByMs),
      after(delayMs, work) {
        let cancelled = false;
        world.after(
          delayMs / rate,
          guard(() => {
            if (!cancelled) work();
          }),
        );
        return () => {
          cancelled = true;
        };
      },
      send: (to, message) => {
        if (at === life) network.send(id, to, message);
      },
      guard,
    };
  };

  network.attach(id, (from, message) => {
    const at = life;
    guardOf(at)(() => program?.handleMessage(from, message))();
  });

  return {
    id,
    disk: files,
    get program() {
      return program;
    },
    get paused() {
      return paused;
    },
    start() {
      if (program) return;
      world.tell('start', id);
      program = boot(hostOf(life));
    },
    crash() {
      if (!program) return;
      world.note('crash', id);
      life++;
      program = undefined;
      backlog = [];
      paused = false;
      files.crash();
    },
    get isNewer() {
      return isNewer;
    },
    set isNewer(is) {
      isNewer = is;
    },
    get isLying() {
      return isLying;
    },
    set isLying(is) {
      isLying = is;
    },
    setClock(byMs) {
      wrongByMs = byMs;
    },
    pause() {
      if (program) paused = true;
    },
    resume() {
      paused = false;
      const work = backlog;
      backlog = [];
      for (const each of work) each();
    },
  };
};
