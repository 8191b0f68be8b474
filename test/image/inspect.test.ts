import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { detect, inspectStream, judge } from '../../agent/image/inspect.ts';
import { headBytesMax } from '../../agent/image/limits.ts';
import { hasCode } from '../../proto/error.ts';
import * as disks from './disks.ts';

const run = promisify(execFile);

async function* cut(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}

/** Passes bytes through the inspection; gives what came out and the virtual size. */
const inspect = async (bytes: Uint8Array, diskFormat: string, pieceBytes = 1000, lenient = false) => {
  const { stream, virtualBytes } = inspectStream(cut(bytes, pieceBytes), {
    diskFormat,
    containerFormat: 'bare',
    lenient,
  });
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return { bytes: Buffer.concat(pieces), virtualBytes: virtualBytes() };
};

test('inspect: each format is known by its own bytes, with the size that a guest sees', async (t) => {
  const cases = [
    ['qcow2', disks.qcow2(), 1_073_741_824],
    ['qcow2', disks.qcow2({ version: 2 }), 1_073_741_824],
    ['vmdk', disks.vmdk(), 2048 * 512],
    ['vdi', disks.vdi(), 10_485_760],
    ['vhd', disks.dynamicVhd(), 5_242_880],
    ['vhd', disks.fixedVhd(), 5_242_880],
    ['vhdx', disks.vhdx(), null],
    ['iso', disks.iso(), 40_960],
    ['raw', Buffer.alloc(100_000, 7), 100_000],
    ['raw', Buffer.alloc(0), 0],
    ['ami', Buffer.alloc(10, 7), null],
  ] as const;
  for (const [format, bytes, virtualBytes] of cases)
    for (const pieceBytes of [1, 4096, 1_000_000]) {
      if (pieceBytes === 1 && bytes.length > 70_000) continue;
      const out = await inspect(bytes, format, pieceBytes);
      t.is(out.virtualBytes, virtualBytes, format);
      t.true(Buffer.from(bytes).equals(out.bytes), `${format} passes unchanged`);
    }
});

test('inspect: what would make a hypervisor open another file is refused, whatever it is declared as', async (t) => {
  const cases = [
    [disks.qcow2({ backing: true }), /backing file/],
    [disks.qcow2({ version: 2, backing: true }), /backing file/],
    [disks.qcow2({ incompatible: 4n }), /another file/],
    [disks.qcow2({ incompatible: 1n }), /not closed cleanly/],
    [disks.qcow2({ incompatible: 2n }), /corrupt/],
    [disks.qcow2({ incompatible: 1n << 40n }), /unknown features/],
    [disks.qcow2({ version: 4 }), /version 4/],
    [disks.qcow2({ clusterBits: 40 }), /clusters/],
    [disks.qcow2({ headerLength: 7 }), /header claims 7/],
    [disks.qcow2().subarray(0, 60), /ends too early/],
    [
      disks.vmdk('# Disk DescriptorFile\ncreateType="monolithicSparse"\nRW 2048 SPARSE "/etc/passwd"\n'),
      /path/,
    ],
    [disks.vmdk('# Disk DescriptorFile\ncreateType="monolithicSparse"\nRW 2048 SPARSE "..\\x"\n'), /path/],
    [disks.vmdk('# Disk DescriptorFile\ncreateType="monolithicFlat"\nRW 2048 FLAT "x" 0\n'), /type/],
    [disks.vmdk('createType="monolithicSparse"\nRW 1 SPARSE "a"\nRW 1 SPARSE "b"\n'), /several extents/],
    [disks.vmdk('createType="monolithicSparse"\nRW 1 FLAT "a"\n'), /not a sparse one/],
    [disks.vmdk('createType="monolithicSparse"\nparentFileNameHint="x"\nRW 1 SPARSE "a"\n'), /parent/],
    [disks.vmdk(''), /createType/],
    [Buffer.from('# Disk DescriptorFile\nversion=1\nRW 2048 FLAT "/etc/passwd" 0\n'), /description alone/],
    [Buffer.from('QED\0'), /QED/],
  ] as const;
  for (const [bytes, message] of cases)
    for (const declared of ['qcow2', 'vmdk', 'raw', 'iso'])
      for (const lenient of [false, true]) {
        const error = await t.throwsAsync(inspect(bytes, declared, 4096, lenient), { message });
        t.true(hasCode(error, 'UNSUPPORTED_MEDIA'));
      }
});

