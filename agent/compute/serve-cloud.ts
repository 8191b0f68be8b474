/** The cloud around the servers over HTTP: limits, zones, hosts. */
import { createHash } from 'node:crypto';
import { ShoalError } from '../../proto/error.ts';
import { isAdmin, principalOf } from '../http/port.ts';
import type { Member } from '../membership/port.ts';
import { type Context, param, type Serve } from './context.ts';
import { keyPairsPerUserMax, metadataItemsMax, serversPerProjectMax } from './limits.ts';
import { longTimeText } from './server-view.ts';
import { projectOf } from './servers.ts';

/** Nova's word for no bound. */
const unlimited = -1;

export const showLimits: Serve = async (context, request) => {
  const projectId = projectOf(principalOf(request));
  const servers = await context.servers.listProject(projectId);
  const sum = (of: (server: (typeof servers)[number]) => number): number =>
    servers.reduce((total, server) => total + of(server), 0);
  return {
    body: {
      limits: {
        rate: [],
        absolute: {
          maxTotalInstances: serversPerProjectMax,
          maxTotalCores: unlimited,
          maxTotalRAMSize: unlimited,
          maxTotalKeypairs: keyPairsPerUserMax,
          maxServerMeta: metadataItemsMax,
          maxImageMeta: metadataItemsMax,
          maxPersonality: 0,
          maxPersonalitySize: 0,
          maxSecurityGroups: unlimited,
          maxSecurityGroupRules: unlimited,
          maxTotalFloatingIps: unlimited,
          maxServerGroups: 0,
          maxServerGroupMembers: 0,
          totalInstancesUsed: servers.length,
          totalCoresUsed: sum(({ flavor }) => flavor.vcpus),
          totalRAMUsed: sum(({ flavor }) => flavor.memoryMiB),
          totalSecurityGroupsUsed: 0,
          totalFloatingIpsUsed: 0,
          totalServerGroupsUsed: 0,
        },
      },
    },
  };
};

const quotas = {
  instances: serversPerProjectMax,
  cores: unlimited,
  ram: unlimited,
  key_pairs: keyPairsPerUserMax,
  metadata_items: metadataItemsMax,
  injected_files: 0,
  injected_file_content_bytes: 0,
  injected_file_path_bytes: 0,
  fixed_ips: unlimited,
  floating_ips: unlimited,
  security_groups: unlimited,
  security_group_rules: unlimited,
  server_groups: 0,
  server_group_members: 0,
};

export const showQuotas: Serve = async (_context, request) => {
  const id = param(request, 'projectId');
  const principal = principalOf(request);
  if (id !== projectOf(principal) && !isAdmin(principal))
    throw new ShoalError(
      'FORBIDDEN',
      "Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.",
    );
  return { body: { quota_set: { id, ...quotas } } };
};

export const showDefaultQuotas: Serve = async (_context, request) => ({
  body: { quota_set: { id: param(request, 'projectId'), ...quotas } },
});

const zonesOf = (members: readonly Member[]): Map<string, Member[]> => {
  const zones = new Map<string, Member[]>();
  for (const member of members) {
    if (!member.card || member.state === 'left') continue;
    zones.set(member.card.zone, [...(zones.get(member.card.zone) ?? []), member]);
  }
  return zones;
};

const isUp = ({ state }: Member): boolean => state === 'alive';
const heardAt = ({ vitals }: Member): string | null => (vitals ? longTimeText(vitals.atMs) : null);

const zones = ({ members }: Context, hosts: (members: readonly Member[]) => unknown) => ({
  availabilityZoneInfo: [...zonesOf(members.list())].map(([zoneName, inZone]) => ({
    zoneName,
    zoneState: { available: inZone.some(isUp) },
    hosts: hosts(inZone),
  })),
});

export const listZones: Serve = async (context) => ({ body: zones(context, () => null) });

export const listZonesDetail: Serve = async (context) => ({
  body: zones(context, (inZone) =>
    Object.fromEntries(
      inZone.map((member) => [
        member.name,
        { 'nova-compute': { available: isUp(member), active: true, updated_at: heardAt(member) } },
      ]),
    ),
  ),
});

