/**
 * The fragments on this host, seen as stripes: what the keepers of chunks take for a chunk is here this host's share of a
 * stripe. A share is whole when each fragment is there that some live layout version gives to this host.
 */
import type { ChunkId } from '../../../proto/ids.ts';
import { type Code, fragmentCount } from '../../../proto/policy.ts';
import type { ChunkFiles } from '../chunk-files.ts';
import type { Shelf } from '../shelf.ts';
import { encodeFragments } from './code.ts';
import { openFragment, sealFragment } from './fragment.ts';
import { codeOf, fragmentName, knownCode, parseFragmentName } from './name.ts';
import type { StripeRing } from './place.ts';

export const fragmentShelf: Shelf = {
  name: 'fragment',
  parse: (text) => {
    const { stripe, index } = parseFragmentName(text);
    return fragmentName(stripe, index);
  },
  isWhole: (name, file) => openFragment(name, file) !== undefined,
};

/** The files of these fragments of a whole chunk. Throws BAD_REQUEST for a stripe of no known code. */
export const fragmentFiles = (
  stripe: ChunkId,
  bytes: Uint8Array,
  indexes: readonly number[],
): { readonly name: ChunkId; readonly file: Uint8Array }[] => {
  const fragments = encodeFragments(bytes, knownCode(stripe), indexes);
  return indexes.map((index, at) => ({
    name: fragmentName(stripe, index),
    file: sealFragment(stripe, { index, bytes: fragments[at] as Uint8Array, length: bytes.length }),
  }));
};

const splitName = (name: ChunkId) => ({
  stripe: name.slice(0, 64) as ChunkId,
  index: Number(name.slice(65)),
});
const stripeOf = (name: ChunkId): ChunkId => splitName(name).stripe;
/** Sorts behind all fragments of the stripe: `/` follows the dot. */
const behind = (stripe: ChunkId): ChunkId => `${stripe}/` as ChunkId;

interface Listed {
  readonly stripe: ChunkId;
  readonly indexes: ReadonlySet<number>;
}

export interface StripeFiles extends ChunkFiles {
  /** As `list`, without the stripes of which this host should hold more than it does. */
  shares(): AsyncIterable<ChunkId>;
  /** Those. */
  gaps(): AsyncIterable<ChunkId>;
  /** Of the stripes that the last whole walk over `surplus` came by. */
  codes(): readonly Code[];
  /** Fragments here that no live layout version gives to this host. */
  surplus(): AsyncIterable<{ readonly stripe: ChunkId; readonly index: number }>;
}

export const stripeFiles = (ring: StripeRing, fragments: ChunkFiles): StripeFiles => {
  let codesSeen: readonly Code[] = [];
  const due = (stripe: ChunkId): number[] => ring.dueOf(stripe, ring.self);
  /** Those that may be here: of a stray all. */
  const wanted = (stripe: ChunkId): ChunkId[] => due(stripe).map((index) => fragmentName(stripe, index));
  const present = async (stripe: ChunkId): Promise<ChunkId[]> => {
    const code = codeOf(stripe)?.code;
    const count = code ? fragmentCount(code) : 0;
    const names = Array.from({ length: count }, (_, index) => fragmentName(stripe, index));
    const found = await Promise.all(names.map((name) => fragments.has(name)));
    return names.filter((_, index) => found[index]);
  };
  const all = async (stripe: ChunkId, ask: (name: ChunkId) => Promise<boolean>): Promise<boolean> => {
    const names = wanted(stripe);
    const found = await Promise.all(names.map(ask));
    return names.length > 0 ? !found.includes(false) : (await present(stripe)).length > 0;
  };

  async function* stripes(after?: ChunkId, which?: 'retired'): AsyncGenerator<Listed, void> {
    let listed: { readonly stripe: ChunkId; readonly indexes: Set<number> } | undefined;
    for await (const name of fragments.list(after && behind(after), which)) {
      const { stripe, index } = splitName(name);
      if (listed && listed.stripe !== stripe) yield listed;
      if (listed?.stripe !== stripe) listed = { stripe, indexes: new Set() };
      listed.indexes.add(index);
    }
    if (listed) yield listed;
  }

  const isWhole = ({ stripe, indexes }: Listed): boolean => due(stripe).every((index) => indexes.has(index));

  return {
    ...fragments,
    /** `bytes` are the whole chunk: this host's share is computed and stored. */
    async put(stripe, bytes, signal) {
      for (const { name, file } of fragmentFiles(stripe, bytes, due(stripe)))
        await fragments.put(name, file, signal);
    },
    /** What is here of it, verified, where the share is whole and not in retired directories alone. */
    async read(stripe) {
      const names = wanted(stripe);
      const here = await Promise.all(names.map((name) => fragments.has(name)));
      if (names.length === 0 || here.includes(false)) return undefined;
      const files = await Promise.all(names.map((name) => fragments.read(name)));
      const whole = files.filter((file) => file !== undefined);
      return whole.length === files.length ? Buffer.concat(whole) : undefined;
    },
    has: (stripe) => all(stripe, fragments.has),
    check: (stripe) => all(stripe, fragments.check),
    keep: (stripe) => all(stripe, fragments.keep),
    async remove(stripe, allowed) {
      let removed = false;
      for (const name of await present(stripe)) removed = (await fragments.remove(name, allowed)) || removed;
      return removed;
    },
    async *list(after, which) {
      for await (const { stripe } of stripes(after, which)) yield stripe;
    },
    async *shares() {
      for await (const listed of stripes()) if (isWhole(listed)) yield listed.stripe;
    },
    async *gaps() {
      for await (const listed of stripes()) if (!isWhole(listed)) yield listed.stripe;
    },
    codes: () => codesSeen,
    async *surplus() {
      const seen = new Set<Code>();
      for await (const { stripe, indexes } of stripes()) {
        const code = codeOf(stripe)?.code;
        if (code) seen.add(code);
        const wanted = due(stripe);
        for (const index of indexes) if (!wanted.includes(index)) yield { stripe, index };
      }
      codesSeen = [...seen];
    },
    onPut: (listener) => fragments.onPut((name) => listener(stripeOf(name))),
    onDamage: (listener) => fragments.onDamage((name) => listener(stripeOf(name))),
  };
};
