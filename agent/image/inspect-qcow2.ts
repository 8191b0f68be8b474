/**
 * qcow2, by QEMU's docs/interop/qcow2.txt. The header may make whoever opens the image open other files (a
 * backing file, an external data file): those are refused, and so are features that nobody here knows.
 */
import { type BytesView, diskBytes } from './bytes-view.ts';
import type { Finding } from './inspect.ts';

const magic = 0x514649fb;

/** Header, version 3: offsets and the meaning of the incompatible feature bits. */
const at = {
  version: 4,
  backingOffset: 8,
  backingLength: 16,
  clusterBits: 20,
  virtualBytes: 24,
  incompatible: 72,
  headerLength: 100,
} as const;

const bit = { dirty: 1n << 0n, corrupt: 1n << 1n, externalData: 1n << 2n } as const;
/** Compression type and extended L2 entries: QEMU since 5.1 and 5.2. */
const harmless = (1n << 3n) | (1n << 4n);

const faultsOf = (head: BytesView, version: number): string | undefined => {
  const backingOffset = head.u64be(at.backingOffset);
  const clusterBits = head.u32be(at.clusterBits);
  if (backingOffset === undefined || clusterBits === undefined || head.u64be(at.virtualBytes) === undefined)
    return 'its header ends too early';
  if (backingOffset !== 0n || head.u32be(at.backingLength) !== 0) return 'it has a backing file';
  if (clusterBits < 9 || clusterBits > 21) return `its clusters have 2^${clusterBits} bytes, not 2^9 to 2^21`;
  if (version === 2) return undefined;
  const incompatible = head.u64be(at.incompatible);
  const headerLength = head.u32be(at.headerLength);
  if (incompatible === undefined || headerLength === undefined) return 'its header ends too early';
  if (headerLength < 104 || headerLength % 8 !== 0) return `its header claims ${headerLength} bytes`;
  if (incompatible & bit.externalData) return 'it keeps its data in another file';
  if (incompatible & bit.dirty) return 'it was not closed cleanly: run qemu-img check -r leaks on it first';
  if (incompatible & bit.corrupt) return 'it is marked as corrupt: run qemu-img check -r all on it first';
  if (incompatible & ~harmless) return `it uses unknown features (${incompatible.toString(16)} in hex)`;
  return undefined;
};

export const inspectQcow2 = (head: BytesView): Finding | undefined => {
  const version = head.u32be(at.version);
  if (head.u32be(0) !== magic) return undefined;
  if (version !== 2 && version !== 3)
    return {
      format: version === 1 ? 'qcow' : 'qcow2',
      virtualBytes: null,
      fault: `it has version ${version}`,
    };
  const fault = faultsOf(head, version);
  return {
    format: 'qcow2',
    virtualBytes: diskBytes(head.u64be(at.virtualBytes)),
    ...(fault === undefined ? {} : { fault }),
  };
};
