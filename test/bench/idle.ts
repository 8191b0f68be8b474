/**
 * What an agent costs that nobody asks: one of three, a minute after they were started, beside an empty node process.
 * The CPU of a busy machine is dearer (cold caches): its load is printed, too.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { MiB, minuteMs, secondMs } from '../../proto/units.ts';
import { residentBytesOf, startCluster } from './cluster.ts';
import type { BenchOptions } from './main.ts';
import { printTable, round } from './table.ts';

const cpuShareGoal = 0.01;
const residentGoal = 150 * MiB;
/** Shorter than this an idle agent's hundredths of seconds are too few to count. */
const secondsMin = 60;

const emptyNode = async (): Promise<number> => {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setTimeout(() => {}, 60_000)'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    return await residentBytesOf(Number(child.pid));
  } finally {
    child.kill();
  }
};

export const benchIdle = async (options: BenchOptions): Promise<void> => {
  const seconds = Math.max(options.seconds, secondsMin);
  const empty = await emptyNode();
  await using cluster = await startCluster();
  await sleep(minuteMs);
  const before = await cluster.cpuSeconds();
  await sleep(seconds * secondMs);
  const cpuShare = ((await cluster.cpuSeconds()) - before) / seconds;
  const resident = await cluster.residentBytes();
  const mebibytes = (bytes: number): string => `${Math.round(bytes / MiB)} MiB`;
  printTable(
    ['an idle agent of three', 'measured', 'goal', 'beside it'],
    [
      [
        'memory (RSS)',
        mebibytes(resident),
        `< ${mebibytes(residentGoal)}`,
        `empty node: ${mebibytes(empty)}`,
      ],
      ['CPU', `${round(100 * cpuShare)} %`, `< ${100 * cpuShareGoal} %`, `load ${round(loadavg()[0] ?? 0)}`],
    ],
  );
};