test('inspect: bytes of another format than declared are refused, unless the settings are lenient', async (t) => {
  const mismatch = { message: 'Image disk_format qcow2 does not match stream data raw' };
  await t.throwsAsync(inspect(Buffer.alloc(3000, 1), 'qcow2'), mismatch);
  await t.throwsAsync(inspect(Buffer.alloc(300_000, 1), 'qcow2'), mismatch);
  await t.throwsAsync(inspect(disks.qcow2(), 'vmdk'), { message: /vmdk does not match stream data qcow2/ });
  await t.throwsAsync(inspect(disks.qcow2(), 'ami'), { message: /does not match/ });
  await t.throwsAsync(inspect(disks.fixedVhd(), 'vdi'), { message: /does not match/ });
  t.is((await inspect(Buffer.alloc(3000, 1), 'qcow2', 1000, true)).virtualBytes, null);
  t.is((await inspect(disks.qcow2(), 'raw')).virtualBytes, 65_536);
});

test('inspect: bytes that look like two formats at once are refused', async (t) => {
  const both = Buffer.from(disks.qcow2());
  both.write('CD001', 0x8001);
  await t.throwsAsync(inspect(both, 'qcow2'), { message: /several formats at once: qcow2, iso/ });
});

test('inspect: a refused image lets no byte through', async (t) => {
  const { stream } = inspectStream(cut(disks.qcow2({ backing: true }), 512), {
    diskFormat: 'qcow2',
    containerFormat: 'bare',
  });
  let passed = 0;
  await t.throwsAsync(async () => {
    for await (const piece of stream) passed += piece.length;
  });
  t.is(passed, 0);
});

test('inspect: what is not bare may hold anything but what is dangerous', async (t) => {
  const pass = async (bytes: Uint8Array, containerFormat: string): Promise<number | null> => {
    const { stream, virtualBytes } = inspectStream(cut(bytes, 512), { diskFormat: 'qcow2', containerFormat });
    for await (const piece of stream) t.true(piece.length > 0);
    return virtualBytes();
  };
  for (const containerFormat of ['ova', 'ovf', 'docker', 'ami']) {
    t.is(await pass(Buffer.from('a tar, say'), containerFormat), null);
    await t.throwsAsync(pass(disks.qcow2({ backing: true }), containerFormat), { message: /backing file/ });
  }
});

test('inspect: garbage never throws anything but a refusal', (t) => {
  // Seeded, so that a failure comes back: xorshift32.
  let state = 0x9e3779b9;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const seeds = [disks.qcow2(), disks.vmdk(), disks.vdi(), disks.dynamicVhd(), disks.iso(), disks.vhdx()];
  for (let round = 0; round < 3000; round++) {
    const seed = seeds[random(seeds.length)] ?? new Uint8Array();
    const bytes = Uint8Array.from(seed.subarray(0, random(Math.min(seed.length, headBytesMax) + 1)));
    for (let change = random(20); change > 0; change--)
      bytes[random(Math.max(1, Math.min(bytes.length, change % 2 ? 1200 : 65_536)))] = random(256);
    try {
      const size = judge(detect(bytes), { diskFormat: 'qcow2', containerFormat: 'bare' }, bytes.length);
      t.true(size === null || (Number.isSafeInteger(size) && size >= 0));
    } catch (thrown) {
      if (!hasCode(thrown, 'UNSUPPORTED_MEDIA')) throw thrown;
    }
  }
  t.pass();
});

test('inspect: what qemu-img writes is known and measured', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-inspect-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'disk');
  const make = async (format: string, ...options: string[]): Promise<Uint8Array> => {
    await run('qemu-img', ['create', '-q', '-f', format, ...options, file, '10M']);
    return readFile(file);
  };
  try {
    await make('raw');
  } catch {
    t.log('skipped: qemu-img is missing (apt-get install qemu-utils)');
    t.pass();
    return;
  }
  const size = 10 * 1024 * 1024;
  for (const [format, ours, ...options] of [
    ['qcow2', 'qcow2'],
    ['qcow2', 'qcow2', '-o', 'compat=0.10'],
    ['qcow2', 'qcow2', '-o', 'compression_type=zstd,extended_l2=on,cluster_size=65536'],
    ['vmdk', 'vmdk'],
    ['vmdk', 'vmdk', '-o', 'subformat=streamOptimized'],
    ['vdi', 'vdi'],
    ['raw', 'raw'],
  ] as const)
    t.is(
      (await inspect(await make(format, ...options), ours, 65_536)).virtualBytes,
      size,
      `${format} ${options}`,
    );
  // VHD rounds up to whole cylinders.
  const vhd = (await inspect(await make('vpc'), 'vhd', 65_536)).virtualBytes ?? 0;
  t.true(vhd >= size && vhd < size * 1.1);
  await run('qemu-img', ['create', '-q', '-f', 'raw', join(folder, 'base'), '10M']);
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'raw', file]);
  await t.throwsAsync(inspect(await readFile(file), 'qcow2'), { message: /backing file/ });
  const external = `data_file=${join(folder, 'data')}`;
  await t.throwsAsync(inspect(await make('qcow2', '-o', external), 'qcow2'), { message: /another file/ });
  await t.throwsAsync(inspect(await make('vmdk', '-o', 'subformat=monolithicFlat'), 'vmdk'), {
    message: /description alone/,
  });
});
