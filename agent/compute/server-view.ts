/** Records as Nova's JSON. */
import { createHash } from 'node:crypto';
import type { Member, Members } from '../membership/port.ts';
import type { Flavor, KeyPair, Server } from './records.ts';
import { powerStateOf, statusOf } from './server-state.ts';

export interface Viewer {
  /** E.g. `http://127.0.0.1:5001`. */
  readonly origin: string;
  readonly isAdmin: boolean;
  readonly members: Pick<Members, 'list'>;
}

/** QEMU's user network, the same on every host: the guest has this address, and nobody else can reach it there. */
const userNetwork = { name: 'user', address: '10.0.2.15' } as const;

/** `2026-11-24T12:00:00Z`. */
export const timeText = (atMs: number): string => new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
/** `2026-11-24T12:00:00.000000`: what Nova's extensions and keypairs write. */
export const longTimeText = (atMs: number): string => new Date(atMs).toISOString().replace('Z', '000');

export const linksOf = (origin: string, path: string) => [
  { rel: 'self', href: `${origin}/compute/v2.1/${path}` },
  { rel: 'bookmark', href: `${origin}/compute/${path}` },
];

export const memberOf = (members: Pick<Members, 'list'>, hostId: string | null): Member | undefined =>
  hostId === null ? undefined : members.list().find((member) => member.hostId === hostId);

export const hostNameOf = (members: Pick<Members, 'list'>, hostId: string | null): string | null =>
  memberOf(members, hostId)?.name ?? hostId;

export const addressesOf = ({ macAddress, host }: Pick<Server, 'macAddress' | 'host'>) =>
  macAddress === null || host === null
    ? {}
    : {
        [userNetwork.name]: [
          {
            version: 4,
            addr: userNetwork.address,
            'OS-EXT-IPS:type': 'fixed',
            'OS-EXT-IPS-MAC:mac_addr': macAddress,
          },
        ],
      };

export const plainAddressesOf = (server: Server): Record<string, { version: number; addr: string }[]> =>
  Object.fromEntries(
    Object.entries(addressesOf(server)).map(([network, list]) => [
      network,
      list.map(({ version, addr }) => ({ version, addr })),
    ]),
  );

export const viewServerBrief = (server: Server, { origin }: Pick<Viewer, 'origin'>) => ({
  id: server.id,
  name: server.name,
  links: linksOf(origin, `servers/${server.id}`),
});

/** Which host, without telling which: equal for two servers of a project on the same one. */
const hiddenHost = ({ projectId, host }: Server): string =>
  host === null ? '' : createHash('sha224').update(projectId).update(host).digest('hex');

export const viewServer = (server: Server, viewer: Viewer): Record<string, unknown> => {
  const { origin } = viewer;
  const bookmark = (path: string) => [{ rel: 'bookmark', href: `${origin}/compute/${path}` }];
  const status = statusOf(server);
  return {
    ...viewServerBrief(server, viewer),
    status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId: hiddenHost(server),
    image: { id: server.image.id, links: bookmark(`images/${server.image.id}`) },
    flavor: { id: server.flavor.id, links: bookmark(`flavors/${server.flavor.id}`) },
    created: timeText(server.createdAtMs),
    updated: timeText(server.updatedAtMs),
    addresses: plainAddressesOf(server),
    accessIPv4: server.accessIPv4,
    accessIPv6: server.accessIPv6,
    'OS-DCF:diskConfig': server.diskConfig,
    ...((status === 'ACTIVE' || status === 'BUILD') && { progress: 0 }),
    ...(status === 'ERROR' &&
      server.fault && {
        fault: {
          code: server.fault.code,
          message: server.fault.message,
          created: timeText(server.fault.createdAtMs),
        },
      }),
  };
};

export const viewServerDetail = (server: Server, viewer: Viewer): Record<string, unknown> => {
  const hostName = hostNameOf(viewer.members, server.host);
  return {
    ...viewServer(server, viewer),
    addresses: addressesOf(server),
    key_name: server.key?.name ?? null,
    config_drive: 'True',
    security_groups: [{ name: 'default' }],
    'os-extended-volumes:volumes_attached': [],
    'OS-EXT-AZ:availability_zone':
      memberOf(viewer.members, server.host)?.card?.zone ?? server.availabilityZone ?? '',
    'OS-EXT-STS:task_state': server.taskState,
    'OS-EXT-STS:vm_state': server.vmState,
    'OS-EXT-STS:power_state': powerStateOf(server),
    'OS-SRV-USG:launched_at': server.launchedAtMs === null ? null : longTimeText(server.launchedAtMs),
    'OS-SRV-USG:terminated_at': null,
    ...(viewer.isAdmin && {
      'OS-EXT-SRV-ATTR:host': hostName,
      'OS-EXT-SRV-ATTR:hypervisor_hostname': hostName,
      'OS-EXT-SRV-ATTR:instance_name': `instance-${server.id.slice(0, 8)}`,
    }),
  };
};

export const viewFlavorBrief = (flavor: Flavor, origin: string) => ({
  id: flavor.id,
  name: flavor.name,
  links: linksOf(origin, `flavors/${flavor.id}`),
});

export const viewFlavor = (flavor: Flavor, origin: string) => ({
  ...viewFlavorBrief(flavor, origin),
  ram: flavor.memoryMiB,
  vcpus: flavor.vcpus,
  disk: flavor.diskGiB,
  // Nova's own way to say none.
  swap: flavor.swapMiB === 0 ? '' : flavor.swapMiB,
  'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeralGiB,
  'OS-FLV-DISABLED:disabled': false,
  'os-flavor-access:is_public': flavor.isPublic,
  rxtx_factor: 1.0,
});

/** `withType`: from microversion 2.2. */
export const viewKeyPairBrief = (keyPair: KeyPair, withType: boolean) => ({
  name: keyPair.name,
  public_key: keyPair.publicKey,
  fingerprint: keyPair.fingerprint,
  ...(withType && { type: keyPair.type }),
});

export const viewKeyPair = (keyPair: KeyPair, userId: string, withType: boolean) => ({
  ...viewKeyPairBrief(keyPair, withType),
  user_id: userId,
  created_at: longTimeText(keyPair.createdAtMs),
  deleted: false,
  deleted_at: null,
  updated_at: null,
  // Nova's row number; nobody asks for a key pair by it, but clients of the time want one.
  id: createHash('sha256').update(`${userId}/${keyPair.name}`).digest().readUInt32BE(0) & 0x7fffffff,
});
