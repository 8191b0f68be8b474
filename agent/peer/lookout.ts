/**
 * Finding hosts through the DHT alone: each keeps its current addresses there under its own key, and the keys of
 * the cluster's hosts lie under its topic.
 *
 *   topic ──> keys of hosts ──> each key's record ──> addresses        a newcomer, who knows the topic only
 *             roster ─────────> each key's record ──> address book     a host that cannot reach another one
 *
 * So a host that came back elsewhere is found as long as both still know one living DHT node.
 */
import type HyperDHT from 'hyperdht';
import type { HostId } from '../../proto/ids.ts';
import type { HostAddresses } from '../../proto/message/peer.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { AddressBook } from './address-book.ts';
import { openAddresses, sealAddresses } from './address-record.ts';
import { type HostKey, hostIdOfPublicKey, publicKeyOf } from './host-key.ts';
import { dhtRetries, seekPauseMs, seeksAtOnceMax, topicHostsMax } from './limits.ts';
import type { Roster } from './roster.ts';

export interface Lookout {
  /** Writes this host's record to the nodes that are known now. Never throws. */
  publish(): Promise<void>;
  /** Looks once, in the background; what it finds goes to the address book. Asked again too soon it does nothing. */
  seek(hostId: HostId): void;
}

const patience = { retries: dhtRetries };

const findHost = async (
  dht: HyperDHT,
  topic: Uint8Array,
  hostId: HostId,
): Promise<HostAddresses | undefined> => {
  const record = await dht.mutableGet(Buffer.from(publicKeyOf(hostId)), patience);
  return record ? openAddresses(topic, hostId, record.value) : undefined;
};

/** Hosts that are announced under the topic and have told where they are. Throws when no node answers. */
export async function* searchTopic(
  dht: HyperDHT,
  topic: Uint8Array,
): AsyncGenerator<readonly [HostId, HostAddresses]> {
  const seen = new Set<HostId>();
  for await (const { peers } of dht.lookup(topic, patience))
    for (const { publicKey } of peers) {
      const hostId = hostIdOfPublicKey(publicKey);
      if (seen.has(hostId) || seen.size >= topicHostsMax) continue;
      seen.add(hostId);
      const found = await findHost(dht, topic, hostId);
      if (found) yield [hostId, found];
    }
}

export const openLookout = (
  world: {
    readonly runtime: Runtime;
    readonly key: HostKey;
    readonly roster: Roster;
    readonly book: AddressBook;
    readonly dht: HyperDHT;
    readonly addresses: () => HostAddresses;
  },
  settings: { readonly topic: Uint8Array },
): Lookout => {
  const { book, dht, key, roster } = world;
  const { chance, clock, log } = world.runtime;
  const { topic } = settings;
  /** When each host may be sought again; Infinity while it is being sought. */
  const nextMs = new Map<HostId, number>();
  let underWay = 0;

  const put = (seq: number): Promise<unknown> => {
    const record = sealAddresses(topic, key.hostId, world.addresses(), chance.bytes(12));
    return dht.mutablePut(key.keyPair, Buffer.from(record), { seq, ...patience });
  };

  const look = async (hostId: HostId): Promise<void> => {
    const found = await findHost(dht, topic, hostId);
    if (!found || !roster.has(hostId)) return;
    // A record may be older than what is known: the next hello, not this, drops addresses.
    const peer = [...new Set([...found.peer, ...(book.get(hostId)?.peer ?? [])])];
    book.set(hostId, { ...found, peer });
    log.debug('host found in the DHT', { host: hostId, addresses: found });
  };

  return {
    async publish() {
      const note = (error: unknown): void => log.debug('addresses not published', { error });
      const seq = Math.floor(clock.wallMs());
      await put(seq).catch(note);
      try {
        // Nodes keep the highest number: one from before the clock went back stands in our way.
        const kept = await dht.mutableGet(Buffer.from(key.publicKey), patience);
        if (kept && kept.seq > seq) await put(kept.seq + 1);
      } catch (thrown) {
        note(thrown);
      }
    },
    seek(hostId) {
      const isPaused = (nextMs.get(hostId) ?? 0) > clock.monotonicMs();
      if (isPaused || underWay >= seeksAtOnceMax || !roster.has(hostId)) return;
      underWay++;
      nextMs.set(hostId, Number.POSITIVE_INFINITY);
      look(hostId)
        .catch((thrown) => log.debug('host not found in the DHT', { host: hostId, error: thrown }))
        .finally(() => {
          underWay--;
          nextMs.set(hostId, clock.monotonicMs() + seekPauseMs);
        });
    },
  };
};
