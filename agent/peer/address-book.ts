/**
 * Where hosts are found, kept in `addresses.json` so that a restarted agent needs no seed. Only a hint: whoever
 * answers at an address must prove its host key. The newest word wins; it comes from the host itself (hello,
 * member card), from an invite, or from discovery.
 */
import { join } from 'node:path';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { Type } from 'typebox';
import type { HostId } from '../../proto/ids.ts';
import { HostAddresses } from '../../proto/message/peer.ts';
import { readFileIfExists, writeFileAtomic } from '../base/atomic-file.ts';
import { serial } from '../base/serial.ts';
import type { Log } from '../runtime/ports.ts';
import { checker } from './check.ts';
import { addressCharsMax, addressesPerHostMax, connectionsMax } from './limits.ts';

export interface AddressBook {
  get(hostId: HostId): HostAddresses | undefined;
  /** Parts that are absent stay as they were. What cannot be parsed is left out. */
  set(
    hostId: HostId,
    addresses: { readonly [Part in keyof HostAddresses]?: HostAddresses[Part] | undefined },
  ): void;
  entries(): Iterable<readonly [HostId, HostAddresses]>;
  /** After `set` brought something new. Returns its own cancellation. */
  onChange(listener: (hostId: HostId, addresses: HostAddresses) => void): () => void;
  /** Resolves when what was set is on disk (or could not be: that is logged). */
  flush(): Promise<void>;
}

const checkBook = checker('address book', Type.Record(Type.String(), HostAddresses));

const isMultiaddr = (text: string): boolean => {
  try {
    multiaddr(text);
    return text.length <= addressCharsMax;
  } catch {
    return false;
  }
};

/** A multiaddr without the peer id at its end. */
export const bareAddress = (address: Multiaddr): string => address.toString().replace(/\/p2p\/[^/]+$/, '');

/** `host:port`, the host perhaps in brackets. */
export const parseHostPort = (text: string): { readonly host: string; readonly port: number } | undefined => {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  const host = found?.[1] ?? found?.[2];
  return host && port > 0 && port < 65_536 && text.length <= addressCharsMax ? { host, port } : undefined;
};

export const openAddressBook = async (
  world: { readonly log: Log },
  settings: { readonly directory: string },
): Promise<AddressBook> => {
  const path = join(settings.directory, 'addresses.json');
  const book = new Map<HostId, HostAddresses>();
  const listeners = new Set<(hostId: HostId, addresses: HostAddresses) => void>();
  const writes = serial('address book', 2);
  let dirty = false;

  try {
    const stored = await readFileIfExists(path);
    if (stored)
      for (const [hostId, addresses] of Object.entries(checkBook(JSON.parse(Buffer.from(stored).toString()))))
        book.set(hostId as HostId, addresses);
  } catch (thrown) {
    // Hints only: gossip and discovery fill it again.
    world.log.warn('address book dropped', { path, error: thrown });
  }

  const save = (): Promise<void> =>
    writes
      .run(async () => {
        if (!dirty) return;
        dirty = false;
        await writeFileAtomic(path, JSON.stringify(Object.fromEntries(book)));
      })
      .catch((thrown) => world.log.warn('address book not saved', { path, error: thrown }));

  return {
    get: (hostId) => book.get(hostId),
    entries: () => book.entries(),
    set(hostId, addresses) {
      const before = book.get(hostId);
      if (!before && book.size >= connectionsMax) return;
      const bulk = addresses.bulk && parseHostPort(addresses.bulk) ? addresses.bulk : before?.bulk;
      const dht = addresses.dht && parseHostPort(addresses.dht) ? addresses.dht : before?.dht;
      const peer = addresses.peer?.filter(isMultiaddr).slice(0, addressesPerHostMax) ?? [];
      const next: HostAddresses = {
        peer: peer.length > 0 ? peer : (before?.peer ?? []),
        ...(bulk ? { bulk } : {}),
        ...(dht ? { dht } : {}),
      };
      if (JSON.stringify(next) === JSON.stringify(before)) return;
      book.set(hostId, next);
      for (const listener of listeners) listener(hostId, next);
      if (dirty) return;
      dirty = true;
      void save();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    flush: save,
  };
};
