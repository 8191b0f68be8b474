/** A server, a flavor and a host's vitals as they usually are, for tests that care about one field. */
import type { Flavor, Server } from '../../agent/compute/records.ts';
import type { Vitals } from '../../agent/membership/port.ts';

export const aFlavor: Flavor = {
  id: '42',
  name: 'm1.nano',
  vcpus: 1,
  memoryMiB: 128,
  diskGiB: 1,
  ephemeralGiB: 0,
  swapMiB: 0,
  isPublic: true,
  description: null,
  extraSpecs: {},
};

export const aServer = (changes: Partial<Server> = {}): Server => ({
  id: crypto.randomUUID(),
  projectId: 'p1',
  userId: 'u1',
  name: 'one',
  hostName: 'one',
  launchIndex: 0,
  createdAtMs: 1_000,
  updatedAtMs: 1_000,
  launchedAtMs: null,
  image: { id: crypto.randomUUID(), name: 'guest' },
  flavor: aFlavor,
  key: null,
  metadata: {},
  diskConfig: 'MANUAL',
  accessIPv4: '',
  accessIPv6: '',
  macAddress: 'fa:16:3e:00:00:01',
  availabilityZone: null,
  host: null,
  epoch: 0,
  wanted: 'running',
  vmState: 'building',
  taskState: 'scheduling',
  fault: null,
  ...changes,
});

export const aVitals = (changes: Partial<Vitals> = {}): Vitals => ({
  atMs: 0,
  storageUsedBytes: 0,
  storageFreeBytes: 0,
  memoryTotalMiB: 1024,
  memoryClaimedMiB: 0,
  vcpusTotal: 4,
  vcpusClaimed: 0,
  diskTotalGiB: 10,
  diskClaimedGiB: 0,
  machines: 0,
  load: 0,
  hypervisors: ['fake'],
  computeRefusal: null,
  ...changes,
});
