/** Addresses that an operator or the LAN (mDNS) tells: hints for the address book, for rostered hosts only. */
import type { PeerInfo } from '@libp2p/interface';
import { ShoalError } from '../../proto/error.ts';
import { type HostId, parseHostId } from '../../proto/ids.ts';
import { type AddressBook, bareAddress } from './address-book.ts';
import { hostIdOfPeer, type IsAllowed } from './guard.ts';
import type { ShoalLibp2p } from './libp2p.ts';

/** Throws BAD_REQUEST on a seed that does not end in `/p2p/HOSTID`. */
export const parseSeed = (seed: string): { readonly hostId: HostId; readonly address: string } => {
  const [, address, hostId] = /^(\/.+)\/p2p\/([^/]+)$/.exec(seed) ?? [];
  if (!address || !hostId)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use seed ${JSON.stringify(seed)}: it has the form /ip4/…/tcp/…/p2p/HOSTID`,
    );
  return { hostId: parseHostId(hostId), address };
};

export const addSeeds = (
  world: { readonly libp2p: ShoalLibp2p; readonly book: AddressBook; readonly isAllowed: IsAllowed },
  seeds: readonly string[],
): void => {
  const { book, isAllowed, libp2p } = world;
  for (const { hostId, address } of seeds.map(parseSeed)) {
    const known = book.get(hostId)?.peer ?? [];
    if (!known.includes(address)) book.set(hostId, { peer: [...known, address] });
  }
  libp2p.addEventListener('peer:discovery', ({ detail }: CustomEvent<PeerInfo>) => {
    const hostId = hostIdOfPeer(detail.id);
    if (!isAllowed(hostId)) return;
    const found = detail.multiaddrs.map(bareAddress);
    const known = book.get(hostId)?.peer ?? [];
    book.set(hostId, { peer: [...new Set([...known, ...found])] });
  });
};
