/**
 * What a guest learns of itself, as OpenStack writes it: a disk labelled config-2 with openstack/latest/*.
 * https://docs.openstack.org/nova/latest/user/metadata.html
 */
import { buildIso } from './hypervisor/iso9660.ts';
import type { Server, ServerBoot } from './records.ts';

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

export const metaDataOf = (server: Server, boot: ServerBoot, seed: Uint8Array): Record<string, unknown> => ({
  uuid: server.id,
  name: server.name,
  hostname: server.hostName,
  launch_index: server.launchIndex,
  availability_zone: server.availabilityZone ?? 'nova',
  project_id: server.projectId,
  ...(server.key && {
    public_keys: { [server.key.name]: server.key.publicKey },
    keys: [{ name: server.key.name, type: 'ssh', data: server.key.publicKey }],
  }),
  ...(Object.keys(server.metadata).length > 0 && { meta: server.metadata }),
  admin_pass: boot.adminPassword,
  random_seed: Buffer.from(seed).toString('base64'),
  devices: [],
  dedicated_cpus: [],
});

const networkDataOf = (server: Server): Record<string, unknown> => ({
  links: server.macAddress
    ? [{ id: 'link0', type: 'phy', vif_id: server.id, ethernet_mac_address: server.macAddress, mtu: 1500 }]
    : [],
  networks: server.macAddress
    ? [{ id: 'network0', type: 'ipv4_dhcp', link: 'link0', network_id: server.id, routes: [] }]
    : [],
  services: [],
});

/** `seed`: fresh random bytes for the guest's own generator. */
export const buildConfigDrive = (
  server: Server,
  boot: ServerBoot,
  seed: Uint8Array,
  atMs: number,
): Uint8Array =>
  buildIso(
    'config-2',
    [
      { path: 'openstack/latest/meta_data.json', bytes: json(metaDataOf(server, boot, seed)) },
      { path: 'openstack/latest/network_data.json', bytes: json(networkDataOf(server)) },
      { path: 'openstack/latest/vendor_data.json', bytes: json({}) },
      ...(boot.userData === null
        ? []
        : [{ path: 'openstack/latest/user_data', bytes: Buffer.from(boot.userData, 'base64') }]),
    ],
    atMs,
  );