/** Nova numbers hypervisors and services; a host's number follows from its id. */
const numberOf = (hostId: string): number =>
  createHash('sha256').update(hostId).digest().readUInt32BE(0) & 0x7fffffff;

const known = ({ members }: Context): readonly Member[] =>
  members.list().filter(({ card, state }) => card !== undefined && state !== 'left');

const hypervisor = (member: Member) => ({
  id: numberOf(member.hostId),
  hypervisor_hostname: member.name,
  state: isUp(member) ? 'up' : 'down',
  status: member.state === 'draining' ? 'disabled' : 'enabled',
});

export const listHypervisors: Serve = async (context) => ({
  body: { hypervisors: known(context).map(hypervisor) },
});

const hypervisorDetail = (member: Member) => {
  const { vitals, card, name } = member;
  const [memory, memoryUsed] = [vitals?.memoryTotalMiB ?? 0, vitals?.memoryClaimedMiB ?? 0];
  const [disk, diskUsed] = [vitals?.diskTotalGiB ?? 0, vitals?.diskClaimedGiB ?? 0];
  return {
    ...hypervisor(member),
    hypervisor_type: vitals?.hypervisors[0]?.startsWith('qemu') ? 'QEMU' : 'none',
    hypervisor_version: 0,
    host_ip: /\/\/\[?([^\]/]+?)\]?(:\d+)?$/.exec(card?.apiUrl ?? '')?.[1] ?? '0.0.0.0',
    cpu_info: '',
    service: { id: numberOf(member.hostId), host: name, disabled_reason: vitals?.computeRefusal ?? null },
    vcpus: vitals?.vcpusTotal ?? 0,
    vcpus_used: vitals?.vcpusClaimed ?? 0,
    memory_mb: memory,
    memory_mb_used: memoryUsed,
    free_ram_mb: memory - memoryUsed,
    local_gb: disk,
    local_gb_used: diskUsed,
    free_disk_gb: disk - diskUsed,
    disk_available_least: disk - diskUsed,
    running_vms: vitals?.machines ?? 0,
    current_workload: 0,
  };
};

export const listHypervisorsDetail: Serve = async (context) => ({
  body: { hypervisors: known(context).map(hypervisorDetail) },
});

export const showHypervisor: Serve = async (context, request) => {
  const id = param(request, 'hypervisorId');
  const found = known(context).find(({ hostId }) => String(numberOf(hostId)) === id);
  if (!found) throw new ShoalError('NOT_FOUND', `Hypervisor with ID '${id}' could not be found.`);
  return { body: { hypervisor: hypervisorDetail(found) } };
};

const summed = [
  'vcpus',
  'vcpus_used',
  'memory_mb',
  'memory_mb_used',
  'free_ram_mb',
  'local_gb',
  'local_gb_used',
  'free_disk_gb',
  'disk_available_least',
  'running_vms',
  'current_workload',
] as const;

export const showHypervisorStatistics: Serve = async (context) => {
  const all = known(context).filter(isUp).map(hypervisorDetail);
  const sums = summed.map((field) => [field, all.reduce((total, one) => total + one[field], 0)]);
  return { body: { hypervisor_statistics: { count: all.length, ...Object.fromEntries(sums) } } };
};

/** Zones are what hosts say of themselves; nobody groups them by hand. */
export const listAggregates: Serve = async () => ({ body: { aggregates: [] } });

export const listServices: Serve = async (context) => ({
  body: {
    services: known(context).map((member) => ({
      id: numberOf(member.hostId),
      binary: 'nova-compute',
      host: member.name,
      zone: member.card?.zone ?? '',
      status: member.vitals?.computeRefusal || member.state === 'draining' ? 'disabled' : 'enabled',
      state: isUp(member) ? 'up' : 'down',
      updated_at: heardAt(member),
      disabled_reason: member.vitals?.computeRefusal ?? null,
    })),
  },
});

/** There are none; making one is refused rather than made without effect. */
export const listServerGroups: Serve = async () => ({ body: { server_groups: [] } });

export const createServerGroup: Serve = async () => {
  throw new ShoalError('NOT_IMPLEMENTED', 'Server groups are not served yet');
};
