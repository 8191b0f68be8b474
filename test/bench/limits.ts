/** What this machine can do at most, measured now: the yardsticks of the other benches. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { blake3 } from '@napi-rs/blake-hash';
import { MiB } from '../../proto/units.ts';
import type { BenchOptions } from './main.ts';
import { rate } from './rate.ts';
import { printTable, round } from './table.ts';

/** MB/s are 10^6 bytes a second. */
export interface Limits {
  /** Plain TLS 1.3 between two processes over loopback, one connection. */
  readonly tlsMBs: number;
  readonly md5MBs: number;
  readonly blake3MBs: number;
  /** Files of 1 MiB written and fdatasynced, four at a time. */
  readonly diskMBs: number;
  /** Files of 4 KiB written and fsynced, one after the other and 16 at a time. */
  readonly fsyncsPerSecond: number;
  readonly parallelFsyncsPerSecond: number;
}

const measureTls = async (seconds: number, directory: string): Promise<number> => {
  const sink: ChildProcess = spawn(
    process.execPath,
    [fileURLToPath(new URL('./tls-sink.ts', import.meta.url)), directory],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  try {
    if (!sink.stdout) throw new Error('the sink has no output');
    const [port] = await once(sink.stdout, 'data');
    const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const piece = randomBytes(MiB);
    const startMs = performance.now();
    let sent = 0;
    while (performance.now() - startMs < seconds * 1000) {
      sent += piece.length;
      if (!socket.write(piece)) await once(socket, 'drain');
    }
    socket.end();
    await once(socket, 'data');
    return sent / 1000 / (performance.now() - startMs);
  } finally {
    sink.stdin?.end();
    await once(sink, 'exit');
  }
};

const writeFile = async (path: string, bytes: Uint8Array, onlyData: boolean): Promise<void> => {
  const file = await open(path, 'w');
  await file.write(bytes);
  await (onlyData ? file.datasync() : file.sync());
  await file.close();
};

export const measureLimits = async (seconds: number): Promise<Limits> => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-'));
  const [large, small] = [randomBytes(MiB), randomBytes(4096)];
  const place = (index: number): string => join(directory, `file-${index}`);
  try {
    return {
      tlsMBs: await measureTls(seconds, directory),
      md5MBs: (await rate(seconds, 1, () => createHash('md5').update(large).digest())) * (MiB / 1e6),
      blake3MBs: (await rate(seconds, 1, () => blake3(large))) * (MiB / 1e6),
      diskMBs: (await rate(seconds, 4, (index) => writeFile(place(index), large, true))) * (MiB / 1e6),
      fsyncsPerSecond: await rate(seconds, 1, (index) => writeFile(place(index), small, false)),
      parallelFsyncsPerSecond: await rate(seconds, 16, (index) => writeFile(place(index), small, false)),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

export const printLimits = (limits: Limits): void => {
  printTable(
    ['limit', 'value', 'unit'],
    [
      ['plain TLS, loopback, two processes', round(limits.tlsMBs), 'MB/s'],
      ['MD5', round(limits.md5MBs), 'MB/s'],
      ['BLAKE3', round(limits.blake3MBs), 'MB/s'],
      ['disk: 1 MiB files, fdatasync, 4 at a time', round(limits.diskMBs), 'MB/s'],
      ['disk: 4 KiB files, fsync, 1 at a time', round(limits.fsyncsPerSecond), 'files/s'],
      ['disk: 4 KiB files, fsync, 16 at a time', round(limits.parallelFsyncsPerSecond), 'files/s'],
    ],
  );
};

export const benchLimits = async ({ seconds }: BenchOptions): Promise<void> =>
  printLimits(await measureLimits(seconds));
