/**
 * A disk that keeps its word and no more: what was written before a `sync` that ended is there after a crash. Each
 * write since then is, on its own, kept, lost, or torn (its first bytes are new, the rest is as it was).
 */
import type { Prng } from './prng.ts';
import type { World } from './world.ts';

export interface Disk {
  /** Cached. undefined removes. */
  write(name: string, bytes: Uint8Array | undefined): void;
  /** Takes the place of what was there, at once or not at all: never torn. */
  rename(from: string, to: string): void;
  /** What the host sees: cached writes included. */
  read(name: string): Uint8Array | undefined;
  /** In order of writing of the first version. */
  names(): readonly string[];
  /** All that was written before the call is durable when `done` is called. */
  sync(done: () => void): void;
  /** The power goes. */
  crash(): void;
  /** The host comes back with an empty disk. */
  wipe(): void;
  /** What is durable and whole whatever happens next. */
  durable(name: string): Uint8Array | undefined;
  /** One bit of what is durable is another one from now on, and nobody is told. */
  rot(name: string, bit: number): void;
  /** Whoever writes is to look at it first: the disk itself does not refuse. */
  full: boolean;
}

type Write =
  | { readonly name: string; readonly bytes: Uint8Array | undefined }
  | { readonly name: string; readonly from: string };

export const disk = (world: World, random: Prng, syncMs: { min: number; max: number }): Disk => {
  let cached = new Map<string, Uint8Array>();
  let durable = new Map<string, Uint8Array>();
  let pending: Write[] = [];
  let waiting: (() => void)[] = [];
  let syncing = false;
  let life = 0;

  const put = (files: Map<string, Uint8Array>, write: Write): void => {
    // The name may outlive content that never reached the disk.
    const bytes = 'from' in write ? (files.get(write.from) ?? new Uint8Array()) : write.bytes;
    if ('from' in write) files.delete(write.from);
    if (bytes) files.set(write.name, bytes);
    else files.delete(write.name);
  };

  const tear = (name: string, bytes: Uint8Array): Write => {
    const old = durable.get(name) ?? new Uint8Array();
    const whole = Uint8Array.from(bytes);
    const kept = random.int(whole.length + 1);
    for (let at = kept; at < whole.length; at++) whole[at] = old[at] ?? 0;
    return { name, bytes: whole };
  };

  /** One at a time: what is asked for meanwhile shares the next one. */
  const startSync = (): void => {
    const at = life;
    const count = pending.length;
    const calls = waiting;
    waiting = [];
    syncing = true;
    world.after(random.between(syncMs.min, syncMs.max), () => {
      if (at !== life) return;
      for (const write of pending.splice(0, count)) put(durable, write);
      syncing = false;
      if (waiting.length > 0) startSync();
      for (const done of calls) done();
    });
  };

  /** What was under way never ends: nobody is there to hear of it. */
  const die = (): void => {
    life++;
    pending = [];
    waiting = [];
    syncing = false;
    cached = new Map(durable);
  };

  const add = (write: Write): void => {
    pending.push(write);
    put(cached, write);
  };

  return {
    full: false,
    write: (name, bytes) => add({ name, bytes: bytes && Uint8Array.from(bytes) }),
    rename: (from, to) => add({ name: to, from }),
    durable: (name) => durable.get(name),
    read: (name) => cached.get(name),
    names: () => [...cached.keys()],
    sync(done) {
      waiting.push(done);
      if (!syncing) startSync();
    },
    crash() {
      for (const write of pending) {
        const fate = random.int(3);
        if (fate === 0) put(durable, write);
        else if (fate === 1 && 'bytes' in write && write.bytes) {
          put(durable, tear(write.name, write.bytes));
          world.fault('torn write');
        } else world.fault('lost write');
      }
      die();
    },
    rot(name, bit) {
      const bytes = Uint8Array.from(durable.get(name) ?? []);
      if (bytes.length === 0) return;
      const at = (bit >>> 3) % bytes.length;
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7));
      for (const files of [durable, cached]) if (files.has(name)) files.set(name, bytes);
      world.fault('rotten bit');
    },
    wipe() {
      durable = new Map();
      world.fault('lost disk');
      die();
    },
  };
};
