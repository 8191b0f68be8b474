/** Clients of the chunks: they write, read, retain and release content, much of it equal, as copies and as stripes. */
import { chunkIdOf } from '../../../agent/chunk/chunk-name.ts';
import { stripeBytesMin } from '../../../agent/chunk/limits.ts';
import type { Content, Judge } from '../../../agent/chunk/port.ts';
import { stripeIdOf } from '../../../agent/chunk/stripe/name.ts';
import { hasCode } from '../../../proto/error.ts';
import type { ChunkId, HostId } from '../../../proto/ids.ts';
import { type Prng, prng } from '../prng.ts';
import type { ClusterCalls } from '../program/cluster-host.ts';
import type { World } from '../world.ts';
import { codeOf } from './history.ts';

interface Use {
  readonly user: string;
  readonly id: ChunkId;
  readonly bytes: Uint8Array;
  readonly isStripe: boolean;
}

export interface Contents {
  /** Acknowledged, and no release was begun. */
  readonly live: ReadonlySet<Use>;
  /** Released, and not acknowledged yet. */
  readonly leaving: ReadonlySet<Use>;
  /** Nobody uses them and nobody may: their copies must go. */
  garbage(): readonly ChunkId[];
  /** One of those that made contents, and uses none: no reference of it may stand for ever. */
  isDead(user: string): boolean;
  /** Whether an upload counts, for the next life of a host that died in it. */
  readonly judge: Judge;
  readonly operations: number;
  act(calls: ClusterCalls, host: HostId, random: Prng, by: string): Promise<unknown>;
  /** True: it came, whole. undefined: it could not be had now. */
  read(calls: ClusterCalls, use: Use, where: string): Promise<true | undefined>;
  release(calls: ClusterCalls, use: Use, where: string): Promise<unknown>;
}

const contentOf = ({ id, bytes, isStripe }: Use): Content => ({
  kind: 'chunks',
  chunks: [{ id, length: bytes.length, ...(isStripe && { isStripe }) }],
});

/** Three hosts hold a fragment each; fewer hold several. */
const code = { data: 2, parity: 1 };

/**
 * In some runs one in so many uploads is slow to name its content. References that seem to be nobody's are judged after 10 s; who is
 * at it when all is mended is done with before the last look.
 */
const isSlowRun = (seed: number): boolean => seed % 7 === 4;
const slowEvery = 3;
const slowMs = 18_000;

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

export interface ContentsWatch {
  /** It is no host of the cluster any more. */
  isOff(host: HostId): boolean;
  /** Nobody tells anything false, nor did lately: what no owner has is lost then. */
  isHonest(): boolean;
  /** Called when a write begins; what it gives, when it was acknowledged: what is wrong with that. */
  writing(calls: ClusterCalls): (id: ChunkId) => string | undefined;
}

