/**
 * What an image really is, by its first bytes (and a fixed VHD by its last): the bytes decide, the declared format
 * must agree, and what would make a hypervisor open other files is refused, whatever it was declared as.
 *
 * Reads are bounded: 64 KiB at the start, 512 bytes at the end, no seek, no recursion, no allocation by a number
 * from the file. Model: Glance's format inspector (oslo.utils), after CVE-2024-32498.
 */
import { ShoalError } from '../../proto/error.ts';
import { type BytesView, bytesView, diskBytes } from './bytes-view.ts';
import { inspectQcow2 } from './inspect-qcow2.ts';
import { inspectVmdk } from './inspect-vmdk.ts';
import { headBytesMax, tailBytesMax } from './limits.ts';

export interface Finding {
  readonly format: string;
  /** null: the format does not say, or not where we look. */
  readonly virtualBytes: number | null;
  /** Why it is refused. */
  readonly fault?: string;
}

const marked =
  (format: string, mark: string, at = 0): ((head: BytesView) => Finding | undefined) =>
  (head) =>
    head.text(at, mark.length) === mark ? { format, virtualBytes: null } : undefined;

const inspectVdi = (head: BytesView): Finding | undefined =>
  head.u32le(0x40) === 0xbeda107f ? { format: 'vdi', virtualBytes: diskBytes(head.u64le(0x170)) } : undefined;

/** The footer of a VHD; a dynamic one has a copy of it at its start. */
const inspectVhd = (bytes: BytesView): Finding | undefined =>
  bytes.text(0, 8) === 'conectix' ? { format: 'vhd', virtualBytes: diskBytes(bytes.u64be(48)) } : undefined;

const inspectQed = (head: BytesView): Finding | undefined =>
  head.text(0, 4) === 'QED\0'
    ? { format: 'qed', virtualBytes: null, fault: 'QED is not served: convert it to qcow2' }
    : undefined;

const inspectors: readonly ((head: BytesView) => Finding | undefined)[] = [
  inspectQcow2,
  inspectVmdk,
  inspectVdi,
  inspectVhd,
  inspectQed,
  marked('vhdx', 'vhdxfile'),
  marked('iso', 'CD001', 0x8001),
  marked('luks', 'LUKS\xba\xbe'),
  marked('ploop', 'WithoutFreeSpace'),
  marked('ploop', 'WithouFreSpacExt'),
];

/** All formats that the first bytes look like; none: raw. */
export const detect = (head: Uint8Array): readonly Finding[] => {
  const view = bytesView(head);
  return inspectors.flatMap((inspect) => inspect(view) ?? []);
};

const refuse = (message: string): ShoalError => new ShoalError('UNSUPPORTED_MEDIA', message);

export interface Declared {
  readonly diskFormat: string | null;
  readonly containerFormat: string | null;
  /** May the bytes be of another format than declared, if they are harmless? Default no. */
  readonly lenient?: boolean;
}

/** Formats that have no mark: nothing that is recognised may pass for them. */
const unmarked = ['aki', 'ari', 'ami'];

/**
 * Does what was found fit what was declared? Gives the virtual size as far as the format tells.
 * Throws UNSUPPORTED_MEDIA, Glance's answer to data that is not what its record says.
 */
export const judge = (found: readonly Finding[], declared: Declared, bytes: number): number | null => {
  const faulty = found.find((finding) => finding.fault !== undefined);
  if (faulty) throw refuse(`Image failed safety checks: as ${faulty.format}, ${faulty.fault}`);
  if (found.length > 1)
    throw refuse(`Image looks like several formats at once: ${found.map(({ format }) => format).join(', ')}`);
  const format = found[0]?.format ?? 'raw';
  const { diskFormat } = declared;
  if (diskFormat === 'raw') return bytes;
  if (diskFormat === format) return format === 'iso' ? bytes : (found[0]?.virtualBytes ?? null);
  if (declared.lenient || (format === 'raw' && unmarked.includes(diskFormat ?? ''))) return null;
  throw refuse(`Image disk_format ${diskFormat} does not match stream data ${format}`);
};

/**
 * Only a bare image must be what it says: an OVA is a tar, a Docker layer is no disk. But whatever it is called, its
 * bytes may reach a hypervisor, so faults are looked for in all.
 */
const wishes = (declared: Declared): Declared => ({
  ...declared,
  lenient: declared.lenient === true || declared.containerFormat !== 'bare',
});

/**
 * Passes a stream on and looks at it. The first bytes are held back until they were judged, so a refused image
 * stores nothing; `virtualBytes` is known when the stream has ended.
 */
export const inspectStream = (
  source: AsyncIterable<Uint8Array>,
  said: Declared,
): { readonly stream: AsyncIterable<Uint8Array>; virtualBytes(): number | null } => {
  const declared = wishes(said);
  let virtualBytes: number | null = null;
  async function* pass(): AsyncGenerator<Uint8Array, void, undefined> {
    let held: Uint8Array[] = [];
    let bytes = 0;
    let found: readonly Finding[] | undefined;
    let tail = new Uint8Array();
    const look = (): void => {
      found = detect(Buffer.concat(held, Math.min(bytes, headBytesMax)));
      // A fixed VHD looks raw until its end; anything else is judged before its first byte is stored.
      if (found.length > 0 || declared.diskFormat !== 'vhd') judge(found, declared, bytes);
    };
    for await (const piece of source) {
      bytes += piece.length;
      tail = new Uint8Array(Buffer.concat([tail, piece.subarray(-tailBytesMax)]).subarray(-tailBytesMax));
      if (found) {
        yield piece;
        continue;
      }
      held.push(Uint8Array.from(piece));
      if (bytes < headBytesMax) continue;
      look();
      yield* held;
      held = [];
    }
    if (!found) look();
    const atEnd = found?.length === 0 ? inspectVhd(bytesView(tail)) : undefined;
    virtualBytes = judge(atEnd ? [atEnd] : (found ?? []), declared, bytes);
    yield* held;
  }
  return { stream: pass(), virtualBytes: () => virtualBytes };
};