export const contents = (world: World, kinds: number, watch: ContentsWatch): Contents => {
  const pool = Array.from({ length: kinds }, (_, index) => {
    const random = prng(index + 1);
    // Half are large enough for a code, the others small for the sake of time.
    const isStripe = index % 2 === 1;
    const length = isStripe ? stripeBytesMin : 20 + random.int(200);
    return { isStripe, bytes: Uint8Array.from({ length }, () => random.int(256)) };
  });
  const live = new Set<Use>();
  const leaving = new Set<Use>();
  const seen = new Set<ChunkId>();
  const underWay = new Map<ChunkId, number>();
  /** Uploads that end, or whose hosts are asked about in their next life. */
  const claimed = new Map<string, ChunkId>();
  const users = new Set<string>();
  let operations = 0;

  /** Where its host dies this never ends, and the chunk counts as under way for good. */
  const attempt = async (
    use: Use,
    where: string,
    what: string,
    work: () => Promise<unknown>,
  ): Promise<true | undefined> => {
    const add = (by: number): unknown => underWay.set(use.id, (underWay.get(use.id) ?? 0) + by);
    add(1);
    operations++;
    try {
      await work();
      claimed.delete(use.user);
      live.add(use);
      world.tell(where, what, use.user, use.id.slice(0, 6));
      return true;
    } catch (thrown) {
      claimed.delete(use.user);
      world.tell(where, what, use.user, use.id.slice(0, 6), codeOf(world, thrown));
      return undefined;
    } finally {
      add(-1);
    }
  };

  const isUser = (user: string): boolean => [...live, ...leaving].some((use) => use.user === user);

  const read: Contents['read'] = async (calls, use, where) => {
    operations++;
    try {
      const pieces: Uint8Array[] = [];
      for await (const piece of calls.chunks.content.read(contentOf(use)))
        pieces.push(Uint8Array.from(piece));
      if (Buffer.compare(Buffer.concat(pieces), use.bytes) !== 0)
        world.fail(new Error(`${where} read other bytes than ${use.user} wrote into chunk ${use.id}`));
      world.tell(where, 'read', use.user, use.id.slice(0, 6));
      return true;
    } catch (thrown) {
      // One that was released meanwhile may be gone.
      if (hasCode(thrown, 'DAMAGED') && live.has(use) && watch.isHonest())
        world.fail(new Error(`${where} lost chunk ${use.id} of ${use.user}: ${String(thrown)}`));
      else {
        const code = hasCode(thrown, 'DAMAGED') ? 'DAMAGED' : codeOf(world, thrown);
        world.tell(where, 'read', use.user, use.id.slice(0, 6), code);
      }
      return undefined;
    }
  };

  const release: Contents['release'] = async (calls, use, where) => {
    live.delete(use);
    leaving.add(use);
    operations++;
    try {
      await calls.chunks.content.release(contentOf(use), use.user);
      leaving.delete(use);
      world.tell(where, 'release', use.user, use.id.slice(0, 6));
      return true;
    } catch (thrown) {
      world.tell(where, 'release', use.user, use.id.slice(0, 6), codeOf(world, thrown));
      return undefined;
    }
  };

  return {
    live,
    leaving,
    isDead: (user) => users.has(user) && !isUser(user),
    async judge(_claim, user, endedMs) {
      if (isUser(user)) return true;
      if (endedMs === null) return undefined;
      const id = claimed.get(user);
      if (id === undefined) return false;
      // Its host died in it, and so it never ends.
      claimed.delete(user);
      underWay.set(id, (underWay.get(id) ?? 1) - 1);
      return false;
    },
    garbage: () => {
      const used = new Set([...live, ...leaving].map(({ id }) => id));
      return [...seen].filter((id) => !used.has(id) && !underWay.get(id));
    },
    get operations() {
      return operations;
    },
    read,
    release,
    async act(calls, host, random, by) {
      const where = `${by}@${host.slice(-2)}`;
      const { content } = calls.chunks;
      const { bytes, isStripe } = random.pick(pool);
      /** Its caller takes its time before it says where the content belongs; a host that dies meanwhile never comes to that. */
      const dawdle = async (): Promise<void> => {
        await new Promise<void>((resolve) => world.after(slowMs, resolve));
        await content.claim(user, claim);
        if (!claimed.has(user) && !watch.isOff(host))
          world.fail(new Error(`${where} was at ${user} when its references were given back`));
      };
      /** As `chunk/claimed.ts`: a caller that lives says that it is done. Half of those whose row stands never hear of that. */
      const over = async (isKnown: boolean): Promise<void> => {
        if (isKnown) await content.keep(user).catch(() => {});
        else content.end(user);
      };
      const user = `${by}.${operations}`;
      const claim = { of: 'upload', id: '', name: user };
      users.add(user);
      const dice = random.random();
      const [gone] = leaving;
      if (gone && random.chance(0.3)) return release(calls, gone, where);
      const held = live.size > 0 ? random.pick([...live]) : undefined;
      if (!held || dice < 0.3) {
        const id = isStripe ? stripeIdOf(bytes, code) : chunkIdOf(bytes);
        const use: Use = { user, bytes, isStripe, id };
        seen.add(use.id);
        const options = {
          ...{ user, claim, bytesMax: 1e6, inlineBytesMax: 0, digests: [] },
          ...(isStripe && { code }),
        };
        claimed.set(user, id);
        const wrongWith = watch.writing(calls);
        const written = await attempt(use, where, 'write', async () => {
          await content.write(once(bytes), options);
          const wrong = wrongWith(use.id);
          if (wrong) world.fail(new Error(`${where} wrote ${use.id.slice(0, 6)}: ${wrong}`));
          if (isSlowRun(world.seed) && operations % slowEvery === 0) await dawdle();
        });
        await over(written === true && random.chance(0.5));
        return written;
      }
      if (dice < 0.65) return read(calls, held, where);
      if (dice < 0.9) return release(calls, held, where);
      const use: Use = { ...held, user };
      claimed.set(user, use.id);
      const retained = await attempt(use, where, 'retain', () =>
        content.retain(contentOf(held), user, claim),
      );
      await over(retained === true && operations % 2 === 0);
      // As a copy of an object does: if the first user still stands, the chunk had one all the time.
      return live.has(use) && !live.has(held) ? release(calls, use, where) : undefined;
    },
  };
};
